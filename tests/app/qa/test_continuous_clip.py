"""The labels of the continuous clip, which were made by hand in the review page, and the log that they came from."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from app.qa.checking import settle
from app.qa.opened import open_for_review
from app.qa.review import ReviewSession
from app.qa.review.audit import WHOLE, audited
from detector.annotation import load_annotation
from tests.spliced import CLIP, real_data

READER = "One reader without medical training"
LOG = CLIP.with_name("continuous_clip.review-one-reader-without-medical-training.jsonl")


def operations() -> list[dict]:
    return [json.loads(line)["op"] for line in LOG.read_text("utf-8").splitlines()[1:]]


def test_the_log_is_whole_and_names_the_labels_that_were_written():
    assert audited(LOG).state == WHOLE
    written = operations()[-1]
    assert written["kind"] == "publish"
    assert written["files"] == {CLIP.name: hashlib.sha256(CLIP.read_bytes()).hexdigest()}


def test_neither_names_a_place_on_a_disk():
    for path in (CLIP, LOG):
        text = path.read_text("utf-8")
        for harmless in ("polypwatch.annotation/1", "polypwatch.review/1", "1/12800"):
            text = text.replace(harmless, "")
        assert "/" not in text
        assert "\\" not in text


def test_one_lesion_is_marked_while_it_is_in_view():
    labels = load_annotation(CLIP)
    assert [(r.first, r.last) for r in labels.reviewed] == [(0, 21), (25, 180)]
    assert [f.index for f in labels.frames] == [*range(25, 48), *range(52, 177)]
    marginal = [f.index for f in labels.frames if f.marks[0].state == "marginal"]
    assert marginal == [25, 26, 45, 46, 47, *range(52, 57), 100, *range(102, 106), 176]


@pytest.mark.data
def test_the_log_gives_these_labels_on_the_clip_itself(tmp_path: Path):
    clip = tmp_path / "continuous_clip.mp4"
    shutil.copyfile(real_data() / "clips" / "continuous_25fps_interlaced.mp4", clip)
    shutil.copyfile(LOG, tmp_path / LOG.name)
    opened = settle(open_for_review(clip, tmp_path / "cache"), tmp_path / "cache")
    session = ReviewSession.open(opened, READER)
    try:
        again = session.document.annotation(opened, 1)
    finally:
        session.close()
    labels = load_annotation(CLIP)
    assert (again.lesions, again.reviewed, again.frames) == (labels.lesions, labels.reviewed, labels.frames)
    assert again.video == labels.video


@pytest.mark.data
def test_they_are_found_beside_the_clip_under_its_own_name(tmp_path: Path):
    clip = tmp_path / "continuous_25fps_interlaced.mp4"
    shutil.copyfile(real_data() / "clips" / clip.name, clip)
    shutil.copyfile(CLIP, clip.with_suffix(".annotation.json"))
    opened = settle(open_for_review(clip, tmp_path / "cache"), tmp_path / "cache")
    assert opened.procedure.segments[0].annotation == load_annotation(CLIP)
