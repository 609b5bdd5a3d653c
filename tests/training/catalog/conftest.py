"""Made-up samples with images on disk, and the miniature public sets as a catalog."""

import shutil
from pathlib import Path

import cv2
import pytest

from detector.geometry import Size, as_boxes
from tests.training.miniature import scene
from training.catalog.importing import complete, merge
from training.catalog.opening import import_public
from training.catalog.recipe import RECIPES
from training.importers.context import Report
from training.importers.public import PUBLIC
from training.samples import Sample, SourceInfo, corners

OPEN = SourceInfo("clinic", "CC BY 4.0", True, "Doe 2024")
CLOSED = SourceInfo("closed", "research only", False, "Roe 2023")


@pytest.fixture
def make(tmp_path):
    """make(name, ...) -> a sample with an image of its own in tmp_path; `look` chooses the picture."""

    def build(name, *, look=None, polyp=True, known=True, source="clinic", **fields) -> Sample:
        seed = abs(hash_of(look if look is not None else name))
        image, _ = scene(seed, size=(64, 48), box=(10, 10, 40, 30) if polyp else None)
        path = tmp_path / "images" / f"{name.replace('/', '_')}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), image)
        boxes = as_boxes([[10, 10, 40, 30]] if polyp and known else [])
        sample = Sample(name, path, source, Size(64, 48), boxes, corners(boxes), known=known, **fields)
        (done,) = complete([sample], Report(strict=True))
        return done

    return build


def hash_of(text) -> int:
    return sum((i + 1) * ord(c) for i, c in enumerate(str(text))) * 7919 % 2**31


@pytest.fixture
def small_public(small_sets):
    """The five sets in miniature as one catalog, not split."""
    return merge(None, [import_public(name, small_sets, strict=True) for name in PUBLIC])


@pytest.fixture
def own_public_recipe(tmp_path) -> Path:
    """The public recipe with split lists of its own, for the miniature sets."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    return Path(shutil.copy(RECIPES / "public.yaml", folder / "public.yaml"))
