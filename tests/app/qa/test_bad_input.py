"""Bad input to the QA room, each kind tried for real: a clear message, and nothing is lost."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.cli import main
from app.qa.checking import settle
from app.qa.library import Library
from app.qa.loading import load_results
from app.qa.opened import Opened, open_for_review
from app.qa.playback.pictures import Pictures
from app.qa.review import ReviewSession
from app.qa.review.publish import publish
from app.qa.scored import score_ready
from app.recording.mark import LOCK_NAME, MARK_NAME
from detector.annotation import load_annotation, save_annotation
from detector.errors import FormatError, OutputError, SourceError, UsageError
from detector.file_lock import FileLock
from tests.app.gui.qa.qa_rig import window
from tests.app.qa.playback.films import film, number, recorded
from tests.detector.test_procedure import annotation, results

FRAMES = 60
BOX = (20.0, 20.0, 60.0, 60.0)


def counted(path: Path) -> Opened:
    return settle(open_for_review(path))


def contents(folder: Path) -> dict[str, bytes]:
    """What must not change."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def trouble_of(path: Path, cache: Path) -> str:
    """What the library says is wrong with it."""
    library = Library(cache / "library.sqlite3", [path.parent])
    try:
        library.scan()
        while library.scan_state.running:
            pass
        entry = library.entry(path)
        assert entry is not None, f"{path.name} is not listed"
        return entry.trouble
    finally:
        library.close()


# -- videos -----------------------------------------------------------------------------------------------------------


def test_a_truncated_mkv_plays_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", FRAMES)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    before = contents(tmp_path)
    opened = counted(path)
    assert 10 < len(opened.axis) < FRAMES
    with Pictures(opened) as pictures:
        assert number(pictures.picture(len(opened.axis) - 2)) == len(opened.axis) - 2
    with closing(ReviewSession.open(opened, "Anna")) as session:  # what is there can be reviewed
        session.review(0, len(opened.axis) - 1)
        assert session.document.reviewed == ((0, len(opened.axis) - 1),)
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before


