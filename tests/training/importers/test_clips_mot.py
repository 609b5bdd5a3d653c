"""MOT text files: frames from 1, ignored lines, images by number or by order, tasks with start frame and step."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.errors import FormatError, SourceError, UsageError
from tests.clips import paint_index
from tests.training.importers.clips_rig import HEIGHT, WIDTH, context, imported, indices, video
from training.importers.registry import find_layout

LINES = ["1,7,10,20,30,40,1,1,0.86", "2,7,11,20,30,40,1,1,0.9", "2,8,60,20,30,40,1,2,1", "4,7,13,20,30,40,0,1,1"]


def labels(folder: Path, lines: list[str], names: str = "polyp\nadenoma\n", length: int | None = None) -> Path:
    (folder / "gt").mkdir(parents=True, exist_ok=True)
    (folder / "gt" / "gt.txt").write_text("\n".join(lines) + "\n")
    (folder / "gt" / "labels.txt").write_text(names)
    if length is not None:
        size = f"imWidth={WIDTH}\nimHeight={HEIGHT}\n"
        (folder / "seqinfo.ini").write_text(f"[Sequence]\nname=a%b\nimDir=img1\nseqLength={length}\n{size}imExt=.jpg\n")
    return folder


def images(folder: Path, names: list[str]) -> None:
    (folder / "img1").mkdir(parents=True)
    for position, name in enumerate(names):
        picture = paint_index(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), position)
        assert cv2.imwrite(str(folder / "img1" / name), picture)


def test_frame_one_is_the_first_image(tmp_path):
    folder = labels(tmp_path / "set", LINES, length=5)
    images(folder, [f"{n:06d}.png" for n in range(1, 6)])
    samples = imported("mot", folder, context(tmp_path))
    assert [(s.image.name, s.order) for s in samples] == [("000001.png", 0), ("000002.png", 1), ("000004.png", 3)]
    assert samples[0].boxes.tolist() == [[10, 20, 40, 60]]
    assert samples[1].lesions == ("7", "8")
    assert samples[1].classes == ("polyp", "adenoma")
    assert samples[0].facts["visibility:7"] == "0.86"
    assert samples[0].time_s is None
    assert (samples[0].name, samples[0].sequence) == ("set/set/000000", "set/set")


def test_a_line_that_is_not_active_is_an_ignored_region(tmp_path):
    folder = labels(tmp_path / "set", LINES)
    images(folder, [f"{n:06d}.png" for n in range(1, 6)])
    sample = imported("mot", folder, context(tmp_path))[-1]
    assert (len(sample.boxes), sample.ignored.tolist(), sample.negative) == (0, [[13, 20, 43, 60]], False)


def test_images_without_numbers_count_by_order_as_cvat_names_them_from_zero(tmp_path):
    folder = labels(tmp_path / "set", LINES)
    images(folder, [f"frame_{n:06d}.png" for n in range(5)])
    names = [s.image.name for s in imported("mot", folder, context(tmp_path))]
    assert names == ["frame_000000.png", "frame_000001.png", "frame_000003.png"]


def test_frames_without_a_line_are_unknown_unless_reviewed(tmp_path):
    folder = labels(tmp_path / "set", LINES, length=5)
    images(folder, [f"{n:06d}.png" for n in range(1, 6)])
    samples = imported("mot", folder, context(tmp_path, reviewed="yes"))
    assert [s.order for s in samples if s.negative] == [2, 4]


def test_a_labelled_frame_without_its_image_is_reported(tmp_path):
    folder = labels(tmp_path / "set", LINES, length=5)
    images(folder, ["000001.png", "000003.png", "000004.png", "000005.png"])
    given = context(tmp_path)
    assert [s.order for s in imported("mot", folder, given)] == [0, 3]
    assert [p.kind for p in given.report.problems] == ["missing image"]


def test_images_of_another_size_are_bad_records(tmp_path):
    folder = labels(tmp_path / "set", LINES, length=5)
    images(folder, [f"{n:06d}.png" for n in range(1, 6)])
    cv2.imwrite(str(folder / "img1" / "000002.png"), np.zeros((HEIGHT, 100, 3), np.uint8))
    given = context(tmp_path)
    assert [s.order for s in imported("mot", folder, given)] == [0, 3]
    assert [(p.kind, p.file) for p in given.report.problems] == [("other size", "gt/gt.txt, frame 1")]


def test_with_a_video_frame_one_is_its_first_frame(tmp_path):
    folder = labels(tmp_path / "set", LINES)
    video(folder / "a.mp4", 6)
    samples = imported("mot", folder, context(tmp_path))
    assert indices(samples) == [0, 1, 3]
    assert [s.time_s for s in samples] == pytest.approx([0, 0.04, 0.12])


def test_a_task_of_cvat_numbers_its_own_frames_so_start_and_step_are_asked_for(tmp_path):
    folder = labels(tmp_path / "set", LINES, length=5)
    video(folder / "a.mp4", 30)
    with pytest.raises(FormatError, match=r"for seqLength 5, but .* has 30 frames"):
        imported("mot", folder, context(tmp_path))
    given = context(tmp_path, start="10", step="4", reviewed="yes")
    samples = imported("mot", folder, given)
    assert indices(samples) == [10, 14, 18, 22, 26]
    assert [len(s.boxes) for s in samples] == [1, 2, 0, 0, 0]


def test_labels_behind_the_end_of_the_video_are_an_error_with_both_numbers(tmp_path):
    folder = labels(tmp_path / "set", [*LINES, "9,7,10,20,30,40,1,1,1"])
    video(folder / "a.mp4", 6)
    with pytest.raises(FormatError, match=r"frames up to 9, but .* has 6 frames"):
        imported("mot", folder, context(tmp_path))


def test_pixels_from_one_are_asked_for(tmp_path):
    folder = labels(tmp_path / "set", ["1,-1,1,1,160,96,1,-1,-1"])
    video(folder / "a.mp4", 6)
    (sample,) = imported("mot", folder, context(tmp_path, one_based="yes"))
    assert sample.boxes.tolist() == [[0, 0, 160, 96]]
    assert (sample.lesions, sample.classes) == ((), ())  # -1 is no id and no class


@pytest.mark.parametrize("line", ["2,7,11,20,30", "2;7;11;20;30;40", "two,7,11,20,30,40"])
def test_a_broken_line_is_reported_and_spoils_its_frame(tmp_path, line):
    folder = labels(tmp_path / "set", [LINES[0], line])
    video(folder / "a.mp4", 6)
    given = context(tmp_path)
    assert indices(imported("mot", folder, given)) == [0]
    assert [p.kind for p in given.report.problems] == ["broken line"]
    with pytest.raises(FormatError, match="Line 2"):
        imported("mot", folder, context(tmp_path, strict=True))


def test_numbers_that_are_none_and_boxes_outside_are_reported(tmp_path):
    folder = labels(tmp_path / "set", ["1,7,nan,20,30,40", "2,7,150,20,30,40", "3,7,10,20,0,40", "4,7,10,20,30,40"])
    video(folder / "a.mp4", 6)
    given = context(tmp_path)
    assert indices(imported("mot", folder, given)) == [3]
    assert [p.kind for p in given.report.problems] == ["not a number", "box outside", "empty box"]


def test_several_sequences_keep_their_names(tmp_path):
    for name, first in (("s1", 0), ("s2", 50)):
        labels(tmp_path / "set" / name, LINES)
        video(tmp_path / "set" / name / "v.mp4", 6, first=first)
    samples = imported("mot", tmp_path / "set", context(tmp_path))
    assert indices(samples) == [0, 1, 3, 50, 51, 53]
    assert {s.sequence for s in samples} == {"set/s1", "set/s2"}


def test_damaged_settings_are_refused(tmp_path):
    folder = labels(tmp_path / "set", LINES)
    video(folder / "a.mp4", 6)
    with pytest.raises(UsageError, match="start and step"):
        imported("mot", folder, context(tmp_path, step="0"))
    (folder / "seqinfo.ini").write_text("no ini")
    with pytest.raises(FormatError, match=r"seqinfo\.ini"):
        imported("mot", folder, context(tmp_path))
    (folder / "gt" / "gt.txt").unlink()
    with pytest.raises(SourceError, match=r"no gt\.txt"):
        imported("mot", folder, context(tmp_path))


def test_the_layout_is_recognised(tmp_path):
    assert find_layout(labels(tmp_path / "set", LINES), None).name == "mot"
    assert find_layout(tmp_path / "set" / "gt" / "gt.txt", None).name == "mot"
    assert find_layout(tmp_path, None).name == "mot"
