"""Which readers can be settled, by whom, and what is left to decide."""

from pathlib import Path

import pytest

from app.qa.groups import shape_class
from app.qa.opened import Opened
from app.qa.review import ReviewSession
from app.qa.review.log import read_log
from app.qa.review.settling import (
    Committed,
    Settling,
    adjudicator_name,
    begin,
    committed_readers,
    has_committed,
    pairs_of,
)
from detector.annotation import Lesion
from detector.errors import UsageError
from tests.app.qa.review.made import box, procedure


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return procedure(tmp_path)


def say(opened: Opened, name: str, x: float = 100, *, commit: bool = True, last: int = 199, **known: object) -> None:
    """A reader who has boxed one lesion in frames 20 to 60, at `x`."""
    session = ReviewSession.open(opened, name)
    session.draw(20, box(x))
    session.draw(60, box(x), 1, joined=True)
    if known:
        session.describe(1, **known)
    session.review(0, last)
    if commit:
        session.commit()
    session.close()


def two_of(opened: Opened) -> tuple[Committed, Committed]:
    (two,) = pairs_of(committed_readers(opened)[0])
    return two


def settle(opened: Opened, by: str = "Cy Moss") -> Settling:
    return begin(opened, two_of(opened), by)


def test_only_those_who_have_committed_a_review_of_their_own_can_be_settled(opened: Opened) -> None:
    for name, commit in (("Bo Lind", True), ("Anna Rossi", True), ("Dee Ray", False)):
        say(opened, name, commit=commit)
    found = settle(opened)
    found.adjudication.session.commit()
    found.adjudication.session.close()
    readers, problems = committed_readers(opened)
    assert [r.name for r in readers] == ["Anna Rossi", "Bo Lind"]
    assert problems == ()
    assert not has_committed(read_log(found.adjudication.session.path))


def test_a_broken_log_is_named_and_left_out(opened: Opened) -> None:
    for name in ("Anna Rossi", "Bo Lind"):
        say(opened, name)
    path = two_of(opened)[0].path
    path.write_bytes(path.read_bytes().replace(b'"position": 20', b'"position": 21', 1))
    readers, problems = committed_readers(opened)
    assert [r.name for r in readers] == ["Bo Lind"]
    assert path.name in problems[0]


def test_who_is_a_is_the_same_every_time_whatever_the_order(opened: Opened) -> None:
    for name, x in (("Anna Rossi", 100), ("Bo Lind", 300)):
        say(opened, name, x)
    one, other = two_of(opened)
    first = begin(opened, (one, other), "Cy Moss")
    first.adjudication.session.close()
    again = begin(opened, (other, one), "Cy Moss")
    again.adjudication.session.close()
    assert first.names == again.names
    assert not again.adjudication.stale


def test_a_review_of_whoever_decides_stays_as_it_is(opened: Opened) -> None:
    for name in ("Anna Rossi", "Bo Lind"):
        say(opened, name)
    say(opened, "Cy Moss", commit=False)
    own = ReviewSession.open(opened, "Cy Moss")  # open in another page of the same window
    found = settle(opened)
    assert not found.adjudication.session.read_only
    assert found.adjudication.session.path != own.path
    assert found.adjudication.session.reviewer == adjudicator_name("Cy  Moss") == "Cy Moss (adjudicator)"
    found.adjudication.session.close()
    own.close()


def test_readers_can_go_on_while_they_are_settled(opened: Opened) -> None:
    for name in ("Anna Rossi", "Bo Lind"):
        say(opened, name)
    found = settle(opened)
    session = ReviewSession.open(opened, "Anna Rossi")
    assert not session.read_only
    session.erase_lesion(1)
    session.close()
    found.adjudication.session.close()
    again = settle(opened)
    assert again.adjudication.stale
    again.adjudication.session.close()


def test_nobody_decides_on_their_own_review(opened: Opened) -> None:
    for name in ("Anna Rossi", "Bo Lind"):
        say(opened, name)
    with pytest.raises(UsageError, match="one of the two"):
        settle(opened, "anna  rossi")


def test_one_log_settles_two_readers_and_no_others(opened: Opened) -> None:
    for name in ("Anna Rossi", "Bo Lind", "Dee Ray"):
        say(opened, name)
    first, second, _ = pairs_of(committed_readers(opened)[0])
    begin(opened, first, "Cy Moss").adjudication.session.close()
    with pytest.raises(UsageError, match="settles two other readers"):
        begin(opened, second, "Cy Moss")
    begin(opened, first, "Cy Moss").adjudication.session.close()  # and the log is free again


def test_what_is_said_of_a_lesion_that_is_decided_away_needs_no_decision(opened: Opened) -> None:
    say(opened, "Anna Rossi", 100, lst="LST-G")
    say(opened, "Bo Lind", 125, lst="LST-NG")
    found = settle(opened).adjudication
    boxes, attribute = found.open_disagreements
    assert (boxes.kind, attribute.attribute) == ("box", "lst")
    with pytest.raises(UsageError, match="Decide first"):
        found.decide(attribute, "a")
    found.decide(boxes, "neither")
    assert found.moot == {attribute.name}
    assert found.open_disagreements == ()
    found.session.undo()
    assert found.open_disagreements == (boxes, attribute)
    found.decide(boxes, "a")
    found.decide(attribute, "own", attributes={"lst": "LST-NG-FE"})
    assert found.open_disagreements == ()
    assert found.document.lesions[0].attributes.lst == "LST-NG-FE"
    found.session.close()


@pytest.mark.parametrize(
    ("paris", "lst", "shape"),
    [
        (None, None, "unknown"),
        (None, "LST-NG", "flat (0-II, 0-III)"),
        ("Is", "LST-G-NM", "protruding (0-I)"),
        ("IIa", "LST-G", "flat (0-II, 0-III)"),
    ],
)
def test_a_laterally_spreading_tumour_is_flat_unless_its_paris_class_says_otherwise(paris, lst, shape) -> None:
    assert shape_class(Lesion(id=1, paris=paris, size_mm=None, note="", lst=lst)) == shape


def test_labels_keep_it(opened: Opened) -> None:
    from app.qa.review.labels import _attributes

    lesion = Lesion.model_validate_json('{"id": 1, "paris": null, "size_mm": 22.0, "note": "", "lst": "LST-G-H"}')
    assert _attributes(lesion).lst == "LST-G-H"
