"""Results on disk: valid JSON whatever happens, read back as written, refused when it is not ours."""

import json
import math
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.detections import Detections, DetectorInfo
from detector.errors import FormatError, OutputError
from detector.frame import FrameTime
from detector.geometry import as_boxes
from detector.results import (
    Box,
    FrameRow,
    ModelRef,
    ResultsHeader,
    ResultsWriter,
    boxes_of,
    common_time_base,
    read_frames,
    read_header,
    ticks,
)
from tests.full_disk import files_may_grow_to

HEADER = ResultsHeader(
    model=ModelRef(name="tiny", version="1.0", variant="cpu", sha256="0" * 64),
    software="polypwatch 0.1.0",
    threshold=0.5,
    min_score=0.1,
    provider="cpu",
    time_base=Fraction(1, 12800),
)
BOX = Box(box=(10.5, 20.0, 99.25, 87.0), score=0.91, class_="polyp", track=1)

text = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.floats(allow_nan=False, allow_infinity=False)
boxes = st.builds(
    Box,
    box=st.tuples(numbers, numbers, numbers, numbers),
    score=st.floats(0, 1),
    class_=text,
    track=st.none() | st.integers(1, 2**40),
)
rows = st.builds(
    FrameRow,
    file=text,
    index=st.integers(0, 2**40),
    # One less than 64 bits: -2**63 is FFmpeg's "no time stamp", and the parser of numbers refuses it.
    pts=st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    time_s=st.none() | numbers,
    width=st.none() | st.integers(1, 10_000),
    height=st.none() | st.integers(1, 10_000),
    status=st.sampled_from(["ok", "undecodable", "failed"]),
    error=st.none() | text,
    detections=st.lists(boxes, max_size=3).map(tuple),
)
time_bases = st.builds(Fraction, st.integers(1, 10**6), st.integers(1, 10**6))


def row(index: int = 0, **changes: Any) -> FrameRow:
    fields = {
        "file": "a.mp4",
        "index": index,
        "pts": index * 512,
        "time_s": index / 25,
        "width": 1280,
        "height": 720,
        "status": "ok",
        "error": None,
        "detections": (BOX,),
    }
    return FrameRow(**(fields | changes))


def written(path: Path, frames: Iterable[FrameRow] = (), header: ResultsHeader = HEADER) -> Path:
    with ResultsWriter(path, header) as writer:
        for frame in frames:
            writer.write(frame)
    return path


