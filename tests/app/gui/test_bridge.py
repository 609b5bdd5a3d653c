import threading

import pytest
from pytestqt.qtbot import QtBot

from app.gui.bridge import HEARTBEAT_MS, Bridge

PATIENCE_MS = 3000


@pytest.fixture
def bridge() -> Bridge:
    bridge = Bridge()
    yield bridge
    bridge.close()


def test_a_thousand_wakes_from_threads_are_few_refreshes_and_the_last_counts(qtbot: QtBot, bridge: Bridge) -> None:
    state = {"value": 0}
    seen: list[int] = []
    bridge.refresh.connect(lambda: seen.append(state["value"]))
    bridge._heartbeat.stop()  # the wakes alone must do it

    def work() -> None:
        for _ in range(250):
            state["value"] += 1
            bridge.wake()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = state["value"]
    qtbot.waitUntil(lambda: bool(seen) and seen[-1] == last, timeout=PATIENCE_MS)
    assert len(seen) <= 3


def test_a_wake_during_a_refresh_causes_another(qtbot: QtBot, bridge: Bridge) -> None:
    refreshed: list[int] = []

    def refresh() -> None:
        refreshed.append(1)
        if len(refreshed) == 1:
            bridge.wake()

    bridge.refresh.connect(refresh)
    bridge._heartbeat.stop()
    bridge.wake()
    qtbot.waitUntil(lambda: len(refreshed) == 2, timeout=PATIENCE_MS)


def test_the_heart_beats_in_silence(qtbot: QtBot, bridge: Bridge) -> None:
    refreshed: list[int] = []
    bridge.refresh.connect(lambda: refreshed.append(1))
    qtbot.waitUntil(lambda: len(refreshed) >= 3, timeout=PATIENCE_MS)


def test_a_closed_bridge_is_silent(qtbot: QtBot, bridge: Bridge) -> None:
    refreshed: list[int] = []
    bridge.refresh.connect(lambda: refreshed.append(1))
    bridge.wake()
    bridge.close()
    bridge.wake()
    qtbot.wait(2 * HEARTBEAT_MS)
    assert refreshed == []
