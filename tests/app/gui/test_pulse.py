import time
from dataclasses import replace

import pytest

from app.day.line import BEAT, CLOSING, RAISE, Line, Switchboard, call
from app.gui.last_words import LastWords
from app.gui.pulse import pulse_feature
from tests.app.gui.fakes import FakeSession, snapshot


@pytest.fixture
def ends():
    """The supervisor's end of a line, and the window's."""
    arrived: list[Line] = []
    board = Switchboard(arrived.append)
    window = call(board.address)
    assert window is not None
    end = time.monotonic() + 5
    while not arrived and time.monotonic() < end:
        time.sleep(0.01)
    yield arrived[0], window
    window.close()
    arrived[0].close()
    board.close()


def heard(line: Line, qtbot) -> list[tuple[str, object]]:
    words: list[tuple[str, object]] = []

    def some() -> bool:
        words.extend(line.received())
        return bool(words)

    qtbot.waitUntil(some, timeout=5000)
    return words


def test_the_window_beats_from_its_event_loop_and_says_what_the_next_one_must_know(open_window, ends, qtbot, session):
    supervisor, line = ends
    session.set_ai_enabled(False)
    open_window(features=(pulse_feature(line),))
    word, state = heard(supervisor, qtbot)[-1]
    assert word == BEAT
    assert (state["ai"], state["shadow"], state["recording"]) == (False, False, None)
    session.set_shadow(True)
    session.start_recording(None)
    qtbot.waitUntil(lambda: [s["shadow"] for _, s in supervisor.received()][-1:] == [True], timeout=5000)


def test_that_the_picture_is_there_is_said_at_once(open_window, ends, qtbot, session):
    supervisor, line = ends
    session.now = replace(snapshot(), frame=None)
    open_window(features=(pulse_feature(line),))
    assert heard(supervisor, qtbot)[-1][1]["picture"] is False
    session.show(snapshot())
    begun = time.monotonic()
    qtbot.waitUntil(lambda: any(s["picture"] for _, s in supervisor.received()), timeout=5000)
    assert time.monotonic() - begun < 0.9  # not with the next beat only


def test_before_the_window_completes_its_files_it_says_that_it_closes(open_window, ends, qtbot):
    supervisor, line = ends
    window = open_window(features=(pulse_feature(line),))
    heard(supervisor, qtbot)
    window.close()
    assert (CLOSING, {"for_good": True}) in heard(supervisor, qtbot)


def test_a_window_that_is_opened_anew_says_so_and_what_else_the_next_one_must_know(open_window, ends, qtbot):
    supervisor, line = ends
    window = open_window(features=(pulse_feature(line, lambda: {"set_up": True}, lambda: False),))
    assert heard(supervisor, qtbot)[-1][1]["set_up"] is True
    window.close()
    assert (CLOSING, {"for_good": False}) in heard(supervisor, qtbot)


@pytest.mark.qt_log_ignore("This plugin does not support raise")
def test_a_second_start_brings_a_minimised_window_back(open_window, ends, qtbot):
    supervisor, line = ends
    window = open_window(features=(pulse_feature(line),))
    window.showMinimized()
    supervisor.send(RAISE)
    qtbot.waitUntil(lambda: not window.isMinimized(), timeout=5000)


def test_a_window_outlives_its_supervisor(open_window, ends, qtbot, session: FakeSession):
    supervisor, line = ends
    window = open_window(features=(pulse_feature(line),))
    supervisor.close()
    qtbot.wait(1300)  # a beat into nothing
    assert window.isVisible()
    assert not line.open


@pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")
def test_the_last_words_can_be_read_and_closed_with_the_keyboard(qtbot):
    window = LastWords("The window was ended by SIGSEGV: 3 crashes within 60 s.")
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    button = window.focusWidget()
    assert button.height() >= 54
    qtbot.keyClick(button, " ")
    assert not window.isVisible()
