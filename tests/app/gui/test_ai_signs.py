from dataclasses import replace

import pytest

from app.gui.ai_signs import FREEZE_ALARM_S, SignClock, age_words, card_of, lasting, main_sign
from app.gui.keys import KEYS, Action
from app.gui.signs import Tone, View, ai_banner, status_of
from app.snapshot import LiveSnapshot, Quiet, SourceStatus, ViewSnapshot
from detector.picture.quality import View as Sight
from detector.watchdog import AiState
from tests.app.gui.fakes import marker, snapshot

SECOND = 1_000_000_000


def hidden(seconds: float) -> LiveSnapshot:
    shown = snapshot(quiet=Quiet.HIDDEN)
    return replace(shown, hidden_until_ns=shown.taken_ns + round(seconds * SECOND))


def frozen(seconds: float) -> LiveSnapshot:
    shown = snapshot(quiet=Quiet.FROZEN)
    return replace(shown, view=ViewSnapshot(frozen_since_ns=shown.taken_ns - round(seconds * SECOND)))


def every_state() -> dict[str, LiveSnapshot]:
    states = {f"ai {state.name}": snapshot(ai=state) for state in AiState}
    states["detecting"] = snapshot(markers=(marker(),))
    sources = (SourceStatus.OPENING, SourceStatus.LOST, SourceStatus.GONE, SourceStatus.ENDED, SourceStatus.FAILED)
    states |= {f"source {status.name}": snapshot(status=status) for status in sources}
    states |= {f"quiet {quiet.name}": snapshot(quiet=quiet) for quiet in Quiet}
    return states


def test_no_two_states_share_their_words_or_their_shape() -> None:
    signs = {name: main_sign(shown, View()) for name, shown in every_state().items()}
    assert len({sign.text for sign in signs.values()}) == len(signs)
    shapes = {name: sign.shape for name, sign in signs.items() if name not in ("ai STARTING", "source OPENING")}
    assert len(set(shapes.values())) == len(shapes)


def test_only_an_ai_that_looks_at_a_present_picture_is_green() -> None:
    green = {name for name, shown in every_state().items() if main_sign(shown, View()).tone is Tone.GOOD}
    assert green == {"ai ON", "detecting"}


def test_switched_off_or_failed_is_said_even_while_the_signal_is_lost() -> None:
    for state, words in ((AiState.OFF, "AI OFF"), (AiState.FAILED, "AI FAILED"), (AiState.STALLED, "NO SIGNAL")):
        assert main_sign(snapshot(ai=state, status=SourceStatus.LOST), View()).text == words


@pytest.mark.parametrize("state", set(AiState) - {AiState.ON})
def test_an_ai_that_does_not_run_is_never_said_to_be_merely_quiet(state: AiState) -> None:
    for quiet in Quiet:
        assert main_sign(snapshot(ai=state, quiet=quiet), View()).text.startswith("AI ")


def test_what_the_user_chose_stays_a_flag_while_the_large_sign_says_something_else() -> None:
    failed = replace(hidden(20), ai=snapshot(ai=AiState.FAILED).ai)
    assert "BOXES HIDDEN 20 s" in [flag.text for flag in status_of(failed, View()).flags]
    assert status_of(hidden(20), View()).flags == ()


@pytest.mark.parametrize(("seconds", "words"), [(60, "60 s"), (42.1, "43 s"), (0.4, "1 s"), (-3, "0 s")])
def test_the_countdown_is_never_too_short_and_never_below_zero(seconds: float, words: str) -> None:
    card = card_of(hidden(seconds), View())
    assert card is not None
    assert card.figure == words
    assert main_sign(hidden(seconds), View()).text == f"BOXES HIDDEN {words}"


def test_the_countdown_names_the_keys_in_force() -> None:
    pedal = {Action.HIDE_BOXES: ("F13",), Action.SHOW_BOXES: ()}
    keys = tuple(replace(key, keys=pedal.get(key.action, key.keys)) for key in KEYS)
    assert card_of(hidden(9), View()).lines == ("B: longer", "Shift+B: boxes back")
    assert card_of(hidden(9), View(keys=keys)).lines == ("F13: longer",)


