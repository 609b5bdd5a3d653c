from dataclasses import replace

import pytest

from app.gui.flags import elapsed, flag_signs
from app.gui.signs import Tone, View
from app.snapshot import LiveSnapshot, RecorderSnapshot
from tests.app.gui.fakes import snapshot


def recording(**fields: object) -> LiveSnapshot:
    recorder = replace(RecorderSnapshot("/a", seconds=3723.4), **fields)  # type: ignore[arg-type]
    return replace(snapshot(), recording="/a", recorder=recorder)


def flags(shown: LiveSnapshot, view: View | None = None) -> list[str]:
    return [flag.text for flag in flag_signs(shown, view or View())]


def test_a_recording_shows_how_long_it_is() -> None:
    assert flags(recording()) == ["REC 1:02:03"]
    assert flags(replace(snapshot(), recording="/a")) == ["REC"]


@pytest.mark.parametrize(("span_s", "words"), [(0, "0:00"), (59.9, "0:59"), (754, "12:34"), (3600, "1:00:00")])
def test_running_time_reads_like_a_recorders(span_s: float, words: str) -> None:
    assert elapsed(span_s) == words


def test_a_blanked_recording_does_not_look_like_one_that_keeps_the_picture() -> None:
    kept, blank = (flag_signs(recording(blanking=blanking), View())[0] for blanking in (False, True))
    assert blank.text == "REC (BLANK) 1:02:03"
    assert kept.shape is not blank.shape


def test_every_cause_of_lost_pictures_is_counted() -> None:
    lost = recording(lost=(("the encoder was too slow", 12), ("the disk was too slow", 0), ("damaged", 1)))
    assert flags(lost)[1:] == ["12 LOST: the encoder was too slow", "1 LOST: damaged"]


@pytest.mark.parametrize(
    ("hours", "words", "tone"),
    [(2.0, None, None), (1.99, "DISK: 1 h 59 min LEFT", Tone.CAUTION), (0.2, "DISK: 12 min LEFT", Tone.FAULT)],
)
def test_a_disk_that_is_soon_full_is_said_in_time(hours: float, words: str | None, tone: Tone | None) -> None:
    found = [flag for flag in flag_signs(recording(hours_left=hours), View()) if "LEFT" in flag.text]
    assert [(flag.text, flag.tone) for flag in found] == ([(words, tone)] if words else [])


def test_a_fault_takes_the_place_of_all_that_would_sound_like_recording() -> None:
    assert flags(replace(recording(), recorder_fault="the disk is full")) == ["RECORDING FAULT"]


def test_a_sensitivity_that_is_not_the_usual_one_stays_on_the_screen() -> None:
    said = {preset: flags(replace(snapshot(), sensitivity=preset)) for preset in ("normal", "high", "low", "expert")}
    assert said == {"normal": [], "high": ["SENSITIVITY HIGH"], "low": ["SENSITIVITY LOW"], "expert": ["EXPERT LIMITS"]}
