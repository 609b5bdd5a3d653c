from dataclasses import replace

import pytest

from app.gui.notices import Notice
from app.gui.signs import (
    Tone,
    View,
    ai_banner,
    ai_sign,
    overlay_words,
    picture_is_old,
    shown_markers,
    source_banner,
    source_sign,
    status_of,
)
from app.snapshot import Quiet, RecorderSnapshot, SourceStatus
from detector.watchdog import AiState
from tests.app.gui.fakes import marker, snapshot

NO_PICTURE = {
    SourceStatus.OPENING,
    SourceStatus.LOST,
    SourceStatus.GONE,
    SourceStatus.ENDED,
    SourceStatus.FAILED,
}


def test_every_ai_state_differs_in_words_and_in_shape() -> None:
    signs = [ai_sign(snapshot(ai=state).ai) for state in AiState]
    assert len({sign.text for sign in signs}) == len(AiState)
    assert len({sign.shape for sign in signs}) == len(AiState)
    assert all(sign.text.startswith("AI ") for sign in signs)


def test_every_source_status_differs_in_words_and_in_shape() -> None:
    signs = [source_sign(snapshot(status=status).source) for status in SourceStatus]
    assert len({sign.text for sign in signs}) == len(SourceStatus)
    assert len({sign.shape for sign in signs}) == len(SourceStatus)
    assert all("clip.mp4" in sign.text for sign in signs)


def test_a_failed_ai_says_why_in_the_sign_and_in_the_banner() -> None:
    failed = snapshot(ai=AiState.FAILED, detail="wrong hash")
    assert (ai_sign(failed.ai).text, ai_sign(failed.ai).detail) == ("AI FAILED", "wrong hash")
    banner = ai_banner(failed)
    assert banner is not None
    assert banner.detail == "wrong hash"
    assert "No polyps are marked" in banner.works


@pytest.mark.parametrize("state", set(AiState) - {AiState.ON, AiState.OFF})
def test_an_ai_that_should_look_and_does_not_has_a_banner(state: AiState) -> None:
    assert ai_banner(snapshot(ai=state, overlay_age_ms=1500.0)) is not None


def test_a_hiccup_has_a_sign_but_no_banner() -> None:
    late = snapshot(ai=AiState.LATE, overlay_age_ms=300.0, expired=True)
    assert ai_banner(late) is None
    assert status_of(late, View()).ai.text == "AI BEHIND"


@pytest.mark.parametrize("status", SourceStatus)
def test_a_picture_that_is_not_the_present_one_has_a_banner_that_says_what_to_do(status: SourceStatus) -> None:
    shown = snapshot(status=status)
    banner = source_banner(shown)
    assert (banner is not None) == (status in NO_PICTURE) == picture_is_old(shown)
    assert banner is None or (banner.title and banner.todo)


def test_retries_are_counted_on_the_screen() -> None:
    lost = snapshot(status=SourceStatus.LOST)
    lost = replace(lost, source=replace(lost.source, retries=3))
    banner = source_banner(lost)
    assert banner is not None
    assert "Trying again (3)" in banner.todo
    assert "trying again (3)" in source_sign(lost.source).text


@pytest.mark.parametrize("state", AiState)
def test_markers_show_only_while_the_ai_is_on(state: AiState) -> None:
    shown = shown_markers(snapshot(ai=state, markers=(marker(),)), View())
    assert bool(shown) == (state is AiState.ON)


def test_an_expired_overlay_shows_no_markers_and_says_so() -> None:
    expired = snapshot(markers=(marker(),), expired=True, overlay_age_ms=400.0)
    assert shown_markers(expired, View()) == ()
    assert "overlay expired" in status_of(expired, View()).figures


@pytest.mark.parametrize("status", SourceStatus)
def test_a_green_ai_sign_means_that_it_has_a_present_picture(status: SourceStatus) -> None:
    sign = status_of(snapshot(status=status), View()).ai
    assert (sign.tone is Tone.GOOD) == (status not in NO_PICTURE)
    assert (sign.text == "AI READY") == (status not in NO_PICTURE)


@pytest.mark.parametrize("status", NO_PICTURE)
def test_no_marker_is_shown_on_an_old_picture(status: SourceStatus) -> None:
    assert shown_markers(snapshot(status=status, markers=(marker(),)), View()) == ()


@pytest.mark.parametrize("quiet", Quiet)
def test_no_marker_is_shown_while_the_screen_says_why_there_is_none(quiet: Quiet) -> None:
    assert shown_markers(snapshot(markers=(marker(),), quiet=quiet), View()) == ()


def test_flags_tell_of_sound_recording_and_frames_that_were_not_analysed() -> None:
    def flags(view: View, **changes: object) -> list[str]:
        return [flag.text for flag in status_of(replace(snapshot(failed=2), **changes), view).flags]

    assert flags(View(muted=True), recording="/a") == ["REC", "MUTED", "2 FRAMES NOT ANALYSED"]
    assert flags(View(sound_fault="no sound device")) == ["NO SOUND DEVICE", "2 FRAMES NOT ANALYSED"]
    assert flags(View(), recording="/a", recorder_fault="disk full")[0] == "RECORDING FAULT"


def test_the_overlays_age_is_said_in_words() -> None:
    assert overlay_words(snapshot(overlay_age_ms=61.6).ai) == "overlay 62 ms"
    assert overlay_words(snapshot(overlay_age_ms=None, expired=True).ai) == "no result yet"
    assert overlay_words(snapshot(ai=AiState.OFF).ai) == "no overlay"


def test_the_status_names_figures_provider_and_model() -> None:
    status = status_of(snapshot(), View())
    assert status.figures == ("25 frames/s", "overlay 62 ms")
    assert status.identity == ("CPU", "scripted 1.2.3")


def test_a_recording_says_for_how_many_hours_the_disk_lasts_once_that_is_known() -> None:
    def figures(hours: float | None) -> tuple[str, ...]:
        recorder = RecorderSnapshot("/r/1", 754.0, hours_left=hours)
        return status_of(replace(snapshot(), recorder=recorder), View()).figures

    assert figures(26.7)[2:] == ("disk 26 h",)
    assert figures(None)[2:] == ()


def test_a_notice_is_urgent_and_a_figure_is_not() -> None:
    plain = status_of(snapshot(), View())
    slower = status_of(snapshot(overlay_age_ms=80.0), View())
    told = status_of(snapshot(), View(notice=Notice("Saved.")))
    assert plain.urgent_part() == slower.urgent_part()
    assert plain.urgent_part() != told.urgent_part()
