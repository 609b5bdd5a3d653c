import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.gui import theme
from app.gui.signs import View
from app.gui.sound import NO_DEVICE, ChimeRule, SoundEffect
from app.snapshot import LiveSnapshot, Quiet
from tests.app.gui.fakes import marker, snapshot

SECOND = 1_000_000_000
ALERT = theme.asset("sounds", "alert.wav")


def at(seconds: float, alerts: int, shown: bool = True) -> LiveSnapshot:
    markers = (marker(),) if shown else ()
    return replace(snapshot(markers=markers), new_alerts=alerts, taken_ns=round(seconds * SECOND))


def test_a_new_marker_sounds_once() -> None:
    rule = ChimeRule()
    assert not rule.due(at(0, 0, shown=False), View())
    assert rule.due(at(1, 1), View())
    assert not rule.due(at(1.1, 1), View())


def test_no_sound_within_three_seconds_after_a_marker_was_shown() -> None:
    rule = ChimeRule()
    assert rule.due(at(1, 1), View())
    assert not rule.due(at(2, 1, shown=False), View())
    assert not rule.due(at(3.9, 2), View())
    assert not rule.due(at(5, 2, shown=False), View())
    assert rule.due(at(7, 3), View())


def test_a_marker_that_nobody_sees_makes_no_sound() -> None:
    rule = ChimeRule()
    assert not rule.due(at(1, 1), View(boxes=False))
    assert not rule.due(at(1.1, 1), View())


def test_muted_is_silent_and_unmuting_does_not_sound_late() -> None:
    rule = ChimeRule()
    assert not rule.due(at(1, 1), View(muted=True))
    assert not rule.due(at(1.1, 1), View())


def test_the_sound_is_short_soft_and_made_by_its_script() -> None:
    with wave.open(str(ALERT)) as sound:
        data = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        assert sound.getnframes() / sound.getframerate() < 0.5
    assert 0.1 < np.abs(data).max() / 32767 < 0.4
    assert abs(int(data[0])) < 50
    assert abs(int(data[-1])) < 50
    script: dict[str, object] = {"__name__": "make_alert", "__file__": str(ALERT)}
    exec(ALERT.with_name("make_alert.py").read_text(), script)
    made = script["samples"]
    assert callable(made)
    assert (made() == data).all()


@pytest.mark.no_qt_log  # whether Qt finds a sound server is not ours to say
def test_without_a_device_or_file_it_says_so_and_stays_silent(tmp_path: Path) -> None:
    assert SoundEffect(tmp_path / "none.wav").fault
    effect = SoundEffect(ALERT)
    assert effect.fault in ("", NO_DEVICE)
    if effect.fault:
        effect.play()


def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PyQt6.QtMultimedia", None)
    effect = SoundEffect(ALERT)
    effect.play()
    assert effect.fault == NO_DEVICE


@pytest.mark.parametrize("quiet", Quiet)
def test_what_keeps_boxes_from_the_screen_keeps_the_sound_away(quiet: Quiet) -> None:
    rule = ChimeRule()
    assert not rule.due(at(0, 0, shown=False), View())
    assert not rule.due(replace(at(1, 1), quiet=quiet), View())


def test_boxes_that_come_back_make_no_late_sound_for_what_appeared_meanwhile() -> None:
    rule = ChimeRule()
    rule.due(at(0, 0, shown=False), View())
    rule.due(replace(at(1, 1), quiet=Quiet.HIDDEN), View())
    assert not rule.due(at(60, 1), View()), "it is no new lesion"
    assert rule.due(at(70, 2), View())


def test_markers_hidden_within_three_seconds_of_being_seen_still_keep_the_next_one_silent() -> None:
    rule = ChimeRule()
    assert rule.due(at(1, 1), View())
    rule.due(replace(at(2, 1), quiet=Quiet.POOR_VIEW), View())
    assert not rule.due(at(3.5, 2), View())


@pytest.mark.no_qt_log
@pytest.mark.parametrize(("asked", "given"), [(-5, 0), (0, 0), (40, 40), (100, 100), (300, 100)])
def test_the_volume_is_kept_within_its_limits(asked: int, given: int) -> None:
    effect = SoundEffect(ALERT)
    effect.set_volume(asked)
    assert effect.volume_percent == given
    if effect._effect is not None:
        assert effect._effect.volume() == pytest.approx((given / 100) ** 2)
