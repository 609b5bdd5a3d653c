import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli import main
from app.examination.events import Segment as ExaminationSegment
from app.qa.checking import settle
from app.qa.opened import Opened, open_for_review
from app.qa.review import ReviewSession
from app.qa.review.log import read_log
from app.qa.review.publish import publish
from detector.annotation import (
    Annotation,
    Lesion,
    Mark,
    MarkedFrame,
    ReviewedRange,
    Site,
    Video,
    load_annotation,
    save_annotation,
)
from detector.errors import OutputError, UsageError
from detector.procedure import file_sha256, open_procedure
from tests.app.qa.review.made import SIZE, box, labelled, procedure, two_videos
from tests.clips import write_clip


def annotation(opened: Opened, frames: dict[int, list[Mark]], reviewed: tuple[ReviewedRange, ...] = ()) -> Annotation:
    video = opened.procedure.segments[0].video
    ids = sorted({m.lesion for marks in frames.values() for m in marks})
    return Annotation(
        software="another",
        source="reader B",
        video=Video(
            name=video.name,
            sha256=file_sha256(video),
            frame_count=opened.axis.of_segment(1)[1],
            width=SIZE.width,
            height=SIZE.height,
            time_base=Fraction(1, 25),
        ),
        lesions=tuple(Lesion(id=n, paris="IIa", size_mm=5.0, note=f"number {n}", site="rectum") for n in ids),
        reviewed=reviewed,
        frames=tuple(MarkedFrame(index=p, pts=p, marks=tuple(frames[p])) for p in sorted(frames)),
    )


def mark(lesion: int, drawn: tuple[float, float, float, float], state: str = "clear", **more: object) -> Mark:
    said = {"lesion": lesion, "state": state, "box": drawn, "visibility": None, **more}
    return Mark.model_validate(said)


@st.composite
def marked_frames(draw: st.DrawFn) -> dict[int, list[Mark]]:
    found: dict[int, list[Mark]] = {}
    whole = st.integers(0, 400)
    for position in draw(st.sets(st.integers(0, 60), max_size=30)):
        for lesion in draw(st.sets(st.integers(1, 3), min_size=1)):
            x, y, state = draw(whole), draw(whole), draw(st.sampled_from(["clear", "marginal", "occluded"]))
            drawn = (x + 0.25, float(y), x + draw(st.integers(2, 60)) + 0.25, float(y + 20))
            more = {"occluded": True} if state == "occluded" else {}
            found.setdefault(position, []).append(mark(lesion, drawn, "marginal" if more else state, **more))
    return found


@settings(max_examples=60, deadline=None)
@given(marked_frames(), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=3))
def test_labels_that_are_taken_over_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, frames: dict[int, list[Mark]], ranges: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    found = procedure(folder, 100)
    read = tuple(ReviewedRange(first=min(r), last=max(r), reviewer="reader B") for r in ranges)
    before = annotation(found, frames, read)
    save_annotation(folder / "clip.json", before)
    found = labelled(found, folder / "clip.json", load_annotation(folder / "clip.json"))
    session = ReviewSession.open(found, "Anna")
    made = session.document.annotation(found, 1)
    session.close()
    assert made.lesions == before.lesions
    assert [f.index for f in made.frames] == [f.index for f in before.frames]
    for mine, theirs in zip(made.frames, before.frames, strict=True):
        assert {m.lesion: m.state for m in mine.marks} == {m.lesion: m.state for m in theirs.marks}
        for m, t in zip(mine.marks, sorted(theirs.marks, key=lambda m: m.lesion), strict=True):
            assert m.box == pytest.approx(t.box, abs=0.011)
            assert m.model_extra == t.model_extra
    assert all(made.is_reviewed(p) == before.is_reviewed(p) for p in range(100))


def test_a_review_begins_from_the_labels_that_are_there_but_a_blinded_one_does_not(tmp_path: Path) -> None:
    found = procedure(tmp_path)
    before = annotation(found, {7: [mark(1, box())]})
    save_annotation(tmp_path / "clip.json", before)
    found = labelled(found, tmp_path / "clip.json", before)
    session = ReviewSession.open(found, "Anna")
    assert [x.id for x in session.document.lesions] == [1]
    assert not session.path.exists()  # nothing was said yet
    session.review(0, 10)
    session.close()
    again = ReviewSession.open(found, "Anna")
    assert [x.id for x in again.document.lesions] == [1]
    again.undo()
    again.undo()  # one too many: the labels that it began from stay
    assert not again.can_undo
    again.erase_lesion(1)
    assert again.document.is_empty()
    again.close()
    blinded = ReviewSession.open(found, "Bo", blinded=True)
    assert blinded.document.is_empty()
    blinded.close()


