"""What is said of a machine follows from its figures alone."""

import pytest

from app.bench.verdict import Outcome, faults_of, judge
from app.report import Percentiles
from tests.app.bench.cases import HD25, HD25_REC, HD50, HD50_REC, HD60_REC, SMALL25, calls, figures, trial

NONE = Percentiles(None, None, None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"box_ms": Percentiles(100.0, 250.1, 300.0)}, "boxes came up to 250 ms"),
        ({"box_ms": NONE, "answers_per_s": 0.0}, "no answer of the AI reached the screen"),
        ({"answers_per_s": 9.9}, "the AI answered 9.9 times a second"),
        ({"restarts": 1}, "had to be restarted 1 time"),
        ({"failed": 3}, "failed on 3 pictures"),
        ({"ai_trouble": "No model."}, "the AI did not run (No model)"),
        ({"late": 2}, "2.0% of the pictures were late"),
        ({"pictures": 0, "painted": 0}, "there was no picture"),
        ({"record_lost": 1}, "the recording lacks 1 picture"),
        ({"record_waiting": 9}, "could not keep up (9 pictures waited"),
        ({"record_growth": 2.0, "record_waiting": 6}, "could not keep up"),
        ({"record_fault": "The disk is full."}, "the recording failed (The disk is full)"),
    ],
)
def test_each_criterion_alone_is_enough_not_to_hold_a_setting(changes, says):
    assert faults_of(trial(HD25_REC)) == ()
    (fault,) = faults_of(trial(HD25_REC, **changes))
    assert says in fault


def test_the_limits_themselves_are_held():
    edge = trial(
        HD25_REC,
        pictures=1000,
        late=10,
        box_ms=Percentiles(200.0, 250.0, 400.0),
        answers_per_s=10.0,
        record_waiting=8,
        record_growth=1.9,
    )
    assert faults_of(edge) == ()


def test_one_late_picture_in_a_short_trial_is_an_accident():
    assert faults_of(trial(HD25, pictures=50, late=1)) == ()
    assert faults_of(trial(HD25, pictures=50, late=2))


def test_the_recorder_does_not_count_where_nothing_was_recorded():
    assert faults_of(trial(HD25, record_lost=5, record_waiting=50, record_fault="gone")) == ()


def test_a_machine_that_holds_all_is_told_its_heaviest_setting():
    verdict = judge(figures(trial(HD25_REC), trial(HD50_REC), trial(HD60_REC)))
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.sentences == (
        "This machine can run `fast` on 1080p60 with boxes 35 ms after the picture (95 of 100 within 44 ms); "
        "recording as well.",
    )


def test_what_is_beyond_it_is_said_with_the_reason():
    verdict = judge(figures(trial(HD25_REC), trial(HD50_REC, record_lost=7), trial(HD50)))
    (sentence,) = verdict.sentences
    assert "on 1080p50 with boxes" in sentence
    assert "recording as well up to 1080p25." in sentence
    assert sentence.endswith("Beyond that: at 1080p50 with recording the recording lacks 7 pictures.")


def test_a_model_that_holds_only_without_recording():
    verdict = judge(figures(trial(HD25_REC, late=20), trial(HD25)))
    assert verdict.outcome is Outcome.HOLDS
    assert (
        "on 1080p25 with boxes 35 ms after the picture (95 of 100 within 44 ms), only without recording."
        in (verdict.sentences[0])
    )


def test_less_than_1080p25_is_too_slow_even_if_something_smaller_holds():
    verdict = judge(figures(trial(HD25_REC, late=50), trial(HD25, late=30), trial(SMALL25)))
    assert verdict.outcome is Outcome.TOO_SLOW
    assert "on 720p25" in verdict.sentences[0]
    assert "Beyond that: at 1080p25 30.0% of the pictures were late or left out." in verdict.sentences[0]


def test_a_machine_that_holds_nothing_is_told_why():
    verdict = judge(figures(trial(HD25_REC, late=50), trial(HD25, late=40), trial(SMALL25, late=30)))
    assert verdict.outcome is Outcome.TOO_SLOW
    assert verdict.sentences == (
        "This machine cannot run `fast` live: at 720p25 30.0% of the pictures were late or left out.",
    )


def test_the_exit_status_is_about_the_first_model():
    both = ("fast", "accurate")
    slow = trial(HD25_REC, "accurate", box_ms=Percentiles(400.0, 600.0, 700.0))
    assert judge(figures(trial(HD25_REC), slow, models=both)).outcome is Outcome.HOLDS
    fast = trial(HD25_REC, late=100)
    assert judge(figures(fast, trial(HD25_REC, "accurate"), models=both)).outcome is Outcome.TOO_SLOW


def test_every_model_has_its_own_sentence_and_what_was_not_tried_is_named():
    verdict = judge(figures(trial(HD25_REC), models=("fast", "accurate"), skipped=("`fast` on 1080p50",)))
    assert verdict.sentences[1:] == ("`accurate` was not tried.", "Not tried for lack of time: `fast` on 1080p50.")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"others": (0.01, 0.43)}, "Other programs use 43% of the processor: close them and run again."),
        ({"calls": (calls(20.0, 26.0, 20.0),)}, "took 20 ms in one round and 26 ms in another"),
    ],
)
def test_a_busy_machine_never_gets_a_clean_verdict(changes, says):
    verdict = judge(figures(trial(HD25_REC), trial(HD50_REC), **changes))
    assert verdict.outcome is Outcome.DISTURBED
    assert says in verdict.disturbances[0]
    assert verdict.sentences[0].startswith("While disturbed, this machine could run `fast`")
    assert verdict.sentences[-1] == "That is no verdict on the machine."


def test_a_busy_machine_that_held_nothing_is_not_called_slow():
    verdict = judge(figures(trial(HD25_REC, late=90), others=(0.9,)))
    assert verdict.outcome is Outcome.DISTURBED
    assert verdict.sentences[0].startswith("While disturbed, this machine could not run `fast` live")


def test_a_system_that_does_not_say_what_others_use_is_judged_by_the_spread():
    assert judge(figures(trial(HD25_REC), others=())).outcome is Outcome.HOLDS


def test_the_exit_statuses_are_as_documented():
    assert [outcome.value for outcome in Outcome] == [0, 11, 12]
