"""CVAT for video: start frame, step and `outside`, the places where importers usually go wrong."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.errors import FormatError, SourceError, UsageError
from tests.training.importers.clips_rig import HEIGHT, UNEVEN_MS, WIDTH, by_index, context, imported, indices, video
from training.importers.registry import find_layout


def box(frame: int, *, x: float = 10, outside: int = 0, more: str = "", inner: str = "") -> str:
    at = f'frame="{frame}" keyframe="0" outside="{outside}" occluded="0"'
    return f'<box {at} xtl="{x}" ytl="20.00" xbr="{x + 30}" ybr="50.00" z_order="0" {more}>{inner}</box>'


def track(number: int, shapes: list[str], label: str = "polyp") -> str:
    return f'<track id="{number}" label="{label}" source="manual">{"".join(shapes)}</track>'


def export(
    path: Path,
    tracks: list[str],
    *,
    size: int = 30,
    start: int = 0,
    step: int = 1,
    source: str = "a.mp4",
    picture: tuple[int, int] = (WIDTH, HEIGHT),
    kind: str = "task",
    extra: str = "",
    stop: int | None = None,
) -> Path:
    """As CVAT writes it (`meta` shortened)."""
    stop = start + (size - 1) * step if stop is None else stop
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><{kind}><id>7</id><name>Ward 3</name><size>{size}</size>
<mode>interpolation</mode><overlap>5</overlap><subset>Validation</subset><start_frame>{start}</start_frame>
<stop_frame>{stop}</stop_frame><frame_filter>{f"step={step}" if step > 1 else ""}</frame_filter>{extra}
<original_size><width>{picture[0]}</width><height>{picture[1]}</height></original_size></{kind}>
<dumped>2026-01-01</dumped><source>{source}</source></meta>{"".join(tracks)}</annotations>""",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    video(tmp_path / "set" / "a.mp4")
    return tmp_path / "set"


def test_boxes_are_cut_from_the_right_frames(folder, tmp_path):
    export(folder / "annotations.xml", [track(0, [box(5, x=15), box(6, x=16)]), track(1, [box(6, x=60)], "adenoma")])
    samples = imported("cvat-video", folder, context(tmp_path))
    assert indices(samples) == [5, 6]
    assert [s.name for s in samples] == ["set/a/000005", "set/a/000006"]
    assert samples[0].boxes.tolist() == [[15, 20, 45, 50]]
    assert samples[1].boxes.tolist() == [[16, 20, 46, 50], [60, 20, 90, 50]]
    assert samples[1].lesions == ("0", "1")
    assert samples[1].classes == ("polyp", "adenoma")
    assert (samples[1].sequence, samples[1].order, samples[1].official) == ("set/a", 6, "val")
    assert samples[1].time_s == pytest.approx(6 / 25)


def test_frame_numbers_already_hold_start_frame_and_step(folder, tmp_path):
    # Frames 4, 7, ... 25 of the video were shown. `frame="10"` is the video's frame 10, not 4 + 10 * 3.
    export(folder / "annotations.xml", [track(0, [box(10), box(13, x=13)])], size=8, start=4, step=3)
    found = by_index(imported("cvat-video", folder, context(tmp_path, reviewed="yes", partial="yes")))
    assert sorted(found) == [4, 7, 10, 13, 16, 19, 22, 25]
    assert [i for i, s in found.items() if not s.negative] == [10, 13]
    assert found[13].boxes.tolist() == [[13, 20, 43, 50]]


def test_a_box_in_a_frame_that_the_step_leaves_out_is_a_bad_record(folder, tmp_path):
    export(folder / "annotations.xml", [track(0, [box(4), box(5)])], size=9, start=4, step=3)
    given = context(tmp_path)
    assert indices(imported("cvat-video", folder, given)) == [4]
    assert [p.kind for p in given.report.problems] == ["frame outside"]


def test_outside_means_that_the_lesion_is_not_visible(folder, tmp_path):
    shapes = [box(2), box(3), box(4, outside=1), box(5, outside=1), box(6)]
    export(folder / "annotations.xml", [track(0, shapes)])
    assert indices(imported("cvat-video", folder, context(tmp_path))) == [2, 3, 6]
    found = by_index(imported("cvat-video", folder, context(tmp_path, reviewed="yes")))
    assert found[4].negative
    assert found[5].negative
    assert not found[6].negative


def test_the_closing_outside_shape_may_lie_behind_the_last_frame(folder, tmp_path):
    export(folder / "annotations.xml", [track(0, [box(28), box(30, outside=1)])])
    given = context(tmp_path)
    assert indices(imported("cvat-video", folder, given)) == [28]
    assert given.report.problems == []


