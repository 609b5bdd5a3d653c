"""A copy for another hospital: nothing of the old names, dates and ids is left in any file of it; the pictures are."""

import hashlib
import json
import os
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from app.cli import main
from app.examination import events
from app.examination.events import Event
from app.examination.store import JournalFile, read_journal
from app.qa.deidentify import deidentify
from app.qa.progress import Stopped
from app.results_log import read_live_results
from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video, save_annotation
from detector.decode import decode_frames
from detector.errors import OutputError, SourceError, UsageError
from detector.frame import Frame, FrameTime
from detector.geometry import Size
from detector.picture.area import Area
from detector.procedure import open_procedure
from detector.results import Box, FrameRow, ModelRef, ResultsHeader, ResultsWriter, read_frames
from tests.app.recording.recordings import BASE, X264, recording
from tests.clips import paint_index, read_painted_index, write_video

COUNT = 40
FIRST_NS = 7_123_456_789_012
FIRST_PTS = 911_000_123
SECRETS = (
    "Maria Muster",
    "MUSTER",
    "EX-7K3M-Q9TD",
    "dr-hofer",
    "Room 4711",
    "2026-03-01",
    "20260301",
    "07:30:11",
    "rectal bleeding",
    "boot-aa55",
    "Station C3",
    "/mnt/patients",
    str(FIRST_NS),
    str(FIRST_NS + 1_000_000),
    str(FIRST_PTS),
    "secret-note",
    "newer-field",
)
MODEL = ModelRef(name="fast", version="1.2", variant="cpu", sha256="c" * 64)


def picture(index: int) -> np.ndarray:
    return paint_index(np.full((96, 160, 3), 90, np.uint8), index)


def labels_of(video: Path, count: int = COUNT) -> Annotation:
    return Annotation(
        software="test",
        source="Maria Muster by hand",
        video=Video(
            name=video.name,
            sha256=hashlib.sha256(video.read_bytes()).hexdigest(),
            frame_count=count,
            width=160,
            height=96,
            time_base=Fraction(1, 1000),
        ),
        lesions=(Lesion(id=1, paris="Is", size_mm=6.0, note="secret-note of Maria Muster"),),
        reviewed=(
            ReviewedRange(first=0, last=20, reviewer="Maria Muster"),
            ReviewedRange(first=10, last=count - 1, reviewer="dr-hofer"),
        ),
        frames=(
            MarkedFrame(index=3, pts=99, marks=(Mark(lesion=1, state="clear", box=(20, 30, 60, 70), visibility=None),)),
            MarkedFrame(index=5, pts=None, marks=(Mark(lesion=1, state="clear", box=(0, 0, 9, 9), visibility=None),)),
        ),
        review={"log": "review-Maria Muster.jsonl"},
    )


def results_of(path: Path, file: str, count: int = COUNT) -> None:
    head = ResultsHeader(
        model=MODEL, software="s", threshold=0.5, min_score=0.01, provider="cpu", time_base=Fraction(1, 1000)
    )
    with ResultsWriter(path, head) as writer:
        for i in range(count):
            boxes = (Box(box=(20, 30, 60, 70), score=0.9, class_="polyp", track=1),) if i == 3 else ()
            bad = i == 7
            row = FrameRow(
                file=f"/mnt/patients/{file}",
                index=i,
                pts=i,
                time_s=i / 30,
                width=None if bad else 160,
                height=None if bad else 96,
                status="failed" if bad else "ok",
                error="/mnt/patients is gone" if bad else None,
                detections=boxes,
            )
            writer.write(row)


