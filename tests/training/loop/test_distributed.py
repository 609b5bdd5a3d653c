"""Two gloo processes, started by torchrun as an engineer starts them."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from detector.errors import UsageError
from tests.training.loop.test_trainer import rows
from tests.training.loop.two_processes import gradients
from training.catalog import read_catalog
from training.loop.checkpoint import read_checkpoint
from training.loop.config import make_config, to_yaml
from training.loop.distributed import World, choose_device, joined
from training.loop.run_folder import read_run
from training.loop.train import resume, train

ROOT = Path(__file__).resolve().parents[3]
ALONE = World(0, 1, torch.device("cpu"))


@pytest.mark.timeout(300)
def test_two_processes_learn_what_one_learns_from_the_double_batch(settings, tmp_path):
    config = make_config(settings, {"budget": "2 steps"})
    (tmp_path / "c.yaml").write_text(to_yaml(config, comments=False))
    train(config, tmp_path / "run")  # one process begins, two go on
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script, tmp_path]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-4000:]

    found = [torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2)]
    assert [f["drawn"] for f in found] == [[0, 1], [2, 3]]
    samples = read_catalog(tmp_path / "catalog.jsonl").split("train").samples
    whole, drawn = gradients(tmp_path, samples, ALONE)
    assert drawn == [0, 1, 2, 3]
    for name, gradient in whole.items():
        for each in found:
            torch.testing.assert_close(each["gradients"][name], gradient, rtol=1e-3, atol=1e-5, msg=name)

    assert read_run(tmp_path / "run").result.step == 4
    state = read_checkpoint(tmp_path / "run" / "last.pt")
    assert (state["step"], state["counters"]["drawn"]) == (4, 16)
    assert len(rows(tmp_path / "run", "end")) == 2  # rank 0 alone writes
    assert [s.machine["processes"] for s in read_run(tmp_path / "run").sessions] == [1, 2]
    assert resume(tmp_path / "run", {"budget": "5 steps"}).result.step == 5  # and one takes over again


def test_a_batch_that_cannot_be_shared_out_is_refused(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("training.loop.train.joined", lambda _: nullcontext(World(1, 3, torch.device("cpu"))))
    monkeypatch.setattr(World, "on_main", lambda self, work: work())
    with pytest.raises(UsageError, match="batch of 4 cannot be shared out evenly among 3"):
        train(make_config(settings), tmp_path / "run")


def test_a_gpu_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(UsageError, match="no CUDA device"):
        choose_device("cuda")
    assert choose_device("auto").type == "cpu"


def test_alone_nothing_is_asked_of_others():
    with joined("cpu") as world:
        assert (world.rank, world.size, world.main, world.many) == (0, 1, True, False)
        assert world.gather("a") == ["a"]
        assert world.on_main(lambda: 3) == 3
        assert world.mean_count(torch.tensor(0)).item() == 1
