import json
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from app.qa.opened import Opened
from app.qa.review import ReviewSession
from app.qa.review.adjudication import Adjudication, adjudicate
from app.qa.review.agreement import Disagreement, agreement, compare, truths
from app.qa.review.log import read_log
from detector.errors import UsageError
from tests.app.qa.review.made import box, procedure


def read(folder: Path, name: str, lesions: dict[int, tuple[int, int, float]], *, last: int = 199) -> ReviewSession:
    """A reader who saw lesions (first, last, x) and looked at everything up to `last`."""
    session = ReviewSession.open(procedure(folder), name, blinded=True)
    for first, end, x in lesions.values():
        lesion = session.draw(first, box(x))
        session.draw(end, box(x), lesion, joined=True)
    session.review(0, last)
    return session


@pytest.fixture
def readers(tmp_path: Path):
    """Both see a lesion at 20 to 60; only A one at 100 to 110; B's box of the third is beside A's."""
    a = read(tmp_path, "Anna", {1: (20, 60, 100), 2: (100, 110, 300), 3: (150, 159, 400)})
    b = read(tmp_path, "Bo", {1: (25, 60, 104), 2: (150, 159, 425)})
    yield a, b
    a.close()
    b.close()


def test_disagreements_are_what_one_has_and_the_other_not_and_boxes_that_lie_apart(readers) -> None:
    a, b = readers
    found = compare(a.document, b.document)
    assert found.pairs == ((1, 1), (3, 2))
    assert [(d.kind, d.first, d.last, d.lesion_a, d.lesion_b) for d in found.disagreements] == [
        ("only_a", 100, 110, 2, None),
        ("box", 150, 159, 3, 2),
        ("only_a", 20, 24, 1, 1),
    ]
    assert found.disagreements[1].iou == pytest.approx(15 / 65, abs=1e-6)


def test_what_one_of_them_never_looked_at_is_no_disagreement(tmp_path: Path) -> None:
    a = read(tmp_path, "Anna", {1: (20, 60, 100)})
    b = read(tmp_path, "Bo", {}, last=39)
    found = compare(a.document, b.document)
    assert [(d.first, d.last) for d in found.disagreements] == [(20, 39)]
    assert found.both == ((0, 39),)
    a.close()
    b.close()


def test_what_a_reader_calls_unclear_is_no_disagreement(tmp_path: Path) -> None:
    a = read(tmp_path, "Anna", {1: (20, 60, 100)})
    b = read(tmp_path, "Bo", {})
    a.set_state(1, 20, 50, "occluded")
    assert [(d.first, d.last) for d in compare(a.document, b.document).disagreements] == [(51, 60)]
    a.close()
    b.close()


def test_attributes_differ_where_both_gave_one(readers) -> None:
    a, b = readers
    a.describe(1, paris="Is", size_mm=5.0, site="rectum")
    b.describe(1, paris="IIa", size_mm=5.8)
    found = [d for d in compare(a.document, b.document).disagreements if d.kind == "attribute"]
    assert [(d.attribute, d.first, d.last) for d in found] == [("paris", 20, 60)]


def test_the_figures_are_those_of_scoring(readers) -> None:
    a, b = readers
    found = agreement(a.document, b.document)
    assert found.boxes.frames == 200
    assert found.boxes.pairs == 36  # 25 to 60; the third lesion's boxes overlap by too little
    assert (found.boxes.boxes_a, found.boxes.boxes_b) == (62, 46)
    assert found.boxes.f1 == pytest.approx(2 * 36 / (62 + 46))
    frames = found.frames
    assert (frames.both, frames.only_a, frames.only_b, frames.neither) == (46, 16, 0, 138)
    observed, chance = 184 / 200, (62 * 46 + 138 * 154) / 200**2
    assert frames.kappa == pytest.approx((observed - chance) / (1 - chance))


def test_the_truth_of_frames_is_what_the_document_says(readers) -> None:
    a, _ = readers
    a.set_state(1, 30, 31, "marginal")
    found = truths(a.document, [10, 29, 30, 250])
    assert [len(t.boxes) for t in found] == [0, 1, 0, 0]
    assert [len(t.ignored) for t in found] == [0, 0, 1, 0]
    assert [t.reviewed for t in found] == [True, True, True, False]
    assert found[1].lesions == ("1",)
    assert found[1].boxes == pytest.approx(np.array([box(100)]))


def test_the_command_compares_every_two_readers_from_their_logs(readers, tmp_path: Path, capsys) -> None:
    readers[0].commit()
    readers[0].erase_lesion(2)  # after unblinding: does not count
    third = read(tmp_path, "Cy", {}, last=9)
    assert main(["agreement", str(tmp_path), "--list", "--json", str(tmp_path / "out.json")]) == 0
    third.close()
    out = capsys.readouterr().out
    assert "Anna and Bo: 200 frames that both reviewed, box F1 0.667 (IoU 0.5)" in out
    assert "Anna and Cy: 10 frames that both reviewed, box F1 unknown (IoU 0.5), kappa of frames unknown" in out
    assert "frames 100 to 110: only the first has lesion 2" in out
    made = json.loads((tmp_path / "out.json").read_text())
    assert made["schema"] == "polypwatch.agreement/1"
    assert [len(pair["disagreements"]) for pair in made["pairs"]] == [3, 0, 0]
    assert made["pairs"][0]["boxes"]["pairs"] == 36
    assert made["pairs"][0]["boxes"]["f1"] == agreement(readers[0].committed_document, readers[1].document).boxes.f1


