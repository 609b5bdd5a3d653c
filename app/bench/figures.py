"""What a bench run measures, as plain records: one place for measuring, judging and reporting to agree on."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.report import Percentiles


@dataclass(frozen=True, slots=True)
class Setting:
    """What a live trial is asked to hold.

    Attributes:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        rate: pictures per second.
        recording: whether everything is recorded meanwhile.
    """

    width: int
    height: int
    rate: int
    recording: bool

    @property
    def name(self) -> str:
        """As people say it: ``1080p50``."""
        return f"{self.height}p{self.rate}"

    @property
    def load(self) -> int:
        """Pixels per second: settings are heavier or lighter by this."""
        return self.width * self.height * self.rate

    def __str__(self) -> str:
        return f"{self.name} with recording" if self.recording else self.name


@dataclass(frozen=True, slots=True)
class CallTimes:
    """A detector's calls on pictures in memory: pre-processing, network and suppression together.

    Attributes:
        model: name and version.
        variant: which file of it.
        provider: what really ran.
        provider_reason: why, where the choice was left open.
        threads: CPU threads; None leaves the choice to ONNX Runtime.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        calls: how many were timed.
        ms: whole calls.
        stages_ms: medians of ``preprocess``, ``infer`` and ``decode``.
        repeats_ms: the median of each of several rounds, seconds apart: their spread tells how quiet the machine was.
    """

    model: str
    variant: str
    provider: str
    provider_reason: str
    threads: int | None
    width: int
    height: int
    calls: int
    ms: Percentiles
    stages_ms: dict[str, float]
    repeats_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Throughput:
    """How fast one job goes when it has the machine for itself.

    Attributes:
        job: ``decode`` or ``encode``.
        what: in words.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        frames: how many were timed.
        frames_per_s: their rate.
    """

    job: str
    what: str
    width: int
    height: int
    frames: int
    frames_per_s: float


@dataclass(frozen=True, slots=True)
class PaintTimes:
    """Painting whole pages of a 1080p picture.

    Attributes:
        width: of the page, in pixels.
        height: of the page, in pixels.
        paints: how many were timed.
        ms: of one paint, into a picture in memory.
    """

    width: int
    height: int
    paints: int
    ms: Percentiles


@dataclass(frozen=True, slots=True)
class Trial:
    """All at once: a live session with a paced source, its window, AI process and recorder.

    Attributes:
        model: as asked for.
        variant: which file of it ran; empty if the AI never came up.
        provider: what really ran; empty likewise.
        setting: what was to be held.
        seconds: length of the measured part.
        pictures: how many were due in that part.
        painted: how many of them were painted.
        late: how many were not painted, or more than ``LATE_MS`` after they were due.
        picture_ms: from when a picture was due to when it was painted.
        box_ms: from the capture of an analysed picture to the first paint of its result.
        answers_per_s: results of the AI per second.
        failed: pictures on which the AI failed, in the whole trial.
        restarts: of the AI process.
        ai_trouble: why there was no AI; empty if there was.
        record_lost: pictures that are missing in the recording.
        record_waiting: most pictures that waited for the recorder in the measured part.
        record_growth: by how many more of them waited in its last third than in its first, on average.
        record_fault: what the recorder said; empty if nothing.
    """

    model: str
    variant: str
    provider: str
    setting: Setting
    seconds: float
    pictures: int
    painted: int
    late: int
    picture_ms: Percentiles
    box_ms: Percentiles
    answers_per_s: float
    failed: int = 0
    restarts: int = 0
    ai_trouble: str = ""
    record_lost: int = 0
    record_waiting: int = 0
    record_growth: float = 0.0
    record_fault: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured on. No name of the machine, of its user or of a path.

    Attributes:
        cpu: the processor's own name.
        cores: physical cores that this process may keep busy, a container's quota counted in.
        cores_physical: that it may run on.
        hardware_threads: that belong to those.
        memory_gb: None if it does not say.
        gpus: names of NVIDIA cards, asked for if a CUDA provider came up.
        system: operating system and its version.
        screen: what was painted on.
        software: versions by name.
    """

    cpu: str
    cores: int
    cores_physical: int
    hardware_threads: int
    memory_gb: float | None
    gpus: tuple[str, ...]
    system: str
    screen: str
    software: dict[str, str]


@dataclass(frozen=True, slots=True)
class Figures:
    """All of one run.

    Attributes:
        machine: what it ran on.
        models: names of the models, the one that the exit status is about first.
        others: share of the usable processor time that other programs took while the bench slept, 0 to 1, probe by
            probe; empty where the system does not say.
        calls: per model, variant, provider and size.
        throughputs: decoding and encoding.
        paint: None if it was not measured.
        trials: in the order in which they ran.
        skipped: what was left out for lack of time, in words.
    """

    machine: Machine
    models: tuple[str, ...]
    others: tuple[float, ...]
    calls: tuple[CallTimes, ...] = ()
    throughputs: tuple[Throughput, ...] = ()
    paint: PaintTimes | None = None
    trials: tuple[Trial, ...] = ()
    skipped: tuple[str, ...] = field(default=())
