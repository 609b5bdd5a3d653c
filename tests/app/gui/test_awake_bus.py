"""Wishes to the desktop go over a real bus to a stand-in, in a process of their own: Qt keeps its bus for good."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed"
)
ROOT = Path(__file__).parents[3]
HOLD = """
import os, sys, time
from PyQt6.QtCore import QCoreApplication
from PyQt6.QtDBus import QDBusConnection
from app.day.awake import Awake
from app.gui import awake_bus
qt = QCoreApplication([])
found = []
holds = (awake_bus.LogindHold(awake_bus._session_bus), *awake_bus.holds()[1:])
awake = Awake(holds, found.append)
awake.start()
end = time.monotonic() + 20
while not found and time.monotonic() < end:
    time.sleep(0.01)
held = holds[0]._descriptor is not None
awake.close()
print(held, holds[0]._descriptor, found[0].words(), sep="|")
"""


@pytest.fixture
def bus() -> Iterator[dict[str, str]]:
    """A session bus of its own."""
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--print-address", "--nofork"], stdout=subprocess.PIPE, text=True
    )
    address = daemon.stdout.readline().strip()
    yield {**os.environ, "DBUS_SESSION_BUS_ADDRESS": address, "PYTHONPATH": str(ROOT)}
    daemon.terminate()
    daemon.wait(5)
    daemon.stdout.close()


def hold(environment: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", HOLD], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("|")


def test_every_wish_reaches_the_desktop_and_is_taken_back(bus, tmp_path):
    log = tmp_path / "log"
    desktop = subprocess.Popen(
        [sys.executable, "-m", "tests.app.gui.desktop_stand_in", str(log)],
        env=bus,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert desktop.stdout.readline() == "ready\n"
        held, after, words = hold(bus)
    finally:
        desktop.terminate()
        desktop.wait(5)
        desktop.stdout.close()
    assert log.read_text().splitlines() == [
        "logind sleep:idle:handle-lid-switch block",
        "screen org.polypwatch.Polypwatch An examination is shown.",
        "gnome 0 12",
        "notifications org.polypwatch.Polypwatch 0",
        "screen-end 7",
        "gnome-end 8",
        "notifications-end 9",
    ]
    assert (held, after) == ("True", "None")
    assert words == ("Sleep, screen saver and notifications are held off (logind, desktop, GNOME, notifications).")


def test_on_a_bus_without_a_desktop_it_is_said_that_nothing_is_held_off(bus):
    held, _, words = hold(bus)
    assert held == "False"
    assert words.startswith("Not held off here: sleep and screen saver and notifications.")


def test_without_any_bus_nothing_waits_and_nothing_is_held_off():
    without = {k: v for k, v in os.environ.items() if k not in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")}
    held, _, words = hold({**without, "PYTHONPATH": str(ROOT)})
    assert held == "False"
    assert "Switch it off in the system's settings." in words
