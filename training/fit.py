"""Fine-tuning: a time (or step) budget in, checkpoints and a log out.

`last.pt` is everything needed to go on; `best.safetensors` holds the averaged weights that were best on dev.
Checkpoints are chosen on dev alone; no test set is read here.
"""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from detector.errors import FormatError, UsageError
from training.augment import Kind, Picture
from training.checkpoint import read_checkpoint, save_state, save_weights
from training.contract import INPUT_SIZE
from training.dataset import SIZES, Batch, Plan, Schedule, TrainingSet, batches
from training.evaluate import PreparedSet, predict
from training.figures import figures
from training.importers import Sample
from training.losses import Losses, detection_loss
from training.yolox import YoloxNano

DEV_THRESHOLD = 0.3  # for the log only; the model's own threshold is set once, after training


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What a run is made of; stored in each checkpoint.

    Attributes:
        minutes: budget of training time, evaluation included, restarts not; the schedule follows it.
        steps: budget in steps instead (0: none); then `minutes` does not count and a run is repeatable.
        late_from: share of the budget after which mosaics end, images are 416 px and the L1 loss joins.
        bf16: autocast to bfloat16 until the last phase, which is always float32.
        workers: threads that prepare images ahead; 0 prepares them as they are asked for.
    """

    minutes: float = 60.0
    steps: int = 0
    batch: int = 16
    lr: float = 1e-3
    final_lr: float = 0.02
    weight_decay: float = 0.02
    warmup: float = 0.03
    ema: float = 0.998
    late_from: float = 0.75
    eval_minutes: float = 5.0
    workers: int = 1
    augment: Kind = "full"
    bf16: bool = False
    tensorboard: bool = False
    seed: int = 1
    log_steps: int = 50
    sizes: tuple[int, ...] = SIZES


class Ema:
    """A running average of the weights (and the batch-norm statistics): what is evaluated and shipped."""

    def __init__(self, model: YoloxNano, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards `model`; quickly at first, so that the start is forgotten."""
        weight = 1 - self.decay * (1 - math.exp(-(step + 1) / 150))
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, weight)
            else:
                mine.copy_(theirs)


def learning_rate(progress: float, options: FitOptions) -> float:
    """Linear warm-up, then a cosine down to `final_lr` times the peak; `progress` is 0..1 of the budget."""
    if progress < options.warmup:
        return options.lr * max(progress / options.warmup, 0.01)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - options.warmup) / (1 - options.warmup))))
    return options.lr * (options.final_lr + (1 - options.final_lr) * cosine)


