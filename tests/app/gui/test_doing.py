from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.gui.ai_signs import SignClock
from app.gui.preset_words import preset_notice, rate_words
from app.gui.window import LiveWindow
from detector.presets import FalseAlarmRate, Preset
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import FakePlayer, FakeSession
from tests.app.gui.test_window import notice, press

RATE = FalseAlarmRate(0.84, 12.5, 2)


PRESETS = (Preset("high", 0.4, rate=RATE), Preset("normal", 0.57), Preset("low", 0.7))


def whole_notice(window: LiveWindow) -> str:
    words = notice(window)
    shown = window.page.view.notice
    return f"{words} {shown.rest if shown else ''}".strip()


def test_a_change_of_sensitivity_tells_its_false_alarms(open_window: OpenWindow, session: FakeSession) -> None:
    session.now = replace(session.now, presets=PRESETS)
    window = open_window()
    press(window, "V")
    assert session.sensitivity == "high"
    told = "False alarms: 0.84 per minute on 12.5 minutes of video from 2 processors."
    assert whole_notice(window) == f"Sensitivity: high. {told}"


def test_every_preset_has_its_turn_and_expert_limits_are_left_for_the_normal_ones(
    open_window: OpenWindow, session: FakeSession
) -> None:
    window = open_window()
    seen = []
    for _ in range(3):
        press(window, "V")
        seen.append(session.sensitivity)
    assert seen == ["high", "low", "normal"]
    session.set_sensitivity("expert")
    press(window, "V")
    assert session.sensitivity == "normal"


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (None, "False alarms: unknown for this preset."),
        (FalseAlarmRate(1.25, 30, 1), "False alarms: 1.2 per minute on 30 minutes of video from 1 processor."),
        (FalseAlarmRate(2, 7, 0), "False alarms: 2 per minute on 7 minutes of video, processors unknown."),
    ],
)
def test_a_rate_names_what_it_was_measured_on(rate: FalseAlarmRate | None, words: str) -> None:
    assert rate_words(rate) == words
    assert preset_notice("normal", (Preset("normal", 0.5, rate=rate),)).rest == words


def test_a_preset_of_a_model_that_does_not_run_is_unknown() -> None:
    assert preset_notice("high", ()).rest == "False alarms: unknown for this preset."


def test_insisting_on_boxes_in_any_light_and_shadow_are_told(open_window: OpenWindow, session: FakeSession) -> None:
    window = open_window()
    press(window, "L")
    assert session.light_override
    assert "every light" in whole_notice(window)
    window.board.dismiss()
    press(window, "Ctrl+Shift+S")
    assert session.shadow
    assert "shows nothing" in whole_notice(window)


def test_the_volume_stays_between_silent_and_full_and_is_heard_at_once(
    open_window: OpenWindow, player: FakePlayer
) -> None:
    window = open_window(volume_percent=70)
    assert player.volume_percent == 70
    for _ in range(3):
        press(window, "+")
    assert player.volume_percent == 100
    assert player.played == 3
    press(window, "M")
    for _ in range(6):
        press(window, "-")
    assert player.volume_percent == 0
    assert player.played == 3, "a muted sound stays silent"


def test_the_page_knows_since_when_its_sign_stands(open_window: OpenWindow, session: FakeSession, qtbot: QtBot) -> None:
    window = open_window()
    first = window.page.view.sign_since_ns
    press(window, "B")
    assert first is not None
    assert window.page.view.sign_since_ns == SignClock().since_ns(session.now, window.page.view)


def test_the_title_says_that_it_is_research(open_window: OpenWindow) -> None:
    assert "Research use only" in open_window().windowTitle()
