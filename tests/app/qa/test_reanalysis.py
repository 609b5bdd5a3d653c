"""A procedure analysed anew: what the file holds, and that a run which was broken off comes to the very same file."""

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.detect import as_listed, detections_of, run_detect
from app.dicom.export import export_dicom
from app.qa.reanalysis import (
    LEAST_SCORE,
    MOST_BOXES,
    Stopped,
    analysis_path,
    is_analysed,
    look_at,
    reanalyse,
)
from app.recording.mark import release_lock, take_lock
from detector.alerts import AlertFilter, AlertSettings
from detector.detections import Detections
from detector.errors import OutputError, ProviderError, SourceError
from detector.frame import Frame, FrameTime
from detector.results import ModelRef, is_whole, part_of, read_frames, read_header
from detector.runtime import OnnxDetector
from tests.app.qa.films import HEIGHT, WIDTH, picture, write_film, write_red_model, write_red_recording

FRAMES = 120


@pytest.fixture(scope="module")
def detector(tmp_path_factory) -> OnnxDetector:
    return OnnxDetector(write_red_model(tmp_path_factory.mktemp("models") / "red"), "cpu", threads=1)


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "a b.mp4", FRAMES)


@pytest.fixture(scope="module")
def whole(detector, film, tmp_path_factory) -> bytes:
    """The file of a run that nobody stopped."""
    out = tmp_path_factory.mktemp("whole") / "o.json"
    reanalyse(film, detector, out)
    return out.read_bytes()


def ref(detector: OnnxDetector) -> ModelRef:
    return ModelRef.of(detector.info)


def test_the_file_lists_weak_boxes_names_its_inputs_and_has_the_tracks_of_detect(detector, film, tmp_path):
    out = analysis_path(film, ref(detector), tmp_path)
    assert out.name.startswith("a b.analysis-")
    counts = reanalyse(film, detector, out)
    run_detect([film], tmp_path / "plain.json", detector, LEAST_SCORE, progress=False)
    header = read_header(out)
    assert (header.min_score, header.threshold) == (LEAST_SCORE, 0.5)
    (listed,) = header.model_extra["inputs"]
    assert (listed["file"], listed["bytes"], len(listed["sha256"])) == ("a b.mp4", film.stat().st_size, 64)
    rows, plain = list(read_frames(out)), list(read_frames(tmp_path / "plain.json"))
    assert counts.frames == len(rows) == FRAMES
    assert counts.not_analysed == 0
    assert {row.file for row in rows} == {"a b.mp4"}
    assert [[(d.box, d.score, d.track) for d in row.detections] for row in rows] == [
        [(d.box, d.score, d.track) for d in row.detections] for row in plain
    ]
    # The square is gone for 0.4 s twice, longer than a track is held, and jumps once.
    assert {d.track for row in rows for d in row.detections} == {1, 2, 3, 4}


def test_whoever_reads_the_file_makes_the_same_tracks_again(detector, film, whole, tmp_path):
    (tmp_path / "o.json").write_bytes(whole)
    base = read_header(tmp_path / "o.json").time_base
    alerts = AlertFilter(AlertSettings(threshold=0.5))
    for row in read_frames(tmp_path / "o.json"):
        found = detections_of(row, detector.info.classes, FrameTime(row.pts, base))
        ids = alerts.update(found, float(row.pts * base)).tracking.ids
        tracked = [d.track for d in row.detections if d.track is not None]
        assert list(ids) == tracked


def cut_at(whole: bytes, share: float) -> int:
    return round(share * len(whole))


@pytest.mark.parametrize("share", [0.02, 0.2, 0.47, 0.5, 0.81, 0.999])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_that_was_killed_anywhere_goes_on_to_the_same_bytes(detector, film, whole, tmp_path, share, workers):
    out = tmp_path / "o.json"
    part_of(out).write_bytes(whole[: cut_at(whole, share)])
    seen: list[int] = []

    class Counting:
        info = detector.info

        def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
            seen.append(frame.index)
            return detector.detect(frame, min_score)

    reanalyse(film, Counting() if workers == 1 else detector, out, workers=workers)
    assert out.read_bytes() == whole
    assert not part_of(out).exists()
    if workers == 1 and share > 0.1:
        assert len(seen) < FRAMES, "rows that are there are not asked of the model again"
        assert seen == list(range(FRAMES - len(seen), FRAMES))


