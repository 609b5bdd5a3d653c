"""The loop: a budget in; checkpoints, the best weights and a log out.

`last.pt` is everything needed to go on; `best.safetensors` holds the averaged weights that were best on dev. With a
budget of steps or epochs a run is repeatable and, on a CPU, a resumed run equals an uninterrupted one bit for bit;
minutes depend on the machine's speed. No test set is read here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from detector.errors import FormatError, OutputError, PolypwatchError
from training.data.dataset import Batch, PictureSource, Plan, Schedule, TrainingSet, batches, usual_workers
from training.loop.checkpoint import read_state, save_best, save_state
from training.loop.config import Budget, TrainConfig
from training.loop.distributed import World
from training.loop.guard import RunStoppedError, StopRequests, other_process_gone, out_of_memory, resume_hint
from training.loop.journal import Journal, Recent
from training.loop.learner import Learner, NotANumberError
from training.loop.measure import DevSet, score, sheet, worst_alarms, worst_misses
from training.samples import Sample

_STARVING = 0.10
_WORST = 8


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a run learns from and is measured on.

    Attributes:
        samples: new ones, then replayed ones.
        replayed: how many of them are replayed.
        pictures: their images, by the same index.
        dev: what chooses the checkpoint.
        sha256: the catalog's; a run goes on with the same one only.
    """

    samples: Sequence[Sample]
    replayed: int
    pictures: PictureSource
    dev: DevSet
    sha256: str


@dataclass(slots=True)
class Counters:
    """Where a run stands; part of every checkpoint.

    Attributes:
        drawn: images that were trained on, over all processes: the position of the sampler.
        elapsed_s: training and measuring, restarts not.
        best: the best figure on dev, -1 before the first.
        best_step: the step at which it was measured.
        evaluated: measurements that are done, of `TrainConfig.evaluations`.
        stale: measurements since the best.
    """

    drawn: int = 0
    elapsed_s: float = 0.0
    best: float = -1.0
    best_step: int = 0
    evaluated: int = 0
    stale: int = 0


