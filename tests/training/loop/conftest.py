"""A catalog of eight small pictures, and settings that make a run of seconds."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.geometry import Size
from tests.training.miniature import scene
from training.catalog import Catalog, write_catalog
from training.catalog.store import image_sha256
from training.samples import Sample, SourceInfo, corners

SOURCE = SourceInfo("made-up", "CC0-1.0", True, "none")
SETTINGS = {
    "start": "none",
    "budget": "4 steps",
    "batch": 4,
    "sizes": [32, 64],
    "augment": "plain",
    "device": "cpu",
    "threads": 1,
    "workers": 1,
    "evaluations": 1,
    "checkpoint_minutes": 5,
    "log_steps": 2,
    "tensorboard": False,
}


def sample(folder: Path, name: str, split: str, seed: int, box=(40, 30, 100, 80)) -> Sample:
    """A sample with its image on disk; no box is a negative."""
    image, _ = scene(seed, box=box)
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), image)
    boxes = np.array([box] if box else np.zeros((0, 4)), np.float32)
    return Sample(
        name=f"made/{name}",
        image=path,
        source=SOURCE.name,
        size=Size.of(image),
        boxes=boxes,
        outlines=corners(boxes),
        split=split,
        image_sha256=image_sha256(path),
    )


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    folder = tmp_path / "images"
    folder.mkdir()
    found = [sample(folder, f"t{i}", "train", i, None if i == 0 else (20 + 5 * i, 20, 100, 90)) for i in range(5)]
    return found + [sample(folder, f"d{i}", "dev", 50 + i, None if i == 0 else (40, 30, 100, 80)) for i in range(3)]


@pytest.fixture
def catalog(samples, tmp_path) -> Path:
    path = tmp_path / "catalog.jsonl"
    write_catalog(Catalog.of([SOURCE], samples), path)
    return path


@pytest.fixture
def settings(catalog) -> dict:
    return {**SETTINGS, "data": str(catalog)}
