"""The second monitor on a real X server without a window manager, whose monitors come and go as by plug."""

import ctypes.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.gui.platform import missing_libraries

ROOT = Path(__file__).parents[3]


@pytest.fixture
def x_server() -> Iterator[str]:
    if sys.platform != "linux" or shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed: apt-get install xvfb")
    if ctypes.util.find_library("Xrandr") is None:
        pytest.skip("the RandR library is not installed: apt-get install libxrandr2")
    if missing := missing_libraries(with_display=True):
        pytest.skip(f"Qt needs {', '.join(missing)} for a window on X11")
    # -displayfd: the server chooses a free number and says which, once it listens.
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "2560x720x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as said:
        number = said.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


def test_a_monitor_that_is_unplugged_and_plugged_in_again_on_x11(x_server: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DISPLAY": x_server}
    run = subprocess.run(
        [sys.executable, "-m", "tests.app.gui.x11_second_screen", str(tmp_path)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    steps = json.loads(run.stdout)
    shown, unplugged, replugged = steps["shown"], steps["unplugged"], steps["replugged"]
    assert shown["second"] == ["wall", 1280, 0, 1280, 720]
    assert shown["visible"]
    assert shown["painted"]
    assert unplugged["screens"] == ["desk"]
    assert unplugged["second"] is None, "nothing of it may lie over the live page"
    assert unplugged["flags"] == ["SECOND MONITOR GONE"]
    assert replugged["second"] == ["wall", 1280, 0, 1280, 720]
    assert replugged["visible"]
    assert replugged["flags"] == []
    for step in steps.values():
        assert step["live"] == ["desk", 0, 0, 1280, 720], "the live window stays where it is"
        assert step["focus"], "and keeps the keyboard"
