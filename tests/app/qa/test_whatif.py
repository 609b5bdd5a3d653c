"""What other alert settings would have shown: the figures of a run with them, and which alarms come and go."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.qa.axis import plain_axis
from app.qa.comparing import compare
from app.qa.facts import ProcedureFacts
from app.qa.figures import measure
from app.qa.marking import Marking
from app.qa.room_preset import preset_fragment, send_to_room, write_room
from app.qa.scored import Scored, with_settings
from app.qa.whatif import WhatIf, shown_of
from app.settings.rooms import read_room
from app.settings.store import load_settings
from detector.alerts import AlertSettings
from detector.errors import UsageError
from detector.geometry import Size, as_boxes
from detector.scoring import AnswerColumns, Recording, TruthColumns
from detector.scoring.columns import starts_of
from detector.tracking import TrackingSettings
from tests.app.qa.made_results import THRESHOLD, candidates_of

LESION, FAR = (20.0, 20.0, 60.0, 60.0), (100.0, 100.0, 140.0, 130.0)


def procedure(name: str, scores: list[float], alarm: list[float], count: int = 100) -> Scored:
    """A lesion from frame 20 to 59, found with these scores in turn, and an alarm from frame 70 on."""
    boxes = [[] for _ in range(count)]
    for k in range(20, 60):
        boxes[k].append((*LESION, scores[k % len(scores)]))
    for k, score in enumerate(alarm):
        boxes[70 + k].append((*FAR, score))
    made = candidates_of([[row for row in rows if row[4] > 0] for rows in boxes])
    seen = np.zeros(count, np.int64)
    seen[20:60] = 1
    truth = TruthColumns(
        np.ones(count, bool),
        starts_of(seen),
        as_boxes([LESION] * 40),
        np.zeros(40, np.int64),
        ("1",),
        np.zeros(count + 1, np.int64),
        as_boxes([]),
    )
    answers = AnswerColumns(made.offsets, made.boxes, made.scores, None, np.zeros(count, np.uint8))
    raw = Recording(name, name, Size(160, 140), np.arange(count) / 25, count / 25, truth, answers)
    marking = Marking(raw)
    limits = AlertSettings(THRESHOLD)
    return Scored(
        Path(name),
        name,
        raw,
        marking.shown(limits),
        THRESHOLD,
        limits,
        "made 1 fp32",
        "0" * 64,
        {},
        ProcedureFacts(),
        marking,
    )


@pytest.fixture
def ward() -> list[Scored]:
    return [
        procedure("a", [0.9, 0.6], [0.55] * 12),
        procedure("b", [0.45], [0.7] * 20),
        procedure("c", [0.8, 0.2], [0.3] * 12),
    ]


def test_figures_of_other_settings_are_those_of_scoring_with_them(ward):
    limits = AlertSettings(0.42, keep_ratio=0.8, min_seen_s=0.3, tracking=TrackingSettings(max_gap_s=0.5))
    tried = WhatIf(ward).at(limits)
    scored = measure([with_settings(p, limits) for p in ward], 100)
    assert tried.whole
    assert tried.false_alarms == scored.row("false_events_0s").figure.value
    assert tried.per_minute == scored.row("false_events_0s_per_minute").figure.value
    assert tried.lesion_sensitivity == scored.row("lesion_sensitivity").figure.value
    assert tried.frame_sensitivity == scored.row("frame_sensitivity").figure.value
    assert tried.median_seconds_to_first_hit == scored.row("median_seconds_to_first_hit").figure.value
    assert tried.reviewed_minutes == scored.row("reviewed_minutes").figure.value


def test_a_lower_threshold_gains_markers_and_a_higher_one_loses_some(ward):
    trial = WhatIf(ward)
    lower, higher = trial.at(AlertSettings(0.3)), trial.at(AlertSettings(0.65))
    assert [(s.path.name, s.kind) for s in lower.gained] == [("b", "TP"), ("c", "FP")]
    assert lower.lost == ()
    assert ("a", "FP") in [(s.path.name, s.kind) for s in higher.lost]
    assert higher.gained == ()
    same = trial.at(trial.baseline)
    assert (same.gained, same.lost) == ((), ())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.3, 0.42, 0.5, 0.55, 0.6, 0.71]), min_size=1, max_size=5))
def test_the_way_to_a_setting_does_not_matter(thresholds):
    made = [procedure("a", [0.9, 0.6], [0.55] * 12), procedure("b", [0.45], [0.7] * 20)]
    trial = WhatIf(made)
    for threshold in thresholds:
        moved = trial.at(AlertSettings(threshold))
    fresh = WhatIf([procedure("a", [0.9, 0.6], [0.55] * 12), procedure("b", [0.45], [0.7] * 20)])
    assert moved == fresh.at(AlertSettings(thresholds[-1]))


def test_several_processes_say_the_same_as_one(ward):
    several = WhatIf(ward, processes=2)
    fresh = WhatIf([procedure("a", [0.9, 0.6], [0.55] * 12), procedure("b", [0.45], [0.7] * 20),
                    procedure("c", [0.8, 0.2], [0.3] * 12)])  # fmt: skip
    for threshold in (0.4, 0.5, 0.6, 0.4):
        assert several.at(AlertSettings(threshold)) == fresh.at(AlertSettings(threshold))
    assert several.at(AlertSettings(0.7), stop=lambda: True) is None
    assert several.at(AlertSettings(0.65)) == fresh.at(AlertSettings(0.65))
    for child in several._pool._children:
        child.terminate()
        child.join()
    assert several.at(AlertSettings(0.33)) == fresh.at(AlertSettings(0.33))


def test_a_newer_wish_ends_the_older_one(ward):
    assert WhatIf(ward).at(AlertSettings(0.4), stop=lambda: True) is None


def test_markers_of_candidates_are_those_of_the_recording(ward):
    rows = [[] for _ in range(50)]
    for k in range(10, 40):
        rows[k].append((*FAR, 0.8))
    made = candidates_of(rows)
    shown = shown_of(made, plain_axis(np.arange(50) / 25, 2.0), AlertSettings(THRESHOLD))
    counts = np.diff(shown.offsets)
    assert counts[:15].tolist() == [0] * 15
    assert counts[15:40].tolist() == [1] * 25
    assert counts[40:47].sum() == 7  # held for 0.3 s
    assert counts[47:].sum() == 0
    assert set(shown.tracks.tolist()) == {1}


def test_a_room_gets_the_preset_with_what_it_costs(ward, tmp_path):
    limits = AlertSettings(0.42, min_seen_s=0.3, tracking=TrackingSettings(max_gap_s=0.5))
    tried = WhatIf(ward).at(limits)
    with pytest.raises(UsageError, match="minutes are reviewed"):
        write_room(tmp_path / "room.json", "Room 2", tried, ward)
    long = [procedure(f"p{k}", [0.9], [0.55] * 12, count=3000) for k in range(6)]
    tried = WhatIf(long).at(limits)
    write_room(tmp_path / "room.json", "Room 2", tried, long)
    name, content = read_room(tmp_path / "room.json")
    assert (name, content["ai"]["threshold"], content["ai"]["hold_ms"]) == ("Room 2", 0.42, 500)
    told = json.loads((tmp_path / "room.json").read_text())["measured"]
    assert told["rate"] == "0.5 per minute on 12 minutes of video from an unknown number of processors"
    file = tmp_path / "settings.json"
    send_to_room("Room 2", tried, long, file)
    kept = load_settings(file).settings
    assert kept.room.presets["Room 2"]["ai"]["min_seen_ms"] == 300
    assert kept.room.name is None


def test_a_limit_that_a_room_does_not_know_is_refused():
    with pytest.raises(UsageError, match="cannot be sent to a room"):
        preset_fragment(AlertSettings(0.5, min_hits=5))


def test_two_models_are_compared_on_the_same_procedures(ward):
    better = [procedure("a", [0.9], []), procedure("b", [0.9], []), procedure("c", [0.8], [])]
    found = compare(better, ward, draws=200)
    by_key = {d.key: d for d in found.differences}
    assert by_key["lesion_sensitivity"].a == 1.0
    assert by_key["lesion_sensitivity"].b == pytest.approx(2 / 3)
    assert by_key["false_events_0s_per_procedure"].gain == pytest.approx(2 / 3)
    assert by_key["lesion_sensitivity"].verdict == "too small to tell"  # three procedures prove nothing
    assert [(s.path.name, s.lesion) for s in found.only("a")] == [("b", "1")]
    assert [(s.path.name, s.kind) for s in found.only("b")] == [("a", "FP"), ("b", "FP")]
    assert {s.path.name for s in found.only("both")} == {"a", "c"}
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_models_without_a_common_procedure_cannot_be_compared(ward):
    with pytest.raises(UsageError, match="No reviewed procedure"):
        compare(ward[:1], ward[1:])
