import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.qa.review import Document, ReviewSession
from app.qa.review.log import read_log
from app.qa.review.operations import Undo
from app.qa.worklist.answers import Answer
from detector.errors import FormatError, OutputError, UsageError
from detector.geometry import Size
from tests.app.qa.review.made import SIZE, box, procedure, two_videos

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def session(tmp_path: Path) -> Any:
    made = ReviewSession.open(procedure(tmp_path), "Anna Rossi")
    yield made
    made.close()


def reopened(session: ReviewSession, folder: Path, **kwargs: Any) -> ReviewSession:
    session.close()
    return ReviewSession.open(procedure(folder), session.reviewer, **kwargs)


# -- edits ------------------------------------------------------------------------------------------------------------


def test_looking_at_a_procedure_leaves_no_file(tmp_path: Path) -> None:
    ReviewSession.open(procedure(tmp_path), "Anna").close()
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_boxes_between_two_drawn_ones_are_interpolated(session: ReviewSession) -> None:
    lesion = session.draw(100, box(100))
    assert session.draw(110, box(200), lesion) == lesion
    (mark,) = session.document.marks_at(105)
    assert mark.box == pytest.approx(box(150))
    assert (mark.lesion, mark.state, mark.is_key) == (lesion, "clear", False)
    assert session.document.key_positions(lesion) == (100, 110)
    assert session.document.marks_at(99) == ()
    assert session.document.marks_at(111) == ()


def test_a_lesion_that_comes_back_later_was_away_in_between(session: ReviewSession) -> None:
    lesion = session.draw(50, box())
    session.draw(200, box(300), lesion)
    assert session.document.lesion(lesion).stretches == ((50, 50), (200, 200))
    session.draw(10, box(), lesion, joined=True)
    assert session.document.lesion(lesion).stretches == ((10, 50), (200, 200))
    session.draw(195, box(300), lesion)
    assert session.document.lesion(lesion).stretches == ((10, 50), (195, 200))


def test_a_box_drawn_where_the_lesion_was_said_to_be_away_brings_it_back_up_to_its_next_box(
    session: ReviewSession,
) -> None:
    lesion = session.draw(100, box())
    session.draw(140, box(), lesion)
    session.set_state(lesion, 110, 130, "out_of_view")
    session.draw(125, box(120), lesion)
    assert session.document.lesion(lesion).stretches == ((100, 109), (125, 140))


def test_erasing_takes_one_frame_and_no_other(session: ReviewSession) -> None:
    lesion = session.draw(100, box(100))
    session.draw(110, box(200), lesion)
    before = {p: session.document.marks_at(p) for p in range(95, 116)}
    session.erase(104, lesion)
    session.erase(110, lesion)
    for position in range(95, 116):
        expected = () if position in (104, 110) else before[position]
        assert session.document.marks_at(position) == expected
    session.erase_lesion(lesion)
    assert session.document.lesions == ()


def test_a_lesion_whose_last_box_is_erased_is_gone_and_its_number_stays_unused(session: ReviewSession) -> None:
    first = session.draw(5, box())
    session.erase(5, first)
    assert session.document.is_empty()
    session.undo()
    session.undo()
    assert session.draw(5, box()) == first + 1


def test_a_key_frame_can_become_an_ordinary_one(session: ReviewSession) -> None:
    lesion = session.draw(0, box(0))
    session.draw(10, box(100), lesion)
    session.move(5, lesion, box(300))
    session.unkey(5, lesion)
    assert session.document.marks_at(5)[0].box == pytest.approx(box(50))
    with pytest.raises(UsageError, match="no key frame"):
        session.unkey(6, lesion)


