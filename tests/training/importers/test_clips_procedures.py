"""Our own procedures: clear and marginal marks, reviewed ranges, segments that are one examination."""

import hashlib
import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from app.recording import Recorder
from detector.annotation import (
    Annotation,
    Lesion,
    Mark,
    MarkedFrame,
    ReviewedRange,
    Video,
    load_annotation,
    save_annotation,
)
from detector.errors import FormatError, SourceError
from detector.frame import Frame, FrameTime
from tests.clips import paint_index
from tests.training.importers.clips_rig import by_index, context, imported, indices, video
from training.importers.registry import find_layout

ASSETS = Path(__file__).resolve().parents[3] / "assets"
BOX = (10.0, 20.0, 40.0, 60.0)


def mark(lesion: int = 1, state: str = "clear") -> Mark:
    return Mark(lesion=lesion, state=state, box=BOX, visibility=0.5)


def annotation(path: Path, count: int = 30, width: int = 160, frame_count: int | None = None) -> Annotation:
    """Reviewed: 0 to 19. Lesion 1 is clear in 4 and 5, marginal in 6, and clear in 25, where nobody reviewed."""
    return Annotation(
        software="test",
        source="reader A",
        video=Video(
            name=path.name,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            frame_count=frame_count or count,
            width=width,
            height=96,
            time_base=Fraction(1, 1000),
        ),
        lesions=(
            Lesion(id=1, paris="IIa", size_mm=6.5, note=""),
            Lesion(id=2, paris=None, size_mm=None, note=""),
        ),
        reviewed=(ReviewedRange(first=0, last=min(19, count - 1), reviewer="A"),),
        frames=tuple(
            MarkedFrame(index=i, pts=None, marks=marks)
            for i, marks in (
                (4, (mark(),)),
                (5, (mark(), mark(2))),
                (6, (mark(state="marginal"),)),
                (25, (mark(),)),
            )
            if i < count
        ),
    )


@pytest.fixture
def clip(tmp_path) -> Path:
    path = video(tmp_path / "set" / "a.mp4")
    save_annotation(path.with_suffix(".json"), annotation(path))
    return path


def test_marks_and_reviewed_ranges_become_samples(clip, tmp_path):
    given = context(tmp_path)
    found = by_index(imported("procedure", clip, given))
    assert sorted(found) == [*range(20), 25]
    assert found[5].lesions == ("1", "2")
    assert found[5].boxes.tolist() == [list(BOX), list(BOX)]
    assert found[4].facts["paris:1"] == "IIa"
    assert found[4].facts["size_mm:1"] == "6.5"
    assert (found[5].name, found[5].sequence, found[5].order) == ("set/a/000005", "set/a", 5)
    assert (found[6].known, found[6].negative, found[6].ignored.tolist()) == (True, False, [list(BOX)])
    assert all(found[i].negative for i in (0, 3, 7, 19))
    assert any(n.startswith("9 frames were left out") for n in given.report.notes)


def test_marks_where_nobody_reviewed_leave_the_frame_unknown_unless_one_asks(clip, tmp_path):
    unknown = by_index(imported("procedure", clip, context(tmp_path)))[25]
    assert (unknown.known, len(unknown.boxes)) == (False, 0)
    assert unknown.facts["reviewed"].startswith("no")
    taken = by_index(imported("procedure", clip, context(tmp_path, unreviewed="lesions")))[25]
    assert (taken.known, taken.boxes.tolist()) == (True, [list(BOX)])


def test_frames_that_nobody_reviewed_come_along_as_unknown_if_one_asks(clip, tmp_path):
    found = by_index(imported("procedure", clip, context(tmp_path, unreviewed="frames", every_s="0")))
    assert sorted(found) == [*range(30)]
    assert [i for i in found if not found[i].known] == [*range(20, 30)]
    assert len(found[25].boxes) == 0


def test_labels_with_another_count_of_frames_are_refused_with_both_numbers(tmp_path):
    path = video(tmp_path / "set" / "a.mp4")
    save_annotation(path.with_suffix(".json"), annotation(path, frame_count=31))
    with pytest.raises(FormatError, match=r"labels 31 frames, but .* has 30"):
        imported("procedure", path, context(tmp_path))


