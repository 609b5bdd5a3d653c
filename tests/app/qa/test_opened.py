"""Opening: at once, with everything said that is amiss, and no labels of another video."""

import json
import os
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.phantom import bundled
from app.qa.axis import FrameAxis
from app.qa.checking import settle
from app.qa.opened import cache_root, open_for_review
from app.qa.playback.media import VideoMedium
from app.qa.playback.pictures import Pictures
from app.qa.progress import Stopped
from app.qa.scoring import Wanted, prepare
from detector.annotation import save_annotation
from detector.errors import FormatError, SourceError
from tests.app.qa.playback.films import film, number, recorded
from tests.app.recording.recordings import X264, frame, recording
from tests.detector.test_procedure import annotation, results


def add_row(folder: Path, **changes: object) -> None:
    row = {"capture_index": 99, "record_index": None, "segment": None, "pts": 99, "time_base": "1/30", "captured_ns": 5}
    with (folder / "frames.jsonl").open("a") as file:
        file.write(json.dumps(row | changes) + "\n")


def test_a_recording_is_opened_without_reading_its_video_through(tmp_path: Path, monkeypatch) -> None:
    folder = recorded(tmp_path / "r", wide_from=25)
    monkeypatch.setattr(VideoMedium, "count", lambda _: pytest.fail("the video was read from end to end"))
    opened = open_for_review(folder, tmp_path)
    assert (opened.kind, opened.title, opened.notes) == ("recording", "r", ())
    assert opened.axis.whole
    assert len(opened.axis) == 60
    assert opened.axis.times_s == pytest.approx(np.arange(60) / 30)
    assert opened.axis.segment.tolist() == [1] * 25 + [2] * 35
    assert opened.axis.of_capture(1, 30) == opened.axis.of_record(2, 5) == 30
    assert opened.axis.end_s == pytest.approx(2.0)