def test_states_hold_over_their_range(session: ReviewSession) -> None:
    lesion = session.draw(0, box())
    session.draw(40, box(), lesion)
    session.set_state(lesion, 10, 19, "occluded")
    session.set_state(lesion, 29, 20, "out_of_view")  # dragged backwards
    document = session.document
    assert [document.state_at(lesion, p) for p in (9, 10, 19, 20, 29, 30, 41)] == [
        "clear",
        "occluded",
        "occluded",
        "out_of_view",
        "out_of_view",
        "clear",
        "out_of_view",
    ]
    assert document.marks_at(25) == ()


def test_attributes_are_those_that_exist(session: ReviewSession) -> None:
    lesion = session.draw(0, box())
    session.describe(lesion, size_mm=6.0, paris="Is", site="sigmoid")
    session.describe(lesion, histology="adenoma", note="seen twice", paris=None)
    said = session.document.lesion(lesion).attributes
    assert (said.size_mm, said.paris, said.site, said.histology) == (6.0, None, "sigmoid", "adenoma")
    with pytest.raises(UsageError, match="colour"):
        session.describe(lesion, colour="red")
    with pytest.raises(UsageError, match="paris"):
        session.describe(lesion, paris="huge")
    with pytest.raises(UsageError, match="size_mm"):
        session.describe(lesion, size_mm=-1.0)
    assert session.document.lesion(lesion).attributes == said


def test_merging_changes_no_frame_that_only_one_had_and_keeps_what_is_known(session: ReviewSession) -> None:
    one, other = session.draw(10, box(100)), session.draw(15, box(300))
    session.draw(20, box(120), one)
    session.draw(40, box(400), other)
    session.describe(one, paris="Is", note="first")
    session.describe(other, paris="IIa", size_mm=4.0, note="second")
    before = session.document
    session.merge(one, other)
    merged = session.document.lesion(one)
    assert [x.id for x in session.document.lesions] == [one]
    assert merged.stretches == ((10, 40),)
    for position in range(10, 41):
        owner = one if position <= 20 else other
        expected = before.lesion(owner).track.box_at(position)
        assert merged.track.box_at(position) == pytest.approx(expected)
    assert (merged.attributes.paris, merged.attributes.size_mm) == ("Is", 4.0)
    assert merged.attributes.note == "first; second"
    with pytest.raises(UsageError, match="itself"):
        session.merge(one, one)


def test_splitting_gives_the_frames_from_there_on_to_a_new_lesion(session: ReviewSession) -> None:
    lesion = session.draw(10, box(100))
    session.draw(30, box(300), lesion)
    before = {p: session.document.marks_at(p)[0].box for p in range(10, 31)}
    new = session.split(lesion, 21)
    for position, expected in before.items():
        (mark,) = session.document.marks_at(position)
        assert mark.lesion == (lesion if position < 21 else new)
        assert mark.box == pytest.approx(expected)
    with pytest.raises(UsageError, match="one of the halves"):
        session.split(lesion, 10)


def test_ranges_are_reviewed_and_can_be_taken_back(session: ReviewSession) -> None:
    session.review(10, 99)
    session.review(100, 120)
    session.unreview(50, 59)
    assert session.document.reviewed == ((10, 49), (60, 120))
    assert session.document.is_reviewed(49)
    assert not session.document.is_reviewed(50)
    with pytest.raises(UsageError, match="no frames"):
        session.review(400, 500)


