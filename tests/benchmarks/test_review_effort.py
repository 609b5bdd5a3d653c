from pathlib import Path

import pytest

from app.phantom.bundled import bundled
from app.qa.review import ReviewSession
from benchmarks.review_effort import GOOD_IOU, WORTH_IOU, Reader, Sight, iou, sights
from detector.annotation import load_annotation
from tests.app.qa.review.made import box, procedure


def test_the_reader_by_hand_leaves_no_frame_below_the_limit_and_counts_every_box(tmp_path: Path) -> None:
    opened = procedure(tmp_path)
    session = ReviewSession.open(opened, "scripted reader")
    sight = Sight(4, {p: box(100 + 0.02 * (p - 50) ** 2, side=120) for p in range(20, 101)})
    reader = Reader(session, opened, None)
    reader.annotate(sight)
    document = session.document
    session.close()
    keys = document.key_positions(reader.lesions[4])
    assert reader.boxes == len(keys) > 2
    assert keys[0] == 20
    assert keys[-1] == 100
    for position, true in sight.boxes.items():
        shown = document.lesion(reader.lesions[4]).mark_at(position)
        assert shown is not None
        hand = iou(reader._by_hand_of(sight, position), true)
        assert position in keys or iou(shown.box, true) >= min(GOOD_IOU, hand - WORTH_IOU)


def test_a_hands_error_is_three_pixels_on_each_side_and_always_the_same(tmp_path: Path) -> None:
    opened = procedure(tmp_path)
    session = ReviewSession.open(opened, "scripted reader")
    reader = Reader(session, opened, None)
    sight = Sight(1, {7: (100.4, 50.0, 160.0, 120.0)})
    drawn = reader._by_hand_of(sight, 7)
    session.close()
    assert [abs(a - b) for a, b in zip(drawn, (100, 50, 160, 120), strict=True)] == [3, 3, 3, 3]
    assert reader._by_hand_of(sight, 7) == drawn


def test_sights_are_the_clear_frames_of_the_phantom() -> None:
    truth = load_annotation(bundled().annotation)
    found = sights(truth)
    clear = sum(m.state == "clear" for f in truth.frames for m in f.marks)
    assert sum(len(s.boxes) for s in found) == clear
    assert len({s.lesion for s in found}) == 7


def test_overlap_is_that_of_areas() -> None:
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert iou(None, (0, 0, 1, 1)) == 0
    assert iou((0, 0, 1, 1), (5, 5, 6, 6)) == 0
