"""How far reviews have come, read from their logs: as the review itself says it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.qa.checking import settle
from app.qa.library import Filters, ReviewState
from app.qa.library.reviews import _without, read_reader
from app.qa.opened import open_for_review
from app.qa.review import ReviewSession
from app.qa.review.settling import begin, committed_readers, pairs_of
from tests.app.qa.films import write_red_recording
from tests.app.qa.library.made import FRAMES, library, review, write_film


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_red_recording(tmp_path / "lib" / "20260301-101500", FRAMES)


def test_ranges_undone_and_taken_back_are_not_counted(recording: Path) -> None:
    session = ReviewSession.open(open_for_review(recording), "Anna Rossi")
    session.review(0, 29)
    session.review(20, 39)
    session.unreview(0, 4)
    session.review(45, 49)
    session.undo()
    session.undo()
    session.redo()
    wanted = sum(last - first + 1 for first, last in session.document.reviewed)
    path = session.path
    session.close()
    reader = read_reader(path, None)
    assert reader is not None
    assert (reader.name, reader.committed, reader.trouble) == ("Anna Rossi", False, "")
    assert reader.reviewed == pytest.approx(wanted / FRAMES)


def test_states_over_all_readers(recording: Path, tmp_path: Path) -> None:
    db = tmp_path / "library.sqlite3"

    def state() -> ReviewState:
        with library(db, recording.parent) as found:
            (entry,) = found.search()
            assert found.count(filters=Filters(review=frozenset({entry.review}))) == 1
            return entry.review

    assert state() is ReviewState.NOBODY
    review(recording, "Anna Rossi", 24)
    assert state() is ReviewState.IN_REVIEW
    review(recording, "Jo Kim", 49, commit=True)
    assert state() is ReviewState.COMMITTED
    review(recording, "adjudicator", 49, commit=True)
    assert state() is ReviewState.COMMITTED  # a name settles nothing
    opened = open_for_review(recording)
    readers, problems = committed_readers(opened)
    assert problems == ()
    session = begin(opened, pairs_of(readers)[0], "Cy Moss").adjudication.session
    assert state() is ReviewState.COMMITTED
    session.commit()
    session.close()
    assert state() is ReviewState.ADJUDICATED
    with library(db, recording.parent) as found:
        (entry,) = found.search("jo kim")
    assert [(r.name, r.reviewed, r.committed, r.settles) for r in entry.readers] == [
        ("adjudicator", 1.0, True, False),
        ("Anna Rossi", 0.5, False, False),
        ("Cy Moss (adjudicator)", 1.0, True, True),
        ("Jo Kim", 1.0, True, False),
    ]
    assert entry.can_be_settled


def test_labels_that_were_taken_over_are_no_review(tmp_path: Path) -> None:
    """Opening a labelled video and doing nothing leaves it as nobody's."""
    from app.phantom import bundled

    session = ReviewSession.open(settle(open_for_review(bundled().video)), "Anna Rossi", folder=tmp_path / "reviews")
    session.review(0, 0)
    session.undo()
    path = session.path
    session.close()
    assert path.exists()
    assert read_reader(path, None) is None


def test_reviews_in_a_folder_of_their_own_are_found(tmp_path: Path) -> None:
    one = write_film(tmp_path / "a" / "same.mp4", FRAMES)
    other = write_film(tmp_path / "b" / "same.mp4", FRAMES + 10)
    reviews = tmp_path / "reviews"
    reviews.mkdir()
    session = ReviewSession.open(settle(open_for_review(one)), "Anna Rossi", folder=reviews)
    session.review(0, 24)
    session.close()
    with library(tmp_path / "db", tmp_path / "a", tmp_path / "b", reviews=reviews) as found:
        mine, nobodys = found.entry(one), found.entry(other)
    assert mine is not None
    assert nobodys is not None
    assert [r.name for r in mine.readers] == ["Anna Rossi"]
    assert nobodys.readers == ()


def test_a_damaged_log_is_trouble_and_not_nobody(recording: Path, tmp_path: Path) -> None:
    review(recording, "Anna Rossi", 24)
    (log,) = recording.glob("review-*.jsonl")
    log.write_bytes(log.read_bytes().replace(b'"kind"', b'"kind', 1))
    with library(tmp_path / "db", recording.parent) as found:
        (entry,) = found.search()
    assert entry.review is ReviewState.IN_REVIEW
    assert log.name in entry.trouble


ranges = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda r: (min(r), max(r)))


@given(st.lists(st.tuples(st.booleans(), ranges), max_size=12))
def test_ranges_are_put_together_as_sets_of_frames(edits: list[tuple[bool, tuple[int, int]]]) -> None:
    held: list[tuple[int, int]] = []
    frames: set[int] = set()
    for on, (first, last) in edits:
        held = [*_without(held, (first, last)), (first, last)] if on else _without(held, (first, last))
        frames = frames | set(range(first, last + 1)) if on else frames - set(range(first, last + 1))
    assert sum(last - first + 1 for first, last in held) == len(frames)
    assert {n for first, last in held for n in range(first, last + 1)} == frames