def test_the_last_answer_to_a_clip_counts(session: ReviewSession, tmp_path: Path) -> None:
    asked = {"clip": "c1", "kind": "alarm", "first": 0, "last": 150, "focus": 75}
    session.answer(Answer(**asked, verdict="unsure", box=box()))
    other = Answer(**{**asked, "clip": "c2"}, verdict="wall")
    session.answer(other)
    session.answer(Answer(**asked, verdict="right", box=box(), seconds=2.5))
    expected = (
        Answer(**asked, verdict="right", box=box(), seconds=2.5),
        Answer(**{**asked, "clip": "c2"}, verdict="wall"),
    )
    assert session.document.answers == expected
    again = reopened(session, tmp_path)
    assert again.document.answers == expected
    again.close()


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        ((700, 10, 750, 60), "outside of the picture"),
        ((-50, 10, -5, 60), "outside of the picture"),
        ((10, 480, 60, 500), "outside of the picture"),
        ((10, 10, 11.5, 60), "too small"),
        ((639, 10, 700, 60), "too small"),
        ((10, 10, float("nan"), 60), "four numbers"),
    ],
)
def test_a_box_out_of_the_picture_or_too_small_is_refused(
    session: ReviewSession, drawn: tuple[float, float, float, float], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        session.draw(0, drawn)
    assert session.document.is_empty()
    assert not session.path.exists()


def test_what_reaches_beyond_the_picture_is_cut_off_there(session: ReviewSession) -> None:
    session.draw(0, (600, -20, 700, 30))
    assert session.document.marks_at(0)[0].box == (600, 0, SIZE.width, 30)


def test_a_box_dragged_from_the_lower_right_is_the_same_box(session: ReviewSession) -> None:
    session.draw(0, (50, 60, 10, 20))
    assert session.document.marks_at(0)[0].box == (10, 20, 50, 60)


def test_no_line_is_drawn_between_pictures_of_two_sizes(tmp_path: Path) -> None:
    session = ReviewSession.open(two_videos(tmp_path, sizes=(SIZE, Size(320, 240))), "Anna")
    lesion = session.draw(195, box())
    session.draw(204, box(), lesion)
    assert session.document.lesion(lesion).stretches == ((195, 195), (204, 204))
    with pytest.raises(UsageError, match="320 x 240"):
        session.draw(204, box(400), lesion)
    session.close()


# -- going back -------------------------------------------------------------------------------------------------------

_ACTIONS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 499), st.integers(0, 499), st.integers(1, 4)), max_size=25
)


