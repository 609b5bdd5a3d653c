"""How fast training inputs are made and a training step goes, beside a plain torch loop over the same images.

The plain loop is what tutorials write: a `DataLoader` over `cv2.imread` and an albumentations `Compose` with
`bbox_params`. Network, loss, batch and input side are the same. A fifth of our inputs are mosaics of four images:
decoded each time, they read 1.6 images for each one of the plain loop. Everything is interleaved in one run, so that
ratios hold on a busy machine; rates per core are per second of CPU time. Torch's threads wait by spinning: where other
programs use the cores, compare steps with `--threads 1`.

    python -m benchmarks.training [--data public|CATALOG|made-up] [--steps 8] [--out docs/training_speed.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from detector.geometry import Size
from training.catalog import resolve
from training.contract import PAD
from training.data.dataset import Batch, Draw, Pictures, Plan, Schedule, TrainingSet, batches, collate
from training.data.targets import Targets
from training.loop.config import make_config
from training.loop.distributed import World
from training.loop.learner import Learner
from training.loop.losses import detection_loss
from training.network import build
from training.places import data_root
from training.samples import Sample, corners

SIZE = 416


class PlainSet(Dataset):
    """A tutorial's set: read, turn to RGB, augment with boxes, scale into a square."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self.transform = A.Compose(
            [
                A.LongestMaxSize(SIZE),
                A.PadIfNeeded(SIZE, SIZE, border_mode=cv2.BORDER_CONSTANT, fill=PAD),
                A.HorizontalFlip(p=0.5),
                A.VerticalFlip(p=0.5),
                A.RandomRotate90(p=0.5),
                A.Affine(scale=(0.5, 1.5), rotate=(-20, 20), translate_percent=0.1, fill=PAD, p=0.75),
                A.ColorJitter(p=0.5),
                A.RandomBrightnessContrast(p=0.5),
                A.OneOf([A.MotionBlur(p=1.0), A.GaussianBlur(p=1.0)], p=0.15),
                A.GaussNoise(p=0.08),
                A.ImageCompression(quality_range=(35, 90), p=0.2),
            ],
            bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"], min_visibility=0.25),
        )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        sample = self.samples[index]
        image = cv2.cvtColor(cv2.imread(str(sample.image)), cv2.COLOR_BGR2RGB)
        found = self.transform(image=image, bboxes=sample.boxes, labels=np.zeros(len(sample.boxes)))
        boxes = torch.as_tensor(np.asarray(found["bboxes"], np.float32).reshape(-1, 4))
        return torch.from_numpy(found["image"]), boxes, torch.zeros(0, 4)


@dataclass(frozen=True)
class Made:
    """Inputs made on one core."""

    what: str
    images_per_cpu_s: float
    ms_per_image: float