@pytest.fixture
def examination(tmp_path: Path) -> Path:
    """An examination by the product's own recorder, with a secret in every place that has one."""
    folder = tmp_path / "MUSTER" / "20260301-073011"
    with recording(folder, options=X264) as recorder:
        for i in range(COUNT):
            time = FrameTime(FIRST_PTS + i, BASE)
            assert recorder.offer(Frame(100 + i, time, FIRST_NS + i * 1_000_000, picture(i)))
    mark = json.loads((folder / "recording.json").read_text())
    mark["sessions"][0] |= {"started_utc": "2026-03-01T07:30:11.000+00:00", "fault": "/mnt/patients is full"}
    (folder / "recording.json").write_text(json.dumps(mark))
    write_journal_of(folder)
    write_results_log(folder)
    video = folder / "video-001.mkv"
    save_annotation(folder / "video-001.annotation.json", labels_of(video))
    results_of(folder / "analysis-fast-1.2-cpu.json", video.name)
    (folder / "review-Maria Muster.jsonl").write_text("Maria Muster\n")
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / "MUSTER.png").write_bytes(b"Maria Muster")
    return folder


def write_journal_of(folder: Path) -> None:
    journal = JournalFile(folder / "examination.jsonl", new=True)
    start = events.Start(
        id="EX-7K3M-Q9TD",
        started_utc=datetime(2026, 3, 1, 7, 30, 11, tzinfo=UTC),
        software="polypwatch 0.1.0",
        clock=events.Clock(monotonic_ns=FIRST_NS, boot="boot-aa55"),
        indication="rectal bleeding",
        endoscopist="dr-hofer",
        room="Room 4711",
    )
    what = [
        start,
        events.Audit(what="recording_started", detail=str(folder)),
        events.CaecumReached(),
        events.PolypFound(lesion=1),
        events.Lesion(id=1, size_mm=6.0, paris="0-Is", pictures=("snapshots/MUSTER.png",), note="secret-note"),
        events.Snapshot(file="snapshots/MUSTER.png", lesion=1),
        events.Note(text="Maria Muster"),
        events.Bookmark(text="Station C3"),
        events.Conclusion(text="secret-note"),
        events.Details(indication="rectal bleeding", endoscopist="dr-hofer"),
        events.SettingsChanged(changed={"recording.folder": "/mnt/patients"}),
        events.Audit(what="fault", detail="/mnt/patients"),
        events.ScopeOut(**{"newer-field": "Maria Muster"}),
        events.Unknown(kind="patient", name="Maria Muster"),
        events.End(),
    ]
    for n, one in enumerate(what, start=1):
        journal.append(Event(n, float(n), 100 + n, one))
    journal.close()