def _act(session: ReviewSession, what: int, a: int, b: int, lesion: int) -> None:
    """One of the things that a person does; what makes no sense now is refused, as in the window."""
    acts: list[Callable[[], object]] = [
        lambda: session.draw(a, box(b)),
        lambda: session.draw(a, box(b), lesion),
        lambda: session.move(a, lesion, box(b / 2)),
        lambda: session.erase(a, lesion),
        lambda: session.set_state(lesion, a, b, "occluded"),
        lambda: session.describe(lesion, size_mm=float(1 + a % 30)),
        lambda: session.merge(lesion, 1 + b % 4),
        lambda: session.split(lesion, a),
        lambda: session.review(a, b),
        lambda: session.unreview(a, b),
    ]
    try:
        acts[what]()
    except UsageError:
        return


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_ACTIONS, st.data())
def test_undo_and_redo_return_to_equal_documents_also_after_reopening(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("review")
    session = ReviewSession.open(procedure(folder), "Anna")
    documents: list[Document] = [session.document]
    for action in actions:
        _act(session, *action)
        if session.document is not documents[-1]:
            documents.append(session.document)
    steps = len(documents) - 1
    back = data.draw(st.integers(0, steps))
    for n in range(back):
        session.undo()
        assert session.document == documents[steps - n - 1]
    session = reopened(session, folder)
    assert session.document == documents[steps - back]
    assert session.can_redo == (back > 0)
    for n in range(back):
        session.redo()
        assert session.document == documents[steps - back + n + 1]
    assert not session.can_redo
    session.close()


def test_a_new_edit_ends_what_could_be_brought_back_but_nothing_leaves_the_log(
    session: ReviewSession, tmp_path: Path
) -> None:
    session.draw(0, box())
    session.draw(10, box())
    session.undo()
    session.review(0, 5)
    assert not session.can_redo
    session.redo()  # nothing to do
    records = read_log(session.path).records
    assert [r.operation.kind for r in records] == ["draw", "draw", "undo", "review"]
    assert records[2].operation == Undo(of=2)


def test_ten_thousand_edits_share_what_they_have_in_common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the disk is not what is looked at here
    session = ReviewSession.open(procedure(tmp_path, 20_000), "Anna")
    lesion = session.draw(0, box(0))
    for n in range(1, 2000):
        session.draw(n, box(n % 500), lesion)
    documents = [document for _, document in session._history._past[-500:]]
    chunks = {id(chunk) for d in documents for chunk in d.lesion(lesion).track.keys._chunks}
    assert len(chunks) < 3 * len(documents)
    for _ in range(500):
        session.undo()
    assert session.document.key_positions(lesion) == tuple(range(1500))
    session.close()


# -- what survives ----------------------------------------------------------------------------------------------------


def test_everything_is_there_after_reopening(session: ReviewSession, tmp_path: Path) -> None:
    lesion = session.draw(100, box(100.123))
    session.draw(120, box(50), lesion)
    session.set_state(lesion, 105, 110, "marginal")
    session.review(0, 200)
    before = session.document
    again = reopened(session, tmp_path)
    assert again.document == before
    assert again.can_undo
    again.undo()
    assert again.document.reviewed == ()
    again.close()


_CHILD = """
import sys
from pathlib import Path
from app.qa.review import ReviewSession
from tests.app.qa.review.made import box, procedure
session = ReviewSession.open(procedure(Path(sys.argv[1])), "Anna")
lesion = session.draw(0, box())
n = 1
while True:
    session.move(n % 500, lesion, box(n % 400)) if n < 500 else session.review(n % 400, n % 400 + 50)
    print(n, flush=True)  # acknowledged
    n += 1
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert child.stdout is not None
    acknowledged = 0
    for line in child.stdout:
        acknowledged = int(line)
        if acknowledged >= 40:
            break
    child.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(x) for x in child.stdout.read().split())])
    child.wait()
    child.stdout.close()
    session = ReviewSession.open(procedure(tmp_path), "Anna")
    assert session.read_only == ""  # the lock went with the process
    assert acknowledged + 1 <= len(read_log(session.path).records) <= acknowledged + 2
    assert session.document.lesions[0].track.keys.last is not None
    session.draw(499, box())
    session.close()


def test_a_torn_last_line_is_cut_off_with_a_note(session: ReviewSession, tmp_path: Path) -> None:
    session.draw(0, box())
    session.draw(10, box())
    session.close()
    whole = session.path.read_bytes()
    session.path.write_bytes(whole[:-9])
    again = ReviewSession.open(procedure(tmp_path), "Anna Rossi")
    assert len(again.document.lesions) == 1
    assert "left out" in again.notes[0]
    again.draw(20, box())
    assert [r.operation.kind for r in read_log(again.path).records] == ["draw", "recovered", "draw"]
    assert read_log(again.path).fault == ""
    again.close()


def test_a_log_torn_in_its_very_first_line_begins_anew(tmp_path: Path) -> None:
    session = ReviewSession.open(procedure(tmp_path), "Anna")
    session.path.write_bytes(b'{"schema": "polypwatch.rev')
    session.close()
    again = ReviewSession.open(procedure(tmp_path), "Anna")
    again.draw(0, box())
    assert read_log(again.path).fault == ""
    again.close()


def test_a_broken_chain_is_shown_up_to_there_and_cannot_be_edited(session: ReviewSession, tmp_path: Path) -> None:
    for n in range(4):
        session.draw(10 * n, box())
    session.close()
    lines = session.path.read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b'"position": 20', b'"position": 21')
    session.path.write_bytes(b"\n".join(lines))
    before = session.path.read_bytes()
    again = ReviewSession.open(procedure(tmp_path), "Anna Rossi")
    assert "line 4 was changed" in again.read_only
    assert len(again.document.lesions) == 2
    with pytest.raises(UsageError, match="line 4"):
        again.draw(50, box())
    again.close()
    assert again.path.read_bytes() == before


def test_a_full_disk_changes_nothing_and_can_be_tried_again(
    session: ReviewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.draw(0, box())
    before, size = session.document, session.path.stat().st_size

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OutputError, match="No space left"):
            session.draw(10, box())
    assert session.document is before
    assert session.path.stat().st_size == size
    session.draw(10, box())
    assert read_log(session.path).fault == ""
    assert len(session.document.lesions) == 2


# -- others -----------------------------------------------------------------------------------------------------------


def test_a_second_window_on_a_review_says_who_has_it_and_can_only_look(session: ReviewSession, tmp_path: Path) -> None:
    session.draw(0, box())
    second = ReviewSession.open(procedure(tmp_path), "Anna Rossi")
    assert "Anna Rossi has this review open" in second.read_only
    assert str(os.getpid()) in second.read_only
    assert second.document == session.document
    with pytest.raises(UsageError, match="another window"):
        second.draw(5, box())
    second.close()
    session.draw(20, box())
    third = reopened(session, tmp_path)
    assert third.read_only == ""
    third.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", "clip.review-anna-rossi.jsonl"]


def test_each_reader_has_a_log_of_their_own(session: ReviewSession, tmp_path: Path) -> None:
    other = ReviewSession.open(procedure(tmp_path), "Bo Å")
    session.draw(0, box())
    other.draw(30, box())
    assert other.read_only == ""
    assert session.path != other.path
    assert other.path.name.isascii()
    other.close()


def test_a_folder_that_cannot_be_written_is_shown_and_says_what_to_do(tmp_path: Path) -> None:
    found = procedure(tmp_path)
    (tmp_path / "file").write_text("no folder")
    session = ReviewSession.open(found, "Anna", folder=tmp_path / "file")
    assert "Choose a folder for reviews" in session.read_only
    with pytest.raises(UsageError, match="cannot be written"):
        session.draw(0, box())
    session.close()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which not even root can write")
def test_a_read_only_folder_is_shown_and_says_what_to_do(tmp_path: Path) -> None:
    session = ReviewSession.open(procedure(tmp_path), "Anna", folder=Path("/proc/self"))
    assert "Choose a folder for reviews" in session.read_only
    with pytest.raises(UsageError, match="cannot be written"):
        session.draw(0, box())
    session.close()


def test_reviews_can_be_kept_in_another_folder_apart_for_each_video(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
    (tmp_path / "y" / "clip.mp4").write_bytes(b"another film of the same name")
    for name in ("x", "y"):
        session = ReviewSession.open(procedure(tmp_path / name), "Anna", folder=tmp_path / "reviews")
        session.draw(0, box())
        session.close()
    assert len(list((tmp_path / "reviews").iterdir())) == 2
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["clip.mp4"]


def test_the_review_of_another_video_is_refused(session: ReviewSession, tmp_path: Path) -> None:
    session.draw(0, box())
    session.close()
    with pytest.raises(FormatError, match="500 frames, and now 400"):
        ReviewSession.open(procedure(tmp_path, 400), "Anna Rossi")
    (tmp_path / "clip.mp4").write_bytes(b"another film")
    with pytest.raises(FormatError, match="review of another video"):
        ReviewSession.open(procedure(tmp_path), "Anna Rossi")


def test_nothing_is_edited_while_frames_are_being_counted(tmp_path: Path) -> None:
    session = ReviewSession.open(procedure(tmp_path, whole=False), "Anna")
    assert "still being counted" in session.read_only
    session.close()


def test_who_listens_hears_of_every_change_until_they_stop(session: ReviewSession) -> None:
    heard: list[int] = []
    stop = session.listen(lambda: heard.append(len(session.document.lesions)))
    session.draw(0, box())
    session.undo()
    stop()
    session.redo()
    assert heard == [1, 0]


def test_a_name_without_letters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="letters or digits"):
        ReviewSession.open(procedure(tmp_path), " - ")