@pytest.mark.parametrize(
    ("sight", "reason"),
    [(Sight.BLURRED, "blurred"), (Sight.DARK, "dark"), (Sight.WASHED_OUT, "washed out")],
)
def test_a_poor_view_says_what_is_poor(sight: Sight, reason: str) -> None:
    poor = replace(snapshot(quiet=Quiet.POOR_VIEW), view=ViewSnapshot(view=sight))
    sign = main_sign(poor, View())
    assert (sign.text, sign.detail) == ("POOR VIEW: AI SUPPRESSED", reason)


def test_light_that_nobody_validated_says_how_to_insist_and_stays_flagged_when_the_user_does() -> None:
    view = ViewSnapshot(validated=False)
    sign = main_sign(replace(snapshot(quiet=Quiet.LIGHT), view=view), View())
    assert (sign.text, sign.detail) == ("NOT VALIDATED IN THIS LIGHT", "press L to insist")
    insisted = status_of(replace(snapshot(), view=view), View())
    assert [flag.text for flag in insisted.flags] == ["LIGHT NOT VALIDATED"]


def test_a_freeze_is_calm_at_first_and_an_alarm_after_ten_seconds() -> None:
    short, long = frozen(FREEZE_ALARM_S - 0.1), frozen(FREEZE_ALARM_S)
    assert main_sign(short, View()).tone is Tone.BUSY
    assert ai_banner(short) is None
    assert main_sign(long, View()).tone is Tone.FAULT
    assert main_sign(long, View()).text == "PICTURE FROZEN 10 s"
    assert ai_banner(long) is not None


def test_results_that_are_too_old_are_no_ready_ai() -> None:
    late = snapshot(expired=True, overlay_age_ms=400.0)
    assert main_sign(late, View()).text == "AI BEHIND"
    held = snapshot(expired=True, overlay_age_ms=400.0, status=SourceStatus.PAUSED)
    assert main_sign(held, View()).text == "AI WAITS"
    first = snapshot(expired=True, overlay_age_ms=None)
    assert main_sign(first, View()).text == "AI READY"


def test_a_window_without_boxes_never_says_that_it_shows_a_marker() -> None:
    assert main_sign(snapshot(markers=(marker(),)), View(boxes=False)).text == "AI READY"


def test_the_signs_age_counts_from_its_first_appearance_and_a_countdown_makes_no_new_sign() -> None:
    clock, first = SignClock(), hidden(60)
    clock.since_ns(first, View())
    later = replace(first, taken_ns=first.taken_ns + 12 * SECOND)
    view = View(sign_since_ns=clock.since_ns(later, View()))
    assert view.sign_since_ns == first.taken_ns
    assert age_words(later, view, main_sign(later, view)) == "", "one count is enough"
    poor = replace(later, quiet=Quiet.POOR_VIEW)
    assert age_words(poor, view, main_sign(poor, view)) == "for 12 s"
    other = replace(snapshot(), taken_ns=later.taken_ns)
    assert clock.since_ns(other, View()) == later.taken_ns


def test_a_working_ais_age_is_that_of_its_newest_result() -> None:
    assert status_of(snapshot(overlay_age_ms=61.6), View()).age == "result 62 ms old"
    assert status_of(snapshot(overlay_age_ms=None), View()).age == "no result yet"


@pytest.mark.parametrize(
    ("span_s", "words"), [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3900, "1 h 05 min")]
)
def test_spans_are_read_at_a_glance(span_s: float, words: str) -> None:
    assert lasting(span_s) == words


@pytest.mark.parametrize("quiet", Quiet)
def test_every_quiet_state_stands_large_beside_the_picture(quiet: Quiet) -> None:
    card = card_of(snapshot(quiet=quiet), View())
    assert card is not None
    assert card.title
    assert card.corner == (quiet is Quiet.HIDDEN)
    assert card_of(snapshot(quiet=quiet, status=SourceStatus.LOST), View()) is None
