"""A small catalog with its images on disk."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.geometry import Size
from tests.training.miniature import scene
from training.catalog import Catalog, write_catalog
from training.catalog.store import image_sha256
from training.samples import Sample, SourceInfo, corners


def _sample(folder: Path, i: int) -> Sample:
    box = None if i == 0 else (20 + 5 * i, 20, 100, 90)
    image, _ = scene(i, box=box)
    path = folder / f"{i}.png"
    cv2.imwrite(str(path), image)
    boxes = np.array([box] if box else np.zeros((0, 4)), np.float32)
    return Sample(
        name=f"made/{i}",
        image=path,
        source="made-up",
        size=Size.of(image),
        boxes=boxes,
        outlines=corners(boxes),
        split="dev" if i == 5 else "train",
        image_sha256=image_sha256(path),
    )


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    (tmp_path / "images").mkdir()
    return [_sample(tmp_path / "images", i) for i in range(6)]


@pytest.fixture
def catalog(samples, tmp_path) -> Path:
    path = tmp_path / "catalog.jsonl"
    write_catalog(Catalog.of([SourceInfo("made-up", "CC0-1.0", True, "none")], samples), path)
    return path
