"""Scoring procedures on disk: what they are called, whose answers count, and all of it in several processes.

What takes long (counting pictures, reading results, tracking) is kept in the cache by content, so that a run that was
broken off goes on where it was.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from app.qa.answers import Candidates, Shown
from app.qa.cache import Kept
from app.qa.checking import settle
from app.qa.figures import Figures, measure
from app.qa.library.walk import walk
from app.qa.loading import Results, load_results
from app.qa.opened import open_for_review
from app.qa.progress import Progress, Stop, Stopped, go_on, never, quiet
from app.qa.scored import Scored, names_of, noted, score_ready
from detector.alerts import AlertSettings
from detector.cpu import find_cores, headless_threads
from detector.errors import PolypwatchError, SourceError
from detector.scoring.clinical import SWEEP

__all__ = [
    "Failure",
    "ScoreRun",
    "Wanted",
    "choose",
    "default_processes",
    "names_of",
    "prepare",
    "procedures_below",
    "score",
]

LIVE = "live"
"""The name of what was shown in the examination."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A procedure that could not be scored, and why."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class ScoreRun:
    """Figures of a set, and what could not be scored."""

    figures: Figures
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be scored, and how.

    Attributes:
        results: name of a model, of a results file, or ``live``; empty: what was shown live, else the only results.
        threshold: the operating point; None: the model's own.
        cache: the folder of the cache; None: this user's.
    """

    results: str = ""
    threshold: float | None = None
    cache: Path | None = None


def procedures_below(paths: Sequence[Path]) -> tuple[list[Path], list[Failure]]:
    """Recordings and videos in folders and below them, each once; and folders that cannot be read.

    Raises:
        SourceError: a path does not exist.
    """
    found: dict[Path, Path] = {}
    failures: list[Failure] = []
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path} does not exist.", "Check the spelling.")
        for each in walk(path, never, lambda folder, why: failures.append(Failure(folder, why))):
            found.setdefault(each.path.resolve(), each.path)
    return list(found.values()), failures


def prepare(path: Path, name: str, wanted: Wanted, stop: Stop = never) -> Scored:
    """Open one procedure, load what was answered, and join it with the labels. May take minutes the first time.

    Raises:
        PolypwatchError: it cannot be opened, or has no such results.
    """
    kept = Kept(wanted.cache)
    opened = settle(open_for_review(path, wanted.cache), wanted.cache, stop=stop)
    found = load_results(opened, wanted.cache)
    candidates, shown = choose(found, wanted.results, path)
    ready = score_ready(opened, candidates, shown, threshold=wanted.threshold, name=name, kept=kept)
    if found.problems:
        return noted(ready, [f"{opened.title}: {problem}" for problem in found.problems])
    return ready


def choose(found: Results, name: str, path: Path) -> tuple[Candidates, Shown | None]:
    """Whose answers count; with what stood on the screen if they are those of the examination.

    Raises:
        SourceError: there are no such results, or several and none was named.
    """
    live = next((c for c in found.candidates if c.origin == "live"), None)
    if name.casefold() == LIVE or (not name and live is not None and found.shown):
        if live is None or not found.shown:
            raise SourceError(f"{path} has no record of what was shown live.", "Name the results of a re-analysis.")
        return live, found.shown[0]
    if name:
        chosen = found.named(name)
        if chosen is None:
            raise SourceError(f"{path} has no results called '{name}'.", f"It has: {_names(found)}.")
        return chosen, None
    if not found.candidates:
        if found.problems:
            raise SourceError(f"{path} has no results that can be used.", " ".join(found.problems))
        raise SourceError(f"{path} has no results.", "Analyse it: polypwatch detect PATH --beside.")
    if len(found.candidates) > 1:
        raise SourceError(f"{path} has several results.", f"Choose with --results: {_names(found)}.")
    return found.candidates[0], None


def score(
    paths: Sequence[Path],
    wanted: Wanted | None = None,
    *,
    draws: int = 2000,
    seed: int = 1,
    processes: int = 1,
    progress: Progress = quiet,
    stop: Stop = never,
) -> ScoreRun:
    """Figures of procedures.

    Args:
        paths: procedures, not folders of them.
        wanted: whose answers, at which threshold.
        draws: of the bootstrap.
        seed: of the bootstrap.
        processes: how many procedures are made ready at once.
        progress: told after every procedure.
        stop: asked before every one.

    Raises:
        UsageError: their thresholds differ, and none was given.
        Stopped: as was asked for.
    """
    wanted = wanted or Wanted()
    names = names_of(paths)
    tasks = sorted(zip(names, paths, strict=True))
    failures: dict[Path, str] = {}
    if processes > 1 and len(tasks) > 1:
        failures |= _all_at_once(tasks, wanted, processes, progress, stop)
    ready: list[Scored] = []
    for k, (name, path) in enumerate(tasks):
        go_on(stop, "Scoring")
        if path in failures:
            continue
        try:
            ready.append(prepare(path, name, wanted, stop))
        except Stopped:
            raise
        except PolypwatchError as error:
            failures[path] = str(error)
        if processes == 1:
            progress(name, k + 1, len(tasks))
    figures = measure(ready, draws, seed)
    return ScoreRun(figures, tuple(Failure(path, why) for path, why in sorted(failures.items())))


def default_processes() -> int:
    """As many as there are cores for work without a window."""
    return headless_threads(find_cores())


def _all_at_once(
    tasks: Sequence[tuple[str, Path]], wanted: Wanted, processes: int, progress: Progress, stop: Stop
) -> dict[Path, str]:
    """Fill the cache, each procedure in whichever process is free; what fails, by path."""
    failures: dict[Path, str] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(tasks)), mp_context=context) as pool:
        waiting: dict[Future[str], tuple[str, Path]] = {
            pool.submit(_warm, path, name, wanted): (name, path) for name, path in tasks
        }
        try:
            for done, (future, (name, path)) in enumerate(_finished(waiting), 1):
                go_on(stop, "Scoring")
                try:
                    why = future.result()
                except BrokenProcessPool:
                    return failures  # killed from outside: one process goes on with what is not in the cache
                if why:
                    failures[path] = why
                progress(name, done, len(tasks))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failures


def _finished(
    waiting: dict[Future[str], tuple[str, Path]],
) -> Iterator[tuple[Future[str], tuple[str, Path]]]:
    for future in as_completed(waiting):
        yield future, waiting[future]


def _warm(path: Path, name: str, wanted: Wanted) -> str:
    """In a process of its own: everything that is slow, into the cache. Returns why it cannot be scored, or nothing."""
    try:
        ready = prepare(path, name, wanted)
        if ready.marking is not None and ready.reviewed:
            for threshold in SWEEP:
                ready.marking.shown(AlertSettings(threshold))
    except PolypwatchError as error:
        return str(error)
    return ""


def _names(found: Results) -> str:
    return ", ".join(dict.fromkeys(LIVE if c.origin == "live" else c.label for c in found.candidates)) or "none"
