"""Figures are rounded in one place, for the window and for reports."""

import pytest

from app.qa.figure_units import gain, interval, unit_of, written
from detector.scoring.intervals import Figure


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("lesion_sensitivity", 0.9104, "91.0 %"),
        ("sensitivity", 1.0, "100.0 %"),
        ("false_events_0.5s", 12.0, "12"),
        ("false_events_0.5s_per_minute", 0.456, "0.46"),
        ("per_procedure", 3.0, "3.00"),
        ("median_seconds_to_first_hit", 0.204, "0.20 s"),
        ("median_frames_to_first_hit", 5.0, "5"),
        ("reviewed_minutes", 12.34, "12.3 min"),
        ("lesion_sensitivity", None, "\N{EN DASH}"),
    ],
)
def test_a_value_is_written_in_its_unit(key, value, words):
    assert written(value, unit_of(key)) == words


def test_an_interval_has_its_unit_once_and_needs_both_ends_and_a_value():
    assert interval(Figure(0.91, 0.82, 0.971), "share") == "82.0 to 97.1 %"
    assert interval(Figure(0.5), "share") == ""
    assert interval(Figure(None, 0.0, 1.0), "share") == ""


@pytest.mark.parametrize(("value", "words"), [(0.0449, "+4.5 points"), (-0.0001, "+0.0 points"), (None, "\N{EN DASH}")])
def test_a_difference_has_its_sign_unless_it_rounds_to_nothing(value, words):
    assert gain(value, "share") == words
