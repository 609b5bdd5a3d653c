"""Procedures as the recorder and the examination's keeper really write them, small; and a library that has looked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.examination import Keeper
from app.examination.events import ModelUsed, PolypFound, PolypRemoved, ScopeIn, ScopeOut
from app.qa.library import Library
from app.qa.opened import open_for_review
from app.qa.review import ReviewSession
from app.recording import Recorder, RecorderOptions
from detector.frame import Frame, FrameTime
from tests.app.qa.films import BASE, RATE, picture, write_red_recording
from tests.app.qa.films import write_film as write_it

BEGUN = datetime(2026, 3, 14, 8, 5, tzinfo=UTC)
FRAMES = 50


def write_film(path: Path, frames: int) -> Path:
    """A plain video, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_it(path, frames)


def write_examination(
    folder: Path, *, endoscopist: str = "E07", polyps: int = 2, days: int = 0, model: str = "fast", ended: bool = True
) -> Path:
    """A whole examination with a recording of two seconds; returns its folder."""
    keeper = Keeper.begin(
        folder, utc_now=lambda: BEGUN + timedelta(days=days), endoscopist=endoscopist, indication="screening"
    )
    keeper.record(ModelUsed(name=model, version="0.1.0", variant="x", sha256="0" * 64, threshold=0.5, provider="cpu"))
    keeper.record(ScopeIn())
    for number in range(polyps):
        keeper.record(PolypFound(lesion=number + 1))
    if polyps:
        keeper.record(PolypRemoved(lesion=1))
    keeper.record(ScopeOut())
    if ended:
        keeper.end()
    path = keeper.folder
    keeper.close()
    recorder = Recorder(path, RATE, resume=True, options=RecorderOptions(encoder="x264"))
    for n in range(FRAMES):
        recorder.offer(Frame(n, FrameTime(n, BASE), 1_000_000 + n * 40_000_000, picture(n)))
    recorder.close()
    return path


def write_library(folder: Path) -> dict[str, Path]:
    """One procedure of each kind that needs no extra package."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "examination": write_examination(folder / "room"),
        "recording": write_red_recording(folder / "20260301-101500", FRAMES),
        "video": write_film(folder / "foreign" / "Köhler 2.mp4", FRAMES),
    }


def review(path: Path, reader: str, last: int, *, commit: bool = False, folder: Path | None = None) -> None:
    """A reader looks at the frames up to `last`."""
    session = ReviewSession.open(open_for_review(path), reader, folder=folder)
    session.review(0, last)
    if commit:
        session.commit()
    session.close()


@contextmanager
def library(db: Path, *roots: Path, reviews: Path | None = None) -> Iterator[Library]:
    made = Library(db, roots, reviews=reviews)
    try:
        looked(made)
        yield made
    finally:
        made.close()


def looked(found: Library) -> Library:
    """Once it has looked through its folders."""
    found.scan()
    wait(found)
    return found


def wait(found: Library) -> None:
    import time

    until = time.monotonic() + 60
    while found.scan_state.running:
        assert time.monotonic() < until, "the search through the folders does not end"
        time.sleep(0.01)