class TestWriting:
    @pytest.mark.parametrize("count", [0, 1, 2, 50])
    def test_gives_one_json_object(self, count: int, tmp_path: Path) -> None:
        path = written(tmp_path / "r.json", [row(n) for n in range(count)])
        data = json.loads(path.read_text(encoding="utf-8"))
        assert data["schema"] == "polypwatch.detect/1"
        assert data["time_base"] == "1/12800"
        assert [f["index"] for f in data["frames"]] == list(range(count))
        assert data["complete"] is True

    def test_has_exactly_the_documented_fields(self, tmp_path: Path) -> None:
        """What other programs read: a change here is a change of the format."""
        data = json.loads(written(tmp_path / "r.json", [row()]).read_text(encoding="utf-8"))
        assert list(data) == [
            *("schema", "model", "software", "threshold", "min_score", "provider", "time_base", "frames", "complete")
        ]
        assert list(data["model"]) == ["name", "version", "variant", "sha256"]
        assert data["frames"] == [
            {
                "file": "a.mp4",
                "index": 0,
                "pts": 0,
                "time_s": 0.0,
                "width": 1280,
                "height": 720,
                "status": "ok",
                "error": None,
                "detections": [{"box": [10.5, 20.0, 99.25, 87.0], "score": 0.91, "class": "polyp", "track": 1}],
            }
        ]

    def test_puts_every_frame_on_a_line_of_its_own(self, tmp_path: Path) -> None:
        lines = written(tmp_path / "r.json", [row(0), row(1)]).read_text(encoding="utf-8").splitlines()
        assert [json.loads(line.rstrip(","))["index"] for line in lines[1:3]] == [0, 1]

    def test_appears_under_its_name_only_when_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        path.write_text("the results before")
        with ResultsWriter(path, HEADER) as writer:
            writer.write(row())
            assert path.read_text() == "the results before"
            assert (tmp_path / "r.json.part").exists()
        assert json.loads(path.read_text())["complete"] is True
        assert [p.name for p in tmp_path.iterdir()] == ["r.json"]

    @pytest.mark.parametrize("interruption", [KeyboardInterrupt(), ValueError(), OutputError("another file's")])
    def test_that_is_interrupted_says_so_and_is_still_valid(self, interruption: BaseException, tmp_path: Path) -> None:
        path = tmp_path / "r.json"

        def frames() -> Iterator[FrameRow]:
            yield row(0)
            yield row(1)
            raise interruption

        with pytest.raises(type(interruption)):
            written(path, frames())
        data = json.loads(path.read_text(encoding="utf-8"))
        assert (len(data["frames"]), data["complete"]) == (2, False)
        assert [r.index for r in read_frames(path)] == [0, 1]

    def test_of_file_names_that_are_not_unicode(self, tmp_path: Path) -> None:
        """A disk from elsewhere: the name is Latin-1."""
        name = os.fsdecode(b"caf\xe9.png")
        path = written(tmp_path / "r.json", [row(file=name, error=f"cannot read {name}"), row(file="ä\u2028\n.png")])
        assert [r.file for r in read_frames(path)] == ["caf\\udce9.png", "ä\u2028\n.png"]

    def test_of_a_frame_that_failed_is_not_an_empty_ok(self, tmp_path: Path) -> None:
        lost = row(status="undecodable", error="no picture", width=None, height=None, detections=())
        (back,) = read_frames(written(tmp_path / "r.json", [lost]))
        assert (back.status, back.error, back.detections) == ("undecodable", "no picture", ())


