"""What a queue of background jobs says of itself: frozen, so that a window can read it at any moment."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path


class JobState(enum.Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model answers, as on the command line.

    Attributes:
        model: its name or folder.
        provider: ``auto``, ``cuda``, ``tensorrt`` or ``cpu``.
        variant: one of its files; None for the one meant for the provider.
        threads: frames at once on a CPU; None for one per core.
    """

    model: str = "fast"
    provider: str = "auto"
    variant: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as it stands.

    Attributes:
        id: counted from 1 in a queue.
        path: the procedure: a recording's folder, a video, a folder of images, a DICOM video.
        choice: which model answers.
        state: where it stands.
        frames: how many frames have a row, those of an earlier run included.
        of: how many there will be, as the files claim; None where they claim nothing.
        rate: frames per second over the last seconds; None while nothing runs.
        not_analysed: frames that could not be decoded or analysed; their rows say why.
        why: of a failed job what happened and what to do; of a queued or paused one what it waits for; of a done one
            that it was there already; else empty.
        exit_status: of a failed job what a command would end with; else 0.
        out: the results file; None before the model is known.
    """

    id: int
    path: Path
    choice: ModelChoice
    state: JobState
    frames: int = 0
    of: int | None = None
    rate: float | None = None
    not_analysed: int = 0
    why: str = ""
    exit_status: int = 0
    out: Path | None = None

    @property
    def words(self) -> str:
        """For a list: ``running: 1200 of 37500 frames, 41 frames/s``."""
        if self.state in (JobState.RUNNING, JobState.PAUSED) and self.frames:
            of = f" of {self.of}" if self.of else ""
            rate = f", {self.rate:.0f} frames/s" if self.rate else ""
            return f"{self.state.value}: {self.frames}{of} frames{rate}"
        return f"{self.state.value}: {self.why}" if self.why else self.state.value

    @property
    def remaining_s(self) -> float | None:
        """About how long it still takes; None where nobody can say."""
        if self.state is not JobState.RUNNING or not self.rate or not self.of:
            return None
        return max(0, self.of - self.frames) / self.rate


@dataclass(frozen=True, slots=True)
class Jobs:
    """All jobs of a queue at one moment.

    Attributes:
        jobs: in the order in which they were added.
        waiting: why nothing runs although something could (a live window is open); empty if nothing is held up.
    """

    jobs: tuple[Job, ...] = ()
    waiting: str = ""

    def of_state(self, *states: JobState) -> tuple[Job, ...]:
        """Those in one of these states."""
        return tuple(job for job in self.jobs if job.state in states)

    @property
    def busy(self) -> bool:
        """Whether something runs or waits to."""
        return bool(self.of_state(JobState.QUEUED, JobState.RUNNING))