def test_the_command_leaves_a_broken_log_out_and_says_so(readers, tmp_path: Path, capsys) -> None:
    path = readers[1].path
    path.write_bytes(path.read_bytes().replace(b'"position": 25', b'"position": 26'))
    assert main(["agreement", str(tmp_path)]) == 6
    assert "its chain is broken: line 2" in capsys.readouterr().err
    path.unlink()
    assert main(["agreement", str(tmp_path)]) == 2


# -- adjudication -----------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return procedure(tmp_path)


@pytest.fixture
def settled(readers, opened: Opened):
    for reader in readers:
        reader.commit()
    made = adjudicate(opened, *readers)
    yield made
    made.session.close()


def of_kind(found: Adjudication, kind: str, first: int) -> Disagreement:
    return next(d for d in found.comparison.disagreements if (d.kind, d.first) == (kind, first))


def test_what_both_say_is_taken_over_and_what_is_open_is_not_reviewed(settled: Adjudication) -> None:
    document = settled.document
    assert [(x.id, x.stretches) for x in document.lesions] == [(1, ((25, 60),))]
    assert document.marks_at(40)[0].box == pytest.approx(box(102))  # half-way
    assert document.reviewed == ((0, 19), (25, 99), (111, 149), (160, 199))
    assert len(settled.open_disagreements) == 3


def test_each_decision_is_an_operation_and_settles_its_range(settled: Adjudication, opened: Opened, readers) -> None:
    settled.decide(of_kind(settled, "only_a", 100), "neither")
    settled.decide(of_kind(settled, "box", 150), "b")
    settled.decide(of_kind(settled, "only_a", 20), "a")
    document = settled.document
    assert document.reviewed == ((0, 199),)
    assert document.marks_at(105) == ()
    assert document.marks_at(155)[0].box == pytest.approx(box(425))
    assert document.lesion(1).stretches == ((20, 60),)
    assert document.marks_at(22)[0].box == pytest.approx(box(100))
    assert document.marks_at(40)[0].box == pytest.approx(box(102))
    assert settled.open_disagreements == ()
    settled.session.undo()
    assert [d.first for d in settled.open_disagreements] == [20]
    settled.session.undo()
    settled.session.undo()
    assert not settled.session.can_undo  # what both say is no edit
    settled.session.redo()
    settled.session.redo()
    settled.session.close()
    again = adjudicate(opened, *readers)
    assert [d.first for d in again.open_disagreements] == [20]
    assert not again.stale
    again.session.close()
    kinds = [r.operation.kind for r in read_log(again.session.path).records]
    assert kinds == ["import", "decide", "decide", "decide", "undo", "undo", "undo", "redo", "redo"]


def test_a_third_view_can_be_drawn(settled: Adjudication) -> None:
    found = of_kind(settled, "box", 150)
    settled.decide(found, "own", boxes={152: box(410), 156: box(414)})
    assert [settled.document.marks_at(p)[0].box[0] for p in (150, 152, 154, 156, 159)] == [410, 410, 412, 414, 414]
    with pytest.raises(UsageError, match="own box"):
        settled.decide(found, "own")
    with pytest.raises(UsageError, match="outside of the picture"):
        settled.decide(found, "own", boxes={152: box(4000)})


def test_an_attribute_is_decided(readers, opened: Opened) -> None:
    a, b = readers
    a.describe(1, paris="Is", site="rectum")
    b.describe(1, paris="IIa")
    a.commit()
    b.commit()
    made = adjudicate(opened, a, b)
    assert made.document.lesion(1).attributes.paris is None
    assert made.document.lesion(1).attributes.site == "rectum"
    found = of_kind(made, "attribute", 20)
    made.decide(found, "b")
    assert made.document.lesion(1).attributes.paris == "IIa"
    made.decide(found, "own", attributes={"paris": "IIc"})
    assert made.document.lesion(1).attributes.paris == "IIc"
    with pytest.raises(UsageError, match="paris"):
        made.decide(found, "own", attributes={"paris": "big"})
    made.session.close()


def test_readers_who_have_not_committed_or_are_one_are_not_adjudicated(readers, opened: Opened) -> None:
    a, b = readers
    with pytest.raises(UsageError, match="Anna has not committed"):
        adjudicate(opened, a, b)
    a.commit()
    b.commit()
    with pytest.raises(UsageError, match="third"):
        adjudicate(opened, a, a)
    with pytest.raises(UsageError, match="third"):
        adjudicate(opened, a, b, by="bo")


def test_what_a_blinded_reader_changed_after_unblinding_does_not_count(readers, opened: Opened) -> None:
    a, b = readers
    a.commit()
    b.commit()
    b.draw(105, box(300))
    made = adjudicate(opened, a, b)
    assert of_kind(made, "only_a", 100).last == 110
    made.session.close()


def test_it_is_said_when_the_readers_have_changed_their_reviews_since(settled: Adjudication, readers, opened) -> None:
    settled.session.close()
    readers[0].draw(5, box())
    again = adjudicate(opened, *readers)
    assert again.stale
    again.session.close()
