"""``polypwatch detect`` over folders: every recording and video below, in several processes, resumable."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from app.qa.jobs.finding import check_apart, procedures_below
from app.qa.jobs.messages import WAS_THERE
from app.qa.jobs.queue import JobQueue
from app.qa.jobs.states import Job, Jobs, JobState, ModelChoice
from detector.cpu import find_cores
from detector.errors import OutputError

_PARTIAL = 9  # done, with gaps, which the output names
_MOST_PROCESSES = 4
_WAIT_S = 0.5


def usual_processes() -> int:
    """One for every four cores: decoding a video keeps about one busy, and each process holds a model of its own."""
    return max(1, min(_MOST_PROCESSES, find_cores().usable // 4))


def detect_below(
    paths: Sequence[Path],
    out: Path | None,
    choice: ModelChoice,
    *,
    processes: int | None = None,
    quiet: bool = False,
) -> int:
    """Analyse everything below ``paths``; returns the exit status.

    What is whole for this model file and these very videos is left as it is, what is not is gone on with. Ctrl+C leaves
    what was done, to be gone on with.

    Args:
        paths: folders, recordings, videos.
        out: folder for the results, which gets the same folders as the sources; None for beside each procedure.
        choice: which model answers.
        processes: how many work at once.
        quiet: no progress bar.

    Raises:
        SourceError: a path does not exist, or nothing is below it.
        UsageError: two results would go into one file.
        OutputError: ``out`` cannot be made.
    """
    found = procedures_below(paths)
    if out is not None:
        check_apart(found, out)
        for folder in {each.out_folder(out) for each in found}:
            _make(folder)
    changed = threading.Event()
    # Whoever types a command wants it done, a live window or not.
    jobs = JobQueue(changed.set, parallel=processes or usual_processes(), niceness=0, beside_live=True)
    try:
        for each in found:
            jobs.add(each.path, choice, None if out is None else each.out_folder(out))
        with _Bar(quiet) as bar:
            while not jobs.wait(0.0):
                changed.wait(_WAIT_S)
                changed.clear()
                bar.show(jobs.snapshot())
            bar.show(jobs.snapshot())
        return _told(jobs.snapshot().jobs)
    except KeyboardInterrupt:
        left = len([job for job in jobs.snapshot().jobs if not job.state.over])
        print(f"polypwatch: {left} not analysed yet; the same command goes on where this one stopped.", file=sys.stderr)
        raise
    finally:
        jobs.close()


class _Bar:
    """One bar over all frames, with the number of procedures; each that is done has a line."""

    def __init__(self, quiet: bool) -> None:
        self._bar = tqdm(unit="frame", file=sys.stderr, disable=quiet, smoothing=0.05)
        self._over: set[int] = set()

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def show(self, jobs: Jobs) -> None:
        """Show how far it is."""
        over = [job for job in jobs.jobs if job.state.over]
        known = [job.of for job in jobs.jobs if job.of]
        if known:  # what nobody has looked at yet is taken for as long as the others
            unseen = sum(not job.of and not job.state.over for job in jobs.jobs)
            self._bar.total = max(round(sum(known) * (1 + unseen / len(known))), sum(j.frames for j in jobs.jobs))
        self._bar.set_description(f"{len(over)} of {len(jobs.jobs)}", refresh=False)
        self._bar.update(sum(job.frames for job in jobs.jobs) - self._bar.n)
        for job in over:
            if job.id not in self._over:
                self._over.add(job.id)
                if job.state is JobState.DONE and not self._bar.disable:  # what went wrong is said at the end
                    self._bar.write(_line(job), file=sys.stderr)


def _line(job: Job) -> str:
    if job.why == WAS_THERE:
        return f"{job.path}: {WAS_THERE}: {job.out}"
    missed = f", {job.not_analysed} could not be analysed" if job.not_analysed else ""
    return f"{job.path}: {job.frames} frames{missed}: {job.out}"


def _told(jobs: Sequence[Job]) -> int:
    """Say what could not be done, and give the exit status: that of the first failure if nothing could be."""
    failed = [job for job in jobs if job.state is not JobState.DONE]
    gaps = [job for job in jobs if job.state is JobState.DONE and job.not_analysed]
    for job in failed:
        print(f"polypwatch: {job.path} was not analysed: {job.why}", file=sys.stderr)
    for job in gaps:
        print(
            f"polypwatch: {job.path}: {job.not_analysed} of {job.frames} frames could not be analysed; their status in "
            f"{job.out} says why.",
            file=sys.stderr,
        )
    if failed and len(failed) == len(jobs):
        return failed[0].exit_status or 1
    return _PARTIAL if failed or gaps else 0


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made: {error.strerror}.", "Choose another --out.") from error
