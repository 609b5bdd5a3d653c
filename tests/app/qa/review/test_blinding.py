from pathlib import Path

import pytest

from app.qa.review import ReviewSession, blinded_order, visible_to
from app.qa.review.log import read_log
from app.qa.review.places import other_logs, slug_of
from tests.app.qa.review.made import box, procedure


def test_a_blinded_reader_sees_nothing_that_could_tell_what_to_find_until_they_commit(tmp_path: Path) -> None:
    session = ReviewSession.open(procedure(tmp_path), "Anna", blinded=True)
    session.draw(0, box())
    hidden = visible_to(session)
    assert not any((hidden.ai, hidden.live_marks, hidden.freezes, hidden.identity, hidden.other_readers, hidden.labels))
    session.commit()
    assert all((session.visible.ai, session.visible.live_marks, session.visible.identity, session.visible.labels))
    session.close()


def test_who_is_not_blinded_sees_everything(tmp_path: Path) -> None:
    session = ReviewSession.open(procedure(tmp_path), "Anna")
    assert session.visible.ai
    session.close()


def test_what_was_said_before_unblinding_stays_apart_from_what_was_said_after(tmp_path: Path) -> None:
    session = ReviewSession.open(procedure(tmp_path), "Anna", blinded=True)
    session.draw(0, box())
    session.commit()
    session.draw(50, box())
    session.undo()
    session.undo()
    session.close()
    again = ReviewSession.open(procedure(tmp_path), "Anna")  # begun blinded: it stays so
    assert again.blinded
    assert again.committed
    assert again.document.is_empty()
    assert again.committed_document is not None
    assert len(again.committed_document.lesions) == 1
    assert again.edits_since_commit == 3
    assert [r.unblinded for r in read_log(again.path).records] == [False, False, True, True, True]
    again.close()


def test_a_review_that_was_begun_with_everything_in_sight_is_not_blinded_afterwards(tmp_path: Path) -> None:
    session = ReviewSession.open(procedure(tmp_path), "Anna")
    session.draw(0, box())
    session.close()
    again = ReviewSession.open(procedure(tmp_path), "Anna", blinded=True)
    assert not again.blinded
    assert "cannot be blinded afterwards" in again.notes[0]
    again.close()


def test_the_order_is_another_for_each_reader_and_always_the_same_for_one() -> None:
    paths = [Path(f"/day/exam-{n}") for n in range(20)]
    for_anna = blinded_order(paths, "Anna")
    assert sorted(for_anna) == sorted(paths)
    assert blinded_order(reversed(paths), "anna") == for_anna
    assert blinded_order(paths, "Bo") != for_anna
    assert for_anna not in (paths, paths[::-1])
    assert [p.name for p in blinded_order([Path("/moved") / p.name for p in paths], "Anna")] == [
        p.name for p in for_anna
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("Anna Rossi", "Ánna Rossi"), ("Bo", "Bø"), ("李", "王"), ("a-b", "a b"), ("x" * 60, "x" * 61)]
)
def test_no_two_readers_share_a_file(one: str, other: str) -> None:
    assert slug_of(one) != slug_of(other)
    assert slug_of(one) == slug_of(f"  {one.upper()} ")
    assert slug_of(other).isascii()


def test_other_readers_of_a_procedure_are_found(tmp_path: Path) -> None:
    for name in ("Anna", "Bo [x]"):
        session = ReviewSession.open(procedure(tmp_path, name="clip [1].mp4"), name)
        session.draw(0, box())
        session.close()
    found = other_logs(session.path)
    assert [p.name for p in found] == ["clip [1].review-anna.jsonl"]
