"""The queue of background analyses, with real processes, a real model file and real videos."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.day.instance import Instance
from app.qa.jobs import Job, JobQueue, JobState, ModelChoice
from app.qa.jobs.queue import LIVE
from app.qa.reanalysis import reanalyse
from detector.results import part_of, read_frames
from detector.runtime import OnnxDetector
from tests.app.qa.films import write_film, write_red_model

FRAMES = 1200
ENOUGH_S = 100.0


@pytest.fixture(scope="module")
def choice(tmp_path_factory) -> ModelChoice:
    return ModelChoice(str(write_red_model(tmp_path_factory.mktemp("models") / "red")), "cpu", None, 1)


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "v.mp4", FRAMES)


@pytest.fixture(scope="module")
def whole(choice, film, tmp_path_factory) -> bytes:
    out = tmp_path_factory.mktemp("whole") / "o.json"
    reanalyse(film, OnnxDetector(Path(choice.model), "cpu", threads=1), out)
    return out.read_bytes()


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


@pytest.fixture
def jobs(woken, tmp_path, monkeypatch) -> Iterator[JobQueue]:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    queue = JobQueue(woken.set, runtime=runtime(tmp_path))
    yield queue
    queue.close()


def runtime(tmp_path: Path) -> Path:
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def until(jobs: JobQueue, number: int, good: Callable[[Job], bool]) -> Job:
    end = time.monotonic() + ENOUGH_S
    while time.monotonic() < end:
        job = next(j for j in jobs.snapshot().jobs if j.id == number)
        if good(job):
            return job
        time.sleep(0.01)
    raise AssertionError(f"{job} in {ENOUGH_S} s")


def running_frames(job: Job) -> bool:
    return job.state is JobState.RUNNING and 0 < job.frames < FRAMES


def test_what_a_paused_a_cancelled_and_a_killed_run_have_done_is_gone_on_with(jobs, choice, film, whole, tmp_path):
    number = jobs.add(film, choice, tmp_path)
    until(jobs, number, running_frames)
    jobs.pause()
    until(jobs, number, lambda j: j.state is JobState.PAUSED)
    time.sleep(0.5)  # what was on its way has come
    first = until(jobs, number, lambda j: True)
    time.sleep(0.5)
    assert until(jobs, number, lambda j: True) == first, "a paused job stands still"
    assert 0 < first.frames < FRAMES
    assert first.rate is None
    jobs.go_on(number)
    until(jobs, number, lambda j: j.state is JobState.RUNNING)
    jobs.cancel(number)
    cancelled = until(jobs, number, lambda j: j.state.over)
    assert cancelled.state is JobState.CANCELLED
    assert "kept" in cancelled.why
    number = jobs.add(film, choice, tmp_path)
    until(jobs, number, running_frames)
    jobs.pause(number)
    until(jobs, number, lambda j: j.state is JobState.PAUSED)
    (worker,) = jobs._workers
    os.kill(worker.pid, signal.SIGKILL)
    killed = until(jobs, number, lambda j: j.state.over)
    assert killed.state is JobState.FAILED
    assert "SIGKILL" in killed.why
    assert killed.exit_status
    assert part_of(killed.out).exists()
    assert not killed.out.exists()
    again = until(jobs, jobs.add(film, choice, tmp_path), lambda j: j.state.over)
    assert again.state is JobState.DONE
    assert again.out.read_bytes() == whole


def test_nothing_runs_beside_a_live_window_unless_it_is_asked_for(jobs, choice, film, whole, tmp_path):
    live = Instance.take("camera:0", runtime(tmp_path))
    number = jobs.add(film, choice, tmp_path)
    held_up(jobs)
    assert not jobs.wait(1.2)
    assert until(jobs, number, lambda j: True).frames == 0
    live.release()
    until(jobs, number, running_frames)
    jobs.pause()  # so that it cannot be over before the queue has looked up
    live = Instance.take("camera:0", runtime(tmp_path))
    held_up(jobs)
    jobs.go_on()
    before = until(jobs, number, lambda j: j.state is JobState.RUNNING)
    assert not jobs.wait(1.2), "it is not paused any more, but it waits"
    assert until(jobs, number, lambda j: True).frames == before.frames < FRAMES
    jobs.allow_beside_live(True)
    assert jobs.wait(ENOUGH_S)
    live.release()
    assert until(jobs, number, lambda j: True).out.read_bytes() == whole
    assert jobs.snapshot().waiting == ""


def held_up(jobs: JobQueue) -> None:
    end = time.monotonic() + ENOUGH_S
    while jobs.snapshot().waiting != LIVE and time.monotonic() < end:
        time.sleep(0.01)
    assert jobs.snapshot().waiting == LIVE


def test_one_after_the_other_is_analysed_and_what_cannot_be_says_why(jobs, choice, tmp_path, woken):
    film = write_film(tmp_path / "v.mp4", 30)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no video")
    first = jobs.add(broken, choice, tmp_path)
    gone = jobs.add(tmp_path / "none.mp4", choice, tmp_path)
    good = jobs.add(film, choice, tmp_path)
    assert jobs.add(film, choice, tmp_path) == good, "what waits already is not added"
    assert jobs.wait(ENOUGH_S)
    assert woken.is_set()
    for number, words, status in ((first, "broken.mp4", 3), (gone, "does not exist", 3)):
        job = until(jobs, number, lambda j: True)
        assert job.state is JobState.FAILED
        assert words in job.why
        assert job.exit_status == status
    job = until(jobs, good, lambda j: True)
    assert (job.state, job.frames, job.of, job.not_analysed, job.why) == (JobState.DONE, 30, 30, 0, "")
    assert len(list(read_frames(job.out))) == 30
    again = jobs.add(film, choice, tmp_path)
    job = until(jobs, again, lambda j: j.state.over)
    assert (job.state, job.why) == (JobState.DONE, "was there already")
    jobs.clear()
    end = time.monotonic() + ENOUGH_S
    while jobs.snapshot().jobs and time.monotonic() < end:
        time.sleep(0.01)
    assert jobs.snapshot().jobs == ()


WINDOW = """
import sys, time
from pathlib import Path
from app.qa.jobs import JobQueue, JobState, ModelChoice