@dataclass(frozen=True)
class Trained:
    """Steps of `fast` with the inputs made beside them."""

    what: str
    images_per_s: float
    step_s: float
    waited: float


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print two tables, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = "public" if (data_root() / "kvasir_seg").is_dir() else "made-up"
    parser.add_argument("--data", default=usual, help="catalog file, public or made-up (default here: %(default)s)")
    parser.add_argument("--images", type=int, default=240, help="of the train split (default %(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="per repeat (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1, help="threads here, processes there (default %(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="torch's, in a step (%(default)s)")
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as work:
        samples = made_up(Path(work), args.images) if args.data == "made-up" else chosen(args.data, args.images)
        made, trained = making(samples, args.repeats), training(samples, args)
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "load_average": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "data": "made-up" if args.data == "made-up" else f"{len(samples)} images of {args.data}",
        "input": SIZE,
        "batch": args.batch,
        "threads": args.threads,
        "versions": {"torch": torch.__version__, "albumentations": A.__version__, "opencv": cv2.__version__},
        "making": [asdict(row) for row in made],
        "training": [asdict(row) for row in trained],
    }
    print(table(made, trained))
    if args.out:
        args.out.write_text(json.dumps(report, indent=2) + "\n")


def chosen(data: str, count: int) -> list[Sample]:
    """Some of a catalog's train split, the same each time."""
    samples = [s for s in resolve(data).samples if s.split == "train"]
    return [samples[i] for i in np.random.default_rng(1).permutation(len(samples))[:count]]


def made_up(folder: Path, count: int) -> list[Sample]:
    """Mottled JPEG files of the public sets' usual size, with an ellipse each."""
    samples = []
    for i in range(count):
        rng = np.random.default_rng(i)
        image = cv2.resize(rng.integers(20, 160, (24, 32, 3)).astype(np.uint8), (608, 456))
        centre, axes = rng.integers(150, 300, 2).tolist(), rng.integers(30, 110, 2).tolist()
        cv2.ellipse(image, centre, axes, 0, 0, 360, (90, 110, 230), -1)
        cv2.imwrite(str(folder / f"{i}.jpg"), image)
        (x, y), (a, b) = centre, axes
        boxes = np.array([[x - a, y - b, x + a + 1, y + b + 1]], np.float32)
        samples.append(Sample(f"made/{i}", folder / f"{i}.jpg", "made", Size(608, 456), boxes, corners(boxes)))
    return samples


def making(samples: list[Sample], repeats: int) -> list[Made]:
    """Inputs per CPU second of one thread: ours with images decoded at each draw and kept, and the plain way."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    kept, plan, plain = Pictures(samples), Plan(samples, 1), PlainSet(samples)
    for i in range(len(samples)):
        kept[i]
    decoded = Pictures(samples, keep_bytes=0)
    ways: dict[str, Callable[[int], Any]] = {"plain torch loop": lambda k: plain[k % len(samples)]}
    for augment in ("full", "plain", "off"):
        for name, pictures in (("decoded each time", decoded), ("kept in memory", kept)):
            ours = TrainingSet(pictures, plan, augment)
            ways[f"Polypwatch, {augment}, {name}"] = lambda k, ours=ours: ours[Draw(k, SIZE, False)]
    spent: dict[str, list[float]] = {name: [] for name in ways}
    count = min(200, len(samples))
    for name, way in ways.items():  # caches and lazy imports
        way(0)
        spent[name].clear()
    for repeat in range(repeats):
        for name, way in ways.items():
            begun = time.process_time()
            for k in range(count):
                way(repeat * count + k)
            spent[name].append((time.process_time() - begun) / count)
    return [
        Made(name, round(1 / statistics.median(s), 1), round(1e3 * statistics.median(s), 2))
        for name, s in spent.items()
    ]


def training(samples: list[Sample], args: argparse.Namespace) -> list[Trained]:
    """The same steps with either way of making inputs, in turn."""
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    config = make_config({"batch": args.batch, "device": "cpu", "start": "none"})
    learner = Learner(build("fast"), config, World(0, 1, torch.device("cpu")))
    ours = TrainingSet(Pictures(samples), Plan(samples, 1), "full")
    step = plain_step()
    loader = DataLoader(
        PlainSet(samples),
        args.batch,
        shuffle=True,
        num_workers=args.workers,
        collate_fn=collate,
        # Forked workers hang once OpenCV has started threads of its own.
        multiprocessing_context="spawn" if args.workers else None,
        persistent_workers=bool(args.workers),
        drop_last=True,
    )
    runs: dict[str, list[tuple[float, float, int]]] = {"Polypwatch": [], "plain torch loop": []}
    first = 0
    with closing(_endless(loader)) as theirs:
        for _ in range(args.repeats):
            schedule = Schedule(1, args.batch, first, (SIZE,))
            first += args.batch * (args.steps + 8)
            with closing(batches(ours, schedule, args.workers)) as stream:
                runs["Polypwatch"].append(_timed(stream, lambda b: learner.update(b, 0.5, False), args.steps))
            runs["plain torch loop"].append(_timed(theirs, step, args.steps))
    rows = []
    for name, found in runs.items():
        whole, waited = (statistics.median(f[k] for f in found) for k in (0, 1))
        per_step = (whole - waited) / args.steps
        rows.append(
            Trained(name, round(args.batch * args.steps / whole, 1), round(per_step, 3), round(waited / whole, 4))
        )
    return rows


def _endless(loader: DataLoader) -> Iterator[Batch]:
    while True:
        yield from loader


def _timed(stream: Iterator[Batch], step: Callable[[Batch], Any], steps: int) -> tuple[float, float, int]:
    """Seconds in all and seconds waited, after one step that fills what is prepared ahead."""
    step(next(stream))
    begun, waited = time.perf_counter(), 0.0
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(stream)
        waited += time.perf_counter() - asked
        step(batch)
    return time.perf_counter() - begun, waited, steps


def plain_step() -> Callable[[Batch], None]:
    """A tutorial's step with our network and loss."""
    network = build("fast").train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)

    def step(batch: Batch) -> None:
        optimiser.zero_grad()
        targets = Targets(*batch.targets)
        loss = detection_loss(network(batch.images.contiguous().float()), targets, False).total
        loss.backward()
        optimiser.step()

    return step


def table(made: list[Made], trained: list[Trained]) -> str:
    """Both as Markdown, each with its ratio to the plain loop."""
    lines = ["| inputs made on one core | images/s | ms | against plain |", "|---|---|---|---|"]
    base = next(m for m in made if m.what == "plain torch loop").images_per_cpu_s
    lines += [
        f"| {m.what} | {m.images_per_cpu_s:.0f} | {m.ms_per_image:.1f} | {m.images_per_cpu_s / base:.2f} |"
        for m in made
    ]
    lines += [
        "",
        "| training `fast` | images/s | step without waiting, s | time waited | against plain |",
        "|---|---|---|---|---|",
    ]
    rate = next(t for t in trained if t.what == "plain torch loop").images_per_s
    lines += [
        f"| {t.what} | {t.images_per_s:.1f} | {t.step_s:.2f} | {t.waited:.1%} | {t.images_per_s / rate:.2f} |"
        for t in trained
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
