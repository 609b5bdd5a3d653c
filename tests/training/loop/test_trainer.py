import json
import os
import signal
import sys
import time

import pytest
import torch

from detector.errors import FormatError, OutputError, SourceError, UsageError
from detector.geometry import as_boxes
from detector.scoring.recording import Answer
from tests.full_disk import files_may_grow_to
from training.data.dataset import TrainingSet
from training.loop.checkpoint import read_checkpoint
from training.loop.config import make_config
from training.loop.guard import RunStoppedError, StopRequests, out_of_memory
from training.loop.learner import Learner
from training.loop.measure import DevSet
from training.loop.train import resume, train
from training.loop.trainer import Trainer
from training.network import load_network


def rows(folder, event):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["event"] == event]


def same_state(a, b) -> bool:
    """Whether two runs ended bit for bit alike; the time that they took may differ."""
    one, two = read_checkpoint(a / "last.pt"), read_checkpoint(b / "last.pt")
    for part in ("model", "ema"):
        assert one[part].keys() == two[part].keys()
        if not all(torch.equal(one[part][k], two[part][k]) for k in one[part]):
            return False
    for k, moments in one["optimiser"]["state"].items():
        if not all(
            torch.equal(torch.as_tensor(v), torch.as_tensor(two["optimiser"]["state"][k][n]))
            for n, v in moments.items()
        ):
            return False
    counters = [{k: v for k, v in s["counters"].items() if k != "elapsed_s"} for s in (one, two)]
    return counters[0] == counters[1] and one["step"] == two["step"] and torch.equal(one["torch_rng"], two["torch_rng"])


@pytest.fixture
def quick_dev(monkeypatch):
    """Dev that is measured in no time: every figure is that of an empty answer."""
    empty = Answer(as_boxes([]), as_boxes([]).reshape(0))
    monkeypatch.setattr(DevSet, "answers", lambda self, _: [empty] * len(self.samples))


def stop_in(monkeypatch, step: int, trouble: BaseException | None = None):
    """Make a step raise, or ask for a stop where `trouble` is None."""
    update = Learner.update

    def troubled(self, *args):
        if self.step == step:
            if trouble is not None:
                raise trouble
            os.kill(os.getpid(), signal.SIGINT)
        return update(self, *args)

    monkeypatch.setattr(Learner, "update", troubled)


def test_the_loss_falls_on_a_few_images(settings, tmp_path, quick_dev):
    settings |= {"budget": "24 steps", "sizes": [64], "lr": 4e-3, "log_steps": 8, "late_from": 1.0}
    train(make_config(settings), tmp_path / "run")
    losses = [row["total"] for row in rows(tmp_path / "run", "train")]
    assert len(losses) == 3
    assert losses[-1] < 0.9 * losses[0]