def test_frames_without_a_box_are_unknown_unless_they_were_reviewed(folder, tmp_path):
    export(folder / "annotations.xml", [track(0, [box(3)])])
    given = context(tmp_path)
    assert len(imported("cvat-video", folder, given)) == 1
    assert any(n.startswith("29 frames were left out") for n in given.report.notes)
    assert sum(s.negative for s in imported("cvat-video", folder, context(tmp_path, reviewed="yes"))) == 29


def test_a_video_without_any_polyp_is_all_negative_if_reviewed(folder, tmp_path):
    export(folder / "annotations.xml", [])
    samples = imported("cvat-video", folder, context(tmp_path, reviewed="yes"))
    assert len(samples) == 30
    assert all(s.negative for s in samples)


def test_with_a_variable_frame_rate_the_frame_that_was_labelled_is_cut(tmp_path):
    video(tmp_path / "set" / "a.mp4", 20, times_ms=UNEVEN_MS)
    export(tmp_path / "set" / "annotations.xml", [track(0, [box(6), box(13)])], size=20)
    samples = imported("cvat-video", tmp_path / "set", context(tmp_path))
    assert indices(samples) == [6, 13]
    assert [s.time_s for s in samples] == pytest.approx([0.5, 1.5])


@pytest.mark.parametrize("count", [29, 40])
def test_another_number_of_frames_is_an_error_with_both(tmp_path, count):
    video(tmp_path / "set" / "a.mp4", count)
    export(tmp_path / "set" / "annotations.xml", [track(0, [box(3)])])
    with pytest.raises(FormatError, match=f"labels frames up to 29, but .* has {count} frames"):
        imported("cvat-video", tmp_path / "set", context(tmp_path))
    assert not list((tmp_path / "work").rglob("*.jpg"))


def test_a_task_for_a_part_of_the_video_is_taken_if_one_says_so(tmp_path):
    video(tmp_path / "set" / "a.mp4", 40)
    export(tmp_path / "set" / "annotations.xml", [track(0, [box(3)])])
    assert indices(imported("cvat-video", tmp_path / "set", context(tmp_path, partial="yes"))) == [3]


def test_a_job_is_a_part_by_itself(tmp_path):
    video(tmp_path / "set" / "a.mp4", 40)
    export(tmp_path / "set" / "annotations.xml", [track(0, [box(12)])], start=10, size=10, kind="job")
    assert indices(imported("cvat-video", tmp_path / "set", context(tmp_path))) == [12]


def test_a_video_of_another_size_is_an_error(folder, tmp_path):
    export(folder / "annotations.xml", [track(0, [box(3)])], picture=(320, 192))
    with pytest.raises(FormatError, match=r"labels pictures of 320x192, but .* 160x96"):
        imported("cvat-video", folder, context(tmp_path))


def test_exported_images_are_used_where_there_are_any(tmp_path):
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    for n in (4, 7):
        cv2.imwrite(str(folder / "images" / f"frame_{n:06d}.png"), np.full((HEIGHT, WIDTH, 3), n, np.uint8))
    export(folder / "annotations.xml", [track(0, [box(7), box(10)])], size=8, start=4, step=3)
    given = context(tmp_path, reviewed="yes")
    samples = imported("cvat-video", folder, given)
    assert [(s.image.name, len(s.boxes)) for s in samples] == [("frame_000004.png", 0), ("frame_000007.png", 1)]
    assert [p.kind for p in given.report.problems] == ["missing image"]  # that of frame 10


def test_polygons_give_box_and_outline(folder, tmp_path):
    polygon = '<polygon frame="3" outside="0" occluded="1" points="10.00,20.00;40.00,20.00;25.00,60.00"/>'
    export(folder / "annotations.xml", [track(0, [polygon])])
    (sample,) = imported("cvat-video", folder, context(tmp_path))
    assert sample.boxes.tolist() == [[10, 20, 40, 60]]
    assert sample.outlines[0].tolist() == [[10, 20], [40, 20], [25, 60]]
    assert sample.facts["occluded:0"] == "1"