def _optimiser(model: nn.Module, options: FitOptions) -> torch.optim.Optimizer:
    """AdamW; norms and biases are not decayed."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": options.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.99))


class Trainer:
    """One run: network, average, optimiser, counters, and the folder it writes to."""

    def __init__(self, model: YoloxNano, options: FitOptions, folder: Path, device: str = "cpu") -> None:
        torch.manual_seed(options.seed)
        self.device = torch.device(device)
        self.model = model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = Ema(self.model, options.ema)
        self.optimiser = _optimiser(self.model, options)
        self.options = options
        self.folder = folder
        self.step, self.elapsed_s, self.best = 0, 0.0, -1.0
        self.board = _board(folder) if options.tensorboard else None

    @property
    def progress(self) -> float:
        """Share of the budget that is used, 0..1."""
        if self.options.steps:
            return min(1.0, self.step / self.options.steps)
        return min(1.0, self.elapsed_s / (self.options.minutes * 60))

    @property
    def _late(self) -> bool:
        return self.progress >= self.options.late_from

    def train_step(self, batch: Batch, late: bool) -> Losses:
        """One update.

        Raises:
            UsageError: the loss is no longer a number.
        """
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.progress, self.options)
        images = batch.images.to(self.device).float().contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16 and not late):
            raw = self.model(images)
        losses = detection_loss(raw, batch.targets.to(self.device), use_l1=late)
        if not torch.isfinite(losses.total):
            raise UsageError(f"The loss became {losses.total.item()} at step {self.step}.", "Lower --lr.")
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimiser.step()
        self.ema.update(self.model, self.step)
        self.step += 1
        return losses

    def run(self, samples: list[Sample], pictures: list[Picture], dev: PreparedSet | None) -> None:
        """Train until the budget is used; evaluate and save every few minutes and at the end.

        An interrupt (Ctrl-C) saves the state before it goes on its way, so that nothing is lost to `--resume`.
        """
        try:
            self._run(samples, pictures, dev)
        except KeyboardInterrupt:
            self.save()
            raise

    def _run(self, samples: list[Sample], pictures: list[Picture], dev: PreparedSet | None) -> None:
        schedule = Schedule(self.options.seed, self.options.batch, self.step * self.options.batch, self.options.sizes)
        schedule.late = self._late
        plan = Plan(samples, self.options.seed)
        data = TrainingSet(pictures, plan, self.options.augment)
        self.log({"event": "start", "step": self.step, "epoch_images": plan.length, "options": asdict(self.options)})
        clock, next_eval, recent = time.perf_counter(), self.elapsed_s + self.options.eval_minutes * 60, _Recent()
        for batch in batches(data, schedule, self.options.workers):
            recent.add(self.train_step(batch, self._late), len(batch.images))
            now = time.perf_counter()
            self.elapsed_s, clock = self.elapsed_s + now - clock, now
            schedule.late = self._late  # what is already prepared keeps the old look: a few steps, harmless
            if self.step % self.options.log_steps == 0:
                self.log({"event": "train", "step": self.step, "progress": self.progress, **recent.take()})
            done = self.progress >= 1.0
            if done or self.elapsed_s >= next_eval:
                self.check(dev)
                next_eval = self.elapsed_s + self.options.eval_minutes * 60
            if done:
                break

    def check(self, dev: PreparedSet | None) -> None:
        """Measure the averaged weights on dev, keep them if they are the best so far, and save the state."""
        if dev is not None:
            found = figures(dev.samples, predict(self.ema.model, dev), DEV_THRESHOLD)
            self.log({"event": "dev", "step": self.step, "minutes": self.elapsed_s / 60, **found.as_dict()})
            # AP50-95 moves more smoothly than AP50 and rewards tight boxes; the sum keeps both in view.
            score = (found.ap50 or 0.0) + (found.ap50_95 or 0.0)
            if score > self.best:
                self.best = score
                save_weights(self.ema.model, self.folder / "best.safetensors")
        else:  # nothing to choose by: the newest is kept
            save_weights(self.ema.model, self.folder / "best.safetensors")
        self.save()

    def save(self) -> None:
        """Write `last.pt`."""
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "ema": self.ema.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "best": self.best,
            "options": asdict(self.options),
        }
        save_state(state, self.folder / "last.pt")

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of a run with the same network.

        Raises:
            FormatError: the file is no checkpoint of this version.
        """
        state = read_checkpoint(path)
        try:
            self.model.load_state_dict(state["model"])
            self.ema.model.load_state_dict(state["ema"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.elapsed_s, self.best = int(state["step"]), float(state["elapsed_s"]), float(state["best"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise FormatError(f"{path} does not fit this network ({str(error).splitlines()[0]}).") from error

    def log(self, row: dict[str, Any]) -> None:
        """Append one line to `log.jsonl` (and to TensorBoard) and print it."""
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()})
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)
        if self.board is not None:
            for name, value in row.items():
                if isinstance(value, float):
                    self.board.add_scalar(f"{row['event']}/{name}", value, self.step)


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("--tensorboard needs the tensorboard package.", "Install 'polypwatch[train]'.") from error
    return SummaryWriter(str(folder))


class _Recent:
    """Means since the last log line."""

    def __init__(self) -> None:
        self._sums: Tensor | None = None
        self._steps, self._images, self._since = 0, 0, time.perf_counter()

    def add(self, losses: Losses, images: int) -> None:
        row = torch.stack([part.detach().float().cpu() for part in losses])
        self._sums = row if self._sums is None else self._sums + row
        self._steps += 1
        self._images += images

    def take(self) -> dict[str, float]:
        assert self._sums is not None
        means = (self._sums / self._steps).tolist()
        rate = self._images / (time.perf_counter() - self._since)
        self._sums, self._steps, self._images, self._since = None, 0, 0, time.perf_counter()
        return {**dict(zip(Losses._fields, means, strict=True)), "images_per_s": rate}


def prepare_dev(samples: list[Sample]) -> PreparedSet:
    """Dev at the size that is shipped."""
    return PreparedSet.read(samples, INPUT_SIZE)
