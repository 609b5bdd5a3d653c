"""The 29 sequences of CVC-ClinicDB with their masks, opened as the QA room opens pictures: nominal time."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.qa.figures import measure
from app.qa.opened import open_for_review
from app.qa.scored import score_ready
from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video
from detector.geometry import as_boxes
from tests.app.qa.made_results import THRESHOLD, candidates_of, jittered
from tests.detector.scoring.sides import plain, same, the_oracle
from tests.training.evaluation.made import data, facts
from training.evaluation.run import Settings
from training.evaluation.run import measure as evaluate
from training.importers.context import Report
from training.importers.public import read_public
from training.samples import Sample, corners

pytestmark = pytest.mark.data
TIME_BASE = "1/25"


@pytest.fixture(scope="module")
def sequences() -> dict[str, list[Sample]]:
    """Each frame with one box around all of its masks, frames in their order."""
    root = Path(os.environ.get("POLYPWATCH_DATA", ""))
    if not (root / "cvc_clinicdb").is_dir():
        pytest.skip("CVC-ClinicDB is not at POLYPWATCH_DATA")
    found: dict[str, list[Sample]] = {}
    for sample in read_public("cvc-clinicdb", root, Report(strict=True)):
        found.setdefault(sample.sequence, []).append(sample)
    return {name: [_one_box(s, k) for k, s in enumerate(sorted(own, key=_order))] for name, own in found.items()}


def _order(sample: Sample) -> int:
    return sample.order or 0


def _one_box(sample: Sample, order: int) -> Sample:
    low, high = sample.boxes[:, :2].min(axis=0), sample.boxes[:, 2:].max(axis=0)
    box = as_boxes([[*low.tolist(), *high.tolist()]])
    return replace(sample, boxes=box, outlines=corners(box), lesions=("1",), order=order)


def _labels(samples: list[Sample]) -> Annotation:
    size = samples[0].size
    return Annotation(
        software="test",
        source="masks",
        video=Video(
            name="pictures", sha256="0" * 64, frame_count=len(samples), width=size.width, height=size.height,
            time_base=TIME_BASE,
        ),
        lesions=(Lesion(id=1, paris=None, size_mm=None, note=""),),
        reviewed=(ReviewedRange(first=0, last=len(samples) - 1, reviewer="masks"),),
        frames=tuple(
            MarkedFrame(
                index=k,
                pts=None,
                marks=(Mark(lesion=1, state="clear", box=tuple(s.boxes[0].tolist()), visibility=None),),
            )
            for k, s in enumerate(samples)
        ),
    )  # fmt: skip


def test_figures_of_the_29_sequences_are_those_of_training_and_of_the_oracle(sequences, tmp_path):
    assert len(sequences) == 29
    ready, samples, answers = [], [], []
    for seed, (name, own) in enumerate(sequences.items()):
        folder = tmp_path / name.replace("/", "-")
        folder.mkdir()
        for k, sample in enumerate(own):
            (folder / f"{k:04d}{sample.image.suffix}").symlink_to(sample.image)
        opened = open_for_review(folder, tmp_path / "cache")
        labels = _labels(own)
        said = candidates_of(jittered(labels, seed))
        ready.append(score_ready(opened, said, annotations={1: labels}, name=name))
        samples += own
        answers += list(ready[-1].raw.answers)
    figures = measure(ready, 200)
    found = figures.clinical
    trained = evaluate(facts(THRESHOLD), data(samples), answers, Settings(draws=200, nominal_fps=25), "test").sequences
    assert json.dumps(found.as_dict()["raw"]) == json.dumps(trained.as_dict()["raw"]).replace("sequences", "procedures")
    assert json.dumps(found.as_dict()["froc"]) == json.dumps(trained.as_dict()["froc"])
    assert (found.shown, found.realcolon, trained.shown) == ({}, None, {})
    assert any("nominal" in note for note in found.notes)
    raw = [p.raw for p in figures.procedures]
    theirs = the_oracle().lesion_figures(raw, THRESHOLD, 0.2)
    assert same(plain(list(found.per_lesion)), theirs["per_lesion"]) == []
    assert same(found.raw["lesion_frame_sensitivity"].value, theirs["lesion_frame_sensitivity"]) == []
    assert theirs["lesions"] == 29
    assert np.isfinite(found.raw["lesion_frame_sensitivity"].low)
