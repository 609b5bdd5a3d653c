"""What may be called a detection."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.detections import Detections

BOX = [[1, 2, 30, 40]]


def made(boxes: Any = BOX, scores: Any = (0.9,), classes: Any = (0,)) -> Detections:
    """Lists and tuples get the right types; arrays keep theirs."""
    return Detections(
        7,
        None,
        boxes if isinstance(boxes, np.ndarray) else np.array(boxes, np.float32).reshape(-1, 4),
        scores if isinstance(scores, np.ndarray) else np.array(scores, np.float32),
        classes if isinstance(classes, np.ndarray) else np.array(classes, np.int64),
    )


def test_empty_is_an_analysed_frame_without_boxes() -> None:
    nothing = Detections.empty(7, None)
    assert len(nothing) == 0
    assert nothing.frame_index == 7
    assert nothing.boxes.shape == (0, 4)
    assert len(nothing.above(0.0)) == 0


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"boxes": np.zeros((1, 4))}, r"boxes must be float32 \(N, 4\), not float64"),
        ({"boxes": np.zeros((1, 2), np.float32)}, r"not float32 \(1, 2\)"),
        ({"scores": np.zeros(1)}, "scores are float32"),
        ({"classes": np.zeros(1, np.int32)}, "classes int64"),
        ({"scores": (0.9, 0.8)}, "same length"),
        ({"classes": ()}, "same length"),
        ({"boxes": [[1, 2, np.nan, 4]]}, "finite"),
        ({"boxes": [[1, 2, np.inf, 4]]}, "finite"),
        ({"scores": (np.nan,)}, "finite"),
        ({"scores": (1.01,)}, "0 to 1"),
        ({"scores": (-0.01,)}, "0 to 1"),
        ({"boxes": [[30, 2, 1, 40]]}, "x1 <= x2"),
        ({"boxes": [[1, 40, 30, 2]]}, "y1 <= y2"),
        ({"boxes": BOX * 2, "scores": (0.5, 0.6), "classes": (0, 0)}, "best first"),
    ],
)
def test_what_is_not_a_detection_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        made(**fields)


def test_arrays_are_read_only() -> None:
    found = made()
    for array in (found.boxes, found.scores, found.classes, found.above(0.5).boxes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@given(st.lists(st.floats(0, 1, width=32)), st.floats(0, 1), st.none() | st.integers(0, 5))
def test_above_takes_the_first_ones(scores: list[float], limit: float, at_most: int | None) -> None:
    scores.sort(reverse=True)
    found = made(BOX * len(scores), scores, [0] * len(scores))
    taken = found.above(limit, at_most)
    expected = [s for s in scores if np.float32(s) >= np.float32(limit)][:at_most]
    assert taken.scores.tolist() == expected
    assert (taken.boxes == found.boxes[: len(expected)]).all()
    assert (taken.frame_index, taken.time, taken.stage_ns) == (found.frame_index, found.time, found.stage_ns)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.6, 0.7])
def test_a_score_at_the_threshold_is_above_it_whatever_its_float(threshold: float) -> None:
    assert len(made(scores=(threshold,)).above(threshold)) == 1
