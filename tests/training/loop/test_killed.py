"""A run that is killed without warning, in a process of its own, goes on to the same end."""

import signal
import subprocess
import sys
import time

import pytest

from tests.training.loop.test_trainer import rows, same_state
from training.loop.checkpoint import read_checkpoint
from training.loop.config import make_config, to_yaml
from training.loop.train import resume, train


@pytest.mark.timeout(240)
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_killed_run_ends_as_one_that_never_stopped(settings, tmp_path):
    config = make_config(settings, {"budget": "8 steps", "checkpoint_minutes": 0, "log_steps": 1, "evaluations": 2})
    (tmp_path / "c.yaml").write_text(to_yaml(config, comments=False))
    command = [
        sys.executable,
        "-m",
        "training.cli",
        "train",
        "--config",
        tmp_path / "c.yaml",
        "--out",
        tmp_path / "parts",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    log = tmp_path / "parts" / "log.jsonl"
    while process.poll() is None:
        if log.is_file() and log.read_text().count('"event": "train"') >= 3:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    reached = read_checkpoint(tmp_path / "parts" / "last.pt")["step"]
    assert 2 <= reached < 8

    run = resume(tmp_path / "parts", {})
    assert [s.from_step for s in run.sessions] == [0, reached]
    assert rows(tmp_path / "parts", "resume")[0]["step"] == reached
    train(config, tmp_path / "whole")
    assert same_state(tmp_path / "whole", tmp_path / "parts")