def test_attributes_become_facts_of_the_lesion(folder, tmp_path):
    inner = '<attribute name="paris">IIa</attribute>'
    export(folder / "annotations.xml", [track(4, [box(3, inner=inner)])])
    (sample,) = imported("cvat-video", folder, context(tmp_path))
    assert sample.facts["paris:4"] == "IIa"


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (box(3, more='rotation="12.00"'), "unsupported shape"),
        ('<ellipse frame="3" outside="0" cx="30" cy="30" rx="5" ry="5"/>', "unsupported shape"),
        (box(3, x=150), "box outside"),
        (box(3).replace('xtl="10"', 'xtl="wide"'), "not a number"),
        (box(3).replace('xbr="40"', 'xbr="10"'), "empty box"),
    ],
)
def test_a_bad_box_spoils_its_frame_and_is_reported(folder, tmp_path, shape, kind):
    export(folder / "annotations.xml", [track(0, [box(2), shape]), track(1, [box(3), box(4)])])
    given = context(tmp_path)
    samples = imported("cvat-video", folder, given)
    assert indices(samples) == [2, 4]
    assert [(p.kind, p.file) for p in given.report.problems] == [(kind, "annotations.xml, frame 3")]
    assert len(list((tmp_path / "work").rglob("*.jpg"))) == 2
    with pytest.raises(FormatError, match="frame 3"):
        imported("cvat-video", folder, context(tmp_path, strict=True))


def test_classes_that_are_no_polyps_can_be_left_out_or_ignored(folder, tmp_path):
    export(
        folder / "annotations.xml",
        [track(0, [box(3)]), track(1, [box(3, x=60)], "snare"), track(2, [box(4)], "unsure")],
    )
    samples = imported("cvat-video", folder, context(tmp_path, classes="polyp,unsure", ignore="unsure"))
    assert [s.boxes.tolist() for s in samples] == [[[10, 20, 40, 50]], []]
    assert samples[1].ignored.tolist() == [[10, 20, 40, 50]]
    assert not samples[1].negative


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("<meta>", "<meta><project><id>1</id></project>"), "whole CVAT project"),
        (("</meta>", '</meta><image id="0" name="a.png"/>'), "CVAT for images"),
        (('<?xml version="1.0" encoding="utf-8"?>', '<!DOCTYPE a [<!ENTITY b "boom">]>'), "document type"),
        (("</annotations>", ""), "not well-formed"),
        (("<stop_frame>29", "<stop_frame>50"), "contradicts itself"),
        (("<size>30</size>", ""), "how many frames"),
        (("<frame_filter>", "<frame_filter>every=2"), "in what steps"),
    ],
)
def test_what_cannot_be_understood_is_refused(folder, tmp_path, change, message):
    path = export(folder / "annotations.xml", [track(0, [box(3)])])
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(FormatError, match=message):
        imported("cvat-video", path, context(tmp_path))


def test_a_missing_video_is_an_error_that_names_it(tmp_path):
    export(tmp_path / "set" / "annotations.xml", [track(0, [box(3)])])
    with pytest.raises(SourceError, match=r"labels a video \(a\.mp4\), of which 0 were found"):
        imported("cvat-video", tmp_path / "set", context(tmp_path))


def test_videos_may_lie_in_another_folder(tmp_path):
    path = video(tmp_path / "videos" / "deep" / "a.mp4")
    export(tmp_path / "set" / "annotations.xml", [track(0, [box(3)])])
    for option in ({"videos": str(tmp_path / "videos")}, {"video": str(path)}):
        assert indices(imported("cvat-video", tmp_path / "set", context(tmp_path, **option))) == [3]


def test_of_several_tasks_a_bad_one_is_reported_and_the_others_come_in(tmp_path):
    for name, first in (("one", 0), ("two", 100)):
        video(tmp_path / "set" / name / "a.mp4", first=first)
        export(tmp_path / "set" / name / "annotations.xml", [track(0, [box(3)])])
    export(tmp_path / "set" / "three" / "annotations.xml", [track(0, [box(3)])])
    given = context(tmp_path)
    samples = imported("cvat-video", tmp_path / "set", given)
    assert [s.name for s in samples] == ["set/one/000003", "set/two/000003"]
    assert indices(samples) == [3, 103]
    assert [(p.file, p.kind) for p in given.report.problems] == [("three/annotations.xml", "unusable clip")]


def test_options_that_are_not_understood_are_usage_errors(folder, tmp_path):
    export(folder / "annotations.xml", [])
    for option in ({"reviewed": "perhaps"}, {"every_s": "often"}, {"max_frames": "inf"}, {"format": "gif"}):
        with pytest.raises(UsageError):
            imported("cvat-video", folder, context(tmp_path, **option))


def test_the_layout_is_recognised(folder):
    export(folder / "annotations.xml", [])
    assert find_layout(folder, None).name == "cvat-video"
    assert find_layout(folder / "annotations.xml", None).name == "cvat-video"
