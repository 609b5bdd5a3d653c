"""Quality indicators: durations and scores of examinations whose answer is plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.examination.events import (
    Bbps,
    CaecumReached,
    End,
    InterventionEnd,
    InterventionStart,
    Lesion,
    Note,
    Photo,
    PolypFound,
    PolypRemoved,
    ScopeIn,
    ScopeOut,
    Undo,
    Wash,
)
from app.examination.quality import Hint, Withdrawal, quality, withdrawal, withdrawal_hint
from tests.app.examination.rig import replayed


def bbps(right: int | None, transverse: int | None, left: int | None):
    scores = {"right": right, "transverse": transverse, "left": left}
    return [(1, Bbps(segment=s, score=v)) for s, v in scores.items() if v is not None]


def test_nothing_marked_gives_no_figure():
    figures = quality(replayed())
    assert (figures.insertion_s, figures.withdrawal, figures.bbps_total, figures.bbps_adequate) == (None,) * 4
    assert figures.normal
    assert not figures.caecum_reached
    assert (figures.polyps_found, figures.polyps_removed, figures.washes) == (0, 0, 0)


def test_withdrawal_runs_from_the_caecum_to_the_anus():
    state = replayed((20, ScopeIn()), (400, CaecumReached()), (1000, ScopeOut()), (1300, End()))
    figures = quality(state)
    assert figures.insertion_s == 380
    assert figures.withdrawal == Withdrawal(600, 600, 0, "scope_out")
    assert figures.caecum_reached


def test_interventions_are_taken_out_of_the_net_time_only():
    state = replayed(
        (100, InterventionStart()),
        (130, InterventionEnd()),  # on the way in: no part of the withdrawal
        (400, CaecumReached()),
        (500, InterventionStart()),
        (590, InterventionEnd()),
        (1000, ScopeOut()),
    )
    assert withdrawal(state) == Withdrawal(600, 510, 90, "scope_out")


def test_an_intervention_that_begins_before_the_caecum_counts_from_there():
    state = replayed((390, InterventionStart()), (400, CaecumReached()), (410, InterventionEnd()), (500, ScopeOut()))
    assert withdrawal(state) == Withdrawal(100, 90, 10, "scope_out")


def test_an_intervention_without_an_end_ends_with_the_withdrawal():
    state = replayed((400, CaecumReached()), (450, InterventionStart()), (500, ScopeOut()), (900, End()))
    assert withdrawal(state) == Withdrawal(100, 50, 50, "scope_out")


def test_washing_is_part_of_the_inspection():
    state = replayed((400, CaecumReached()), (450, Wash()), (470, Wash()), (1000, ScopeOut()))
    assert withdrawal(state) == Withdrawal(600, 600, 0, "scope_out")
    assert quality(state).washes == 2


def test_time_outside_of_the_body_is_no_withdrawal():
    state = replayed((400, CaecumReached()), (500, ScopeOut()), (620, ScopeIn()), (720, ScopeOut()))
    assert withdrawal(state) == Withdrawal(200, 200, 0, "scope_out")


def test_back_in_the_withdrawal_goes_on():
    state = replayed((400, CaecumReached()), (500, ScopeOut()), (620, ScopeIn()))
    assert withdrawal(state, now_s=650) == Withdrawal(130, 130, 0, None)


def test_a_withdrawal_whose_end_nobody_marked_ends_with_the_examination_and_says_so():
    state = replayed((400, CaecumReached()), (900, End()), (5000, Note(text="documentation")))
    assert withdrawal(state) == Withdrawal(500, 500, 0, "end")


def test_while_it_runs_the_clock_runs():
    state = replayed((400, CaecumReached()))
    assert withdrawal(state, now_s=460) == Withdrawal(60, 60, 0, None)
    assert withdrawal(state) == Withdrawal(0, 0, 0, None)


def test_a_caecum_that_was_withdrawn_gives_no_withdrawal():
    assert withdrawal(replayed((400, CaecumReached()), (410, Undo(event=2)), (500, ScopeOut()))) is None


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 200)), max_size=5))
def test_net_time_and_interventions_add_up(pauses):
    marks, now = [], 0.0
    for gap, length in pauses:
        marks += [(now + gap, InterventionStart()), (now + gap + length, InterventionEnd())]
        now += gap + length
    measured = withdrawal(replayed((0, CaecumReached()), *marks, (now + 60, ScopeOut())))
    assert measured is not None
    assert measured.net_s + measured.interventions_s == pytest.approx(measured.total_s, abs=0.01)
    assert measured.interventions_s == pytest.approx(sum(length for _, length in pauses), abs=0.01)


@pytest.mark.parametrize(
    ("scores", "total", "adequate"),
    [
        ((2, 2, 2), 6, True),
        ((3, 3, 3), 9, True),
        ((3, 3, 1), 7, False),  # 7 in all, and yet not adequate
        ((0, 0, 0), 0, False),
        ((2, 3, None), None, None),
        ((1, None, None), None, False),
        ((None, None, None), None, None),
    ],
)
def test_preparation_is_adequate_if_every_segment_is(scores, total, adequate):
    figures = quality(replayed(*bbps(*scores)))
    assert (figures.bbps_total, figures.bbps_adequate) == (total, adequate)


def test_the_last_score_of_a_segment_counts():
    assert quality(replayed(*bbps(1, 2, 2), (2, Bbps(segment="right", score=2)))).bbps_total == 6


@pytest.mark.parametrize(
    ("marks", "found", "removed"),
    [
        ([PolypFound(lesion=1), PolypFound(lesion=2), PolypRemoved(lesion=2)], 2, 1),
        ([PolypFound(lesion=1), PolypRemoved(lesion=1), Lesion(id=1, method="cold_snare")], 1, 1),
        ([PolypFound(lesion=1), Lesion(id=1, method="none")], 1, 0),
        ([PolypFound(lesion=1), Lesion(id=1, method="biopsy")], 1, 0),
        ([Lesion(id=1, method="emr"), Lesion(id=2, method="esd")], 2, 2),
        ([PolypFound(lesion=1), PolypFound(lesion=2), PolypRemoved()], 2, 1),
        ([PolypFound(lesion=1), PolypRemoved(), PolypRemoved()], 1, 1),
        ([PolypRemoved()], 1, 1),
        ([PolypFound(lesion=1), Undo(event=2)], 0, 0),
    ],
)
def test_polyps_are_counted_by_lesion(marks, found, removed):
    figures = quality(replayed(*((n, mark) for n, mark in enumerate(marks))))
    assert (figures.polyps_found, figures.polyps_removed) == (found, removed)


@pytest.mark.parametrize(
    ("mark", "normal"),
    [
        (Wash(), True),
        (PolypFound(lesion=1), True),
        (Lesion(id=1, method="none"), True),
        (Lesion(id=1, method="biopsy"), False),
        (InterventionStart(), False),
    ],
)
def test_an_examination_is_normal_while_nothing_was_removed_or_sampled(mark, normal):
    assert quality(replayed((1, mark))).normal is normal


def test_photographs_of_valve_and_orifice_are_told_apart():
    figures = quality(replayed((1, Photo(of="orifice", file="a.png"))))
    assert (figures.valve_photographed, figures.orifice_photographed) == (False, True)


def test_the_hint_is_silent_before_the_caecum():
    assert withdrawal_hint(replayed((1, ScopeIn())), now_s=5000) is None


def test_the_hint_says_when_eight_minutes_are_reached():
    state = replayed((100, CaecumReached()))
    assert withdrawal_hint(state, now_s=579).hint is Hint.RUNNING
    assert withdrawal_hint(state, now_s=580).hint is Hint.REACHED


def test_the_hint_says_when_the_endoscope_is_out_before():
    state = replayed((100, CaecumReached()), (500, ScopeOut()))
    said = withdrawal_hint(state, now_s=9000)
    assert (said.hint, said.elapsed_s, said.target_s) == (Hint.SHORT, 400, 480)
    assert withdrawal_hint(state, now_s=9000, after_s=360).hint is Hint.REACHED


@pytest.mark.parametrize("mark", [InterventionStart(), PolypRemoved(), Lesion(id=1, method="cold_snare")])
def test_the_hint_is_silent_after_any_intervention(mark):
    assert withdrawal_hint(replayed((100, CaecumReached()), (200, mark)), now_s=9000) is None


def test_the_hint_can_be_switched_off():
    assert withdrawal_hint(replayed((100, CaecumReached())), now_s=9000, after_s=None) is None
