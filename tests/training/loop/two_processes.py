"""What each of the processes of test_distributed.py does; torchrun starts it with the folder of the test."""

import sys
from contextlib import nullcontext
from pathlib import Path

import torch

from training.catalog import read_catalog
from training.data.dataset import Pictures, Plan, Schedule, TrainingSet, batches
from training.loop import train
from training.loop.config import make_config, read_config
from training.loop.distributed import World, joined
from training.loop.learner import Learner
from training.network import build


def gradients(folder: Path, samples, world: World) -> tuple[dict[str, torch.Tensor], list[int]]:
    """The gradients of the first step and the draws that this process made for it.

    Batch norms keep their statistics: those of half a batch are not those of the whole.
    """
    config = make_config(read_config(folder / "c.yaml"), {"clip": 1e9})
    torch.manual_seed(1)
    network = build("fast")
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.eval().train = lambda mode=True: None
    learner = Learner(network, config, world)
    data = TrainingSet(Pictures(samples), Plan(samples, config.seed), config.augment)
    schedule = Schedule(config.seed, config.batch, 0, config.sizes, rank=world.rank, world=world.size)
    learner.update(next(batches(data, schedule, 0)), 0.5, late=True)
    drawn = [d.number for d in next(iter(schedule))]
    return {n: p.grad.clone() for n, p in network.named_parameters()}, drawn


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    samples = read_catalog(folder / "catalog.jsonl").split("train").samples
    with joined("cpu") as world:
        found, drawn = gradients(folder, samples, world)
        torch.save({"gradients": found, "drawn": drawn}, folder / f"rank{world.rank}.pt")
        statistics = torch.full((2,), float(world.rank))
        norm = torch.nn.BatchNorm1d(2)
        norm.running_mean.copy_(statistics)
        world.share_buffers(norm)
        assert norm.running_mean.tolist() == [0.5, 0.5]
        assert world.largest(world.rank, -world.rank) == [1.0, 0.0]
        assert world.gather(world.rank) == [0, 1]
        # One group for both: a second one in the same processes would meet the keys of the first in torchrun's store.
        train.joined = lambda _: nullcontext(world)
        train.resume(folder / "run", {"budget": "4 steps"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