def test_a_run_that_was_killed_at_a_rows_end_goes_on_to_the_same_bytes(detector, film, whole, tmp_path):
    ends = [n for n, byte in enumerate(whole) if byte == ord("\n")][10:14]
    for number, end in enumerate(ends):
        for more in (-1, 0, 1):
            out = tmp_path / f"{number} {more}.json"
            part_of(out).write_bytes(whole[: end + more])
            reanalyse(film, detector, out)
            assert out.read_bytes() == whole


def test_a_run_that_is_stopped_leaves_its_part_and_nothing_under_the_name(detector, film, whole, tmp_path):
    out, told = tmp_path / "o.json", []
    with pytest.raises(Stopped):
        reanalyse(film, detector, out, progress=lambda *n: told.append(n), stop=lambda: told[-1][0] == 50)
    assert not out.exists()
    assert told[-1] == (50, FRAMES, 0)
    assert all(b[0] - a[0] in (0, 1) for a, b in pairwise(told))
    again: list[int] = []
    reanalyse(film, detector, out, progress=lambda done, of, missed: again.append(done))
    assert again[0] == 50
    assert out.read_bytes() == whole


def test_rows_of_another_model_or_of_another_video_are_not_gone_on_with(detector, film, whole, tmp_path):
    stricter = OnnxDetector(write_red_model(tmp_path / "model", threshold=0.6), "cpu", threads=1)
    out = tmp_path / "o.json"
    part_of(out).write_bytes(whole[: len(whole) // 2])
    reanalyse(film, stricter, out)
    assert read_header(out).threshold == 0.6
    other = write_film(tmp_path / "a b.mp4", FRAMES, first=7)
    part_of(out).write_bytes(whole[: len(whole) // 2])
    reanalyse(other, detector, out)
    reanalyse(other, detector, tmp_path / "fresh.json")
    assert out.read_bytes() == (tmp_path / "fresh.json").read_bytes() != whole


def test_a_part_with_a_damaged_row_begins_anew(detector, film, whole, tmp_path):
    out = tmp_path / "o.json"
    lines = whole[: len(whole) // 2].split(b"\n")
    lines[20] = lines[20][:-9] + b"#########"
    part_of(out).write_bytes(b"\n".join(lines))
    assert reanalyse(film, detector, out).frames == FRAMES
    assert out.read_bytes() == whole


def test_what_is_whole_for_this_model_and_this_video_is_known_as_such(detector, film, whole, tmp_path):
    out = tmp_path / "o.json"
    inputs = look_at(film)
    assert not is_analysed(out, detector.info, inputs)
    out.write_bytes(whole)
    assert is_analysed(out, detector.info, inputs)
    other = OnnxDetector(write_red_model(tmp_path / "model", threshold=0.6), "cpu", threads=1)
    moved = look_at(write_film(tmp_path / "a b.mp4", FRAMES, first=3))
    assert not is_analysed(out, detector.info, moved)
    out.write_bytes(whole.replace(b'"complete": true', b'"complete": false'))
    assert not is_whole(out)
    assert not is_analysed(out, other.info, inputs)


def test_every_segment_of_a_recording_is_analysed_and_the_whole_ones_are_not_read_again(detector, tmp_path):
    folder = write_red_recording(tmp_path / "rec", 40)
    second = write_red_recording(tmp_path / "other", 40, first=5) / "video-001.mkv"
    second.rename(folder / "video-002.mkv")
    out = analysis_path(folder, ref(detector))
    assert out.parent == folder
    reanalyse(folder, detector, out)
    rows, made = list(read_frames(out)), out.read_bytes()
    assert [row.file for row in rows] == ["video-001.mkv"] * 40 + ["video-002.mkv"] * 40
    assert [row.index for row in rows] == [*range(40), *range(40)]
    out.unlink()
    part_of(out).write_bytes(made[: len(made) * 3 // 4])
    first = (folder / "video-001.mkv").read_bytes()
    inputs = look_at(folder)
    (folder / "video-001.mkv").write_bytes(first[:2000])  # whoever decoded it would find other frames
    reanalyse(folder, detector, out, inputs=inputs)
    assert out.read_bytes() == made
    part_of(out).write_bytes(made[: len(made) // 4])
    (folder / "video-001.mkv").write_bytes(first)
    reanalyse(folder, detector, out)
    assert out.read_bytes() == made


def test_damage_and_failures_have_rows_that_say_so_and_the_run_goes_on_behind_them_alike(detector, tmp_path):
    film = write_film(tmp_path / "v.mp4", 60)
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = b"\xff" * 200
    film.write_bytes(data)

    class Failing:
        info = detector.info

        def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
            if frame.index == 7:
                raise ProviderError("the card fell off the bus")
            return detector.detect(frame, min_score)

    counts = reanalyse(film, Failing(), tmp_path / "o.json")
    rows = list(read_frames(tmp_path / "o.json"))
    assert {row.status for row in rows} == {"ok", "failed", "undecodable"}
    assert counts.not_analysed == sum(row.status != "ok" for row in rows)
    whole = (tmp_path / "o.json").read_bytes()
    part_of(tmp_path / "p.json").write_bytes(whole[: len(whole) * 9 // 10])
    assert reanalyse(film, Failing(), tmp_path / "p.json") == counts
    assert (tmp_path / "p.json").read_bytes() == whole


def test_an_image_sequence_has_rows_by_name_and_its_own_results_do_not_change_it(detector, tmp_path):
    folder = tmp_path / "stills"
    folder.mkdir()
    for n in range(4):
        cv2.imwrite(str(folder / f"{n}.png"), picture(n * 10))
    out = analysis_path(folder, ref(detector))
    inputs = look_at(folder)
    reanalyse(folder, detector, out)
    assert [(row.file, row.time_s) for row in read_frames(out)] == [(f"{n}.png", None) for n in range(4)]
    assert is_analysed(out, detector.info, inputs)
    assert look_at(folder) == inputs


def test_a_dicom_video_is_analysed_at_the_times_that_it_states(detector, tmp_path):
    film = write_film(tmp_path / "v.mp4", 30)
    export_dicom([film], tmp_path / "out")
    (dicom,) = (tmp_path / "out").glob("*.dcm")
    reanalyse(dicom, detector, tmp_path / "o.json")
    rows = list(read_frames(tmp_path / "o.json"))
    assert len(rows) == 30
    assert [row.time_s for row in rows] == [round(n / 25, 6) for n in range(30)]
    assert {(row.width, row.height) for row in rows} == {(WIDTH, HEIGHT)}
    assert all(len(row.detections) == 1 for row in rows)


def test_two_videos_that_differ_in_the_suffix_alone_have_files_of_their_own(detector, tmp_path):
    one, two = tmp_path / "a.mp4", tmp_path / "a.mkv"
    one.touch()
    alone = analysis_path(one, ref(detector)).name
    two.touch()
    names = {analysis_path(path, ref(detector)).name for path in (one, two)}
    assert alone.startswith("a.analysis-")
    assert {name.split(".analysis-")[0] for name in names} == {"a.mp4", "a.mkv"}


def test_what_cannot_be_done_is_said_before_anything_is_written(detector, film, tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        reanalyse(tmp_path / "none.mp4", detector, tmp_path / "o.json")
    with pytest.raises(OutputError, match="overwrite"):
        reanalyse(film, detector, film)
    with pytest.raises(OutputError, match="Cannot write"):
        reanalyse(film, detector, tmp_path / "no folder" / "o.json")
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_is_being_made_is_left_alone(detector, tmp_path):
    folder = write_red_recording(tmp_path / "rec", 5)
    lock = take_lock(folder)
    with pytest.raises(SourceError, match="is being recorded"):
        look_at(folder)
    release_lock(folder, lock)
    assert len(look_at(folder)) == 1


def test_no_more_than_twenty_boxes_of_a_frame_are_listed(film, tmp_path):
    class Crowded:
        info = OnnxDetector(write_red_model(tmp_path / "m"), "cpu", threads=1).info

        def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
            x = np.arange(50, dtype=np.float32)[:, None]
            boxes = np.concatenate((x * 3, x, x * 3 + 2.0004, x + 2), axis=1).astype(np.float32)
            scores = np.linspace(0.9, 0.02, 50, dtype=np.float32)
            return Detections(frame.index, frame.time, boxes, scores, np.zeros(50, np.int64))

    reanalyse(film, Crowded(), tmp_path / "o.json")
    rows = list(read_frames(tmp_path / "o.json"))
    assert {len(row.detections) for row in rows} == {MOST_BOXES}
    found = as_listed(Crowded().detect(Frame(0, None, 0, picture(0))).above(0.01, MOST_BOXES))
    assert [d.box for d in rows[0].detections] == [tuple(round(x, 3) for x in box) for box in found.boxes.tolist()]


def test_the_head_is_the_same_json_that_everybody_reads(whole):
    data = json.loads(whole)
    assert data["schema"] == "polypwatch.detect/1"
    assert data["complete"] is True
    assert len(data["frames"]) == FRAMES
