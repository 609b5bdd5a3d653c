"""Layers of boxes: who may see what, and that each can be told from the others."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.examination.events import Audit, Bookmark, PolypFound, ScopeIn
from app.gui import theme
from app.gui.qa.replay_boxes import allowed, boxes_at, present
from app.gui.qa.replay_events import lists_of
from app.gui.qa.replay_heard import Heard, hear
from app.gui.qa.replay_jumps import before, beyond, gaps_of
from app.gui.qa.replay_rows import heard_rows
from app.gui.qa.review_canvas_layers import LOOKS, Layer
from app.qa.opened import Opened, open_for_review
from app.qa.review import Document, ReviewSession
from app.qa.review.blinding import ALL, NOTHING
from app.snapshot import Quiet
from tests.app.gui.test_contrast import LEAST, contrast
from tests.app.qa.films import write_red_recording
from tests.app.qa.test_marks import journal

FRAMES = 60


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def examination(tmp_path: Path) -> Opened:
    """A recorded examination: a marker from frame 20 to 39, two marks."""
    folder = write_red_recording(tmp_path / "exam", FRAMES)
    started = Audit(what="recording_started", detail=folder.name)
    journal(folder, (ScopeIn(), 0), (started, 0), (PolypFound(lesion=1), 25), (Bookmark(), 50))
    head = {
        "schema": "polypwatch.live-results/1", "role": "shown", "software": "tests", "model": "fast", "version": "1",
        "variant": "fp32", "sha256": "5" * 64, "provider": "cpu", "classes": ["polyp"], "preset": "normal",
        "threshold": 0.5, "keep_ratio": 0.6, "min_seen_s": 0.2, "min_display_s": 0.0, "hold_s": 0.5,
    }  # fmt: skip
    lines = [head]
    for n in range(FRAMES):
        there = 20 <= n < 40
        lines.append(
            {
                "role": "shown", "capture_index": n, "captured_ns": 1_000_000 + n * 40_000_000, "pts": n,
                "time_base": "1/25", "latency_ms": 8.0, "withheld": None,
                "candidates": [[10.0, 30.0, 40.0, 60.0, 0.9 if there else 0.1, 0]],
                "markers": [{"track": 1, "box": [10.0, 30.0, 40.0, 60.0], "score": 0.9}] if there else [],
            }
        )  # fmt: skip
    (folder / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return open_for_review(folder)


@pytest.fixture
def heard(examination: Opened, tmp_path: Path) -> Heard:
    return hear(examination, tmp_path / "review-anna.jsonl")


def test_what_was_shown_live_is_a_layer_of_its_own(examination: Opened, heard: Heard):
    assert heard.problems == ()
    assert present(heard, examination, ALL) == {Layer.LIVE, Layer.RAW, Layer.OWN}
    layers = frozenset({Layer.LIVE, Layer.OWN})
    nothing = Document(len(examination.axis))
    assert [box.tag for box in boxes_at(30, layers, heard, nothing, examination)] == ["L 0.90"]
    assert boxes_at(10, layers, heard, nothing, examination) == ()
    (raw,) = boxes_at(10, frozenset({Layer.RAW}), heard, nothing, examination)
    assert raw.tag == "0.10"


def test_marks_and_detections_are_gone_through(examination: Opened, heard: Heard):
    lists = lists_of(heard, (), Document(len(examination.axis)), examination, ALL)
    assert lists.detections == (20,)
    assert lists.marks == (0, 25, 50)
    assert lists.unreviewed == (0,)


def test_a_blinded_reader_gets_no_row_no_box_and_no_list_of_others(examination: Opened, heard: Heard):
    assert allowed(NOTHING) == {Layer.OWN}
    assert [row.name for row in heard_rows(heard, examination, ALL)] == ["L  Live", "Candidates' scores", "Marks"]
    assert heard_rows(heard, examination, NOTHING) == ()
    lists = lists_of(heard, (), Document(len(examination.axis)), examination, NOTHING)
    assert lists.detections == lists.marks == ()


def test_other_readers_are_read_and_a_broken_review_is_named(examination: Opened):
    other = ReviewSession.open(examination, "Bruno")
    other.draw(30, (10, 30, 40, 60))
    other.close()
    (examination.path / "review-carla.jsonl").write_text("no log\n")
    heard = hear(examination, examination.path / "review-anna.jsonl")
    ((name, document),) = heard.others
    assert name == "Bruno"
    assert document.marks_at(30)[0].lesion == 1
    assert any("review-carla.jsonl" in problem for problem in heard.problems)
    boxes = boxes_at(30, frozenset({Layer.OTHERS}), heard, Document(FRAMES), examination)
    assert [box.tag for box in boxes] == ["R Bruno: 1"]


@pytest.mark.parametrize("layer", Layer)
def test_tags_can_be_read(layer: Layer):
    assert contrast(LOOKS[layer].colour, theme.KEYLINE) >= LEAST


def test_next_and_before_never_stay_where_they_are():
    assert beyond((3, 7), 3) == 7
    assert beyond((3, 7), 7) is None
    assert before((3, 7), 7) == 3
    assert before((3, 7), 3) is None


def test_gaps_lie_between_what_was_reviewed():
    assert gaps_of([(10, 19), (15, 29), (40, 49)], 60) == [(0, 9), (30, 39), (50, 59)]
    assert gaps_of([(0, 59)], 60) == []
    assert gaps_of([], 0) == []


def test_what_the_room_said_of_the_picture_is_a_row_but_not_for_a_blinded_reader(examination: Opened, heard: Heard):
    said = replace(heard, views={Quiet.POOR_VIEW: ((3, 9),), Quiet.FROZEN: ((20, 30),)})
    (row,) = [row for row in heard_rows(said, examination, ALL) if row.name.startswith("Poor view")]
    assert len(row.lanes) == 2
    assert heard_rows(said, examination, NOTHING) == ()
