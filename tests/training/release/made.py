"""A network of three layers that really finds the miniature's ellipses, and sets to measure it on."""

import hashlib
from pathlib import Path

import cv2
import torch
from torch import nn

from detector.geometry import Size, as_boxes
from detector.manifest import Licence
from tests.training.miniature import scene
from training.catalog import Catalog
from training.network import Raw
from training.release.export import Provenance, Wanted, build_folder
from training.samples import Sample, SourceInfo, corners

SIDE, STRIDE = 96, 8
ELLIPSE = (60, 40)
SOURCE = SourceInfo("made-up", "CC0-1.0", True, "Nobody, Nowhere, 2026", False)


class RedFinder(nn.Module):
    """Says how red the surroundings of each cell are; every box has the ellipse's size."""

    name, input_size, classes = "red-finder", SIDE, 1

    def __init__(self) -> None:
        super().__init__()
        self.redness = nn.Conv2d(3, 1, STRIDE, STRIDE)
        self.act = nn.ReLU()
        self.around = nn.Conv2d(1, 2, (3, 5), padding=(1, 2))
        self.sizes = nn.Conv2d(1, 4, 1)
        with torch.no_grad():
            per_pixel = torch.tensor([-0.5, -0.5, 1.0]).reshape(1, 3, 1, 1) / STRIDE**2
            self.redness.weight.copy_(per_pixel.expand(1, 3, STRIDE, STRIDE))
            self.redness.bias.zero_()
            self.around.weight.fill_(0.08 / 15)
            self.around.bias.fill_(-3.0)
            self.sizes.weight.zero_()
            width, height = (x * SIDE / 160 / STRIDE for x in ELLIPSE)
            self.sizes.bias.copy_(torch.tensor([0.5, 0.5, width, height]).log())
            self.sizes.bias[:2] = 0.5

    def forward(self, image: torch.Tensor) -> Raw:
        red = self.act(self.redness(image))
        maps = torch.cat((self.sizes(red), self.around(red)), dim=1)
        h, w = maps.shape[2:]
        row, col = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        cells = torch.stack((col, row), dim=-1).reshape(-1, 2).float()
        flat = maps.flatten(2).transpose(1, 2)
        return Raw(flat[..., :4], flat[..., 4], flat[..., 5:], cells, torch.full((h * w,), float(STRIDE)))


def sample(folder: Path, name: str, seed: int, negative: bool = False, split: str = "") -> Sample:
    """An image on disk with its label."""
    x, y = 10 + 23 * seed % 80, 5 + 17 * seed % 70
    box = None if negative else (x, y, x + ELLIPSE[0], y + ELLIPSE[1])
    image, _ = scene(seed, box=box)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), image)
    boxes = as_boxes([] if box is None else [box])
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Sample(
        f"made-up/{name}", path, SOURCE.name, Size(160, 120), boxes, corners(boxes), split=split, image_sha256=sha256
    )


def small_catalog(folder: Path) -> Catalog:
    """Train, dev and two test sets, one of them without a lesion."""
    samples = []
    for k, (split, count) in enumerate({"train": 10, "dev": 12, "test:clinic": 14, "test:bare": 4}.items()):
        for i in range(count):
            negative = split == "test:bare" or i % 4 == 3
            samples.append(sample(folder, f"{split.removeprefix('test:')}-{i:02}", 100 * k + i, negative, split))
    return Catalog.of([SOURCE], samples)


def export(catalog: Catalog, folder: Path, version: str = "1.0.0", network: nn.Module | None = None, **wanted):
    """A candidate of the red finder."""
    learnt = catalog.where(lambda s: s.split in ("train", "dev"))
    licences = (Licence(name=SOURCE.name, licence=SOURCE.licence, citation=SOURCE.citation),)
    made = Provenance("red", version, learnt.sha256, licences, {"seed": 3}, "near-duplicate-checked")
    train, dev = catalog.split("train").samples, catalog.split("dev").samples
    return build_folder(network or RedFinder(), dev, train, made, Wanted(**wanted), folder)
