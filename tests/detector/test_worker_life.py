"""What the AI process must not do to its surroundings: outlive its parent, drag in the window, leak or trust memory."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detector.errors import WorkerError
from detector.frame_ring import FrameRing, MemoryView
from detector.watchdog import AiState
from detector.worker import ONLY_IDLE
from tests.detector.worker_rig import Rig, running, segments

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}

# A program with a heavy main module and without the usual guard: its body must run once, whatever is spawned.
PROGRAM = """
import sys, time, pathlib
import PyQt6.QtCore
folder = pathlib.Path(sys.argv[1])
(folder / ("ran as " + __name__)).touch()
from tests.detector.worker_rig import Rig
rig = Rig(pooled=True, pid_file=str(folder / "pid"), trick=sys.argv[2], at=5, deaf=sys.argv[3] == "deaf")
rig.start()
rig.wait(lambda: rig.report.info)
if not sys.argv[2]:
    rig.wait_results(10)
(folder / "up").write_text("imported: " + rig.report.info.provider_reason)
while True:
    time.sleep(0.01)
    if (folder / "stop").exists():
        rig.close()
        break
"""


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 15
    while not path.exists() or not (text := path.read_text()):
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.01)
    return text


@contextlib.contextmanager
def launched(tmp_path: Path, trick: str = "", deaf: bool = False) -> Iterator[subprocess.Popen[str]]:
    """The program, running; killed at the latest at the end."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    command = [sys.executable, str(script), str(tmp_path), trick, "deaf" if deaf else ""]
    with subprocess.Popen(command, env=ENVIRONMENT, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


def test_the_parents_main_module_and_qt_stay_out_of_the_worker(tmp_path: Path) -> None:
    with launched(tmp_path) as program:
        up = wait_for(tmp_path / "up")
        (tmp_path / "stop").touch()
        _, errors = program.communicate(timeout=10)
    assert up == "imported: "
    assert [path.name for path in tmp_path.glob("ran as *")] == ["ran as __main__"]
    assert (program.returncode, errors) == (0, ""), "no complaint of the resource tracker or anyone"


@pytest.mark.parametrize(("trick", "deaf"), [("", False), ("seize", False), ("", True), ("hang", True)])
def test_the_worker_dies_with_its_parent(tmp_path: Path, trick: str, deaf: bool) -> None:
    with launched(tmp_path, trick, deaf) as program:
        wait_for(tmp_path / "up")
        worker = int((tmp_path / "pid").read_text())
        time.sleep(0.5)  # now it hangs, where it is meant to
        assert running(worker)
        program.kill()
        program.wait()
        deadline = time.monotonic() + 2
        while running(worker):
            assert time.monotonic() < deadline, "the worker outlived its parent"
            time.sleep(0.01)
        _, errors = program.communicate(timeout=10)
    assert not segments(program.pid)
    assert trick or errors == "", "memory that was in use has no name any more, so nothing had to be cleared up"
    assert "Traceback" not in errors


def test_a_parent_that_forgets_to_stop_ends_all_the_same(tmp_path: Path) -> None:
    source = PROGRAM.split("while True")[0]
    script = tmp_path / "program.py"
    script.write_text(source)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "", ""],
        env=ENVIRONMENT,
        timeout=20,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not running(int((tmp_path / "pid").read_text()))


def test_a_picture_goes_through_the_ring_as_it_is() -> None:
    rng = np.random.default_rng(0)
    ring = FrameRing(3 * 40 * 60, slots=3)
    view = MemoryView(ring.name)
    ring.unlink()
    assert ring.name not in segments(), "nameless memory cannot leak"
    pictures = [rng.integers(0, 255, (40, width, 3), np.uint8) for width in (60, 60, 17)]
    offsets = [ring.write(picture) for picture in pictures]
    assert offsets == [0, ring.slot_bytes, 2 * ring.slot_bytes]
    for offset, picture in zip(offsets, pictures, strict=True):
        seen = view.picture(offset, picture.shape)
        assert np.array_equal(seen, picture)
        assert not seen.flags.writeable
    assert ring.write(np.ascontiguousarray(pictures[0][:, ::-1])) == 0
    assert ring.write(pictures[0][::-2, 1:]) == ring.slot_bytes, "a view of a larger picture needs no copy before"
    assert np.array_equal(view.picture(ring.slot_bytes, (20, 59, 3)), pictures[0][::-2, 1:])
    del seen
    view.close()
    ring.close()


def test_a_mapping_that_a_detector_still_uses_survives() -> None:
    ring = FrameRing(30)
    view = MemoryView(ring.name)
    ring.write(np.full((1, 10, 3), 7, np.uint8))
    held = view.picture(0, (1, 10, 3))
    view.close()
    ring.close()
    assert held.sum() == 210


@pytest.mark.skipif(sys.platform != "linux", reason="only there is shared memory a limited file system")
def test_memory_that_is_not_there_is_refused_before_it_is_touched() -> None:
    status = os.statvfs("/dev/shm")
    with pytest.raises(WorkerError, match="of shared memory and did not get it: No space left"):
        FrameRing(status.f_blocks * status.f_frsize)
    assert not segments()


@pytest.mark.skipif(sys.platform != "linux", reason="only there is shared memory a limited file system")
def test_full_shared_memory_is_told_and_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    rig = Rig()
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        rig.start()
        detail = rig.wait_for(AiState.RESTARTING).detail
        assert "No space left on device" in detail
        assert "/dev/shm" in detail
        assert not segments()
    rig.wait_for(AiState.ON)
    assert rig.report.restarts >= 1
    rig.close()


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a mount name space of its own")
def test_a_tiny_shared_memory_gives_the_message_and_not_a_dead_process(tmp_path: Path) -> None:
    program = (
        "from detector.frame_ring import FrameRing\n"
        "from detector.errors import WorkerError\n"
        "import numpy as np\n"
        "try:\n    FrameRing(1080 * 1920 * 3)\nexcept WorkerError as error:\n    print(error)\n"
        "ring = FrameRing(1000)\nring.write(np.zeros((10, 10, 3), np.uint8))\nring.close()\n"
    )
    shell = f'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec {sys.executable} -c "$PROGRAM"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", shell], env={**ENVIRONMENT, "PROGRAM": program}, capture_output=True, text=True
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine gives no mount name space")
    assert done.stdout.startswith("The AI needs 17.8 MiB of shared memory and did not get it: No space left on device")
    assert "1.0 MiB are free in /dev/shm" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="the idle class is Linux's; elsewhere there are other words for it")
@pytest.mark.parametrize(("niceness", "idle"), [(19, False), (ONLY_IDLE, True)])
def test_a_process_that_nobody_waits_for_runs_where_a_processor_is_idle(niceness: int, idle: bool) -> None:
    program = (
        "import os; from detector.worker_child import _yield_to_others as settle;"
        f"settle({niceness}); print(os.sched_getscheduler(0) == os.SCHED_IDLE, os.nice(0))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.split() == [str(idle), "19"]
