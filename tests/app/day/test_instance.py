import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.day.instance import AlreadyRunning, Instance, runtime_folder
from detector.errors import OutputError

ROOT = Path(__file__).parents[3]
HOLD = (
    "import sys, pathlib; from app.day.instance import Instance; i = Instance.take('a.mp4', pathlib.Path(sys.argv[1]))"
)


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that has the lock."""
    code = f"{HOLD}; print('taken', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "taken\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def test_the_second_one_is_told_who_was_first(tmp_path):
    first = holder(tmp_path)
    try:
        with pytest.raises(AlreadyRunning) as caught:
            Instance.take("b.mp4", tmp_path)
    finally:
        end(first)
    assert caught.value.exit_status == 13
    assert caught.value.holder.pid == first.pid
    assert f"Polypwatch is open already (process {first.pid}, since 20" in caught.value.what
    assert caught.value.what.endswith("showing a.mp4).")


def test_what_a_killed_one_left_behind_locks_nobody_out(tmp_path):
    first = holder(tmp_path)
    first.send_signal(signal.SIGKILL)
    end(first)
    assert (tmp_path / "live.lock").exists()
    instance = Instance.take("b.mp4", tmp_path)
    assert json.loads((tmp_path / "live.json").read_text())["pid"] == os.getpid()
    instance.release()


def test_after_its_end_the_next_one_may_begin(tmp_path):
    Instance.take("a", tmp_path).release()
    instance = Instance.take("b", tmp_path)
    instance.listen_at("somewhere")
    with pytest.raises(AlreadyRunning) as caught:
        Instance.take("c", tmp_path)
    assert (caught.value.holder.source, caught.value.holder.address) == ("b", "somewhere")
    instance.release()


def test_a_note_that_cannot_be_read_does_not_open_the_lock(tmp_path):
    instance = Instance.take("a", tmp_path)
    (tmp_path / "live.json").write_text("{")
    with pytest.raises(AlreadyRunning) as caught:
        Instance.take("b", tmp_path)
    assert (caught.value.holder, caught.value.what) == (None, "Polypwatch is open already.")
    instance.release()


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are inherited on POSIX only")
def test_the_window_keeps_the_lock_when_its_supervisor_is_killed(tmp_path):
    code = (
        f"{HOLD}; import subprocess; "
        "subprocess.Popen([sys.executable, '-c', 'import sys; print(1, flush=True); sys.stdin.read()'], "
        "pass_fds=(i.fileno(),)); import time; time.sleep(60)"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout.readline() == "1\n"
    first.kill()
    first.wait(10)
    with pytest.raises(AlreadyRunning):
        Instance.take("b", tmp_path)
    first.stdin.close()
    assert first.stdout.read() == ""  # the window has ended, too
    first.stdout.close()
    Instance.take("b", tmp_path).release()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_folder_that_others_may_write_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_RUNTIME", str(tmp_path / "run"))
    assert runtime_folder() == tmp_path / "run"
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    (tmp_path / "run").chmod(0o777)
    with pytest.raises(OutputError, match="not this user's alone"):
        runtime_folder()
