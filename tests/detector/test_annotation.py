"""The annotation codec: round trips, what is refused, and 'nobody looked' against 'nothing there'."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.annotation import (
    SCHEMA,
    Annotation,
    Lesion,
    Mark,
    MarkedFrame,
    ReviewedRange,
    Video,
    dump_annotation,
    load_annotation,
    parse_annotation,
    save_annotation,
)
from detector.errors import FormatError, OutputError

FRAMES = 1000


def annotation(**changes: Any) -> Annotation:
    fields: dict[str, Any] = {
        "software": "polypwatch test",
        "source": "reader A",
        "video": Video(
            name="a.mp4", sha256="0" * 64, frame_count=FRAMES, width=640, height=360, time_base=Fraction(1, 12800)
        ),
        "lesions": (Lesion(id=1, paris="Is", size_mm=6.0, note=""), Lesion(id=2, paris=None, size_mm=None, note="?")),
        "reviewed": (ReviewedRange(first=0, last=99, reviewer="A"), ReviewedRange(first=300, last=400, reviewer="B")),
        "frames": (
            MarkedFrame(index=10, pts=5120, marks=(Mark(lesion=1, state="clear", box=(1, 2, 30, 40), visibility=1.0),)),
            MarkedFrame(
                index=200, pts=None, marks=(Mark(lesion=2, state="marginal", box=(0, 0, 5.5, 6), visibility=None),)
            ),
        ),
    }
    return Annotation(**{**fields, **changes})


def as_json(**changes: Any) -> dict[str, Any]:
    return {**json.loads(dump_annotation(annotation())), **changes}


def test_an_empty_annotation_survives() -> None:
    empty = annotation(lesions=(), reviewed=(), frames=())
    assert parse_annotation(dump_annotation(empty), "x") == empty


def test_the_file_is_valid_json_with_one_frame_a_line() -> None:
    text = dump_annotation(annotation())
    assert json.loads(text)["schema"] == SCHEMA
    assert sum(line.startswith('{"index"') for line in text.splitlines()) == 2


sides = st.floats(0, 5000, allow_nan=False)
boxes = st.tuples(sides, sides, st.floats(1, 500), st.floats(1, 500)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
some_marks = st.lists(
    st.builds(
        Mark,
        lesion=st.integers(1, 5),
        state=st.sampled_from(["clear", "marginal"]),
        box=boxes,
        visibility=st.none() | st.floats(0, 1),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda m: m.lesion,
)
some_frames = st.lists(
    st.builds(
        MarkedFrame, index=st.integers(0, FRAMES - 1), pts=st.none() | st.integers(), marks=some_marks.map(tuple)
    ),
    max_size=8,
    unique_by=lambda f: f.index,
)
some_ranges = st.lists(
    st.tuples(st.integers(0, FRAMES - 1), st.integers(0, 200), st.text(min_size=1)).map(
        lambda r: ReviewedRange(first=r[0], last=min(FRAMES - 1, r[0] + r[1]), reviewer=r[2])
    ),
    max_size=6,
)


@given(frames=some_frames, ranges=some_ranges, note=st.text(), size=st.none() | st.floats(0.1, 100))
def test_whatever_is_written_reads_back_the_same(
    frames: list[MarkedFrame], ranges: list[ReviewedRange], note: str, size: float | None
) -> None:
    lesions = tuple(Lesion(id=k, paris="IIa" if k % 2 else None, size_mm=size, note=note) for k in range(1, 6))
    before = annotation(
        lesions=lesions, reviewed=tuple(ranges), frames=tuple(sorted(frames, key=lambda frame: frame.index))
    )
    after = parse_annotation(dump_annotation(before), "x")
    assert after == before
    assert dump_annotation(after) == dump_annotation(before)


@given(ranges=some_ranges, index=st.integers(0, FRAMES - 1))
def test_a_frame_is_reviewed_if_any_range_holds_it(ranges: list[ReviewedRange], index: int) -> None:
    labels = annotation(reviewed=tuple(ranges))
    assert labels.is_reviewed(index) == any(r.first <= index <= r.last for r in ranges)


def test_no_mark_and_nobody_looked_are_different() -> None:
    labels = annotation()
    assert labels.marks(50) == ()
    assert labels.is_reviewed(50)
    assert labels.marks(150) == ()
    assert not labels.is_reviewed(150)
    assert labels.marks(200)[0].lesion == 2, "a mark outside the reviewed ranges is kept"
    assert not labels.is_reviewed(200)
    assert labels.is_reviewed(300)
    assert labels.is_reviewed(400)
    assert not labels.is_reviewed(401)


def test_visible_ranges_join_over_short_gaps_only() -> None:
    def frame(index: int, state: Any) -> MarkedFrame:
        return MarkedFrame(
            index=index, pts=None, marks=(Mark(lesion=1, state=state, box=(0, 0, 5, 5), visibility=None),)
        )

    labels = annotation(frames=(frame(5, "clear"), frame(6, "clear"), frame(8, "clear"), frame(9, "marginal")))
    assert labels.visible_ranges(1) == [(5, 6), (8, 8)]
    assert labels.visible_ranges(1, longest_gap=1) == [(5, 8)]
    assert labels.visible_ranges(2) == []


@pytest.mark.parametrize("field", ["software", "source", "video", "lesions", "reviewed", "frames"])
def test_a_missing_field_is_named(field: str) -> None:
    data = as_json()
    del data[field]
    with pytest.raises(FormatError, match=f"'{field}'.*missing"):
        parse_annotation(json.dumps(data), "labels.json")


@pytest.mark.parametrize(
    ("path", "field"),
    [(("video",), "sha256"), (("lesions", 0), "paris"), (("reviewed", 0), "reviewer"), (("frames", 0), "pts")],
)
def test_a_missing_inner_field_is_named(path: tuple[Any, ...], field: str) -> None:
    data = as_json()
    inner: Any = data
    for key in path:
        inner = inner[key]
    del inner[field]
    with pytest.raises(FormatError, match=f"{field}.*missing"):
        parse_annotation(json.dumps(data), "labels.json")


def test_a_missing_mark_field_is_named() -> None:
    data = as_json()
    del data["frames"][0]["marks"][0]["visibility"]
    with pytest.raises(FormatError, match=r"marks\.0\.visibility.*missing"):
        parse_annotation(json.dumps(data), "labels.json")


@pytest.mark.parametrize("schema", ["polypwatch.annotation/2", "polypwatch.detect/1", 3, None])
def test_another_schema_is_refused(schema: Any) -> None:
    with pytest.raises(FormatError):
        parse_annotation(json.dumps(as_json(schema=schema)), "labels.json")


def test_unknown_fields_of_a_newer_minor_version_are_kept() -> None:
    data = as_json(schema="polypwatch.annotation/1.3", colour="blue")
    data["frames"][0]["marks"][0]["histology"] = "TA"
    data["video"]["light"] = "nbi"
    again = json.loads(dump_annotation(parse_annotation(json.dumps(data), "x")))
    assert again == data


def change_frames(*indices: int) -> dict[str, Any]:
    frame = as_json()["frames"][0]
    return {"frames": [{**frame, "index": index} for index in indices]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (change_frames(5, 5), "out of order or listed twice"),
        (change_frames(6, 5), "out of order"),
        (change_frames(FRAMES), "has 1000 frames"),
        ({"reviewed": [{"first": 0, "last": FRAMES, "reviewer": "A"}]}, "has 1000 frames"),
        ({"reviewed": [{"first": 5, "last": 4, "reviewer": "A"}]}, "before it begins"),
        ({"lesions": []}, "not listed"),
        ({"lesions": [as_json()["lesions"][0]] * 2}, "same id"),
        ({"software": 5}, "software"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse_annotation(json.dumps(as_json(**changes)), "labels.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("box", [10, 10, 10, 20]),
        ("box", [10, 20, 30, 15]),
        ("box", [0, 0, 5]),
        ("box", [0, 0, None, 5]),
        ("state", "sure"),
        ("visibility", 1.5),
        ("lesion", "1"),
        ("lesion", 0),
    ],
)
def test_a_wrong_mark_is_refused(field: str, value: Any) -> None:
    data = as_json()
    data["frames"][0]["marks"][0][field] = value
    with pytest.raises(FormatError, match=field):
        parse_annotation(json.dumps(data), "labels.json")


def test_a_lesion_is_marked_once_a_frame() -> None:
    data = as_json()
    data["frames"][0]["marks"] *= 2
    with pytest.raises(FormatError, match="twice"):
        parse_annotation(json.dumps(data), "labels.json")


def test_files_are_written_whole_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    save_annotation(path, annotation())
    assert load_annotation(path) == annotation()
    assert [p.name for p in tmp_path.iterdir()] == ["labels.json"]


def test_unwritable_and_unreadable_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        save_annotation(tmp_path / "nowhere" / "labels.json", annotation())
    with pytest.raises(FormatError, match="Cannot read"):
        load_annotation(tmp_path / "nothing.json")
    (tmp_path / "half.json").write_text('{"schema": "polypwatch.anno')
    with pytest.raises(FormatError, match="not valid JSON"):
        load_annotation(tmp_path / "half.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(FormatError, match="not valid JSON"):
        load_annotation(tmp_path / "bytes.json")