def test_a_folder_gives_every_labelled_video_and_says_what_has_no_labels(clip, tmp_path):
    other = video(tmp_path / "set" / "ward" / "b.mp4", first=100)
    save_annotation(other.with_suffix(".annotation.json"), annotation(other))
    video(tmp_path / "set" / "ward" / "c.mp4", first=200)
    given = context(tmp_path)
    samples = imported("procedure", tmp_path / "set", given)
    assert {s.sequence for s in samples} == {"set/a", "set/ward/b"}
    assert "1 videos have no labels and were left out" in given.report.notes
    assert max(indices(samples)) == 125


def test_an_exchanged_video_is_a_bad_record_among_others_and_an_error_alone(clip, tmp_path):
    other = video(tmp_path / "set" / "b.mp4")
    save_annotation(other.with_suffix(".json"), annotation(other))
    video(other, first=1)
    given = context(tmp_path)
    assert {s.sequence for s in imported("procedure", clip.parent, given)} == {"set/a"}
    assert [(p.file, p.kind) for p in given.report.problems] == [("b.mp4", "unusable procedure")]
    with pytest.raises(FormatError, match="labels another video"):
        imported("procedure", other, context(tmp_path))


def test_segments_of_a_recording_are_one_sequence_on_one_axis_of_time(tmp_path):
    folder = tmp_path / "set" / "exam"
    recorder = Recorder(folder, Fraction(30))
    for n in range(100, 120):
        image = paint_index(np.full((96, 192 if n >= 112 else 160, 3), 90, np.uint8), n)
        assert recorder.offer(Frame(n, FrameTime(n, Fraction(1, 30)), n, image))
    recorder.close()
    for name, count, width in (("video-001", 12, 160), ("video-002", 8, 192)):
        path = folder / f"{name}.mkv"
        save_annotation(folder / f"{name}.annotation.json", annotation(path, count, width))
    samples = imported("procedure", tmp_path / "set", context(tmp_path))
    assert {s.sequence for s in samples} == {"set/exam"}
    assert [s.order for s in samples] == indices(samples) == list(range(100, 120))
    assert [s.time_s for s in samples] == pytest.approx([n / 30 for n in range(100, 120)])
    found = by_index(samples)
    assert found[117].name == "set/exam/video-002/000005"
    # Numbers of two label files do not name the same lesion.
    assert (found[104].lesions, found[116].lesions, found[117].lesions) == (("1:1",), ("2:1",), ("2:1", "2:2"))


def test_a_folder_without_labels_is_an_error(tmp_path):
    video(tmp_path / "set" / "a.mp4")
    with pytest.raises(SourceError, match="no video with labels"):
        imported("procedure", tmp_path / "set", context(tmp_path))


def test_the_layout_is_recognised(clip):
    assert find_layout(clip, None).name == "procedure"
    assert find_layout(clip.parent, None).name == "procedure"


def beginning(source: Path, count: int, target: Path) -> Annotation:
    """The first `count` packets of the phantom, as they are, with its labels for them."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as part:
        stream = whole.streams.video[0]
        copied = part.add_stream_from_template(stream)
        for packet in itertools.islice(whole.demux(stream), count):
            packet.stream = copied
            part.mux(packet)
    labels = load_annotation(source.with_suffix(".json"))
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return labels.model_copy(
        update={
            "video": labels.video.model_copy(update={"sha256": digest, "frame_count": count}),
            "reviewed": (ReviewedRange(first=0, last=count - 1, reviewer="renderer"),),
            "frames": tuple(f for f in labels.frames if f.index < count),
        }
    )


def test_the_bundled_phantom_comes_in(tmp_path):
    # Its first eight seconds, without decoding the rest: 92 s of it are a minute on a busy machine.
    labels = beginning(ASSETS / "phantom.mp4", 204, tmp_path / "phantom.mp4")
    save_annotation(tmp_path / "phantom.json", labels)
    given = context(tmp_path, every_s="2", lesions_every_s="0.5")
    samples = imported("procedure", tmp_path / "phantom.mp4", given)
    assert given.report.problems == []
    marked = {f.index: [m for m in f.marks if m.state == "clear"] for f in labels.frames}
    assert all(len(s.boxes) == len(marked.get(s.order or 0, ())) for s in samples)
    assert sum(len(s.boxes) > 0 for s in samples) >= 3
    assert sum(s.negative for s in samples) >= 3
    assert all(s.size == (1280, 720) for s in samples)
