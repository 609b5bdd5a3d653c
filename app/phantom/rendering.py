"""Renders a procedure into ``OUT.mp4`` and ``OUT.json``: frames are drawn by several processes and written in order.

Neither file appears under its name before both are whole.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from app import SOFTWARE
from app.phantom.film import Film
from app.phantom.lesions import Lesion as Polyp
from app.phantom.optics import Image
from app.phantom.procedure import Procedure, Script, write_story
from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video, dump_annotation
from detector.errors import OutputError, UsageError
from detector.geometry import Size
from detector.manifest import file_sha256

MIN_SECONDS, MAX_SECONDS = 10.0, 3600.0
Progress = Callable[[int, int], None]
_Drawn = tuple[Image, tuple[Mark, ...]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was written.

    Attributes:
        video: the film.
        annotation: its truth.
        frames: how many frames.
        lesions: how many lesions.
    """

    video: Path
    annotation: Path
    frames: int
    lesions: int


def render(
    seed: int,
    seconds: float,
    out: Path,
    size: tuple[int, int] = (1280, 720),
    rate: Fraction | int = 25,
    progress: Progress = lambda done, total: None,
    workers: int | None = None,
) -> Rendered:
    """Render the procedure of ``seed`` into ``OUT.mp4`` and ``OUT.json``.

    Args:
        seed: which patient, which lesions, which hand; 0 or more.
        seconds: length of the film, 10 s to an hour.
        out: where to; a suffix ``.mp4`` or ``.json`` is ignored.
        size: width and height in pixels: even, at least 128 x 96.
        rate: frames per second, 1 to 120.
        progress: called with (frames done, frames in all), first with 0 done.
        workers: how many processes draw; None: one per core. The pixels do not depend on it.

    Raises:
        UsageError: an argument is out of range.
        OutputError: the files cannot be written.
    """
    script = _checked(seed, seconds, size, rate, workers)
    base = out.with_suffix("") if out.suffix.lower() in (".mp4", ".json") else out
    video, truth = (base.with_name(base.name + suffix) for suffix in (".mp4", ".json"))
    parts = [path.with_name(path.name + ".part") for path in (video, truth)]
    _require_writable(parts)
    polyps = write_story(script).lesions
    try:
        film = Film(parts[0], script.size, script.rate)
        try:
            frames = _write_film(film, script, workers or os.cpu_count() or 1, progress)
        finally:
            film.close()
        annotation = _annotation(script, video.name, parts[0], film, polyps, frames)
        parts[1].write_text(dump_annotation(annotation), encoding="utf-8")
        os.replace(parts[0], video)
        os.replace(parts[1], truth)
    except OSError as error:
        raise OutputError(f"Cannot write {video}: {error.strerror or error}.", "Choose another place.") from error
    finally:
        for part in parts:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    return Rendered(video, truth, script.frame_count, len(polyps))


def _checked(seed: int, seconds: float, size: tuple[int, int], rate: Fraction | int, workers: int | None) -> Script:
    if seed < 0:
        raise UsageError(f"The seed is {seed}.", "Give a whole number of 0 or more.")
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise UsageError(
            f"A procedure cannot be {seconds:g} s long.", f"Give {MIN_SECONDS:g} to {MAX_SECONDS:g} seconds."
        )
    width, height = size
    if width % 2 or height % 2 or width < 128 or height < 96 or max(size) > 4096:
        raise UsageError(
            f"A picture of {width} x {height} cannot be rendered.", "Give even sides, from 128 x 96 to 4096."
        )
    if not 1 <= rate <= 120:
        raise UsageError(f"{rate} frames per second cannot be rendered.", "Give 1 to 120.")
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers cannot draw.", "Give at least 1.")
    return Script(seed, float(seconds), Size(width, height), Fraction(rate))


def _require_writable(parts: list[Path]) -> None:
    """Minutes of rendering must not end in 'permission denied'."""
    for part in parts:
        try:
            part.open("wb").close()
        except OSError as error:
            name = part.with_suffix("")
            raise OutputError(f"Cannot write {name}: {error.strerror or error}.", "Choose another place.") from error


def _write_film(film: Film, script: Script, workers: int, progress: Progress) -> tuple[MarkedFrame, ...]:
    """Append every frame in order; returns those that show something of a lesion."""
    marked = []
    progress(0, script.frame_count)
    with _pool(script, min(workers, script.frame_count)) as drawn:
        for index, (image, marks) in enumerate(drawn):
            film.add(image)
            if marks:
                marked.append(MarkedFrame(index=index, pts=film.pts(index), marks=marks))
            progress(index + 1, script.frame_count)
    return tuple(marked)


@contextlib.contextmanager
def _pool(script: Script, workers: int) -> Iterator[Iterator[_Drawn]]:
    """The drawn frames in order. Processes are spawned: forking a program with threads (Qt, OpenCV) may hang."""
    if workers == 1:
        procedure = Procedure(script)
        yield (_only_seen(procedure, index) for index in range(script.frame_count))
        return
    pool = multiprocessing.get_context("spawn").Pool(workers, _prepare, (script,))
    try:
        yield pool.imap(_draw, range(script.frame_count))
    finally:
        pool.terminate()
        pool.join()


_procedure: Procedure | None = None


def _prepare(script: Script) -> None:
    """Runs once in every drawing process."""
    global _procedure
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's business: it ends the pool
    _procedure = Procedure(script)


def _draw(index: int) -> _Drawn:
    assert _procedure is not None
    return _only_seen(_procedure, index)


def _only_seen(procedure: Procedure, index: int) -> _Drawn:
    picture = procedure.draw(index)
    return np.ascontiguousarray(picture.image), picture.marks


def _annotation(
    script: Script, name: str, video: Path, film: Film, polyps: tuple[Polyp, ...], frames: tuple[MarkedFrame, ...]
) -> Annotation:
    source = f"rendered: seed {script.seed}, {script.seconds:g} s, {script.size.width}x{script.size.height}"
    return Annotation(
        software=SOFTWARE,
        source=f"{source}, {script.rate} frames/s",
        video=Video(
            name=name,
            sha256=file_sha256(video),
            frame_count=script.frame_count,
            width=script.size.width,
            height=script.size.height,
            time_base=film.time_base,
        ),
        lesions=tuple(Lesion(id=x.id, paris=x.paris, size_mm=x.size_mm, note="size as modelled") for x in polyps),
        reviewed=(ReviewedRange(first=0, last=script.frame_count - 1, reviewer="renderer"),),
        frames=frames,
    )
