"""Label Studio's video export: key frames, switched-off regions, and its frame numbers, which come from time."""

import json
from pathlib import Path
from typing import Any

import pytest

from detector.errors import FormatError, SourceError
from tests.training.importers.clips_rig import HEIGHT, UNEVEN_MS, WIDTH, by_index, context, imported, indices, video
from training.importers.registry import find_layout


def key(frame: int, x: float = 10, *, enabled: bool = True, **more: Any) -> dict[str, Any]:
    """A key frame with a box of 25 x 50 % at `x`, 25 %."""
    place = {"x": x, "y": 25, "width": 25, "height": 50, "rotation": 0, "time": (frame - 1) / 25}
    return {"frame": frame, "enabled": enabled, **place, **more}


def region(
    keys: list[dict[str, Any]], *, name: str = "r1", label: str = "polyp", frames: int = 30, duration: float = 1.2
) -> dict[str, Any]:
    value = {"framesCount": frames, "duration": duration, "sequence": keys, "labels": [label]}
    return {"id": name, "type": "videorectangle", "from_name": "box", "to_name": "video", "value": value}


def export(
    path: Path, *annotations: list[dict[str, Any]], url: str = "/data/upload/3/0a1b2c3d-a.mp4", **more: Any
) -> Path:
    """One task; each of `annotations` is the result of one annotation, the newest last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [
        {"id": n, "was_cancelled": False, "updated_at": f"2026-01-{n + 1:02d}", "result": result}
        for n, result in enumerate(annotations)
    ]
    path.write_text(json.dumps([{"id": 11, "data": {"video": url}, "annotations": written, **more}]))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    video(tmp_path / "set" / "a.mp4")
    return tmp_path / "set"


def pixels(x: float) -> list[float]:
    return [x * WIDTH / 100, 0.25 * HEIGHT, (x + 25) * WIDTH / 100, 0.75 * HEIGHT]


def test_frame_one_is_index_zero_and_boxes_between_key_frames_are_interpolated(folder, tmp_path):
    export(folder / "export.json", [region([key(1, 10), key(5, 30), key(6, 40, enabled=False)])])
    found = by_index(imported("label-studio", folder, context(tmp_path)))
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    assert [found[i].boxes[0].tolist() for i in (0, 1, 4, 5)] == [pytest.approx(pixels(x)) for x in (10, 15, 30, 40)]
    assert found[0].lesions == ("r1",)
    assert found[0].classes == ("polyp",)
    assert found[3].name == "set/a/000003"


def test_a_switched_off_key_frame_is_the_last_one_with_a_box_until_the_next(folder, tmp_path):
    keys = [key(3), key(5, enabled=False), key(9), key(10, enabled=False)]
    export(folder / "export.json", [region(keys)])
    samples = imported("label-studio", folder, context(tmp_path, reviewed="yes"))
    assert [i for i, s in by_index(samples).items() if not s.negative] == [2, 3, 4, 8, 9]


def test_the_last_enabled_key_frame_holds_to_the_end(folder, tmp_path):
    export(folder / "export.json", [region([key(28, 12)])])
    samples = imported("label-studio", folder, context(tmp_path))
    assert indices(samples) == [27, 28, 29]
    assert samples[-1].boxes[0].tolist() == pytest.approx(pixels(12))


def test_in_an_interpolated_export_exactly_the_listed_frames_have_boxes(folder, tmp_path):
    keys = [key(3), key(4, auto=True), key(5), key(20), key(21, auto=True)]
    export(folder / "export.json", [region(keys)])
    assert indices(imported("label-studio", folder, context(tmp_path))) == [2, 3, 4, 19, 20]


def test_another_number_of_frames_is_an_error_with_both(folder, tmp_path):
    export(folder / "export.json", [region([key(1)], frames=36, duration=1.44)])
    with pytest.raises(FormatError, match=r"labels 36 frames, but .* has 30"):
        imported("label-studio", folder, context(tmp_path))


def test_labels_made_at_another_frame_rate_are_refused_or_found_by_time(folder, tmp_path):
    # 25 frames/s, labelled at 12.5: frame 8 of the editor is the video's frame 15 (both from 1).
    export(folder / "export.json", [region([key(8, 10), key(10, 30, enabled=False)], frames=15)])
    with pytest.raises(FormatError, match=r"labelled at 12\.500 frames/s"):
        imported("label-studio", folder, context(tmp_path))
    found = by_index(imported("label-studio", folder, context(tmp_path, frames="time")))
    assert sorted(found) == [14, 15, 16, 17, 18]
    assert [found[i].boxes[0].tolist() for i in (14, 15, 18)] == [pytest.approx(pixels(x)) for x in (10, 15, 30)]


def test_with_a_variable_frame_rate_frame_numbers_are_refused_and_times_work(tmp_path):
    path = video(tmp_path / "set" / "a.mp4", 20, times_ms=UNEVEN_MS)
    # 50 frames/s over 1.76 s: 88 frames. Index 6 of the video stands at 0.5 s, index 9 at 1 s.
    keys = [key(26), key(28, enabled=False), key(51), key(53, enabled=False)]
    export(path.with_name("e.json"), [region(keys, frames=88, duration=1.76)])
    with pytest.raises(FormatError, match="is frame"):
        imported("label-studio", path.parent, context(tmp_path))
    found = by_index(imported("label-studio", path.parent, context(tmp_path, frames="time")))
    assert {i: round(s.time_s * 1000) for i, s in found.items()} == {6: 500, 7: 540, 9: 1000, 10: 1020, 11: 1040}


def test_the_newest_annotation_counts_unless_another_is_the_ground_truth(folder, tmp_path):
    path = export(
        folder / "export.json", [region([key(1), key(2, enabled=False)])], [region([key(9), key(9, enabled=False)])]
    )
    given = context(tmp_path)
    assert indices(imported("label-studio", folder, given)) == [8]
    assert any("several annotations" in n for n in given.report.notes)
    data = json.loads(path.read_text())
    data[0]["annotations"][0]["ground_truth"] = True
    path.write_text(json.dumps(data))
    assert indices(imported("label-studio", folder, context(tmp_path))) == [0, 1]


def test_a_submitted_task_without_a_region_is_negative_if_reviewed_and_an_unsubmitted_one_is_unknown(folder, tmp_path):
    export(folder / "export.json", [])
    path = folder / "export.json"
    assert len(imported("label-studio", path, context(tmp_path, reviewed="yes"))) == 30
    assert imported("label-studio", path, context(tmp_path)) == []
    export(path)
    given = context(tmp_path, reviewed="yes")
    assert imported("label-studio", path, given) == []
    assert any("no submitted annotation" in n for n in given.report.notes)


def test_turned_boxes_are_reported_and_their_frames_left_out(folder, tmp_path):
    turned = region([key(2), key(4, rotation=15), key(6, enabled=False)], name="r2")
    export(folder / "export.json", [region([key(1), key(8, enabled=False)]), turned])
    given = context(tmp_path, reviewed="yes")
    assert indices(imported("label-studio", folder, given)) == [0, *range(6, 30)]
    assert [p.kind for p in given.report.problems] == ["turned box"]


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ([key(3, "wide"), key(3, enabled=True, x=None)], "not a number"),
        ([key(3, 90)], "box outside"),
        ([key(3, width=0)], "empty box"),
    ],
)
def test_a_bad_box_is_reported_with_its_frames(folder, tmp_path, keys, kind):
    export(folder / "export.json", [region([keys[-1], key(4, enabled=False), key(9), key(9, enabled=False)])])
    given = context(tmp_path)
    imported("label-studio", folder, given)
    assert kind in {p.kind for p in given.report.problems}
    assert "export.json, frame 2" in {p.file for p in given.report.problems}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "no list of tasks"),
        ('[{"video": "a.mp4", "box": []}]', "JSON-MIN"),
        ("[", "not JSON"),
        ('[{"data": {"video": "a.mp4"}, "annotations": 3}]', "no list"),
        (
            json.dumps([{"data": {"video": "a.mp4"}, "annotations": [{"result": [region([key(0)])]}]}]),
            "no frame number",
        ),
        (json.dumps([{"data": {"video": "a.mp4"}, "annotations": [{"result": [region([4])]}]}]), "no sequence"),  # type: ignore[list-item]
    ],
)
def test_what_is_no_export_is_refused(folder, tmp_path, text, message):
    (folder / "export.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        imported("label-studio", folder / "export.json", context(tmp_path))


@pytest.mark.parametrize(
    "url", ["/data/local-files/?d=ward/a.mp4", "s3://bucket/ward/a.mp4", "https://x.org/v/a.mp4?t=1"]
)
def test_the_video_is_found_by_its_address(folder, tmp_path, url):
    export(folder / "export.json", [region([key(30)])], url=url)
    assert indices(imported("label-studio", folder, context(tmp_path))) == [29]


def test_a_missing_video_is_an_error_that_names_it(tmp_path):
    export(tmp_path / "set" / "export.json", [region([key(1)])])
    with pytest.raises(SourceError, match=r"0a1b2c3d-a\.mp4 or a\.mp4"):
        imported("label-studio", tmp_path / "set", context(tmp_path))


def test_the_layout_is_recognised(folder):
    export(folder / "export.json", [region([key(1)])])
    assert find_layout(folder, None).name == "label-studio"
    assert find_layout(folder / "export.json", None).name == "label-studio"