def test_an_mp4_whose_end_is_missing_is_one_clear_error_and_stays_listed(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    path = film(tmp_path / "videos" / "a.mp4", FRAMES)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    with pytest.raises(SourceError, match=r"a\.mp4"):
        open_for_review(path)
    assert "a.mp4" in trouble_of(path, tmp_path)


def test_a_recording_without_sidecar_is_refused_and_its_video_still_opens(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "lib" / "r", FRAMES)
    (folder / "frames.jsonl").unlink()
    with pytest.raises(SourceError) as said:
        open_for_review(folder)
    assert "frames.jsonl" in str(said.value)
    assert "frames.jsonl" in trouble_of(folder, tmp_path)
    assert len(counted(folder / "video-001.mkv").axis) == FRAMES


def test_the_sidecar_of_another_video_is_refused_and_names_both_counts(tmp_path: Path) -> None:
    folder, other = recorded(tmp_path / "r", FRAMES), recorded(tmp_path / "s", 2 * FRAMES)
    with closing(ReviewSession.open(open_for_review(folder), "Anna")) as session:
        session.draw(5, BOX)
    shutil.copy(other / "frames.jsonl", folder / "frames.jsonl")
    before = contents(folder)
    with pytest.raises(SourceError, match=r"lists 120 frames of video-001\.mkv, which holds 60"):
        open_for_review(folder)
    assert contents(folder) == before


def test_a_review_of_another_video_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", FRAMES)
    with closing(ReviewSession.open(counted(path), "Anna")) as session:
        session.draw(5, BOX)
    film(path, FRAMES // 2)
    log = contents(tmp_path)["a.review-anna.jsonl"]
    with pytest.raises(FormatError, match="is the review of another video"):
        ReviewSession.open(counted(path), "Anna")
    assert contents(tmp_path)["a.review-anna.jsonl"] == log
    assert not list(tmp_path.glob("*.lock"))


# -- results and labels -----------------------------------------------------------------------------------------------


def test_results_of_an_unknown_version_are_named_and_the_others_are_used(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", FRAMES)
    results(tmp_path / "a.analysis-new-1-fp32.json", "polypwatch.detect/9")
    results(tmp_path / "a.analysis-old-1-fp32.json")
    opened = counted(path)
    found = load_results(opened)
    assert [c.file.name for c in found.candidates] == ["a.analysis-old-1-fp32.json"]
    assert any("a.analysis-new-1-fp32.json" in said for said in (*opened.notes, *found.problems))
    assert any("not whole" in said for said in found.problems)  # no frame is taken for one without a polyp
    assert found.candidates[0].status.sum() == 0


@pytest.mark.parametrize(
    "row", [{"box": [1, 2, float("nan"), 4]}, {"box": [9, 2, 3, 4]}, {"score": 7.0}, {"box": [1, 2, 3]}]
)
def test_results_with_a_box_that_is_none_are_left_out_and_named(tmp_path: Path, row: dict[str, object]) -> None:
    path = film(tmp_path / "a.mp4", 4)
    file = results(tmp_path / "a.analysis-fast-1-fp32.json")
    content = json.loads(file.read_text())
    found = {"class": "polyp", "box": [1, 2, 30, 40], "score": 0.5, "track": None} | row
    content["frames"] = [{"file": "a.mp4", "index": 1, "pts": 1, "time_s": 0.0, "status": "ok", "detections": [found]}]
    file.write_text(json.dumps(content))
    said = load_results(counted(path))
    assert said.candidates == ()
    assert "a.analysis-fast-1-fp32.json is left out" in said.problems[0]


def test_results_that_grow_while_they_are_looked_at_are_read_anew(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 4)
    file = results(tmp_path / "a.analysis-fast-1-fp32.json")
    opened = counted(path)
    assert load_results(opened).candidates[0].status.sum() == 0
    content = json.loads(file.read_text())
    empty = {"pts": 1, "time_s": 0.0, "width": 160, "height": 96, "status": "ok", "error": None, "detections": []}
    content["frames"] = [{"file": "a.mp4", "index": n} | empty for n in range(4)]
    file.write_text(json.dumps(content))
    assert load_results(opened).candidates[0].status.tolist() == [1, 1, 1, 1]


def test_labels_outside_of_the_picture_are_cut_or_left_out_and_counted(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", FRAMES)
    said = annotation(path, FRAMES).model_dump(by_alias=True, mode="json")
    marks = {3: (100.0, 50.0, 400.0, 90.0), 5: (300.0, 200.0, 400.0, 250.0)}
    said["frames"] = [
        {"index": n, "pts": None, "marks": [{"lesion": 1, "state": "clear", "box": corners, "visibility": None}]}
        for n, corners in marks.items()
    ]
    labels = tmp_path / "a.annotation.json"
    labels.write_text(json.dumps(said))
    before = labels.read_bytes()
    results(tmp_path / "a.analysis-old-1-fp32.json")
    with closing(ReviewSession.open(counted(path), "Anna")) as session:
        assert session.notes == (
            "1 boxes reached beyond the picture and were cut off at its border",
            "1 boxes lie outside of the picture or are too small and were left out (frame 5)",
        )
        assert session.document.marks_at(3)[0].box == (100.0, 50.0, 160.0, 90.0)
        assert session.document.marks_at(5) == ()
        with pytest.raises(UsageError, match="outside of the picture"):
            session.draw(7, (500.0, 10.0, 600.0, 40.0))
    assert labels.read_bytes() == before
    opened = counted(path)
    scored = score_ready(opened, load_results(opened).candidates[0])
    assert any("2 labelled boxes reach beyond the picture" in note for note in scored.notes)


# -- who else is there ------------------------------------------------------------------------------------------------


def test_of_two_windows_the_second_reads_only_and_says_who_has_it(tmp_path: Path) -> None:
    opened = counted(film(tmp_path / "a.mp4", FRAMES))
    with closing(ReviewSession.open(opened, "Anna Rossi")) as first:
        with closing(ReviewSession.open(opened, "Anna Rossi")) as second:
            assert "Anna Rossi has this review open in another window" in second.read_only
            with pytest.raises(UsageError, match="in another window"):
                second.draw(5, BOX)
            assert first.draw(5, BOX) == 1
        first.review(0, 9)
    with closing(ReviewSession.open(opened, "Anna Rossi")) as again:
        assert (len(again.document.lesions), again.document.reviewed) == (1, ((0, 9),))


def test_what_is_still_being_recorded_can_be_looked_at_and_not_reviewed(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", FRAMES)
    lock = FileLock.take(folder / LOCK_NAME)
    assert lock is not None
    with closing(ReviewSession.open(open_for_review(folder), "Anna")) as session:
        assert "still being recorded" in session.read_only
        with pytest.raises(UsageError, match="still being recorded"):
            session.review(0, 9)
    lock.release()
    mark = json.loads((folder / MARK_NAME).read_text())
    (folder / MARK_NAME).write_text(json.dumps(mark | {"state": "recording"}))  # as a power cut leaves it
    with closing(ReviewSession.open(open_for_review(folder), "Anna")) as session:
        assert "which recovers it" in session.read_only
    (folder / MARK_NAME).write_text(json.dumps(mark))
    with closing(ReviewSession.open(open_for_review(folder), "Anna")) as session:
        assert not session.read_only


def test_a_log_that_was_cut_in_two_shows_what_stands_before_and_changes_nothing(tmp_path: Path, capsys) -> None:
    opened = counted(film(tmp_path / "a.mp4", FRAMES))
    with closing(ReviewSession.open(opened, "Anna")) as session:
        for position in (3, 5, 7):
            session.draw(position, BOX)
        log = session.path
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    broken = log.read_bytes()
    with closing(ReviewSession.open(opened, "Anna")) as session:
        assert "is broken: line 3" in session.read_only
        assert [x.id for x in session.document.lesions] == [1]
        with pytest.raises(UsageError, match="is broken"):
            session.draw(9, BOX)
        with pytest.raises(UsageError, match="is broken"):
            publish(session, opened)
    assert log.read_bytes() == broken
    assert main(["audit", str(tmp_path)]) == FormatError.exit_status
    assert "BROKEN" in capsys.readouterr().out


# -- folders that cannot be written -----------------------------------------------------------------------------------


@contextmanager
def nobody_writes(folder: Path) -> Iterator[None]:
    """A folder that cannot be written; for root, whom permissions do not stop, by a mount."""
    if os.name == "nt":
        pytest.skip("folders of Windows are not kept from writing by a flag")
    if os.geteuid() != 0:
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)
        return
    made = subprocess.run(["mount", "--bind", folder, folder], capture_output=True).returncode == 0
    try:
        if not made or subprocess.run(["mount", "-o", "remount,ro,bind", folder], capture_output=True).returncode:
            pytest.skip("root writes everywhere here, and may not mount")
        yield
    finally:
        if made:
            subprocess.run(["umount", "-l", folder], check=True)


def test_in_a_folder_that_cannot_be_written_a_review_is_read_only_or_goes_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "drive").mkdir()
    path = film(tmp_path / "drive" / "a.mp4", FRAMES)
    save_annotation(path.with_name("a.annotation.json"), annotation(path, FRAMES))
    before = contents(tmp_path / "drive")
    with nobody_writes(path.parent):
        opened = counted(path)
        with closing(ReviewSession.open(opened, "Anna")) as session:
            assert "cannot be written" in session.read_only
            assert "Choose a folder for reviews" in session.read_only
        with closing(ReviewSession.open(opened, "Anna", folder=tmp_path / "reviews")) as session:
            session.draw(9, BOX)
            with pytest.raises(OutputError, match="cannot be kept aside"):
                publish(session, opened)
            [made] = publish(session, opened, folder=tmp_path / "reviews")
            assert load_annotation(made.path).lesions
            assert len(session.document.lesions) == 2
    assert contents(tmp_path / "drive") == before


def test_a_folder_for_reviews_that_is_a_file_is_said(tmp_path: Path) -> None:
    opened = counted(film(tmp_path / "a.mp4", FRAMES))
    taken = tmp_path / "reviews"
    taken.write_text("a file")
    with closing(ReviewSession.open(opened, "Anna", folder=taken)) as session:
        assert "cannot be written" in session.read_only
        with pytest.raises(UsageError, match="cannot be written"):
            session.review(0, 9)
    assert taken.read_text() == "a file"


# -- in the window ----------------------------------------------------------------------------------------------------


def test_the_window_says_each_of_these_and_lives_on(qtbot, tmp_path: Path, monkeypatch) -> None:
    lib = tmp_path / "lib"
    lib.mkdir()
    cut = film(lib / "cut.mp4", FRAMES)
    cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * 0.6)])
    bare = recorded(lib / "bare", FRAMES)
    (bare / "frames.jsonl").unlink()
    swapped, other = recorded(lib / "swapped", FRAMES), recorded(tmp_path / "other", 2 * FRAMES)
    shutil.copy(other / "frames.jsonl", swapped / "frames.jsonl")
    with window(qtbot, tmp_path, monkeypatch, lib) as opened:
        for path, said in ((cut, "cut.mp4"), (bare, "frames.jsonl"), (swapped, "lists 120 frames")):
            opened.open(path)
            words = opened.replay.saying.words
            qtbot.waitUntil(lambda words=words, said=said: said in words.text(), timeout=20_000)
            assert opened.replay.page is None
        sound = film(lib / "sound.mp4", FRAMES)
        results(lib / "sound.analysis-new-1-fp32.json", "polypwatch.detect/9")
        opened.open(sound)
        qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
        banner = opened.replay.page.parts.banner
        qtbot.waitUntil(lambda: "sound.analysis-new-1-fp32.json" in banner.text(), timeout=20_000)


def test_the_window_shows_a_broken_log_and_lets_nothing_be_changed(qtbot, tmp_path: Path, monkeypatch) -> None:
    folder = recorded(tmp_path / "lib" / "r", FRAMES)
    with closing(ReviewSession.open(open_for_review(folder), "Anna Rossi")) as session:
        for position in (3, 5):
            session.draw(position, BOX)
        log = session.path
    log.write_bytes(log.read_bytes().replace(b'"position": 3', b'"position": 4'))
    broken = log.read_bytes()
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        opened.open(folder)
        qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
        banner = opened.replay.page.parts.banner
        qtbot.waitUntil(lambda: "is broken: line 2 was changed" in banner.text(), timeout=20_000)
        opened.replay.page.edits.review((0, 9), reviewed=True)
        assert not opened.replay.page.session.document.reviewed
    assert log.read_bytes() == broken
