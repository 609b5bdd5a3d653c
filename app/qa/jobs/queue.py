"""The queue of background analyses: what waits, what runs, and nothing beside a live examination.

One thread decides. It hears commands and the analysing processes through one inbox, and looks up once a second: at the
lock of the live window, and whether a process still moves. A window reads `JobQueue.snapshot` after each wake.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.day.instance import held
from app.qa.jobs.messages import DONE, FAILED, GO_ON, LOADING, PAUSE, PAUSED, RUNNING, STOP, STOPPED, Order, Told
from app.qa.jobs.rate import Pace
from app.qa.jobs.states import Job, Jobs, JobState, ModelChoice
from app.qa.jobs.store import JobStore
from app.qa.jobs.worker import Worker
from detector.cpu import find_cores, headless_threads
from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)
LIVE = "a live window is open on this computer"
STAYS = "what is done is kept; analyse it again to go on"
_LOOK_EVERY_S = 1.0
_STARTS_WITHIN_S = 600.0  # TensorRT may build an engine first, and a hash of many gigabytes takes minutes
_MOVES_WITHIN_S = 120.0
_ENDS_WITHIN_S = 5.0
_GOING_ON = (LOADING, RUNNING, PAUSED)


class JobQueue:
    """Analyses procedures one after the other, in processes of their own.

    Args:
        wake: called from a thread of the queue, without payload, when `snapshot` has changed; coalesced to some ten
            times a second for each process.
        parallel: how many processes analyse at once.
        niceness: how much they give way to everything else, 0 to 19.
        store: file in which jobs that are not over survive the end of the program; None keeps nothing. A second queue
            on the same file keeps nothing either.
        beside_live: analyse while a live window is open, too.
        runtime: folder of the live window's lock; default as for the window.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        parallel: int = 1,
        niceness: int = 10,
        store: Path | None = None,
        beside_live: bool = False,
        runtime: Path | None = None,
    ) -> None:
        self._wake = wake
        self._parallel = parallel
        self._niceness = niceness
        self._runtime = runtime
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        # With the lock held:
        self._jobs: dict[int, Job] = {}
        self._folders: dict[int, Path | None] = {}
        self._paces: dict[int, Pace] = {}
        self._beside_live = beside_live
        self._live = False
        self._next = 1
        # Of the queue's thread alone:
        self._workers: dict[Worker, int | None] = {}
        self._moved: dict[Worker, float] = {}
        self._held: set[int] = set()  # by the user; what a live window holds up is not paused but waits
        self._ending: set[int] = set()
        self._looked = 0.0
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._store = JobStore.open(store)
        for path, choice, folder in self._store.load():
            self.add(path, choice, folder)
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    # -- for anybody ----------------------------------------------------------------------------------------------

    def add(self, path: Path, choice: ModelChoice | None = None, folder: Path | None = None) -> int:
        """Analyse a procedure when its turn comes; returns the job's id. One that is waiting already is not added.

        Args:
            path: a recording's folder, a video, a folder of images, a DICOM video.
            choice: which model answers.
            folder: for the results; None for beside the procedure.
        """
        path, choice = path.absolute(), choice or ModelChoice()
        with self._lock:
            for job in self._jobs.values():
                same = (job.path, job.choice, self._folders[job.id]) == (path, choice, folder)
                if same and not job.state.over:
                    return job.id
            number, self._next = self._next, self._next + 1
            self._jobs[number] = Job(number, path, choice, JobState.QUEUED)
            self._folders[number] = folder
        self._tell(self._changed)
        return number

    def pause(self, job: int | None = None) -> None:
        """Let a job (None: all) wait until `go_on`; the model stays loaded."""
        self._tell(lambda: self._each(job, self._pause))

    def go_on(self, job: int | None = None) -> None:
        """Let a paused job (None: all) go on."""
        self._tell(lambda: self._each(job, self._go_on))

    def cancel(self, job: int | None = None) -> None:
        """End a job (None: all that are not over). What it has done is kept, and gone on with when it is added anew."""
        self._tell(lambda: self._each(job, self._cancel))

    def clear(self) -> None:
        """Forget the jobs that are over."""
        self._tell(self._forget)

    def allow_beside_live(self, allowed: bool) -> None:
        """Analyse while a live window is open, too, or no longer."""

        def change() -> None:
            with self._lock:
                self._beside_live = allowed
            self._look()

        self._tell(change)

    def snapshot(self) -> Jobs:
        """All jobs as they stand."""
        with self._lock:
            jobs = tuple(self._with_rate(job) for job in self._jobs.values())
            waiting = LIVE if self._live and any(not job.state.over for job in jobs) else ""
        return Jobs(jobs, waiting)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until every job is over; False if that took longer."""
        with self._settled:
            return self._settled.wait_for(lambda: all(j.state.over for j in self._jobs.values()), timeout_s)

    def close(self) -> None:
        """End all processes; what they have done is kept, and what is not over is remembered by the store."""
        if self._thread.is_alive():
            self._inbox.put(None)
            self._thread.join()
        self._store.close()

    # -- the queue's thread ---------------------------------------------------------------------------------------

    def _tell(self, what: Callable[[], None]) -> None:
        self._inbox.put(what)

    def _run(self) -> None:
        going_on = True
        while going_on:
            try:
                going_on = self._turn()
            except Exception:  # the root of this thread: one strange message must not stop all analyses for good
                _log.exception("the queue of analyses stumbled")
        for worker in self._workers:
            worker.say(STOP)
        for worker in self._workers:
            worker.close(_ENDS_WITHIN_S)

    def _turn(self) -> bool:
        """Hear one message, look up when it is time, start what can be started; False when the end is asked for."""
        with contextlib.suppress(queue.Empty):
            what = self._inbox.get(timeout=_LOOK_EVERY_S)
            if what is None:
                return False
            what()
        if time.monotonic() - self._looked >= _LOOK_EVERY_S:
            self._looked = time.monotonic()
            self._look()
        self._start_what_can()
        return True

    def _look(self) -> None:
        """Once a second: at the live window, and at processes that do not move."""
        live = not self._beside_live and self._live_is_open()
        if live != self._live:
            with self._lock:
                self._live = live
            for worker, job in self._workers.items():
                if job is not None and job not in self._held:
                    worker.say(PAUSE if live else GO_ON)
            self._changed()
        now = time.monotonic()
        for worker, job in list(self._workers.items()):
            if job is None or self._live or job in self._held:
                self._moved[worker] = now
                continue
            with self._lock:
                known = self._jobs.get(job)
            if known is None or known.state.over:  # it failed, and its process is about to end
                continue
            limit = _MOVES_WITHIN_S if known.frames else _STARTS_WITHIN_S
            if now - self._moved[worker] > limit:
                self._fail(
                    job, f"Nothing has moved for {limit:.0f} s; the process was ended. Analyse it again to go on."
                )
                worker.kill()

    def _live_is_open(self) -> bool:
        try:
            return held(self._runtime)
        except PolypwatchError:
            return False  # no folder for locks, so no live window either

    def _start_what_can(self) -> None:
        while (
            not self._live and (job := self._next_queued()) is not None and (worker := self._free_worker()) is not None
        ):
            threads = job.choice.threads or max(1, headless_threads(find_cores()) // self._parallel)
            folder = self._folders[job.id]
            order = Order(
                job.id,
                str(job.path),
                str(folder) if folder else None,
                job.choice.model,
                job.choice.provider,
                job.choice.variant,
                threads,
            )
            self._workers[worker] = job.id
            self._moved[worker] = time.monotonic()
            with self._lock:
                self._paces[job.id] = Pace()
            self._put(replace(job, state=JobState.RUNNING, why=""))
            worker.do(order)

    def _next_queued(self) -> Job | None:
        with self._lock:
            return next((j for j in self._jobs.values() if j.state is JobState.QUEUED), None)

    def _free_worker(self) -> Worker | None:
        idle = next((w for w, job in self._workers.items() if job is None), None)
        if idle is not None or len(self._workers) >= self._parallel:
            return idle
        try:
            worker = Worker(self._heard, self._niceness)
        except OSError as error:
            job = self._next_queued()
            if job is not None:
                self._fail(job.id, f"No process could be started for it: {error.strerror or error}.")
            return None
        self._workers[worker] = None
        self._moved[worker] = time.monotonic()
        return worker

    def _heard(self, worker: Worker, told: Told | None) -> None:
        self._tell(lambda: self._ended(worker) if told is None else self._take(worker, told))

    def _take(self, worker: Worker, told: Told) -> None:
        self._moved[worker] = time.monotonic()
        job = self._jobs.get(told.job)
        if job is None or self._workers.get(worker) != told.job:
            return
        if told.state in _GOING_ON:
            with self._lock:
                pace = self._paces[job.id]
                pace.note(told.frames, moving=told.state == RUNNING)
            state = JobState.PAUSED if job.id in self._held else JobState.RUNNING
            why = "loading the model and reading the video" if told.state == LOADING else ""
            self._put(_with(job, told, state=state, why=why))
            return
        self._workers[worker] = None
        self._ending.discard(job.id)
        if told.state == STOPPED:
            self._put(_with(job, told, state=JobState.CANCELLED, why=STAYS))
        elif told.state == FAILED:
            self._put(_with(job, told, state=JobState.FAILED, why=told.words, exit_status=told.exit_status))
        elif told.state == DONE:
            self._put(_with(job, told, state=JobState.DONE, why=told.words))
        if not self._next_queued():
            self._dismiss_idle()

    def _ended(self, worker: Worker) -> None:
        """A process is gone, wanted or not."""
        job = self._workers.pop(worker, None)
        self._moved.pop(worker, None)
        if job is None or self._state(job).over:
            return
        if job in self._ending:
            self._ending.discard(job)
            self._put(replace(self._jobs[job], state=JobState.CANCELLED, why=STAYS))
            return
        self._fail(job, f"The analysing process broke off: {worker.how_it_ended()}. Analyse it again to go on.")

    def _dismiss_idle(self) -> None:
        """A model that nobody needs takes no memory."""
        for worker in [w for w, job in self._workers.items() if job is None]:
            del self._workers[worker]
            worker.close(_ENDS_WITHIN_S)

    def _each(self, job: int | None, do: Callable[[Job], None]) -> None:
        for number in list(self._jobs) if job is None else [job]:
            found = self._jobs.get(number)
            if found is not None and not found.state.over:
                do(found)

    def _pause(self, job: Job) -> None:
        self._held.add(job.id)
        worker = self._worker_of(job.id)
        if worker is not None:
            worker.say(PAUSE)
        self._put(replace(job, state=JobState.PAUSED))

    def _go_on(self, job: Job) -> None:
        if job.id not in self._held:
            return
        self._held.discard(job.id)
        worker = self._worker_of(job.id)
        if worker is not None and not self._live:
            worker.say(GO_ON)
        self._put(replace(job, state=JobState.RUNNING if worker is not None else JobState.QUEUED))

    def _cancel(self, job: Job) -> None:
        worker = self._worker_of(job.id)
        if worker is None:
            self._put(replace(job, state=JobState.CANCELLED, why=STAYS if job.frames else ""))
            return
        self._ending.add(job.id)
        worker.say(STOP)
        if not job.frames:  # still loading, which hears nobody
            worker.kill()

    def _forget(self) -> None:
        with self._lock:
            self._jobs = {n: j for n, j in self._jobs.items() if not j.state.over}
        self._changed()

    def _fail(self, job: int, why: str) -> None:
        self._put(replace(self._jobs[job], state=JobState.FAILED, why=why, exit_status=PolypwatchError.exit_status))

    def _worker_of(self, job: int) -> Worker | None:
        return next((w for w, j in self._workers.items() if j == job), None)

    def _state(self, job: int) -> JobState:
        return self._jobs[job].state if job in self._jobs else JobState.CANCELLED

    def _put(self, job: Job) -> None:
        with self._settled:
            was = self._jobs.get(job.id)
            self._jobs[job.id] = job
            if was is not None and was.state is job.state:
                moved = False
            else:
                moved = True
                self._settled.notify_all()
        if moved:
            self._changed()
        else:
            self._wake()

    def _changed(self) -> None:
        """Remember what is not over, and say that something is new."""
        with self._lock:
            left = [(j.path, j.choice, self._folders[j.id]) for j in self._jobs.values() if not j.state.over]
        self._store.save(left)
        self._wake()

    def _with_rate(self, job: Job) -> Job:
        pace = self._paces.get(job.id)
        running = job.state is JobState.RUNNING and pace is not None and not self._live
        return replace(job, rate=pace.per_s() if running and pace is not None else None)


def _with(job: Job, told: Told, *, state: JobState, why: str, exit_status: int = 0) -> Job:
    """The job with what its process says of it."""
    return replace(
        job,
        state=state,
        why=why,
        exit_status=exit_status,
        frames=told.frames,
        of=told.of,
        not_analysed=told.not_analysed,
        out=Path(told.out) if told.out else None,
    )
