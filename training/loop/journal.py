"""What a run says: `log.jsonl`, lines for people, the progress bar, TensorBoard. Rank 0 alone speaks."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from detector.errors import OutputError, UsageError
from training.loop.config import Budget
from training.loop.losses import Losses

LOG = "log.jsonl"


class Journal:
    """Log, bar and curves of one run.

    Args:
        folder: the run's; None keeps silent.
        budget: sets the bar's unit, so that its ETA is that of the budget.
        tensorboard: whether to write curves and pictures.

    Raises:
        UsageError: TensorBoard is wanted and not installed.
    """

    def __init__(self, folder: Path | None, budget: Budget, tensorboard: bool) -> None:
        self._folder = folder
        self._budget = budget
        self._bar: tqdm[Any] | None = None
        self._board = _board(folder / "tensorboard") if folder is not None and tensorboard else None

    def open_bar(self, progress: float) -> None:
        """Show the bar from where the run stands."""
        if self._folder is not None:
            self._bar = tqdm(
                total=100.0,
                initial=100 * progress,
                desc=f"of {self._budget.amount:g} {self._budget.unit}",
                bar_format="{percentage:5.1f} % {desc} |{bar}| {elapsed} gone, {remaining} to go",
                dynamic_ncols=True,
                disable=None,  # where nobody watches, the lines are enough
            )

    def move_bar(self, progress: float) -> None:
        """Move the bar to `progress`, 0..1."""
        if self._bar is not None:
            self._bar.update(100 * progress - self._bar.n)

    def write(self, row: dict[str, Any], step: int) -> None:
        """Append a row with an ``event`` to `log.jsonl`, and its numbers to TensorBoard.

        Raises:
            OutputError: the disk does not take it.
        """
        if self._folder is None:
            return
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()})
        try:
            with (self._folder / LOG).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            if self._board is not None:
                for name, value in row.items():
                    if isinstance(value, float):
                        self._board.add_scalar(f"{row['event']}/{name}", value, step)
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be written to ({error.strerror or error}).") from error

    def picture(self, name: str, image: npt.NDArray[np.uint8] | None, step: int) -> None:
        """Put a BGR picture into TensorBoard.

        Raises:
            OutputError: the disk does not take it.
        """
        if self._board is None or image is None:
            return
        try:
            self._board.add_image(name, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), step, dataformats="HWC")
            self._board.flush()
        except OSError as error:
            raise OutputError(f"{self._folder} cannot be written to ({error.strerror or error}).") from error

    @property
    def draws(self) -> bool:
        """Whether pictures are wanted."""
        return self._board is not None

    def say(self, text: str) -> None:
        """A line for people."""
        if self._folder is not None:
            tqdm.write(text)

    def close(self) -> None:
        """Let go of bar and curves. What cannot be flushed any more is lost: the log has it all."""
        if self._bar is not None:
            self._bar.close()
        if self._board is not None:
            board, self._board = self._board, None
            try:
                board.close()
            except OSError as error:
                self.say(f"The last curves were not written to TensorBoard ({error.strerror or error}).")


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            f"TensorBoard cannot be imported ({error}).",
            "Install 'polypwatch[train]', or train with --set tensorboard=false.",
        ) from error
    return SummaryWriter(str(folder), flush_secs=30)


class Recent:
    """Means since the last log line, and the share of time that was spent waiting for images."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._sums: Tensor | None = None
        self._steps, self._images, self._waited_s, self._since = 0, 0, 0.0, time.perf_counter()

    def add(self, losses: Losses, images: int, waited_s: float) -> None:
        """One step."""
        row = torch.stack([part.detach().float() for part in losses])
        self._sums = row if self._sums is None else self._sums + row
        self._steps += 1
        self._images += images
        self._waited_s += waited_s

    def pause(self, seconds: float) -> None:
        """Leave out time that was spent on something else, such as measuring dev."""
        self._since += seconds

    def take(self) -> dict[str, float]:
        """The means, and start anew."""
        assert self._sums is not None
        means = (self._sums / self._steps).tolist()
        passed = max(time.perf_counter() - self._since, 1e-9)
        rates = {"images_per_s": self._images / passed, "waited": min(1.0, self._waited_s / passed)}
        self._start()
        return {**dict(zip(Losses._fields, means, strict=True)), **rates}
