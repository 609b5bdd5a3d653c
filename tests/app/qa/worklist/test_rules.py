"""Which clips are proposed, and which are not."""

import numpy as np
import pytest

from app.qa.answers import ANALYSED, NOT_ANALYSED
from app.qa.worklist.answers import FALSE, Answer
from app.qa.worklist.clips import CLIP_S, window
from app.qa.worklist.rules import SILENT_S, WORTH, proposals
from app.qa.worklist.runs import alarm_runs, candidate_runs
from tests.app.qa.worklist.made import HERE, THERE, Said, axis_of, candidates, evidence, shown


def kinds(found) -> list[str]:
    return sorted(p.clip.kind for p in found)


def test_a_mark_without_an_alarm_around_it_is_asked_and_one_with_an_alarm_is_not():
    found = proposals(evidence(alarms=[Said(50, 1)], marks_s=[30.0, 55.0]))
    (mark,) = (p.clip for p in found if p.clip.kind == "mark")
    assert mark.focus == 28 * 25, "who presses a key has seen it before"
    assert "Polyp 1" in mark.why
    assert mark.score == WORTH["mark"]
    assert mark.verdicts == ("missed", "nothing", "unsure")
    assert mark.boxes == ()
    assert "alarm" not in kinds(found), "the alarm was marked, five seconds later"


def test_an_alarm_that_nobody_marked_is_asked_with_its_boxes_and_with_every_kind_of_false_alarm():
    (alarm,) = (p.clip for p in proposals(evidence(said=None, alarms=[Said(50, 1)], marks_s=[])))
    assert alarm.kind == "alarm"
    assert alarm.verdicts == ("right", *FALSE, "unsure")
    assert {b.position for b in alarm.boxes} == set(range(50 * 25, 51 * 25))
    assert alarm.box == HERE
    assert "nobody marked" in alarm.why


def test_without_a_journal_an_alarm_counts_less_because_nobody_could_mark_it():
    marked = proposals(evidence(said=None, alarms=[Said(50, 1)], marks_s=[]))
    without = proposals(evidence(said=None, alarms=[Said(50, 1)], marks_s=None))
    assert kinds(marked) == kinds(without) == ["alarm"]
    assert without[0].clip.score < marked[0].clip.score


def test_models_that_disagree_are_asked_about_where_they_do():
    one, both = Said(20, 1, box=HERE, track=1), Said(60, 1, box=THERE, track=2)
    found = proposals(evidence(alarms=[one, both], others=[both], marks_s=None))
    (clip,) = (p.clip for p in found if p.clip.kind == "models")
    assert 20 * 25 <= clip.focus < 21 * 25
    assert "accurate 1 fp32 gives none" in clip.why
    elsewhere = proposals(evidence(alarms=[one], others=[Said(20, 1, box=THERE)], marks_s=None))
    assert kinds(elsewhere).count("models") == 2, "another place at the same time is no agreement"


def test_a_candidate_below_the_threshold_is_asked_if_it_lasted_and_was_never_shown():
    weak, short = Said(20, 0.6, 0.3, HERE), Said(40, 0.4, 0.3, HERE)
    seen = Said(60, 2, 0.9, THERE)
    found = proposals(evidence(said=[weak, short, seen], alarms=[Said(60.2, 1.8, 0.9, THERE)], marks_s=[62.0]))
    (low,) = (p.clip for p in found if p.clip.kind == "low")
    assert 20 * 25 <= low.focus < 20.6 * 25
    assert "score up to 0.30; shown from 0.50" in low.why
    fainter = proposals(evidence(said=[Said(20, 0.6, 0.12, HERE)]))
    assert [p.clip.score < low.score for p in fainter if p.clip.kind == "low"] == [True]


def test_a_long_silence_gives_one_clip_and_a_short_one_none_and_time_that_nobody_analysed_is_no_silence():
    said = [Said(0, 10, 0.2), Said(10 + SILENT_S + 1, 40, 0.2)]
    found = [p.clip for p in proposals(evidence(said=said)) if p.clip.kind == "silence"]
    (clip,) = found
    assert 10 * 25 <= clip.focus < (10 + SILENT_S + 1) * 25
    assert clip.blind
    assert [p.clip.id for p in proposals(evidence(said=said)) if p.clip.kind == "silence"] == [clip.id]
    shorter = [Said(0, 10, 0.2), Said(10 + SILENT_S - 1, 51, 0.2)]
    assert "silence" not in kinds(proposals(evidence(said=shorter)))
    assert "silence" not in kinds(proposals(evidence(said=None)))