def test_settling_changes_nothing_of_a_sound_recording_and_is_kept(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r")
    told: list[float] = []
    opened = settle(open_for_review(folder, tmp_path), tmp_path, told.append)
    assert opened.checked
    assert told[-1] == 1
    assert np.array_equal(opened.axis.times_s, open_for_review(folder, tmp_path).axis.times_s)
    assert open_for_review(folder, tmp_path).checked
    assert settle(opened, tmp_path) is opened


def test_runs_of_the_recorder_follow_each_other(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", count=30)
    with recording(folder, options=X264, resume=True) as recorder:
        for n in range(20):
            assert recorder.offer(frame(n))
    axis = open_for_review(folder, tmp_path).axis
    assert axis.session.tolist() == [1] * 30 + [2] * 20
    assert axis.times_s == pytest.approx(np.arange(50) / 30)
    assert axis.of_capture(2, 3) == 33
    assert axis.of_capture(1, 3) == 3
    with Pictures(open_for_review(folder, tmp_path), tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in (33, 29)] == [3, 29]


def test_lost_and_blanked_pictures_are_said(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    with recording(folder, options=X264, inside=lambda ns: ns < 1020) as recorder:
        for n in range(30):
            assert recorder.offer(frame(n))
    add_row(folder)
    opened = open_for_review(folder, tmp_path)
    assert opened.axis.blanked.tolist() == [False] * 20 + [True] * 10
    assert len(opened.procedure.lost) == 1
    assert opened.notes == (
        "1 pictures of the examination were not recorded and cannot be shown",
        "10 pictures are black: they may not have been of the inside of a body",
    )


def test_an_examination_is_a_recording_with_a_journal(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r")
    (folder / "examination.jsonl").write_text("")
    assert open_for_review(folder, tmp_path).kind == "examination"
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "examination.jsonl").write_text("")
    with pytest.raises(SourceError, match="examination without a recording"):
        open_for_review(tmp_path / "e", tmp_path)


def test_without_its_sidecar_a_recording_is_refused_and_its_video_still_opens(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r")
    (folder / "frames.jsonl").unlink()
    with pytest.raises(SourceError, match="open the video file itself"):
        open_for_review(folder, tmp_path)
    opened = settle(open_for_review(folder / "video-001.mkv", tmp_path), tmp_path)
    assert (opened.kind, len(opened.axis)) == ("video", 60)


def test_a_sidecar_of_another_video_is_refused_at_once(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", count=60)
    other = recorded(tmp_path / "s", count=200)
    (other / "video-001.mkv").replace(folder / "video-001.mkv")
    with pytest.raises(SourceError, match=r"lists 60 frames of video-001\.mkv, which holds 200"):
        open_for_review(folder, tmp_path)


def test_one_of_about_the_same_length_is_found_when_it_is_settled(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", count=60)
    other = recorded(tmp_path / "s", count=75)
    (other / "video-001.mkv").replace(folder / "video-001.mkv")
    with pytest.raises(SourceError, match="which holds 75"):
        settle(open_for_review(folder, tmp_path), tmp_path)


def test_an_interrupted_recording_has_the_pictures_that_are_there(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", count=60)
    (folder / "recording.json").unlink()
    video = folder / "video-001.mkv"
    video.write_bytes(video.read_bytes()[: int(video.stat().st_size * 0.8)])
    opened = open_for_review(folder, tmp_path)
    assert 30 < len(opened.axis) < 60
    assert "the end was lost when the program was killed" in opened.notes[0]


@pytest.mark.parametrize(
    ("line", "message"), [('{"capture_index": 1}', "line 62"), ('{"schema": "x"}', "line 62"), ("nonsense", "line 62")]
)
def test_a_damaged_sidecar_names_its_line(tmp_path: Path, line: str, message: str) -> None:
    folder = recorded(tmp_path / "r")
    with (folder / "frames.jsonl").open("a") as file:
        file.write(line + "\n")
    add_row(folder)
    with pytest.raises(FormatError, match=message):
        open_for_review(folder, tmp_path)


def test_pictures_that_the_session_never_read_lie_between_their_neighbours(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r")
    head, *rows = [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]
    for n, row in enumerate(rows):
        row["captured_ns"] = 7_000_000_000 + n * 33_333_333
        row["pts"] = row["pts"] + 3000
        if n % 5 == 2:
            row |= {"capture_index": -1, "pts": None, "time_base": None}
    (folder / "frames.jsonl").write_text("\n".join(json.dumps(r) for r in (head, *rows)) + "\n")
    opened = open_for_review(folder, tmp_path)
    assert opened.axis.times_s == pytest.approx(np.arange(60) / 30, abs=1e-3)
    assert opened.axis.capture_index[2] == -1
    with Pictures(opened, tmp_path) as pictures:
        assert number(pictures.picture(42)) == 42


def test_times_that_go_back_still_make_one_axis(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    with recording(folder, options=X264) as recorder:
        for n in range(40):
            assert recorder.offer(frame(n, pts=n if n < 20 else n - 20))
    opened = open_for_review(folder, tmp_path)
    assert isinstance(opened.axis, FrameAxis)
    assert opened.axis.segment.tolist() == [1] * 20 + [2] * 20
    assert opened.axis.end_s == pytest.approx(40 / 30)
    with Pictures(opened, tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in (25, 5)] == [25, 5]


# -- labels and results -----------------------------------------------------------------------------------------------


def test_labels_are_not_shown_before_they_are_known_to_be_of_this_video(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("app.qa.cache._SMALL_BYTES", 0)
    path = film(tmp_path / "a.mp4")
    save_annotation(tmp_path / "a.annotation.json", annotation(path, 60))
    opened = open_for_review(path, tmp_path)
    assert opened.procedure.annotation is None
    assert opened.procedure.unproven == (tmp_path / "a.annotation.json",)
    known = settle(opened, tmp_path)
    assert known.procedure.annotation is not None
    assert known.procedure.unproven == ()
    assert open_for_review(path, tmp_path).procedure.annotation is not None  # the hash is known by now


def test_labels_of_a_small_video_are_there_at_once(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r")
    save_annotation(folder / "video-001.annotation.json", annotation(folder / "video-001.mkv", 60))
    assert open_for_review(folder, tmp_path).procedure.annotation is not None


def test_labels_of_another_video_are_never_shown_and_the_video_opens(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    save_annotation(tmp_path / "a.annotation.json", annotation(film(tmp_path / "b.mp4", 30), 30))
    opened = settle(open_for_review(path, tmp_path), tmp_path)
    assert opened.procedure.annotation is None
    assert "labels another video" in opened.notes[0]


def test_a_hash_is_not_believed_of_a_file_that_changed(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    save_annotation(tmp_path / "a.annotation.json", annotation(path, 60))
    assert open_for_review(path, tmp_path).procedure.annotation is not None
    film(path, 50)
    assert open_for_review(path, tmp_path).procedure.annotation is None


def test_results_of_an_unknown_version_are_a_note(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    good = results(tmp_path / "a.analysis-fast.json")
    results(tmp_path / "a.later.json", "polypwatch.detect/2")
    opened = open_for_review(path, tmp_path)
    assert opened.procedure.results == (good,)
    assert "a.later.json is left out" in opened.notes[0]
    assert "polypwatch.detect/2" in opened.notes[0]


# -- files of others --------------------------------------------------------------------------------------------------


def test_a_foreign_video_opens_with_an_estimate_that_counting_replaces(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", pts=[n * 40 + (n * 7 % 30) for n in range(60)], time_base=Fraction(1, 1000))
    opened = open_for_review(path, tmp_path)
    assert (opened.kind, opened.axis.whole) == ("video", False)
    assert abs(len(opened.axis) - 60) < 12
    known = settle(opened, tmp_path)
    assert (len(known.axis), known.axis.whole) == (60, True)
    assert open_for_review(path, tmp_path).axis.whole


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("a.mp4", b"", "not a video"), ("a.mkv", b"hello " * 99, "not a video"), ("a.txt", b"some text", "not a video")],
)
def test_what_is_no_video_is_one_clear_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        open_for_review(tmp_path / name, tmp_path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        open_for_review(tmp_path / "no.mp4", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no images"):
        open_for_review(tmp_path / "empty", tmp_path)


def test_a_dicom_video_is_played_where_it_lies(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    from app.dicom.export import export_dicom
    from tests.app.dicom.sources import write_clip

    write_clip(tmp_path / "v.mkv", [n / 25 for n in range(30)])
    path = export_dicom([tmp_path / "v.mkv"], tmp_path / "out").files[0]
    opened = settle(open_for_review(path, tmp_path), tmp_path)
    assert opened.kind == "dicom"
    with Pictures(opened, tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in (29, 0)] == [29, 0]


def test_a_moved_recording_needs_no_cache_of_its_old_place(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r")
    settle(open_for_review(folder, tmp_path), tmp_path)
    shutil.move(folder, tmp_path / "moved")
    assert len(settle(open_for_review(tmp_path / "moved", tmp_path), tmp_path).axis) == 60


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", os.fspath(tmp_path / "c"))
    assert cache_root() == tmp_path / "c"
    settle(open_for_review(film(tmp_path / "a.mp4")))
    assert list((tmp_path / "c" / "qa" / "index").glob("*.npz"))


def test_a_copy_that_was_broken_off_says_how_much_of_it_is_missing(tmp_path: Path) -> None:
    whole = bundled().video.read_bytes()
    path = tmp_path / "copy.mp4"
    path.write_bytes(whole[:700_000])
    assert open_for_review(path, tmp_path / "cache").notes == ()  # nobody has counted yet
    notes = settle(open_for_review(path, tmp_path / "cache"), tmp_path / "cache").notes
    assert any("lasts 92 s, but holds pictures for" in note and "cut short" in note for note in notes)


def test_counting_that_is_stopped_is_said_like_all_other_work_that_is(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 30)
    with pytest.raises(Stopped, match="stopped"):
        settle(open_for_review(path, tmp_path), tmp_path, stop=lambda: True)
    with pytest.raises(Stopped):
        prepare(path, "a", Wanted(cache=tmp_path), lambda: True)