def write_results_log(folder: Path) -> None:
    head = {"schema": "polypwatch.live-results/1", "role": "shown", "software": "s", "model": "fast", "version": "1.2",
            "variant": "cpu", "sha256": "c" * 64, "provider": "cpu", "classes": ["polyp"], "preset": "Station C3",
            "threshold": 0.5, "keep_ratio": 0.5, "min_seen_s": 0.1, "min_display_s": 0.3, "hold_s": 0.5,
            "newer-field": "Maria Muster"}  # fmt: skip
    rows = [head]
    for i in range(COUNT):
        row = {"role": "shown", "capture_index": 100 + i, "captured_ns": FIRST_NS + i * 1_000_000, "pts": FIRST_PTS + i,
               "time_base": "1/30", "latency_ms": 9.0, "candidates": [[20, 30, 60, 70, 0.9, 0]],
               "markers": [{"track": 1, "box": [20, 30, 60, 70], "score": 0.9}], "withheld": None}  # fmt: skip
        rows.append({"role": "shown", "capture_index": 100 + i, "failed": "/mnt/patients"} if i == 9 else row)
    (folder / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def texts(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def assert_nothing_is_left(folder: Path, *more: str) -> None:
    for path, data in texts(folder).items():
        for secret in (*SECRETS, *more):
            assert secret.lower().encode() not in data.lower(), (path, secret)
            assert secret.lower() not in str(path.relative_to(folder)).lower()


def test_no_old_name_date_id_or_path_is_in_any_file_of_the_copy(examination, tmp_path):
    old = hashlib.sha256((examination / "video-001.mkv").read_bytes()).hexdigest()
    made = deidentify(examination, tmp_path / "out")
    assert_nothing_is_left(made.folder, old, str(tmp_path), os.uname().nodename)
    assert sorted(p.name for p in made.folder.iterdir()) == [
        "analysis-fast-1.2-cpu.json",
        "examination.jsonl",
        "frames.jsonl",
        "recording.json",
        "results.jsonl",
        "video-001.annotation.json",
        "video-001.mkv",
    ]
    assert made.folder.name not in str(examination)
    assert {p.stat().st_mtime for p in made.folder.iterdir()} == {946_684_800}
    assert any("text stands in the pictures" in note for note in made.notes)


def test_the_copy_is_a_recording_with_the_same_pictures_labels_results_and_events(examination, tmp_path):
    made = deidentify(examination, tmp_path / "out", pseudonym="P-0001", shift_days=-400)
    copied, source = open_procedure(made.folder), open_procedure(examination)
    assert made.folder == tmp_path / "out" / "P-0001"
    assert made.frames == COUNT
    (segment,), (before,) = copied.segments, source.segments
    assert [f.capture_index for f in segment.frames] == [f.capture_index for f in before.frames]
    assert [f.time_s for f in segment.frames] == pytest.approx([i / 30 for i in range(COUNT)])
    ours = [f.image for f in decode_frames(segment.video)]
    theirs = [f.image for f in decode_frames(before.video)]
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    labels = segment.annotation
    assert labels is not None
    assert labels.marks(3)[0].box == (20, 30, 60, 70)
    assert labels.frames[0].pts == 100  # in ms: frame 3 of 30 a second
    assert [r.reviewer for r in labels.reviewed] == ["reader-1", "reader-2"]
    assert (labels.lesions[0].paris, labels.lesions[0].size_mm, labels.lesions[0].note) == ("Is", 6.0, "")
    (analysis,) = copied.results
    rows = list(read_frames(analysis))
    assert [r.status for r in rows].count("failed") == 1
    assert rows[3].detections[0].box == (20, 30, 60, 70)
    live = list(read_live_results(made.folder / "results.jsonl"))
    assert [r.row["capture_index"] for r in live] == [100 + i for i in range(COUNT)]
    assert live[0].head["sha256"] == "c" * 64
    assert (live[1].row["captured_ns"], live[1].row["pts"]) == (1_000_000, 1)
    assert live[9].failed
    journal = read_journal(made.folder)
    assert journal.notes == ()
    assert [e.what.kind for e in journal.events][2:5] == ["caecum_reached", "polyp_found", "lesion"]
    assert len(journal.events) == 15
    start = journal.events[0].what
    assert isinstance(start, events.Start)
    assert start.started_utc == datetime(2025, 1, 25, 7, 30, 11, tzinfo=UTC)


def test_a_random_copy_has_another_name_and_other_dates_each_time(examination, tmp_path):
    one, other = (deidentify(examination, tmp_path / "out") for _ in range(2))
    assert one.folder != other.folder
    dates = [read_journal(m.folder).events[0].what.started_utc for m in (one, other)]  # type: ignore[union-attr]
    assert dates[0] != dates[1]
    assert all(d < datetime(2025, 3, 2, tzinfo=UTC) for d in dates)


def test_a_crop_moves_boxes_drops_what_is_outside_and_every_frame_has_its_size(examination, tmp_path):
    made = deidentify(examination, tmp_path / "out", crop=Area(10, 20, 100, 70))
    assert_nothing_is_left(made.folder)
    (segment,) = open_procedure(made.folder).segments
    assert {Size.of(f.image) for f in decode_frames(segment.video)} == {Size(100, 70)}
    assert segment.annotation is not None
    assert segment.annotation.marks(3)[0].box == (10, 10, 50, 50)
    assert segment.annotation.marks(5) == ()
    assert any("1 boxes lie outside of the crop" in note for note in made.notes)
    (row,) = [r for r in read_frames(made.folder / "analysis-fast-1.2-cpu.json") if r.detections]
    assert (row.index, row.width, row.height, row.detections[0].box) == (3, 100, 70, (10, 10, 50, 50))
    live = next(read_live_results(made.folder / "results.jsonl"))
    assert live.row["candidates"] == [[10, 10, 50, 50, 0.9, 0]]


def foreign(path: Path, count: int = 60, banner: bool = True) -> Path:
    """A processor's screen: a moving picture in the middle, a name beside it, metadata and sound in the container."""
    rng = np.random.default_rng(3)
    frames = []
    for _ in range(count):
        image = np.zeros((192, 320, 3), np.uint8)
        image[16:176, 100:300] = rng.integers(0, 255, (10, 10, 3), np.uint8).repeat(16, 0).repeat(20, 1)[:160, :200]
        if banner:
            image[20:40, 4:90] = 255
        frames.append(image)
    plain = path.with_suffix(".tmp.mp4")
    write_video(plain, frames)
    with av.open(str(plain)) as inner, av.open(str(path), "w") as outer:
        outer.metadata["title"] = "Maria Muster"
        outer.metadata["creation_time"] = "2026-03-01T07:30:11Z"
        stream = outer.add_stream_from_template(inner.streams.video[0])
        stream.metadata["handler_name"] = "Station C3"
        sound = outer.add_stream("aac", rate=44100)
        sound.layout = "mono"
        for packet in inner.demux(inner.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                outer.mux(packet)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.rate, silence.pts = 44100, 0
        outer.mux(sound.encode(silence))
        outer.mux(sound.encode(None))
    plain.unlink()
    return path


def test_of_a_foreign_video_metadata_sound_and_file_name_go(tmp_path):
    video = foreign(tmp_path / "Maria Muster.mp4")
    assert b"Maria Muster" in video.read_bytes()
    made = deidentify(video, tmp_path / "out", crop="full", pseudonym="P-0002")
    assert_nothing_is_left(made.folder)
    (copy,) = made.folder.iterdir()
    assert copy.name == "P-0002.mkv"
    with av.open(str(copy)) as container:
        assert [s.type for s in container.streams] == ["video"]
        assert not container.streams.video[0].metadata.keys() - {"DURATION"}
    assert b"x264" not in copy.read_bytes()  # supplemental information of the encoder went, too
    assert any("sound" in note for note in made.notes)


def test_the_area_that_moves_is_found_and_what_stands_beside_it_is_gone(tmp_path):
    video = foreign(tmp_path / "Maria Muster.mp4", count=100)
    made = deidentify(video, tmp_path / "out", crop="auto")
    (copy,) = made.folder.iterdir()
    (size,) = {Size.of(f.image) for f in decode_frames(copy)}
    assert abs(size.width - 200) <= 12
    assert abs(size.height - 160) <= 12
    (left,) = [int(n.split(" is ")[1].split(",")[0]) for n in made.notes if n.startswith("the crop")]
    assert left >= 92  # the name stood at 4 to 90


def test_a_foreign_video_without_a_word_on_its_crop_is_refused(tmp_path):
    video = foreign(tmp_path / "a.mp4", count=5)
    with pytest.raises(UsageError, match="no recording of ours"):
        deidentify(video, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_crop_outside_of_the_picture_is_refused_and_nothing_is_left(examination, tmp_path):
    with pytest.raises(UsageError, match="not inside of the picture"):
        deidentify(examination, tmp_path / "out", crop=Area(100, 0, 100, 90))
    assert list((tmp_path / "out").iterdir()) == []


def test_the_copy_never_goes_into_its_source_nor_over_something_else(examination, tmp_path):
    with pytest.raises(UsageError, match="into the procedure"):
        deidentify(examination, examination / "copy")
    deidentify(examination, tmp_path / "out", pseudonym="P-0001")
    with pytest.raises(OutputError, match="exists already"):
        deidentify(examination, tmp_path / "out", pseudonym="P-0001")
    with pytest.raises(UsageError, match="cannot be the copy's name"):
        deidentify(examination, tmp_path / "out", pseudonym="../x")


def test_stopping_leaves_nothing(examination, tmp_path):
    with pytest.raises(Stopped):
        deidentify(examination, tmp_path / "out", stop=lambda: True)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_damaged_video_is_refused_and_nothing_is_left(tmp_path):
    video = foreign(tmp_path / "a.mp4", count=40)
    data = bytearray(video.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 2000] = bytes(2000)
    video.write_bytes(bytes(data))
    with pytest.raises(SourceError, match="damaged"):
        deidentify(video, tmp_path / "out", crop="full")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_picture_that_must_be_black_and_is_not_ends_the_copy(examination, tmp_path):
    path = examination / "frames.jsonl"
    lines = path.read_text().splitlines()
    row = json.loads(lines[5])
    lines[5] = json.dumps(row | {"blanked": True})
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(OutputError, match="should be black"):
        deidentify(examination, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_painted_indices_survive_a_crop_frame_by_frame(examination, tmp_path):
    made = deidentify(examination, tmp_path / "out", crop=Area(0, 0, 160, 60))
    video = made.folder / "video-001.mkv"
    assert [read_painted_index(f.image) for f in decode_frames(video)] == list(range(COUNT))


def test_what_was_blanked_stays_black_with_and_without_a_crop(tmp_path):
    folder = tmp_path / "r"
    outside = range(10, 20)
    options = {"options": X264, "inside": lambda captured_ns: captured_ns - FIRST_NS not in outside}
    with recording(folder, **options) as recorder:
        for i in range(30):
            assert recorder.offer(Frame(i, FrameTime(i, BASE), FIRST_NS + i, picture(i)))
    assert [f.record_index for f in open_procedure(folder).frames if f.blanked] == list(outside)
    for name, crop in (("P-0001", None), ("P-0002", Area(0, 0, 160, 60))):
        made = deidentify(folder, tmp_path / "out", crop=crop, pseudonym=name)
        (segment,) = open_procedure(made.folder).segments
        assert [i for i, f in enumerate(segment.frames) if f.blanked] == list(outside)
        dark = [f.index for f in decode_frames(segment.video) if f.image.max() < 48]
        assert dark == list(outside)


def test_each_segment_is_copied_and_times_begin_at_zero_in_each_run_of_the_recorder(tmp_path):
    folder = tmp_path / "r"
    for first in (1000, 50):
        with recording(folder, options=X264, resume=first == 50) as recorder:
            for i in range(12):
                time = FrameTime(FIRST_PTS + first + i, BASE)
                assert recorder.offer(Frame(first + i, time, FIRST_NS + first * 10_000 + i, picture(i)))
    made = deidentify(folder, tmp_path / "out")
    assert_nothing_is_left(made.folder)
    source, copied = open_procedure(folder), open_procedure(made.folder)
    assert [s.video.name for s in copied.segments] == ["video-001.mkv", "video-002.mkv"]
    assert [(f.session, f.capture_index) for f in copied.frames] == [
        (f.session, f.capture_index) for f in source.frames
    ]
    starts = [next(f for f in copied.frames if f.session == n) for n in (1, 2)]
    assert [(f.pts, f.captured_ns) for f in starts] == [(0, 0), (0, 0)]


def test_the_indication_stays_only_if_somebody_vouches_for_it(examination, tmp_path):
    kept = deidentify(examination, tmp_path / "out", keep_indication=True)
    details = [e.what for e in read_journal(kept.folder).events if isinstance(e.what, events.Details | events.Start)]
    assert {d.indication for d in details} == {"rectal bleeding"}
    assert {d.endoscopist for d in details} == {"endoscopist-1"}


def test_the_command_copies_and_says_what_nobody_can_check(examination, tmp_path, capsys):
    command = ["deidentify", str(examination), str(tmp_path / "out"), "--pseudonym", "P-0001"]
    assert main([*command, "--crop", "0,0,100,90"]) == 0
    said = capsys.readouterr()
    assert f"{COUNT} frames copied and checked" in said.out
    assert "nobody has looked whether text stands in the pictures" in said.err
    assert main(command) == OutputError.exit_status
    assert "exists already" in capsys.readouterr().err


def test_what_is_being_recorded_is_not_copied(tmp_path):
    with recording(tmp_path / "r", options=X264) as recorder:
        assert recorder.offer(Frame(0, FrameTime(0, BASE), FIRST_NS, picture(0)))
        with pytest.raises(SourceError, match="is being recorded"):
            deidentify(tmp_path / "r", tmp_path / "out")