class Trainer:
    """One run, from its first or a later step to its end.

    Args:
        learner: the network and what a step changes.
        material: what is learned from.
        folder: where everything is written, by rank 0.
        journal: what is said; closed by the caller.
    """

    def __init__(self, learner: Learner, material: Material, folder: Path, journal: Journal) -> None:
        self.learner, self.material, self.folder, self.journal = learner, material, folder, journal
        self.config: TrainConfig = learner.config
        self.world: World = learner.world
        self.counters = Counters()
        self.budget = Budget.parse(self.config.budget)
        self.plan = Plan(
            material.samples,
            self.config.seed,
            self.config.negative_share,
            material.replayed,
            self.config.replay.share,
            self.config.hard_weight,
        )
        self.sizes = self.config.sizes_for(learner.network.input_size)
        self._saved_step: int | None = None
        self._saved_at = time.perf_counter()
        self._clock = time.perf_counter()
        self._advised = False

    @property
    def progress(self) -> float:
        """Share of the budget that is used, 0..1."""
        return self._progress_in(0)

    def _progress_in(self, batches_from_now: int) -> float:
        drawn = self.counters.drawn + batches_from_now * self.config.batch
        step = self.learner.step + batches_from_now
        return self.budget.progress(step, drawn / self.plan.length, self.counters.elapsed_s)

    @property
    def tired(self) -> bool:
        """Whether dev has not become better for as long as patience allows."""
        return 0 < self.config.patience <= self.counters.stale

    def run(self) -> str:
        """Train until the budget is used or patience ends; the reason is returned.

        Raises:
            KeyboardInterrupt: somebody stopped it; the state is saved.
            RunStoppedError: memory, a loss that is no number or a lost process ended it; the message names the
                checkpoint that goes on. A full disk does the same as OutputError.
            PolypwatchError: an image could not be read; the state is saved.
        """
        with StopRequests(agree=self.world.many).caught() as stop:
            try:
                return self._run(stop)
            except KeyboardInterrupt:
                if not stop.torn:
                    self.save()
                    stopped = f"Stopped at step {self.learner.step}."
                    self.journal.say(f"{stopped} {resume_hint(self.folder, self._saved_step)}")
                raise
            except Exception as error:  # every one is raised again, most under a clear name
                self._explain(error)

    def _run(self, stop: StopRequests) -> str:
        if self._saved_step is None and self.learner.step == 0:
            self.save()  # whatever happens, there is something to go on from; and the disk shows that it works
        data = TrainingSet(self.material.pictures, self.plan, self.config.augment)
        first, rank, world = self.counters.drawn, self.world.rank, self.world.size
        start = self.learner.step, self.counters.drawn

        def late(index: int) -> bool:
            if self.budget.unit == "minutes":
                return self.progress >= self.config.late_from  # when handed out: a few batches ahead of their use
            step, drawn = start[0] + index, start[1] + index * self.config.batch
            return self.budget.progress(step, drawn / self.plan.length, 0.0) >= self.config.late_from

        schedule = Schedule(self.config.seed, self.config.batch, first, self.sizes, late, rank, world)
        workers = usual_workers() if self.config.workers < 0 else self.config.workers
        recent = Recent()
        self.journal.open_bar(self.progress)
        self._clock = time.perf_counter()
        self._check_if_due(stop)
        with closing(batches(data, schedule, workers)) as stream:
            while self.progress < 1.0 and not self.tired:
                asked = time.perf_counter()
                batch = next(stream)
                waited_s = time.perf_counter() - asked
                with stop.held():
                    self._step(batch, waited_s, recent)
                elapsed_s, wish = self.world.largest(self._tick(), float(stop.wanted))
                self.counters.elapsed_s = elapsed_s
                if wish:
                    raise KeyboardInterrupt
                measuring = time.perf_counter()
                self._check_if_due(stop)
                recent.pause(time.perf_counter() - measuring)
                if time.perf_counter() - self._saved_at >= 60 * self.config.checkpoint_minutes:
                    with stop.held():
                        self.save()
        why = "patience" if self.tired else "budget"
        if self._saved_step != self.learner.step:
            self.save()
        best = {"best": self.counters.best, "best_step": self.counters.best_step}
        minutes = self.counters.elapsed_s / 60
        self.journal.write(
            {"event": "end", "why": why, "step": self.learner.step, "minutes": minutes, **best}, self.learner.step
        )
        return why

    def _tick(self) -> float:
        now = time.perf_counter()
        elapsed_s, self._clock = self.counters.elapsed_s + now - self._clock, now
        return elapsed_s

    def _step(self, batch: Batch, waited_s: float, recent: Recent) -> None:
        progress = self.progress
        late = progress >= self.config.late_from
        losses = self.learner.update(batch, progress, late)
        self.counters.drawn += self.config.batch
        recent.add(losses, self.config.batch, waited_s)
        if self.learner.step % self.config.log_steps == 0:
            self._log(recent)
        self.journal.move_bar(self.progress)

    def _log(self, recent: Recent) -> None:
        step, row = self.learner.step, recent.take()
        rate = self.learner.optimiser.param_groups[0]["lr"]
        row = {"progress": self.progress, "lr": float(rate), **row}
        self.journal.write({"event": "train", "step": step, **row}, step)
        self.journal.say(
            f"step {step}  {100 * row['progress']:.1f} %  loss {row['total']:.3f}  "
            f"{row['images_per_s']:.1f} images/s  {100 * row['waited']:.0f} % of the time waited for images"
        )
        if row["waited"] > _STARVING and not self._advised and step > self.config.log_steps:
            self._advised = True
            self.journal.say(
                "Training waits for images. Raise workers (threads that prepare them), raise cache_gb if not all "
                "images fit, or train with augment: plain; on a CPU, other programs may be taking the cores."
            )

    def _check_if_due(self, stop: StopRequests) -> None:
        due = math.floor(self.progress * self.config.evaluations + 1e-9)
        if due > self.counters.evaluated:
            self._check(due, stop)

    def _check(self, due: int, stop: StopRequests) -> None:
        """Measure the averaged weights on dev, keep them if they are the best so far, and save the state."""
        dev, threshold, step = self.material.dev, self.config.dev_threshold, self.learner.step
        answers = dev.answers(self.learner.ema.model)
        found = dev.figures(answers, threshold)
        value, counters = score(found, self.config.choose_by), self.counters
        better = value > counters.best
        minutes = self._tick() / 60
        with stop.held():
            if better and self.world.main:  # before the counters: a run that is killed here measures once more
                save_best(self.learner.ema.model, self.folder)
            counters.best, counters.best_step = (value, step) if better else (counters.best, counters.best_step)
            counters.evaluated, counters.stale = due, 0 if better else counters.stale + 1
            counters.elapsed_s = self.world.largest(minutes * 60)[0]
            self.journal.write({"event": "dev", "step": step, "minutes": minutes, **found.as_dict()}, step)
            self.save()
        shown = ", ".join(f"{k} {v:.3f}" for k, v in found.as_dict().items() if k in {"ap50", "ap50_95", "recall"})
        self.journal.say(f"step {step}  dev: {shown}{'  (best so far)' if better else ''}")
        if self.journal.draws:
            misses = worst_misses(dev.samples, answers, threshold, _WORST)
            alarms = worst_alarms(dev.samples, answers, threshold, _WORST)
            self.journal.picture("dev/worst_misses", sheet(misses, dev.samples, answers, threshold), step)
            self.journal.picture("dev/worst_false_alarms", sheet(alarms, dev.samples, answers, threshold), step)

    def save(self) -> None:
        """Write `last.pt`; the one before becomes `previous.pt`."""
        if self.world.main:
            save_state(self.state(), self.folder)
        self._saved_step, self._saved_at = self.learner.step, time.perf_counter()

    def state(self) -> dict[str, Any]:
        """Everything that a run needs to go on."""
        c = self.counters
        counters = {name: getattr(c, name) for name in Counters.__dataclass_fields__}
        facts = {"network": self.learner.network.name, "catalog": self.material.sha256, "batch": self.config.batch}
        return {**self.learner.state(), "counters": counters, **facts}

    def resume(self) -> Path:
        """Take over the newest readable state of the folder, and return its file.

        Raises:
            FormatError: there is none, or it is of another network or catalog.
        """
        state, path = read_state(self.folder)
        if state.get("catalog") != self.material.sha256:
            raise FormatError(
                f"{path} was trained on another catalog than the one in {self.folder}.", "Start a new run."
            )
        if state.get("network") != self.learner.network.name:
            raise FormatError(f"{path} is of the network '{state.get('network')}'.", "Start a new run.")
        self.learner.load(state)
        try:
            self.counters = Counters(**state["counters"])
        except (KeyError, TypeError) as error:
            raise FormatError(f"{path} does not say where its run stands ({error}).") from error
        self._saved_step = self.learner.step
        return path

    def _explain(self, error: Exception) -> NoReturn:
        """Raise `error` again, as a message that says how to go on where that is known."""
        hint = resume_hint(self.folder, self._saved_step)
        if isinstance(error, NotANumberError):
            advice = "Lower the learning rate: add --set lr=..., or --set precision=float32."
            raise RunStoppedError(error.what, f"{hint} {advice}") from error
        if out_of_memory(error):
            where = "The GPU" if self.world.device.type == "cuda" else "This machine"
            what = f"{where} ran out of memory at step {self.learner.step}"
            detail = f"{what} ({self.config.batch} images of up to {self.sizes[-1]} px per step)."
            advice = f"Add --set batch={max(1, self.config.batch // 2)}; --set cache_gb=1 if images fill the memory."
            raise RunStoppedError(detail, f"{hint} {advice}") from error
        if isinstance(error, OutputError):
            raise OutputError(error.what, f"Free some space. {hint}") from error
        if isinstance(error, PolypwatchError):
            self.save()
            raise type(error)(
                error.what, f"{error.hint} {resume_hint(self.folder, self._saved_step)}".strip()
            ) from error
        if self.world.many and other_process_gone(error):
            raise RunStoppedError("Another process of this run ended; its own message says why.", hint) from error
        raise error
