"""One job at a time: a detector's calls, decoding, encoding. Each job has the machine for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from app.bench.figures import CallTimes, Throughput
from app.capture import file_source
from app.capture.excerpt import ExcerptSource
from app.phantom.bundled import liveliest, load_bundled
from app.recording import VideoFile
from app.report import Percentiles
from detector.errors import SourceError
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import find_model, load_manifest
from detector.runtime import MIN_SCORE, OnnxDetector

Image = npt.NDArray[np.uint8]
# Raises what ends the run, if something asked for that.
Check = Callable[[], None]

_LEAST_CALLS = 5
_RATE = Fraction(25)


def bundled_pictures(count: int, check: Check) -> list[Image]:
    """Pictures of the part of the phantom in which most lesions are to be seen, to be played to and fro.

    Raises:
        SourceError: the phantom is missing or cannot be read.
    """
    video, annotation = load_bundled()
    excerpt = liveliest(annotation, count / float(_RATE))
    source = ExcerptSource(video, excerpt.first, excerpt.last, excerpt.start)
    source.open()
    images: list[Image] = []
    try:
        while isinstance(item := source.read(), Frame):
            check()
            images.append(item.image)
    finally:
        source.close()
    if not images:
        raise SourceError(f"{video.name} cannot be read.", "Reinstall Polypwatch.")
    return images


def resized(pictures: Sequence[Image], size: Size) -> list[Image]:
    """All of them in this size."""
    return [np.asarray(cv2.resize(p, (size.width, size.height)), np.uint8) for p in pictures]


def to_and_fro(pictures: Sequence[Image]) -> list[Image]:
    """The pictures forwards and backwards, so that they can go round without a jump that would tax the encoder."""
    return [*pictures, *pictures[-2:0:-1]]


class Calls:
    """Times calls of one detector, in rounds.

    Args:
        detector: open.
        size: of the pictures.
        pictures: of that size.
        threads: as the detector was told.
    """

    def __init__(self, detector: OnnxDetector, pictures: Sequence[Image], threads: int | None) -> None:
        self._detector = detector
        self._pictures = pictures
        self._threads = threads
        self._rounds: list[list[int]] = []
        self._stages: dict[str, list[int]] = {}

    def warm_up(self) -> None:
        """Calls that are not timed."""
        self._detector.warm_up(Size.of(self._pictures[0]), runs=2)

    def round(self, seconds: float, check: Check) -> None:
        """Call for this long, at least a few times."""
        times: list[int] = []
        end_s = time.monotonic() + seconds
        while len(times) < _LEAST_CALLS or time.monotonic() < end_s:
            check()
            frame = Frame(len(times), None, 0, self._pictures[len(times) % len(self._pictures)])
            start_ns = time.perf_counter_ns()
            found = self._detector.detect(frame, MIN_SCORE)
            times.append(time.perf_counter_ns() - start_ns)
            for stage, ns in found.stage_ns.items():
                self._stages.setdefault(stage, []).append(ns)
        self._rounds.append(times)

    def figures(self) -> CallTimes:
        """What was measured so far."""
        info, size = self._detector.info, Size.of(self._pictures[0])
        every = [ns for times in self._rounds for ns in times]
        return CallTimes(
            model=f"{info.model} {info.version}",
            variant=info.variant,
            provider=info.provider,
            provider_reason=info.provider_reason,
            threads=self._threads,
            width=size.width,
            height=size.height,
            calls=len(every),
            ms=Percentiles.of_ns(every),
            stages_ms={stage: _median_ms(times) for stage, times in self._stages.items()},
            repeats_ms=tuple(_median_ms(times) for times in self._rounds),
        )


def open_variants(
    model: str, provider: str, threads: int | None, every: bool, check: Check = lambda: None
) -> list[OnnxDetector]:
    """The detectors of a model that are worth timing here: what the policy chooses, and the CPU beside it.

    Args:
        model: name or folder.
        provider: the policy, as on the command line.
        threads: CPU threads; None leaves the choice to ONNX Runtime.
        every: with every variant that is meant for those providers, not only the preferred one.
        check: asked before each is opened.

    Raises:
        PolypwatchError: the model cannot be opened, or a named provider did not come up.
    """
    folder = find_model(model)
    manifest = load_manifest(folder)
    chosen = OnnxDetector(folder, provider, None, threads)
    found = [chosen]
    for name in dict.fromkeys((chosen.info.provider, "cpu")):
        meant = [v for v in manifest.variants if name in v.providers]
        for variant in meant if every else meant[:1]:
            check()
            if (name, variant.name) != (chosen.info.provider, chosen.info.variant):
                found.append(OnnxDetector(folder, name, variant.name, threads))
    return found


def encode_rate(pictures: Sequence[Image], path: Path, seconds: float, check: Check) -> Throughput:
    """How fast the recorder's own writer encodes; leaves the video in ``path``.

    Raises:
        OutputError: it cannot be written.
    """
    size = Size.of(pictures[0])
    video = VideoFile(path, size, _RATE)
    frames, start_ns = 0, time.perf_counter_ns()
    try:
        while frames < len(pictures) or time.perf_counter_ns() - start_ns < seconds * 1e9:
            check()
            video.write(pictures[frames % len(pictures)], float(frames / _RATE))
            frames += 1
    finally:
        video.close()
    return _throughput("encode", "H.264 by the recorder (x264)", size, frames, start_ns)


def decode_rate(path: Path, what: str, seconds: float, check: Check) -> Throughput:
    """How fast the file's pictures come as the detector takes them.

    Raises:
        SourceError: it cannot be read.
    """
    source = file_source(path)
    size = source.open().size
    try:
        frames, start_ns = 0, time.perf_counter_ns()
        while time.perf_counter_ns() - start_ns < seconds * 1e9 and isinstance(source.read(), Frame):
            check()
            frames += 1
        return _throughput("decode", what, size, frames, start_ns)
    finally:
        source.close()


def _throughput(job: str, what: str, size: Size, frames: int, start_ns: int) -> Throughput:
    seconds = (time.perf_counter_ns() - start_ns) / 1e9
    return Throughput(job, what, size.width, size.height, frames, round(frames / seconds, 1))


def _median_ms(times_ns: Sequence[int]) -> float:
    return round(float(np.median(times_ns)) / 1e6, 2)