if __name__ == "__main__":
    jobs = JobQueue(lambda: None, beside_live=True)
    jobs.add(Path(sys.argv[1]), ModelChoice(sys.argv[2], "cpu", None, 1), Path(sys.argv[3]))
    while not any(job.frames for job in jobs.snapshot().jobs):
        time.sleep(0.01)
    print(*[worker.pid for worker in jobs._workers], flush=True)
    time.sleep(600)
"""


def test_the_process_ends_with_its_window_however_that_ends(choice, film, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    words = [sys.executable, "-c", WINDOW, str(film), choice.model, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as window:
        pid = int(window.stdout.readline())
        window.kill()
    end = time.monotonic() + ENOUGH_S
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_running(pid)
    assert list(tmp_path.glob("v.analysis-*"))


def is_running(pid: int) -> bool:
    """Whether a process lives; one that nobody waits for is dead, too."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_jobs_that_are_not_over_are_there_again_in_the_next_window(choice, film, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    store = tmp_path / "cache" / "qa" / "jobs.json"
    first = JobQueue(lambda: None, store=store, runtime=runtime(tmp_path))
    try:
        number = first.add(film, choice, tmp_path)
        until(first, number, running_frames)
        second = JobQueue(lambda: None, store=store, runtime=runtime(tmp_path))
        assert second.snapshot().jobs == (), "the jobs of another window are not taken from it"
        second.close()
    finally:
        first.close()
    assert list(tmp_path.glob("*.part"))
    again = JobQueue(lambda: None, store=store, runtime=runtime(tmp_path))
    try:
        assert [job.path for job in again.snapshot().jobs] == [film]
        assert again.wait(ENOUGH_S)
        (job,) = again.snapshot().jobs
        assert job.out.read_bytes() == whole
    finally:
        again.close()
    assert len(list(read_frames(job.out))) == FRAMES


def test_a_strange_message_does_not_stop_the_queue(tmp_path, caplog) -> None:
    broken = threading.Event()

    def wake() -> None:
        if not broken.is_set():
            broken.set()
            raise RuntimeError("a window that is half gone")

    queue = JobQueue(wake, runtime=runtime(tmp_path))
    try:
        queue.add(tmp_path / "nowhere.mp4", ModelChoice("no such model"))
        assert queue.wait(ENOUGH_S)
        assert [job.state for job in queue.snapshot().jobs] == [JobState.FAILED]
        assert "stumbled" in caplog.text
    finally:
        queue.close()
