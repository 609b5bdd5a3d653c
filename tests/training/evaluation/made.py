"""Samples, answers and rows made up for the tests of evaluation."""

from pathlib import Path

import cv2
import numpy as np

from detector.geometry import Size, as_boxes
from detector.scoring.recording import Answer
from tests.tiny_models import red_patch_network, write_model
from training.evaluation.data import EvaluationData
from training.evaluation.rows import rows_of
from training.evaluation.run import Settings, measure
from training.evaluation.store import DataFacts, ModelFacts, Predictions
from training.samples import Sample, corners

SIZE = Size(200, 100)


def sample(name="s/1", boxes=(), *, image=Path("x.png"), source="made-up", size=SIZE, **facts) -> Sample:
    found = as_boxes(list(boxes))
    return Sample(name, image, source, size, found, corners(found), **facts)


def answer(*rows) -> Answer:
    """From rows of x1, y1, x2, y2, score."""
    return Answer(as_boxes([r[:4] for r in rows]), np.array([r[4] for r in rows], np.float32))


NOTHING = answer()
HERE, THERE = (10, 10, 60, 60), (100, 20, 180, 90)


def hit(score=0.9):
    return answer((*HERE, score))


def data(samples, **changes) -> EvaluationData:
    fields = {
        "name": "made-up",
        "samples": tuple(samples),
        "split": "test:made-up",
        "catalog_sha256": "0" * 64,
        "words": "near-duplicate-checked",
        "one_lesion_per_sequence": False,
        "data": "made-up.jsonl",
    }
    return EvaluationData(**(fields | changes))


def facts(threshold=0.5, name="tiny") -> ModelFacts:
    return ModelFacts(
        kind="onnx", name=name, version="1.0", variant="fp32", sha256="1" * 64, provider="cpu", threshold=threshold
    )


def evaluation(samples, answers, threshold=0.5, draws=200, **settings):
    how = Settings(draws=draws, **settings)
    return measure(facts(threshold), data(samples), answers, how, "polypwatch-train evaluate --model tiny")


def predictions(samples, answers, threshold=0.5) -> Predictions:
    """What a comparison needs, without a figure or an interval."""
    told = DataFacts(name="made-up", split="test:made-up", catalog_sha256="0" * 64, words="near-duplicate-checked")
    return Predictions(facts(threshold), told, rows_of(samples, answers))


def video(found, count=10, step_s=0.1, source="made-up", sequence="v", lesion="a", **changes):
    """A sequence with one lesion in every frame; `found` are the frames in which it is hit."""
    samples = [
        sample(
            f"{source}/{sequence}/{i:03}",
            [HERE],
            source=source,
            sequence=sequence,
            order=i,
            lesions=(lesion,),
            **({"time_s": i * step_s} | changes),
        )
        for i in range(count)
    ]
    return samples, [hit() if i in found else NOTHING for i in range(count)]


def rows(samples, answers, one_lesion=False):
    return rows_of(samples, answers, one_lesion)


def write_red_patches(folder: Path) -> Path:
    """A plain folder with images/ and masks/: three red patches, of which one is dull, and an image without any."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for k, red in enumerate((255, 250, 120, None)):
        image = np.full((120, 150, 3), 60, np.uint8)
        mask = np.zeros((120, 150), np.uint8)
        if red is not None:
            image[20 + k : 80, 30:100] = (0, 0, red)
            mask[20 + k : 80, 30:100] = 255
        cv2.imwrite(str(folder / "images" / f"i{k}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"i{k}.png"), mask)
    return folder


def write_red_model(folder: Path, **changes) -> Path:
    """A model folder that finds red patches."""
    return write_model(folder, red_patch_network(), **changes)
