import os
import sys

import pytest
import torch

from detector.errors import FormatError, OutputError
from tests.full_disk import files_may_grow_to
from training.loop.checkpoint import SCHEMA, has_state, read_checkpoint, read_state, save_state


def state(step: int) -> dict:
    return {"step": step, "model": {"w": torch.full((64, 64), float(step))}}


def test_the_state_before_the_last_one_is_kept(tmp_path):
    assert not has_state(tmp_path)
    for step in (1, 2, 3):
        save_state(state(step), tmp_path)
    assert read_checkpoint(tmp_path / "last.pt")["step"] == 3
    assert read_checkpoint(tmp_path / "previous.pt")["step"] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.pt", "previous.pt"]


def test_a_damaged_last_state_falls_back_to_the_one_before(tmp_path):
    save_state(state(1), tmp_path)
    save_state(state(2), tmp_path)
    last = tmp_path / "last.pt"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    found, path = read_state(tmp_path)
    assert (found["step"], path.name) == (1, "previous.pt")


@pytest.mark.parametrize("before", [0, 1])
def test_a_kill_between_the_two_renames_leaves_a_state(tmp_path, monkeypatch, before):
    for step in range(before + 1):
        save_state(state(step), tmp_path)
    replace, calls = os.replace, []

    def killed(a, b):
        calls.append(b)
        if len(calls) == 2:
            raise SystemExit
        replace(a, b)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(SystemExit):
        save_state(state(9), tmp_path)
    monkeypatch.undo()
    found, path = read_state(tmp_path)
    assert (found["step"], path.name) == (before, "previous.pt")
    save_state(state(10), tmp_path)  # and the next one works
    assert read_state(tmp_path)[0]["step"] == 10


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_leaves_both_states_and_no_litter(tmp_path):
    save_state(state(1), tmp_path)
    save_state(state(2), tmp_path)
    with files_may_grow_to(4096), pytest.raises(OutputError, match=r"last\.pt cannot be written"):
        save_state(state(3), tmp_path)
    assert read_checkpoint(tmp_path / "last.pt")["step"] == 2
    assert read_checkpoint(tmp_path / "previous.pt")["step"] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.pt", "previous.pt"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 broken zip"])
def test_a_bad_checkpoint_is_one_clear_error(tmp_path, content):
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(FormatError, match=r"last\.pt is no readable checkpoint"):
        read_state(tmp_path)


def test_a_foreign_checkpoint_is_refused(tmp_path):
    torch.save({"schema": "other/1"}, tmp_path / "last.pt")
    with pytest.raises(FormatError, match=SCHEMA):
        read_checkpoint(tmp_path / "last.pt")
