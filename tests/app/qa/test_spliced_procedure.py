"""A procedure spliced of real negatives and a part of the phantom: one set of figures, and those of the oracle."""

import json
import os
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cli import main as polypwatch
from app.phantom.bundled import load_bundled
from app.qa.scoring import Wanted, score
from detector.decode import decode_frames
from tests.app.qa.made_results import THRESHOLD, annotate, jittered, write_results
from tests.app.qa.test_same_figures import without_names
from tests.clips import write_video
from tests.detector.scoring.sides import same, the_oracle
from training.cli import main as polypwatch_train

pytestmark = pytest.mark.data
SIZE = (320, 180)
NEGATIVES = 60
FIRST, LAST = 250, 379


def negatives() -> list[np.ndarray]:
    root = Path(os.environ.get("POLYPWATCH_DATA", "")) / "polypgen_negseq" / "images"
    files = sorted(root.rglob("*.jpg"))[:NEGATIVES]
    if len(files) < NEGATIVES:
        pytest.skip("the negative sequences are not at POLYPWATCH_DATA")
    return [cv2.resize(cv2.imread(str(f)), SIZE, interpolation=cv2.INTER_AREA) for f in files]


@pytest.fixture(scope="module")
def spliced(tmp_path_factory) -> Path:
    """Sixty frames without a polyp, then five seconds of the phantom; all of it reviewed."""
    frames = negatives()
    video, truth = load_bundled()
    part = decode_frames(video, range(FIRST, LAST + 1), whole=False)
    frames += [cv2.resize(f.image, SIZE, interpolation=cv2.INTER_AREA) for f in part]
    root = tmp_path_factory.mktemp("spliced") / "ward"
    root.mkdir()
    path = root / "op.mp4"
    write_video(path, frames)
    scale = SIZE[0] / truth.video.width
    boxes: dict[int, dict[int, tuple]] = {}
    marginal = set()
    for frame in truth.frames:
        if FIRST <= frame.index <= LAST:
            at = NEGATIVES + frame.index - FIRST
            boxes[at] = {m.lesion: tuple(v * scale for v in m.box) for m in frame.marks}
            marginal |= {at} if any(m.state == "marginal" for m in frame.marks) else set()
    labels = annotate(path, root / "op.json", len(frames), boxes, size=SIZE, marginal=frozenset(marginal))
    write_results(root / "op.analysis-scripted-1-fp32.json", path, jittered(labels, 11))
    return path


@pytest.mark.filterwarnings("default")  # of torch
def test_the_spliced_procedure_has_one_set_of_figures(spliced, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    figures = score([spliced], Wanted(), draws=100).figures
    out = tmp_path / "score.json"
    words = ["score", str(spliced.parent), "--json", str(out), "--draws", "100", "--processes", "1", "--quiet"]
    assert polypwatch(words) == 0
    scored = json.loads(out.read_text())["sequences"]
    assert scored == json.loads(json.dumps(figures.clinical.as_dict()))
    catalog, evaluation = tmp_path / "c.jsonl", tmp_path / "e"
    words = ["import", str(spliced.parent), "--catalog", str(catalog), "--name", "ward", "--licence", "internal"]
    assert polypwatch_train([*words, "--option", "every_s=0"]) == 0
    results = str(spliced.parent / "op.analysis-scripted-1-fp32.json")
    words = ["evaluate", "--results", results, "--data", str(catalog), "--draws", "100", "--out", str(evaluation)]
    assert polypwatch_train(words) == 0
    trained = json.loads((evaluation / "evaluation.json").read_text())["sequences"]
    ours, theirs = (
        json.loads(json.dumps(without_names(x)).replace("procedure", "sequence")) for x in (scored, trained)
    )
    ours.pop("notes"), theirs.pop("notes")
    assert ours == theirs
    [procedure] = figures.procedures
    oracle = the_oracle()
    events = oracle.shown_events([procedure.shown])
    assert same(figures.clinical.shown["false_time_share"].value, events["false_time_share"]) == []
    raw = oracle.lesion_figures([procedure.raw], THRESHOLD)
    assert same(figures.clinical.raw["frame_sensitivity"].value, raw["frame_sensitivity"]) == []
    assert raw["lesions"] >= 1
    assert all(a.first <= b.first for a, b in pairwise(figures.events))
