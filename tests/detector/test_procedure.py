"""Procedures on disk: which frame is which, the product's own pixels, and errors instead of labels that are off."""

import hashlib
import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.capture.file import FileSource
from app.recording import Recorder
from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video, save_annotation
from detector.decode import count_packets
from detector.errors import FormatError, SourceError
from detector.frame import Frame, FrameTime
from detector.procedure import DecodeTally, Procedure, decode_frames, is_recording, open_procedure
from tests.clips import paint_index, painted_frames, read_painted_index, write_video

BASE = Fraction(1, 30)
ASSETS = Path(__file__).resolve().parents[2] / "assets"
UNEVEN_MS = [0, 40, 80, 200, 210, 220, 500, 540, 580, 1000]


def picture(index: int, width: int = 160) -> np.ndarray:
    return paint_index(np.full((96, width, 3), 90, np.uint8), index)


def record(folder: Path, count: int = 20, wide_from: int | None = None, first: int = 100) -> Path:
    """A recording by the product's own recorder, capture indices from `first`."""
    recorder = Recorder(folder, Fraction(30))
    for n in range(first, first + count):
        image = picture(n, 192 if wide_from is not None and n - first >= wide_from else 160)
        assert recorder.offer(Frame(n, FrameTime(n, BASE), 1000 + n, image))
    recorder.close()
    assert not recorder.fault
    return folder


def annotation(video: Path, count: int, width: int = 160) -> Annotation:
    digest = hashlib.sha256(video.read_bytes()).hexdigest()
    return Annotation(
        software="test",
        source="reader A",
        video=Video(
            name=video.name, sha256=digest, frame_count=count, width=width, height=96, time_base=Fraction(1, 1000)
        ),
        lesions=(Lesion(id=1, paris=None, size_mm=None, note=""),),
        reviewed=(ReviewedRange(first=0, last=count - 1, reviewer="A"),),
        frames=(
            MarkedFrame(index=3, pts=None, marks=(Mark(lesion=1, state="clear", box=(1, 2, 30, 40), visibility=None),)),
        ),
    )


def results(path: Path, schema: str = "polypwatch.detect/1") -> Path:
    model = {"name": "fast", "version": "1", "variant": "cpu", "sha256": "0" * 64}
    head: dict[str, Any] = {"schema": schema, "model": model, "software": "test", "threshold": 0.5, "min_score": 0.1}
    path.write_text(json.dumps(head | {"provider": "cpu", "time_base": None, "frames": [], "complete": True}))
    return path


# -- decoding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "full_range", "suffix"),
    [("bt709", False, ".mp4"), ("smpte170m", False, ".mkv"), ("bt709", True, ".mp4")],
)
def test_pixels_and_times_are_those_of_the_live_path(tmp_path, matrix, full_range, suffix):
    path = tmp_path / f"a{suffix}"
    write_video(path, painted_frames(12), matrix=matrix, full_range=full_range)
    source = FileSource(path)
    source.open()
    for mine in decode_frames(path):
        shown = source.read()
        assert isinstance(shown, Frame)
        assert (mine.index, mine.pts, mine.time_s) == (shown.index, shown.time.pts, shown.time.seconds)
        assert np.array_equal(mine.image, shown.image)
    source.close()
    assert mine.index == 11


def test_with_a_variable_rate_frames_are_counted_and_keep_their_own_times(tmp_path):
    write_video(tmp_path / "a.mp4", map(picture, range(10)), pts=UNEVEN_MS, time_base=Fraction(1, 1000))
    tally = DecodeTally()
    frames = list(decode_frames(tmp_path / "a.mp4", [2, 3, 6, 9], tally))
    assert [f.index for f in frames] == [read_painted_index(f.image) for f in frames] == [2, 3, 6, 9]
    assert [round(f.time_s * 1000) for f in frames] == [80, 200, 500, 1000]
    assert (tally.count, tally.size, tally.lost_at_end) == (10, (160, 96), "")


def test_wanted_is_a_step_or_indices_or_a_question(tmp_path):
    write_video(tmp_path / "a.mp4", map(picture, range(10)))
    path = tmp_path / "a.mp4"
    assert [f.index for f in decode_frames(path, 4)] == [0, 4, 8]
    assert [f.index for f in decode_frames(path, range(1, 100, 5))] == [1, 6]
    assert [f.index for f in decode_frames(path, lambda _, time_s: 0.1 < time_s < 0.2)] == [3, 4]
    assert list(decode_frames(path, ())) == []


def test_reading_may_stop_after_the_last_wanted_frame(tmp_path):
    write_video(tmp_path / "a.mp4", map(picture, range(10)))
    tally = DecodeTally()
    assert [f.index for f in decode_frames(tmp_path / "a.mp4", [1, 4], tally, whole=False)] == [1, 4]
    assert tally.count == 5