def test_a_silence_holds_over_frames_that_a_slower_model_leaves_out_and_not_over_a_gap():
    quiet = evidence(said=[])
    assert kinds(proposals(quiet)) == ["silence"]
    status = quiet.candidates[0].status
    status[1::2] = NOT_ANALYSED
    assert kinds(proposals(quiet)) == ["silence"]
    status[:] = NOT_ANALYSED
    status[::25] = ANALYSED  # once a second
    assert kinds(proposals(quiet)) == []


def test_a_model_that_was_not_asked_there_does_not_disagree():
    part = evidence(alarms=[Said(20, 1, track=1), Said(60, 1, track=2)], others=[], marks_s=None)
    assert kinds(proposals(part)).count("models") == 2
    part.shown[1].status[15 * 25 : 30 * 25] = NOT_ANALYSED
    (clip,) = (p.clip for p in proposals(part) if p.clip.kind == "models")
    assert clip.focus >= 60 * 25


def test_what_was_answered_does_not_come_again_under_another_name_either():
    asked = evidence(alarms=[Said(50, 1)], marks_s=[30.0])
    for proposal in proposals(asked):
        clip = proposal.clip
        answer = Answer(clip.id, clip.kind, "unsure", clip.first, clip.last, clip.focus, clip.box)
        left = proposals(evidence(alarms=[Said(50, 1)], marks_s=[30.0], answers=[answer]))
        assert clip.kind not in kinds(left)
        assert len(left) == len(proposals(asked)) - 1
    # Another threshold: the same alarm is shorter, and its best frame another one.
    (alarm,) = (p.clip for p in proposals(asked) if p.clip.kind == "alarm")
    answer = Answer(alarm.id, "alarm", "wall", alarm.first, alarm.last, alarm.focus, alarm.box)
    assert "alarm" not in kinds(proposals(evidence(alarms=[Said(50.3, 0.5)], marks_s=[], answers=[answer])))
    assert "alarm" in kinds(proposals(evidence(alarms=[Said(50.3, 0.5, box=THERE)], marks_s=[], answers=[answer])))
    assert "alarm" in kinds(proposals(evidence(alarms=[Said(80, 0.5)], marks_s=[], answers=[answer])))


def test_an_answer_of_the_audit_answers_no_other_question():
    audit = Answer("x", "audit", "nothing", 25 * 25, 31 * 25, 28 * 25, None, "plan")
    assert "mark" in kinds(proposals(evidence(marks_s=[30.0], answers=[audit])))


def test_what_the_reader_has_drawn_is_not_asked():
    def known(position: int):
        return (HERE,) if 50 * 25 <= position < 51 * 25 else ()

    assert "alarm" not in kinds(proposals(evidence(alarms=[Said(50, 1)], known=known)))
    assert "alarm" in kinds(proposals(evidence(alarms=[Said(50, 1, box=THERE)], known=known)))


@pytest.mark.parametrize("focus", [0, 10, 70, 1499, 2990, 2999])
def test_a_clip_is_six_seconds_with_its_focus_inside_wherever_that_is(focus):
    axis = axis_of(120)
    first, last = window(axis, focus)
    assert first <= focus <= last
    assert last - first + 1 == CLIP_S * 25
    assert first >= 0
    assert last < len(axis)


def test_a_procedure_shorter_than_a_clip_is_one_clip():
    axis = axis_of(2)
    assert window(axis, 20) == (0, 49)


def test_runs_follow_what_moves_and_end_where_it_is_gone():
    axis = axis_of(20)
    moving = [Said(2 + n / 25, 1 / 25, 0.4, (100.0 + 3 * n, 50.0, 160.0 + 3 * n, 110.0)) for n in range(50)]
    runs = candidate_runs(candidates(axis, [*moving, Said(10, 1, 0.4), Said(12, 1, 0.4)]), axis)
    assert [(r.first, r.last) for r in runs] == [(50, 99), (250, 274), (300, 324)]
    assert [round(r.seconds, 2) for r in runs] == [2.0, 1.0, 1.0]
    assert candidate_runs(candidates(axis, [Said(3, 1, 0.05)]), axis) == []


def test_alarm_runs_are_the_markers_by_id():
    axis = axis_of(20)
    runs = alarm_runs(shown(axis, [Said(2, 1, track=4), Said(2.5, 1, box=THERE, track=7)]), axis)
    assert [(r.first, r.last, r.peak_box) for r in runs] == [(50, 74, HERE), (62, 87, THERE)]
    assert not runs[0].meets(runs[1])
    assert runs[0].meets(runs[0])
    assert np.all(runs[0].scores == np.float32(0.9))
    assert alarm_runs(shown(axis, []), axis) == []
