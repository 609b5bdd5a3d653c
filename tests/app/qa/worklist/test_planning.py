"""The plan of a miss audit: which windows can be drawn, and what becomes of the answers."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.qa.answers import NOT_ANALYSED
from app.qa.worklist.answers import Answer
from app.qa.worklist.planning import AuditPlan, Windows, make_plan, windows_of
from detector.errors import FormatError, OutputError
from tests.app.qa.worklist.made import HERE, THERE, Said, evidence

FRAMES = 150  # of a window


def of(number: int) -> tuple[int, int]:
    return number * FRAMES, (number + 1) * FRAMES - 1


def test_windows_lie_behind_one_another_and_a_rest_is_none():
    windows = windows_of(evidence(62.0))
    assert windows.all == tuple(of(n) for n in range(10))
    assert windows.open == tuple(range(10))
    assert windows_of(evidence(2.0)).all == ()
    assert windows_of(evidence(0.0)).all == ()


def test_nothing_is_drawn_from_windows_with_boxes_known_lesions_or_a_review_or_outside_of_the_body():
    made = evidence(
        120,
        alarms=[Said(20, 1, track=1)],
        marks_s=[63.0],
        answers=[Answer("x", "silence", "missed", 12 * FRAMES, 13 * FRAMES - 1, 12 * FRAMES + 10)],
    )
    made.inside[15 * FRAMES : 16 * FRAMES] = False
    windows = windows_of(made, lambda position: 5 * FRAMES <= position < 7 * FRAMES)
    taken = {of(3), of(10), of(12), of(15), of(5), of(6)}
    assert {windows.all[n] for n in windows.open} == {of(n) for n in range(20)} - taken
    assert {windows.all[n] for n in windows.known} == {of(10), of(12)}
    assert windows.unjudged == 1
    assert windows.shown == frozenset()


def answer(verdict: str, box=HERE, focus: int = 510) -> Answer:
    return Answer("x", "alarm", verdict, 450, 599, focus, box)


def test_an_alarm_counts_as_a_shown_lesion_once_a_person_confirmed_it():
    alarms = [Said(20, 5, track=1)]  # windows 3 and 4
    right = windows_of(evidence(120, alarms=alarms, answers=[answer("right")]))
    assert (right.shown, right.unjudged) == (frozenset({3, 4}), 0)
    wrong = windows_of(evidence(120, alarms=alarms, answers=[answer("right"), answer("content")]))
    assert (wrong.shown, wrong.unjudged) == (frozenset(), 0), "the later answer counts"
    elsewhere = windows_of(evidence(120, alarms=alarms, answers=[answer("right", THERE)]))
    assert elsewhere.unjudged == 1
    drawn = windows_of(evidence(120, alarms=alarms, known=lambda n: (HERE,) if n == 520 else ()))
    assert (drawn.shown, drawn.unjudged) == (frozenset({3, 4}), 0)
    marked = windows_of(evidence(120, alarms=alarms, marks_s=[27.0]))
    assert (marked.shown, marked.known, marked.unjudged) == (frozenset({3, 4}), frozenset(), 0)
    denied = windows_of(evidence(120, alarms=alarms, marks_s=[27.0], answers=[answer("wall")]))
    assert (denied.shown, len(denied.known)) == (frozenset(), 1), "then the mark speaks of something else"


@functools.cache
def ward(count: int = 8) -> list[tuple[Path, Windows]]:
    return [(Path(f"/ward/{n}"), windows_of(evidence(300.0 + 30 * n))) for n in range(count)]


def test_a_plan_asks_blind_in_turns_and_can_be_made_saved_and_read_again(tmp_path):
    plan = make_plan(ward(), 60)
    clips = plan.clips()
    assert len(clips) == len({c.id for c in clips}) == 60
    assert all(c.blind and c.boxes == () and c.plan == plan.id for c in clips)
    assert all(c.verdicts == ("missed", "nothing", "unsure") for c in clips)
    for until in (20, 40):
        counts = [sum(c.procedure == path for c in clips[:until]) for path, _ in ward()]
        assert max(counts) - min(counts) <= 3, "at any moment all procedures have had about their share"
    assert make_plan(ward(), 60) == plan
    assert make_plan(ward(), 60, seed=2).id != plan.id
    plan.save(tmp_path / "audits" / "plan.json")
    assert AuditPlan.load(tmp_path / "audits" / "plan.json") == plan


def test_a_plan_that_cannot_be_read_or_written_is_an_error_with_its_name(tmp_path):
    (tmp_path / "plan.json").write_text('{"schema": "polypwatch.audit-plan/2"}')
    with pytest.raises(FormatError, match=r"audit-plan/2"):
        AuditPlan.load(tmp_path / "plan.json")
    (tmp_path / "plan.json").write_text('{"schema": "polypwatch.audit-plan/1"}')
    with pytest.raises(FormatError, match=r"plan\.json is no plan"):
        AuditPlan.load(tmp_path / "plan.json")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"):
        make_plan(ward(1), 5).save(tmp_path / "file" / "plan.json")


def given(plan: AuditPlan, verdicts) -> dict[Path, list[Answer]]:
    answers: dict[Path, list[Answer]] = {}
    for clip, verdict in zip(plan.clips(), verdicts, strict=False):
        each = Answer(clip.id, "audit", verdict, clip.first, clip.last, clip.focus, None, plan.id, 6.0)
        answers.setdefault(clip.procedure, []).append(each)
    return answers


def test_the_result_counts_the_answers_of_this_plan_alone_and_the_later_one_of_two():
    plan = make_plan(ward(), 60)
    answers = given(plan, ["nothing"] * 60)
    first = plan.clips()[0]
    stray = Answer("other", "audit", "missed", first.first, first.last, first.focus, None, "another plan")
    again = Answer(first.id, "audit", "missed", first.first, first.last, first.focus, None, plan.id, 6.0)
    answers[first.procedure] += [stray, again]
    result = plan.result(answers)
    assert result.finished
    assert (result.answered, result.missed.found, result.missed.answered) == (60, 1, 60)
    windows = dict(ward())[first.procedure]
    drawn = sum(c.procedure == first.procedure for c in plan.clips())
    assert result.missed.value == pytest.approx(len(windows.open) / drawn)


def test_half_an_audit_is_not_finished_and_nothing_answered_says_so():
    plan = make_plan(ward(), 60)
    assert not plan.result({}).finished
    assert plan.result({}).missed is None
    assert "Nothing is answered" in plan.result({}).words
    half = plan.result(given(plan, ["nothing", "missed", "unsure"] * 10))
    assert (half.answered, half.missed.unsure, half.finished) == (30, 10, False)
    assert half.notes == ("Of 10 windows the reader could not tell; they are left out.",)


def test_what_the_ai_showed_and_what_it_missed_make_the_sensitivity():
    alarms = [Said(20, 30, track=1)]
    answers = [Answer("x", "alarm", "right", 450, 599, 510, HERE)]
    made = evidence(6000, alarms=alarms, answers=answers)
    windows = windows_of(made)
    plan = make_plan([(made.procedure, windows)], 100)
    result = plan.result(given(plan, ["missed"] + ["nothing"] * 99))
    assert len(windows.shown) == 6
    assert result.sensitivity.value == pytest.approx(6 / (6 + len(windows.open) / 100))
    assert result.words.startswith("Sensitivity ")
    assert np.isclose(result.sensitivity.low, 6 / (6 + result.missed.high), atol=1e-6)


def test_a_window_that_a_re_analysis_has_not_looked_at_is_not_drawn_from():
    part = evidence(60.0)
    whole = windows_of(part)
    half = replace(part.shown[0], origin="analysis")
    half.status[30 * 25 :] = NOT_ANALYSED
    assert len(windows_of(replace(part, shown=(half,))).all) == len(whole.all) // 2
    live = replace(half, origin="live")
    assert windows_of(replace(part, shown=(live,))).all == whole.all