def test_b_frames_come_in_the_order_in_which_they_are_shown(tmp_path):
    write_video(tmp_path / "a.mp4", map(picture, range(20)), options={"preset": "medium", "bf": "3", "g": "10"})
    assert [read_painted_index(f.image) for f in decode_frames(tmp_path / "a.mp4")] == list(range(20))
    assert count_packets(tmp_path / "a.mp4") == 20


def test_damage_in_the_middle_is_an_error_as_later_frames_could_be_any(tmp_path):
    path = tmp_path / "a.mkv"
    write_video(path, painted_frames(40))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="which frame is which"):
        list(decode_frames(path))


def test_a_recording_that_was_cut_off_gives_what_is_there_and_says_so(tmp_path):
    path = tmp_path / "a.mkv"
    write_video(path, painted_frames(40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    tally = DecodeTally()
    seen = [read_painted_index(f.image) for f in decode_frames(path, 1, tally)]
    assert seen == list(range(len(seen)))
    assert 5 < len(seen) < 40
    assert tally.count == len(seen)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "does not exist"), (b"", "not a video"), (b"hello " * 99, "not a video")]
)
def test_what_is_no_video_is_one_clear_error(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(SourceError, match=message):
        list(decode_frames(tmp_path / "a.mp4"))


# -- recordings -------------------------------------------------------------------------------------------------------


def test_a_recording_is_joined_on_the_capture_index(tmp_path):
    procedure = open_procedure(record(tmp_path / "r"))
    (segment,) = procedure.segments
    assert [f.capture_index for f in segment.frames] == list(range(100, 120))
    assert [f.record_index for f in procedure.frames] == list(range(20))
    assert segment.frames[3].time_s == pytest.approx(103 / 30)
    for frame in decode_frames(segment.video, 5):
        assert read_painted_index(frame.image) == segment.frames[frame.index].capture_index
    assert (procedure.annotation, procedure.results, procedure.lost, procedure.notes) == (None, (), (), ())


def test_each_segment_has_its_own_video_frames_and_labels(tmp_path):
    folder = record(tmp_path / "r", wide_from=12)
    save_annotation(folder / "b.annotation.json", annotation(folder / "video-002.mkv", 8, 192))
    procedure = open_procedure(folder)
    assert [(s.number, len(s.frames)) for s in procedure.segments] == [(1, 12), (2, 8)]
    assert [s.annotation is not None for s in procedure.segments] == [False, True]
    assert procedure.segments[1].frames[0].capture_index == 112
    assert procedure.annotation is None  # which of two videos would it be?


def test_frames_that_were_not_recorded_are_listed_as_lost(tmp_path):
    folder = record(tmp_path / "r")
    row = {
        "capture_index": 120,
        "record_index": None,
        "segment": None,
        "pts": 120,
        "time_base": "1/30",
        "captured_ns": 5,
    }
    with (folder / "frames.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    procedure = open_procedure(folder)
    assert [f.capture_index for f in procedure.lost] == [120]
    assert procedure.frames[-1].record_index is None


def test_without_media_time_the_capture_clock_tells_the_seconds(tmp_path):
    recorder = Recorder(tmp_path / "r", Fraction(30))
    for n in range(5):
        recorder.offer(Frame(n, None, 7_000_000_000 + n * 40_000_000, picture(n)))
    recorder.close()
    assert [f.time_s for f in open_procedure(tmp_path / "r").frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_labels_and_results_in_the_folder_are_found(tmp_path):
    folder = record(tmp_path / "r")
    save_annotation(folder / "annotation.json", annotation(folder / "video-001.mkv", 20))
    results(folder / "results.json")
    (folder / "summary.json").write_text('{"schema": "polypwatch.summary/1"}')
    procedure = open_procedure(folder)
    assert procedure.annotation is not None
    assert procedure.annotation.marks(3)[0].lesion == 1
    assert procedure.results == (folder / "results.json",)


def drop_last_pictures(folder: Path, count: int) -> None:
    """As after a crash: the video ends `count` frames before its sidecar."""
    kept = [f.image for f in decode_frames(folder / "video-001.mkv")][:-count]
    (folder / "video-001.mkv").unlink()
    write_video(folder / "video-001.mkv", kept)


def test_an_end_that_was_lost_in_a_crash_is_allowed_and_said(tmp_path):
    folder = record(tmp_path / "r")
    drop_last_pictures(folder, 6)
    procedure = open_procedure(folder)
    assert len(procedure.segments[0].frames) == 14
    assert procedure.notes == (
        "frames.jsonl lists 20 frames of video-001.mkv, which holds 14: the end was lost when the program was killed",
    )


def test_a_sidecar_with_many_more_frames_than_the_video_is_refused_with_both_numbers(tmp_path):
    folder = record(tmp_path / "r", count=60)
    drop_last_pictures(folder, 45)
    with pytest.raises(SourceError, match=r"lists 60 frames of video-001\.mkv, which holds 15"):
        open_procedure(folder)


def test_an_earlier_segment_has_no_excuse_for_a_missing_end(tmp_path):
    folder = record(tmp_path / "r", wide_from=12)
    drop_last_pictures(folder, 2)
    with pytest.raises(SourceError, match=r"lists 12 frames of video-001\.mkv, which holds 10"):
        open_procedure(folder)


def test_a_video_with_more_frames_than_its_sidecar_is_refused(tmp_path):
    folder = record(tmp_path / "r")
    lines = (folder / "frames.jsonl").read_text().splitlines()
    (folder / "frames.jsonl").write_text("\n".join(lines[:-3]) + "\n")
    with pytest.raises(SourceError, match=r"lists 17 frames of video-001\.mkv, which holds 20"):
        open_procedure(folder)


def test_a_last_line_that_was_cut_off_is_left_out_and_said(tmp_path):
    folder = record(tmp_path / "r")
    text = (folder / "frames.jsonl").read_text()
    (folder / "frames.jsonl").write_text(text[:-20])
    procedure = open_procedure(folder)
    assert len(procedure.frames) == 19
    assert len(procedure.notes) == 2


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (0, '{"schema": "polypwatch.frames/2"}', "polypwatch.frames/2"),
        (0, '{"schema": "other/1"}', "other/1"),
        (0, "", "no 'schema'"),
        (4, '{"capture_index": 3}', "line 5: field 'segment': is missing"),
        (4, "not json", "line 5"),
        (4, None, "listed there"),
    ],
)
def test_a_damaged_sidecar_is_named_with_its_line(tmp_path, line, text, message):
    folder = record(tmp_path / "r")
    lines = (folder / "frames.jsonl").read_text().splitlines()
    lines[line : line + 1] = [] if text is None else [text]
    (folder / "frames.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(FormatError, match=message):
        open_procedure(folder)


def test_a_recording_without_sidecar_or_video_is_refused(tmp_path):
    folder = record(tmp_path / "r")
    shutil.copytree(folder, tmp_path / "s")
    (folder / "frames.jsonl").unlink()
    assert is_recording(folder)
    with pytest.raises(SourceError, match=r"has no frames\.jsonl"):
        open_procedure(folder)
    (tmp_path / "s" / "video-001.mkv").unlink()
    with pytest.raises(SourceError, match=r"lacks video-001\.mkv"):
        open_procedure(tmp_path / "s")


# -- plain videos -----------------------------------------------------------------------------------------------------


def test_the_bundled_phantom_is_a_procedure():
    procedure = open_procedure(ASSETS / "phantom.mp4")
    assert procedure.annotation is not None
    assert len(procedure.annotation.lesions) == 7
    assert procedure.segments[0].annotation_file == ASSETS / "phantom.json"
    assert procedure.frames == ()


def plain(folder: Path) -> tuple[Path, Procedure]:
    write_video(folder / "a.mp4", map(picture, range(10)))
    save_annotation(folder / "a.json", annotation(folder / "a.mp4", 10))
    results(folder / "a.fast.json")
    results(folder / "ab.json")
    return folder / "a.mp4", open_procedure(folder / "a.mp4")


def test_labels_and_results_beside_a_video_are_found_by_its_name(tmp_path):
    video, procedure = plain(tmp_path)
    assert procedure.annotation is not None
    assert procedure.segments[0].video == video
    assert procedure.results == (tmp_path / "a.fast.json",)


def test_labels_of_another_video_are_refused(tmp_path):
    video, _ = plain(tmp_path)
    write_video(video, map(picture, range(11)))
    with pytest.raises(FormatError, match=r"a\.json labels another video: 'a\.mp4' with SHA-256"):
        open_procedure(video)


def test_two_label_files_of_one_video_are_refused(tmp_path):
    video, _ = plain(tmp_path)
    shutil.copy(tmp_path / "a.json", tmp_path / "a.second.json")
    with pytest.raises(FormatError, match="Both"):
        open_procedure(video)


@pytest.mark.parametrize(
    ("name", "schema"),
    [("a.json", "polypwatch.annotation/2"), ("a.x.annotation.json", "nonsense/1"), ("a.r.json", "polypwatch.detect/9")],
)
def test_an_unknown_schema_is_refused(tmp_path, name, schema):
    video, _ = plain(tmp_path)
    (tmp_path / name).write_text(json.dumps({"schema": schema}))
    with pytest.raises(FormatError, match=schema):
        open_procedure(video)


def test_what_is_neither_is_refused(tmp_path):
    with pytest.raises(SourceError, match="holds no recording"):
        open_procedure(tmp_path)
    with pytest.raises(SourceError, match="does not exist"):
        open_procedure(tmp_path / "a.mp4")
