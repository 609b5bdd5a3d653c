"""Marks of an examination on the axis of its recording."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.examination.events import (
    Audit,
    Bookmark,
    Clock,
    Event,
    Payload,
    PolypFound,
    Resumed,
    ScopeIn,
    Start,
    Undo,
)
from app.examination.store import JOURNAL_NAME, JournalFile
from app.qa.marks import marks_of, marks_or_why
from app.qa.opened import open_for_review
from tests.app.qa.films import write_red_recording


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))


def journal(folder: Path, *events: tuple[Payload, int | None]) -> None:
    start = Start(
        id="EX-7K3M-Q9TD", started_utc=datetime(2026, 3, 1, tzinfo=UTC), software="tests", clock=Clock(monotonic_ns=0)
    )
    file = JournalFile(folder / JOURNAL_NAME, new=True)
    for n, (what, index) in enumerate([(start, None), *events], start=1):
        file.append(Event(n=n, t_s=float(n), capture_index=index, what=what))
    file.close()


def test_a_mark_lies_on_the_frame_that_stood_on_the_screen(tmp_path: Path):
    folder = write_red_recording(tmp_path / "exam", 20)
    started = Audit(what="recording_started", detail=folder.name)
    journal(folder, (ScopeIn(), 0), (started, 0), (PolypFound(lesion=1), 7), (Bookmark(text="look"), 11))
    marks = marks_of(open_for_review(folder))
    assert [(mark.position, mark.what.kind) for mark in marks] == [
        (0, "scope_in"), (7, "polyp_found"), (11, "bookmark"),
    ]  # fmt: skip


def test_a_mark_that_was_withdrawn_is_none(tmp_path: Path):
    folder = write_red_recording(tmp_path / "exam", 20)
    started = Audit(what="recording_started", detail=folder.name)
    journal(folder, (ScopeIn(), 0), (started, 0), (Bookmark(), 7), (Undo(event=4), 8))
    assert [mark.what.kind for mark in marks_of(open_for_review(folder))] == ["scope_in"]


def test_a_mark_of_a_run_that_was_not_recorded_lies_nowhere(tmp_path: Path):
    folder = write_red_recording(tmp_path / "exam", 20)
    started = Audit(what="recording_started", detail=folder.name)
    resumed = Resumed(utc=datetime(2026, 3, 1, 1, tzinfo=UTC), software="tests", estimated=False)
    journal(folder, (ScopeIn(), 0), (started, 0), (resumed, None), (started, 0), (Bookmark(), 3))
    assert [mark.position for mark in marks_of(open_for_review(folder))] == [0]


def test_a_mark_on_a_frame_that_was_lost_lies_on_the_next_one(tmp_path: Path):
    folder = write_red_recording(tmp_path / "exam", 20)
    started = Audit(what="recording_started", detail=folder.name)
    journal(folder, (ScopeIn(), 0), (started, 0), (Bookmark(), 400))
    assert [mark.position for mark in marks_of(open_for_review(folder))] == [0, 19]


def test_a_journal_that_cannot_be_read_is_said_and_the_rest_is_there(tmp_path: Path):
    folder = write_red_recording(tmp_path / "exam", 20)
    journal(folder)
    opened = open_for_review(folder)
    (folder / JOURNAL_NAME).write_text('{"n": 1, "kind": "start", "schema": "polypwatch.examination/9"}\n')
    marks, why = marks_or_why(opened)
    assert marks == ()
    assert why


def test_what_is_no_examination_has_no_marks(tmp_path: Path):
    folder = write_red_recording(tmp_path / "recording", 5)
    assert marks_or_why(open_for_review(folder)) == ((), "")