def test_labels_that_came_after_the_review_began_are_said_to_be_left_out(tmp_path: Path) -> None:
    found = procedure(tmp_path)
    session = ReviewSession.open(found, "Anna")
    session.review(0, 10)
    theirs = annotation(found, {7: [mark(1, box())]})
    assert not session.take_labels(labelled(found, tmp_path / "clip.json", theirs))
    assert len(session.notes) == 1
    assert "did not begin from" in session.notes[0]
    assert session.document.lesions == ()
    session.close()
    own = theirs.model_copy(update={"review": {"log": session.path.name}})
    again = ReviewSession.open(labelled(found, tmp_path / "clip.json", own), "Anna")
    assert again.notes == ()
    again.close()


def test_labels_out_of_the_picture_are_cut_or_left_out_and_counted(tmp_path: Path) -> None:
    found = procedure(tmp_path)
    frames = {
        1: [mark(1, (600, 10, 700, 50))],
        2: [mark(1, (650, 10, 700, 50))],
        3: [mark(1, (5, 5, 6, 50))],
        4: [mark(1, box())],
    }
    before = annotation(found, frames)
    save_annotation(tmp_path / "clip.json", before)
    session = ReviewSession.open(labelled(found, tmp_path / "clip.json", before), "Anna")
    assert session.document.marks_at(1)[0].box == (600, 10, 640, 50)
    assert session.document.lesions[0].stretches == ((1, 1), (4, 4))
    assert "1 boxes reached beyond" in session.notes[0]
    assert "2 boxes lie outside of the picture or are too small" in session.notes[1]
    session.close()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    write_clip(path, 40)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_published_labels_are_those_that_training_and_scoring_read(
    film: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = settle(open_for_review(film))
    session = ReviewSession.open(opened, "Anna Rossi")
    lesion = session.draw(10, (20, 20, 60, 60))
    session.draw(20, (30, 20, 70, 60), lesion)
    session.set_state(lesion, 13, 14, "occluded")
    session.set_state(lesion, 16, 17, "out_of_view")
    session.describe(lesion, size_mm=7.5, paris="Is", histology="adenoma")
    session.review(0, 30)
    (file,) = publish(session, opened)
    session.close()
    assert (file.path.name, file.lesions, file.marked, file.reviewed, file.kept_aside) == (
        "film.annotation.json",
        1,
        9,
        31,
        None,
    )
    read = open_procedure(film).annotation
    assert read is not None
    assert read.source == "reviewed by Anna Rossi"
    assert read.marks(15)[0].box == pytest.approx((25, 20, 65, 60))
    assert [read.marks(p)[0].state for p in (12, 13, 15)] == ["clear", "marginal", "clear"]
    assert read.marks(16) == ()
    assert read.is_reviewed(30)
    assert not read.is_reviewed(31)
    assert (read.lesions[0].histology, read.lesions[0].size_mm) == ("adenoma", 7.5)
    assert read.reviewed[0].reviewer == "Anna Rossi"
    assert main(["audit", str(film.parent)]) == 0
    assert "Anna Rossi, 7 operations" in capsys.readouterr().out


def test_labels_that_lie_there_are_kept_aside(film: Path, cache: Path) -> None:
    opened = settle(open_for_review(film))
    first = ReviewSession.open(opened, "Bo")
    first.draw(3, (10, 10, 50, 50))
    publish(first, opened)
    first.close()
    before = (film.parent / "film.annotation.json").read_bytes()
    opened = settle(open_for_review(film))
    session = ReviewSession.open(opened, "Anna")
    session.draw(5, (10, 10, 50, 50))
    (file,) = publish(session, opened)
    session.close()
    assert file.kept_aside is not None
    assert file.kept_aside.read_bytes() == before
    assert len(load_annotation(file.path).lesions) == 2  # what Bo said was taken over
    assert open_procedure(film).annotation is not None


def test_labels_of_a_drive_that_cannot_be_written_go_to_another_folder(film: Path, cache: Path, tmp_path: Path) -> None:
    opened = settle(open_for_review(film))
    session = ReviewSession.open(opened, "Anna", folder=tmp_path / "reviews")
    session.draw(3, (10, 10, 50, 50))
    with pytest.raises(OutputError, match="Cannot write"):
        publish(session, opened, folder=Path("/proc/self"))
    (file,) = publish(session, opened, folder=tmp_path / "reviews")
    session.close()
    assert file.path == tmp_path / "reviews" / "film.annotation.json"
    assert load_annotation(file.path).video.sha256 == file_sha256(film)


def test_an_end_that_was_cut_off_contradicts_the_labels_that_came_from_it(
    film: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = settle(open_for_review(film))
    session = ReviewSession.open(opened, "Anna")
    for n in range(4):
        session.draw(n, (10, 10, 50, 50))
    publish(session, opened)
    session.close()
    lines = session.path.read_bytes().splitlines(keepends=True)
    session.path.write_bytes(b"".join(lines[:3]))
    assert main(["audit", str(film.parent)]) == 6
    assert "its end was cut off or rewritten" in capsys.readouterr().out


@pytest.mark.parametrize("say", [lambda _: None, lambda s: s.draw(0, box())])
def test_what_cannot_be_published_says_why(tmp_path: Path, say: Callable[[ReviewSession], object]) -> None:
    found = procedure(tmp_path)
    session = ReviewSession.open(found, "Anna", blinded=True)
    say(session)
    with pytest.raises(UsageError, match="committed"):
        publish(session, found)
    session.close()
    empty = ReviewSession.open(found, "Bo")
    with pytest.raises(UsageError, match="Nothing was said"):
        publish(empty, found)
    empty.close()


def test_a_lesion_in_two_videos_keeps_its_number_in_both(tmp_path: Path) -> None:
    found = two_videos(tmp_path, 50)
    session = ReviewSession.open(found, "Anna")
    lesion = session.draw(40, box())
    session.draw(60, box(120), lesion)
    session.review(0, 99)
    one, other = session.document.annotation(_timed(found), 1), session.document.annotation(_timed(found), 2)
    session.close()
    assert [f.index for f in one.frames] == list(range(40, 50))
    assert [f.index for f in other.frames] == list(range(11))
    assert other.marks(0)[0].box == pytest.approx(box(110))
    assert one.lesions[0].id == other.lesions[0].id == lesion
    assert other.reviewed[0].last == 49


def _timed(opened: Opened) -> Opened:
    """The same with labels that say the time base: nobody can decode these files."""
    segments = []
    for segment in opened.procedure.segments:
        first, behind = opened.axis.of_segment(segment.number)
        video = Video(
            name=segment.video.name,
            sha256=file_sha256(segment.video),
            frame_count=behind - first,
            width=SIZE.width,
            height=SIZE.height,
            time_base=Fraction(1, 25),
        )
        empty = Annotation(software="x", source="x", video=video, lesions=(), reviewed=(), frames=())
        segments.append(replace(segment, annotation=empty))
    return replace(opened, procedure=replace(opened.procedure, segments=tuple(segments)))


def test_another_files_labels_are_one_edit_with_numbers_of_their_own(tmp_path: Path) -> None:
    found = procedure(tmp_path)
    session = ReviewSession.open(found, "Anna")
    session.draw(3, box())
    theirs = annotation(found, {5: [mark(1, box(200))], 6: [mark(1, box(210))], 7: [mark(4, box())]})
    notes = session.import_labels(found, {1: theirs}, file="x.xml", sha256="0" * 64, form="cvat", note="assumed")
    assert notes == ()
    assert [x.id for x in session.document.lesions] == [1, 2, 5]
    session.undo()
    assert [x.id for x in session.document.lesions] == [1]
    session.close()


def test_sites_are_called_as_in_the_journal_of_an_examination() -> None:
    assert Site.__args__ == ExaminationSegment.__args__  # type: ignore[attr-defined]


def test_labels_of_an_older_version_stay_valid(tmp_path: Path) -> None:
    found = procedure(tmp_path)
    before = json.loads(annotation(found, {1: [mark(1, box())]}).model_dump_json(by_alias=True))
    for lesion in before["lesions"]:
        del lesion["site"]
        del lesion["histology"]
    (tmp_path / "clip.json").write_text(json.dumps(before))
    read = load_annotation(tmp_path / "clip.json")
    assert read.lesions[0].histology is None
    save_annotation(tmp_path / "again.json", read)
    assert load_annotation(tmp_path / "again.json") == read


def test_a_review_whose_very_first_edit_a_crash_cut_short_still_begins_from_the_labels(tmp_path: Path) -> None:
    found = procedure(tmp_path)
    before = annotation(found, {7: [mark(1, box())]})
    save_annotation(tmp_path / "clip.json", before)
    found = labelled(found, tmp_path / "clip.json", before)
    session = ReviewSession.open(found, "Anna")
    session.review(0, 10)
    session.close()
    head, first, *_ = session.path.read_bytes().splitlines(keepends=True)
    session.path.write_bytes(head + first[:40])
    again = ReviewSession.open(found, "Anna")
    assert [x.id for x in again.document.lesions] == [1]
    assert not again.can_undo
    again.review(5, 20)
    again.close()
    assert not read_log(session.path).fault
    once_more = ReviewSession.open(found, "Anna")
    assert (len(once_more.document.lesions), once_more.document.reviewed) == (1, ((5, 20),))
    once_more.close()