def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(settings, tmp_path, monkeypatch, capsys):
    config = make_config(settings, {"workers": 2, "evaluations": 2})
    train(config, tmp_path / "whole")
    stop_in(monkeypatch, 1)  # in the middle of a step: it is finished first
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "parts")
    monkeypatch.undo()
    assert read_checkpoint(tmp_path / "parts" / "last.pt")["step"] == 2
    assert "Stopped at step 2" in capsys.readouterr().out
    run = resume(tmp_path / "parts", {})
    assert run.result.step == 4
    assert [s.from_step for s in run.sessions] == [0, 2]
    assert same_state(tmp_path / "whole", tmp_path / "parts")
    one, two = (load_network(tmp_path / name / "best.safetensors").state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_the_warning_of_a_cluster_stops_a_run_like_ctrl_c(monkeypatch):
    with StopRequests(agree=False).caught(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_many_processes_agree_on_a_stop_before_one_of_them_ends():
    with StopRequests(agree=True).caught() as stop:
        with stop.held():
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.wanted


def test_a_nan_keeps_the_last_good_checkpoint_and_names_it(settings, tmp_path, monkeypatch, quick_dev):
    update = Learner.update

    def poisoned(self, batch, *args):
        if self.step == 3:
            with torch.no_grad():
                self.network.head.obj_preds[0].bias.fill_(float("nan"))
        return update(self, batch, *args)

    monkeypatch.setattr(Learner, "update", poisoned)
    with pytest.raises(RunStoppedError, match=r"no number at step 3 .*last\.pt is of step 2.*--resume.*lr"):
        train(make_config(settings, {"evaluations": 2}), tmp_path / "run")
    kept = read_checkpoint(tmp_path / "run" / "last.pt")
    assert kept["step"] == 2
    assert all(torch.isfinite(v).all() for v in kept["model"].values())
    monkeypatch.undo()
    assert resume(tmp_path / "run", {"lr": 1e-4}).result.step == 4


def test_out_of_memory_is_one_message_with_a_way_on(settings, tmp_path, monkeypatch, quick_dev):
    stop_in(monkeypatch, 2, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(RunStoppedError, match=r"out of memory at step 2 .*last\.pt is of step 0.*--set batch=2"):
        train(make_config(settings), tmp_path / "run")
    monkeypatch.undo()
    run = resume(tmp_path / "run", {"batch": 2})
    assert run.result.step == 4
    assert read_checkpoint(tmp_path / "run" / "last.pt")["counters"]["drawn"] == 4 * 2


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_every_kind_of_memory_shortage_is_known(error):
    assert out_of_memory(error)


def test_an_error_of_the_code_is_not_taken_for_a_lack_of_memory():
    assert not out_of_memory(RuntimeError("shape mismatch"))
    assert not out_of_memory(ValueError())


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_is_one_message_and_the_old_checkpoint_resumes(settings, tmp_path, monkeypatch, quick_dev):
    save = Trainer.save

    def on_a_full_disk(self):
        if self.learner.step < 2:
            return save(self)
        with files_may_grow_to(1_000_000):
            return save(self)

    monkeypatch.setattr(Trainer, "save", on_a_full_disk)
    with pytest.raises(OutputError, match=r"cannot be written .*Free some space.*is of step 0"):
        train(make_config(settings), tmp_path / "run")
    monkeypatch.undo()
    assert resume(tmp_path / "run", {}).result.step == 4


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_at_the_best_weights_is_one_message_too(settings, tmp_path, monkeypatch, quick_dev):
    figures = DevSet.figures

    def then_the_disk_is_full(self, *args):
        found = figures(self, *args)
        full.__enter__()
        return found

    full = files_may_grow_to(1_000_000)
    monkeypatch.setattr(DevSet, "figures", then_the_disk_is_full)
    try:
        with pytest.raises(OutputError, match=r"best\.safetensors.*is of step 0"):
            train(make_config(settings), tmp_path / "run")
    finally:
        full.__exit__(None, None, None)
    monkeypatch.undo()
    assert resume(tmp_path / "run", {}).result.step == 4


def test_an_image_that_disappears_saves_the_state_before_it_ends_the_run(settings, samples, tmp_path, quick_dev):
    (tmp_path / "images" / "t3.png").unlink()
    with pytest.raises(SourceError, match=r"t3\.png cannot be read.*--resume"):
        train(make_config(settings, {"workers": 0}), tmp_path / "run")
    assert (tmp_path / "run" / "last.pt").is_file()


def test_patience_ends_a_run_that_does_not_become_better(settings, tmp_path, quick_dev):
    run = train(make_config(settings, {"patience": 2, "evaluations": 4}), tmp_path / "run")
    assert (run.result.why, run.result.step, run.result.best_step) == ("patience", 3, 1)


def test_minutes_end_a_run_and_measure_dev_at_its_end(settings, tmp_path, quick_dev):
    run = train(make_config(settings, {"budget": "0.01 minutes", "sizes": [32]}), tmp_path / "run")
    assert run.result.why == "budget"
    assert run.result.minutes >= 0.01
    assert rows(tmp_path / "run", "dev")[-1]["step"] == run.result.step


def test_waiting_for_images_is_logged_and_comes_with_advice(settings, tmp_path, monkeypatch, capsys, quick_dev):
    prepare = TrainingSet.__getitem__

    def slow(self, draw):
        time.sleep(0.05)
        return prepare(self, draw)

    monkeypatch.setattr(TrainingSet, "__getitem__", slow)
    train(make_config(settings, {"sizes": [32], "workers": 0}), tmp_path / "run")
    assert rows(tmp_path / "run", "train")[-1]["waited"] > 0.1
    assert capsys.readouterr().out.count("Training waits for images. Raise workers") == 1


def test_what_a_run_is_cannot_change_when_it_goes_on(settings, tmp_path, quick_dev):
    train(make_config(settings, {"budget": "1 steps"}), tmp_path / "run")
    for key, value in (("network", "accurate"), ("data", "public"), ("seed", 2)):
        with pytest.raises(UsageError, match=f"cannot change its {key}"):
            resume(tmp_path / "run", {key: value})


def test_a_run_goes_on_with_its_own_catalog_alone(settings, tmp_path, quick_dev):
    train(make_config(settings, {"budget": "1 steps"}), tmp_path / "run")
    text = (tmp_path / "run" / "catalog.jsonl").read_text()
    (tmp_path / "run" / "catalog.jsonl").write_text(text.replace("made/t1", "made/t9"))
    with pytest.raises(FormatError, match="catalog"):
        resume(tmp_path / "run", {"budget": "2 steps"})


def test_a_second_wish_to_stop_breaks_into_a_step_and_forbids_saving():
    with StopRequests(agree=False).caught() as stop:
        held = stop.held()
        held.__enter__()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wanted
        assert not stop.torn
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.torn
