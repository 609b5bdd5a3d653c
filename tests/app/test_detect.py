"""Headless detection through the command line: every frame, in order, the same on every run."""

import json
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.capture import file_source
from app.cli import main
from app.detect import run_detect
from detector.alerts import AlertFilter, AlertSettings
from detector.detections import Detections, Detector
from detector.errors import ProviderError
from detector.frame import Frame, FrameSource, Interruption, SourceInfo, SourceState
from detector.results import FrameRow, ResultsWriter, boxes_of, common_time_base, read_frames, read_header, ticks
from detector.runtime import OnnxDetector
from tests.tiny_models import red_patch_network, write_model

RATE = 25


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "red", red_patch_network(), threshold=0.5)


def picture(x: int | None, size=(320, 240)) -> np.ndarray:
    """Grey, with a bright red square of 60 px at `x`."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    if x is not None:
        image[80:140, x : x + 60] = (20, 20, 250)
    return image


def write_video(path: Path, pictures: list[np.ndarray], rate: int = RATE) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12"}
        for image in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """20 frames: 5 without, 10 with a red square that moves, 5 without."""
    places = [None] * 5 + [40 + 4 * n for n in range(10)] + [None] * 5
    return write_video(tmp_path_factory.mktemp("video") / "a b.mp4", [picture(x) for x in places])


def detect(model: Path, out: Path, *args: object) -> int:
    words = ["detect", *map(str, args), "--json", str(out), "--model", str(model), "--provider", "cpu", "--quiet"]
    return main(words)


def test_a_video_gives_one_row_per_frame_with_boxes_times_and_tracks(model, video, tmp_path):
    assert detect(model, tmp_path / "o.json", video) == 0
    data = json.loads((tmp_path / "o.json").read_text())
    assert data["schema"] == "polypwatch.detect/1"
    assert set(data) == {
        "schema", "model", "software", "threshold", "min_score", "provider", "time_base", "frames", "complete"
    }  # fmt: skip
    assert data["complete"] is True
    assert data["provider"] == "cpu"
    assert len(data["model"]["sha256"]) == 64
    base = Fraction(data["time_base"])
    frames = data["frames"]
    assert [f["index"] for f in frames] == list(range(20))
    assert [f["pts"] * base for f in frames] == [Fraction(n, RATE) for n in range(20)]
    assert [f["time_s"] for f in frames] == [round(n / RATE, 6) for n in range(20)]
    assert {(f["file"], f["width"], f["height"], f["status"], f["error"]) for f in frames} == {
        (video.as_posix(), 320, 240, "ok", None)
    }
    found = [len(f["detections"]) for f in frames]
    assert found == [0] * 5 + [1] * 10 + [0] * 5
    for n, frame in enumerate(frames[5:15]):
        (box,) = frame["detections"]
        np.testing.assert_allclose(box["box"], [40 + 4 * n, 80, 100 + 4 * n, 140], atol=4)
        assert box["class"] == "polyp"
        assert box["track"] == 1


def test_the_same_input_gives_the_same_bytes(model, video, tmp_path):
    for name in ("a", "b"):
        assert detect(model, tmp_path / name, video) == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> Path:
    """60 frames with a red square that moves, and a stretch of damage in the middle."""
    video = write_video(tmp_path_factory.mktemp("damaged") / "v.mp4", [picture(40 + n) for n in range(60)])
    data = bytearray(video.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = b"\xff" * 400
    video.write_bytes(data)
    return video


class Failing:
    """The model, but for two frames on which the runtime fails."""

    def __init__(self, model: Path) -> None:
        self._real = OnnxDetector(model, "cpu", threads=1)
        self.info = self._real.info

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        if frame.index in (7, 31):
            raise ProviderError("the card fell off the bus")
        return self._real.detect(frame, min_score)


def frame_by_frame(paths: list[Path], detector: Detector) -> list[dict]:
    """Every row by the book: read, detect, track, one after the other."""
    info = detector.info
    base = common_time_base(b for b in (opened(p)[0].time_base for p in paths) if b is not None)
    rows = []
    for path in paths:
        alerts = AlertFilter(AlertSettings(threshold=info.threshold))
        _, source = opened(path)
        while (read := source.read()) != Interruption(SourceState.END):
            size = read.size if isinstance(read, Frame) else None
            status, error, boxes = "undecodable", getattr(read, "detail", None), ()
            if isinstance(read, Frame):
                try:
                    found = detector.detect(read, min(info.threshold, alerts.settings.feed_score))
                    ids = alerts.update(found, read.time.seconds).tracking.ids
                    status, error, boxes = "ok", None, boxes_of(found.above(info.threshold), info.classes, ids)
                except ProviderError as problem:
                    status, error = "failed", str(problem)
            row = FrameRow(
                file=path.as_posix(),
                index=read.index,
                pts=ticks(read.time, base),
                time_s=None if read.time is None else round(read.time.seconds, 6),
                width=size and size.width,
                height=size and size.height,
                status=status,
                error=error,
                detections=boxes,
            )
            rows.append(json.loads(row.model_dump_json(by_alias=True)))
    return rows


def opened(path: Path) -> tuple[SourceInfo, FrameSource]:
    source = file_source(path)
    return source.open(), source


@pytest.mark.parametrize("workers", [1, 3])
def test_several_frames_at_once_give_the_rows_of_frame_by_frame(model, video, damaged, tmp_path, workers):
    paths, detector = [damaged, video], OnnxDetector(model, "cpu", threads=1)
    run_detect(paths, tmp_path / "o.json", detector, progress=False, workers=workers)
    rows = json.loads((tmp_path / "o.json").read_text())["frames"]
    assert rows == frame_by_frame(paths, OnnxDetector(model, "cpu"))
    assert {row["status"] for row in rows} == {"ok", "undecodable"}
    assert {d["track"] for row in rows for d in row["detections"]} >= {1}


def test_a_frame_on_which_the_runtime_fails_has_a_row_that_says_so(model, damaged, tmp_path):
    counts = run_detect([damaged], tmp_path / "o.json", Failing(model), progress=False, workers=3)
    rows = json.loads((tmp_path / "o.json").read_text())["frames"]
    assert rows == frame_by_frame([damaged], Failing(model))
    assert [(row["index"], row["error"]) for row in rows if row["status"] == "failed"][:1] == [
        (7, "the card fell off the bus")
    ]
    assert counts.not_analysed == sum(row["status"] != "ok" for row in rows)


def test_the_number_of_threads_does_not_show_in_the_results(model, damaged, tmp_path):
    for threads in (1, 2, 4):
        assert detect(model, tmp_path / str(threads), damaged, "--threads", threads) == 9
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == (tmp_path / "4").read_bytes()


def test_a_run_that_is_interrupted_leaves_what_it_has_and_no_thread(model, damaged, tmp_path, monkeypatch):
    written = ResultsWriter.write

    def interrupted(self: ResultsWriter, row: FrameRow) -> None:
        if row.index == 5:
            raise KeyboardInterrupt
        written(self, row)

    monkeypatch.setattr(ResultsWriter, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_detect([damaged], tmp_path / "o.json", OnnxDetector(model, "cpu", threads=1), progress=False, workers=2)
    data = json.loads((tmp_path / "o.json").read_text())
    assert data["complete"] is False
    assert [row["index"] for row in data["frames"]] == list(range(5))
    assert not [t for t in threading.enumerate() if t.name.startswith(("decode-ahead", "analyse-"))]


def test_a_folder_is_read_in_natural_order_with_paths_below_it_and_is_never_tracked(model, tmp_path):
    folder = tmp_path / "stills"
    (folder / "sub").mkdir(parents=True)
    for name, x in (("10.png", 100), ("2.png", None), ("sub/1.png", 30)):
        cv2.imwrite(str(folder / name), picture(x))
    (folder / "3.png").write_bytes(b"this is no picture")
    assert detect(model, tmp_path / "o.json", folder) == 9
    rows = list(read_frames(tmp_path / "o.json"))
    assert [r.file for r in rows] == ["2.png", "3.png", "10.png", "sub/1.png"]
    assert [r.status for r in rows] == ["ok", "undecodable", "ok", "ok"]
    assert rows[1].error
    assert rows[1].width is None
    assert [len(r.detections) for r in rows] == [0, 0, 1, 1]
    assert all(r.pts is None and r.time_s is None for r in rows)
    assert all(d.track is None for r in rows for d in r.detections)
    assert read_header(tmp_path / "o.json").time_base is None


def test_videos_of_different_rates_share_an_exact_time_base_and_tracks_begin_anew(model, video, tmp_path):
    other = write_video(tmp_path / "other.mp4", [picture(50)] * 6, rate=30)
    assert detect(model, tmp_path / "o.json", video, other) == 0
    base = read_header(tmp_path / "o.json").time_base
    rows = list(read_frames(tmp_path / "o.json"))
    assert [r.pts * base for r in rows[20:]] == [Fraction(n, 30) for n in range(6)]
    assert [r.pts * base for r in rows[:20]] == [Fraction(n, RATE) for n in range(20)]
    assert {d.track for r in rows[20:] for d in r.detections} == {1}


def test_min_score_lists_weaker_boxes_without_changing_the_tracks(model, video, tmp_path):
    assert detect(model, tmp_path / "all.json", video, "--min-score", "0.01") == 0
    assert detect(model, tmp_path / "sure.json", video, "--min-score", "1") == 0
    every, sure = (list(read_frames(tmp_path / n)) for n in ("all.json", "sure.json"))
    assert sum(len(r.detections) for r in every) == 10
    assert sum(len(r.detections) for r in sure) == 0
    assert read_header(tmp_path / "sure.json").min_score == 1


def test_a_damaged_stretch_is_said_and_the_exit_status_is_not_zero(model, damaged, tmp_path, capsys):
    assert detect(model, tmp_path / "o.json", damaged) == 9
    rows = list(read_frames(tmp_path / "o.json"))
    bad = [r for r in rows if r.status != "ok"]
    assert bad
    assert all(r.status == "undecodable" and r.error and not r.detections for r in bad)
    assert f"{len(bad)} of {len(rows)} frames could not be analysed" in capsys.readouterr().err


def test_the_results_never_overwrite_an_input(model, video, tmp_path, capsys):
    before = video.read_bytes()
    assert detect(model, video, video) != 0
    assert video.read_bytes() == before
    assert "overwrite" in capsys.readouterr().err