class TestNotWriting:
    """What cannot be written is said at the start where it can be known, and never destroys anything."""

    def test_into_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"Cannot write .*r\.json: No such file or directory"):
            ResultsWriter(tmp_path / "none" / "r.json", HEADER)

    def test_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="Not a directory"):
            ResultsWriter(tmp_path / "file" / "r.json", HEADER)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_into_a_read_only_folder(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="Permission denied"):
            ResultsWriter(tmp_path / "r.json", HEADER)

    @pytest.mark.parametrize("name", ["", ".", "..", "folder"])
    def test_over_a_folder(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "folder").mkdir()
        monkeypatch.chdir(tmp_path)
        with pytest.raises(OutputError, match="Is a directory"):
            ResultsWriter(Path(name), HEADER)

    @pytest.mark.parametrize("frames", [1, 500])
    def test_onto_a_full_device(self, frames: int, tmp_path: Path) -> None:
        out = tmp_path / "r.json"
        out.symlink_to("/dev/full")
        with pytest.raises(OutputError, match="No space left on device"):
            written(out, [row(n) for n in range(frames)])

    def test_onto_a_disk_that_becomes_full_leaves_the_results_before(self, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        path.write_text("the results before")
        with files_may_grow_to(30_000), pytest.raises(OutputError, match="File too large"):
            written(path, [row(n) for n in range(500)])
        assert path.read_text() == "the results before"
        assert (tmp_path / "r.json.part").stat().st_size == 30_000

    def test_a_device_stays_a_device(self, tmp_path: Path) -> None:
        """As root, renaming over /dev/null would take it away from everybody."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reader = subprocess.Popen([sys.executable, "-c", f"print(open({str(pipe)!r}).read())"], stdout=subprocess.PIPE)
        written(pipe, [row()])
        data = json.loads(reader.communicate(timeout=30)[0])
        assert data["complete"] is True
        assert pipe.is_fifo()


class TestReading:
    @given(st.lists(rows, max_size=4), time_bases)
    def test_gives_back_what_was_written(
        self, tmp_path_factory: pytest.TempPathFactory, frames: list[FrameRow], time_base: Fraction
    ) -> None:
        header = HEADER.model_copy(update={"time_base": time_base})
        path = written(tmp_path_factory.getbasetemp() / "codec.json", frames, header)
        assert read_header(path) == header
        assert list(read_frames(path)) == frames

    def test_keeps_fields_of_a_newer_minor_version(self, tmp_path: Path) -> None:
        path = written(tmp_path / "r.json", [row()])
        data = json.loads(path.read_text())
        data = {"schema": "polypwatch.detect/1.4", "operator": {"name": ["x", 1, None]}, **data} | {
            "schema": "polypwatch.detect/1.4"
        }
        data["frames"][0]["light"] = "nbi"
        data["frames"][0]["detections"][0]["size_mm"] = 4.5
        path.write_text(json.dumps(data))
        header, (frame,) = read_header(path), read_frames(path)
        again = written(tmp_path / "again.json", [frame], header)
        assert json.loads(again.read_text()) == data

    def test_does_not_depend_on_the_order_of_the_fields(self, tmp_path: Path) -> None:
        path = written(tmp_path / "r.json", [row(0), row(1)])
        path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
        assert read_header(path).model == HEADER.model
        assert [r.index for r in read_frames(path)] == [0, 1]

    def test_without_times_there_is_no_time_base(self, tmp_path: Path) -> None:
        header = HEADER.model_copy(update={"time_base": None})
        path = written(tmp_path / "r.json", [row(pts=None, time_s=None)], header)
        assert read_header(path).time_base is None

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "Cannot read the results"),
            (b"no json", "Cannot read the results"),
            (b"\xff\xfe\x00", "Cannot read the results"),
            (b'{"schema": "\xff"}', "Cannot read the results"),
            (b"[]", "no 'schema' field"),
            (b"[1, 2, {}]", "no 'schema' field"),
            (b"{}", "no 'schema' field"),
            (b'"text"', "no 'schema' field"),
            (b'{"schema": "polypwatch.detect/2", "frames": []}', "reads 'polypwatch.detect/1'"),
            (b'{"schema": "polypwatch.model/1", "frames": []}', "expected 'polypwatch.detect/1'"),
            (b'{"schema": "polypwatch.detect/1", "frames": []}', "field 'model': is missing"),
        ],
    )
    def test_refuses_what_is_not_ours(self, content: bytes, problem: str, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        path.write_bytes(content)
        with pytest.raises(FormatError, match=problem):
            read_header(path)
        with pytest.raises(FormatError, match=problem):
            list(read_frames(path))

    def test_refuses_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(FormatError, match="No such file"):
            read_header(tmp_path / "none.json")
        with pytest.raises(FormatError, match="Is a directory"):
            read_header(tmp_path)

    def test_refuses_a_file_without_frames(self, tmp_path: Path) -> None:
        path = written(tmp_path / "r.json")
        data = json.loads(path.read_text())
        del data["frames"]
        path.write_text(json.dumps(data))
        with pytest.raises(FormatError, match="it has no frames"):
            list(read_frames(path))

    def test_gives_the_frames_before_the_damage_and_then_says_so(self, tmp_path: Path) -> None:
        path = written(tmp_path / "r.json", [row(n) for n in range(1000)])
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        seen: list[int] = []
        with pytest.raises(FormatError, match="written whole"):
            seen.extend(frame.index for frame in read_frames(path))
        assert len(seen) > 100
        assert seen == list(range(len(seen)))

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ('"status":"ok"', '"status":"fine"', "field 'status'"),
            ('"box":[10.5,20.0,99.25,87.0]', '"box":[10.5,20.0]', r"field 'detections\.0\.box\.2'"),
            ('"track":1', '"tracks":1', r"field 'detections\.0\.track': is missing"),
            ('"index":0', '"index":null', "field 'index'"),
        ],
    )
    def test_names_the_damaged_field_of_a_frame(self, old: str, new: str, problem: str, tmp_path: Path) -> None:
        path = written(tmp_path / "r.json", [row()])
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(FormatError, match=problem):
            list(read_frames(path))

    @pytest.mark.parametrize("time_base", ["1/0", "0/1", "-1/25", "1/-25", "0.04", "25", "1/2/3", "", 0.04, 1, "a/b"])
    def test_refuses_an_impossible_time_base(self, time_base: Any, tmp_path: Path) -> None:
        path = written(tmp_path / "r.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"time_base": time_base}))
        with pytest.raises(FormatError, match="field 'time_base'"):
            read_header(path)

    def test_of_an_hour_takes_no_memory(self, tmp_path: Path) -> None:
        path = written(tmp_path / "r.json", [row()])
        head, line, tail = path.read_text().split("\n")[:3]
        path.write_text(head + "\n" + ",\n".join([line] * 100_000) + "\n" + tail + "\n")
        frames = read_frames(path)
        for _ in range(1000):
            next(frames)
        tracemalloc.start()
        try:
            # Tracing is slow: a part of the file shows whether anything is kept.
            for _ in range(4_000):
                next(frames)
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()
        assert sum(1 for _ in frames) == 95_000


class TestTimes:
    def test_of_nothing_there_is_no_time_base(self) -> None:
        assert common_time_base([]) is None
        assert ticks(None, Fraction(1, 25)) is None
        assert ticks(FrameTime(3, Fraction(1, 25)), None) is None

    @pytest.mark.parametrize(
        ("bases", "common"),
        [
            (["1/25"], "1/25"),
            (["1/25", "1/25"], "1/25"),
            (["1/25", "1/30"], "1/150"),
            (["1/1000", "1/90000"], "1/90000"),
            (["2/25", "4/25"], "2/25"),
            (["1001/30000", "1/25"], "1/30000"),
            (["2/3", "4/9"], "2/9"),
        ],
    )
    def test_the_common_base_is_the_coarsest(self, bases: list[str], common: str) -> None:
        assert common_time_base(map(Fraction, bases)) == Fraction(common)

    @given(st.lists(time_bases, min_size=1, max_size=4), st.integers(-(2**40), 2**40))
    def test_every_time_is_a_whole_number_of_it_and_none_coarser_would_do(
        self, bases: list[Fraction], pts: int
    ) -> None:
        common = common_time_base(bases)
        assert common is not None
        counts = [base / common for base in bases]
        assert all(count.denominator == 1 for count in counts)
        assert math.gcd(*[count.numerator for count in counts]) == 1
        for base in bases:
            value = ticks(FrameTime(pts, base), common)
            assert value is not None
            assert value * common == pts * base

    def test_a_time_between_two_ticks_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="not a whole number of ticks"):
            ticks(FrameTime(1, Fraction(1, 30)), Fraction(1, 25))


class TestBoxes:
    def found(self, *scores: float) -> Detections:
        box = np.array([[0.1, 1 / 3, 100.0004, 719.99996]] * len(scores), np.float32)
        return Detections(0, None, as_boxes(box), np.array(scores, np.float32), np.zeros(len(scores), np.int64))

    def test_of_nothing(self) -> None:
        assert boxes_of(Detections.empty(0, None), ("polyp",)) == ()

    def test_are_rounded_to_a_thousandth_of_a_pixel(self) -> None:
        (box,) = boxes_of(self.found(0.5), ("polyp",))
        assert box.box == (0.1, 0.333, 100.0, 720.0)

    @given(st.floats(0, 1, width=32))
    def test_keep_the_score_to_the_last_bit(self, score: float) -> None:
        (box,) = boxes_of(self.found(score), ("polyp",))
        assert np.float32(json.loads(box.model_dump_json())["score"]) == np.float32(score)

    def test_at_the_threshold_stay_there(self) -> None:
        assert [b.score for b in boxes_of(self.found(0.7, 0.6999999), ("polyp",))] == [0.7, 0.6999999]

    @pytest.mark.parametrize(("tracks", "listed"), [((), [None, None]), ((4,), [4, None]), ((4, 2, 9), [4, 2])])
    def test_name_the_tracks_of_the_first_ones(self, tracks: tuple[int, ...], listed: list[int | None]) -> None:
        assert [b.track for b in boxes_of(self.found(0.9, 0.8), ("polyp",), tracks)] == listed


def test_the_reference_names_the_running_file() -> None:
    info = DetectorInfo("tiny", "1.0", "cpu-fp32", "a" * 64, 0.5, ("polyp",), "cpu")
    assert ModelRef.of(info) == ModelRef(name="tiny", version="1.0", variant="cpu-fp32", sha256="a" * 64)
