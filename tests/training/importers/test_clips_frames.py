"""Cutting frames: which ones, under which name, and that they are the pictures that were labelled."""

import json
from pathlib import Path

import pytest

from detector.decode import DecodedFrame, decode_frames
from detector.errors import FormatError, OutputError, SourceError
from tests.clips import read_painted_index, write_video
from tests.training.importers.clips_rig import context, indices, video
from training.importers.clips import Clip, FrameLabel, import_clips
from training.importers.context import Context
from training.importers.frames import FrameStore, pixels_sha256, read_hashes
from training.importers.intake import Mark
from training.samples import Sample, read_image

LESION = FrameLabel((Mark((10, 20, 40, 60)),))
LESIONS = range(50, 60)


def clip_of(path: Path, name: str = "a") -> Clip:
    return Clip(name, path.with_suffix(".txt"), lambda i, *_: LESION if i in LESIONS else FrameLabel(), path)


def run(path: Path, given: Context) -> list[Sample]:
    return list(import_clips(path.parent, given, [clip_of(path)]))


@pytest.fixture
def path(tmp_path) -> Path:
    return video(tmp_path / "set" / "a.mp4", 100)


def test_by_default_all_lesions_and_one_empty_frame_a_second_are_taken(path, tmp_path):
    given = Context(context(tmp_path).source, context(tmp_path).report, tmp_path / "work", {})
    assert indices(run(path, given)) == [0, 25, *LESIONS, 60, 85]


def test_both_spacings_can_be_set(path, tmp_path):
    assert indices(run(path, context(tmp_path, every_s="2", lesions_every_s="0.2"))) == [0, 50, 55, 60]


def test_too_many_frames_are_thinned_evenly_and_that_is_said(path, tmp_path):
    given = context(tmp_path, max_frames="5")
    assert indices(run(path, given)) == [0, 25, 50, 74, 99]
    assert "95 frames were thinned away (--option max_frames)" in given.report.notes
    assert len(list((tmp_path / "work").rglob("*.jpg"))) == 5


def test_each_sample_knows_the_hash_of_its_decoded_pixels(path, tmp_path):
    samples = run(path, context(tmp_path, max_frames="3", format="png"))
    assert [s.image.suffix for s in samples] == [".png"] * 3
    for frame, sample in zip(decode_frames(path, [s.order or 0 for s in samples]), samples, strict=True):
        assert sample.facts["pixels_sha256"] == pixels_sha256(frame.image) == pixels_sha256(read_image(sample.image))


def test_jpeg_is_close_to_the_picture(path, tmp_path):
    (sample,) = run(path, context(tmp_path, max_frames="1"))
    (frame,) = decode_frames(path, [0])
    assert abs(read_image(sample.image).astype(int) - frame.image).mean() < 2


def cut_list(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "work").rglob("cut.jsonl")
    return found


def test_the_same_video_in_another_container_is_the_same_pictures(path, tmp_path):
    first = run(path, context(tmp_path / "one", max_frames="9"))
    again = video(tmp_path / "copy" / "a.mkv", 100)
    hashes = str(cut_list(tmp_path / "one"))
    second = run(again, context(tmp_path / "two", max_frames="9", expect=hashes))
    assert [s.facts for s in first] == [s.facts for s in second]


def test_a_converted_copy_is_caught_by_its_pixels(path, tmp_path):
    run(path, context(tmp_path / "one", max_frames="9"))
    copy = tmp_path / "copy" / "a.mp4"
    copy.parent.mkdir()
    # As many frames, in the same order, that look the same.
    write_video(copy, [f.image for f in decode_frames(path)], options={"preset": "ultrafast", "crf": "40"})
    assert [read_painted_index(f.image) for f in decode_frames(copy)] == list(range(100))
    with pytest.raises(FormatError, match=r"Frame 0 of .* is not the picture that was labelled"):
        run(copy, context(tmp_path / "two", expect=str(cut_list(tmp_path / "one"))))
    assert not list((tmp_path / "two").rglob("*.jpg"))


def test_a_dropped_frame_is_caught_by_its_pixels(path, tmp_path):
    run(path, context(tmp_path / "one", max_frames="9"))
    copy = video(tmp_path / "copy" / "a.mp4", 100, first=1)
    with pytest.raises(FormatError, match="is not the picture"):
        run(copy, context(tmp_path / "two", expect=str(cut_list(tmp_path / "one"))))


def test_a_copy_that_is_too_short_is_caught(path, tmp_path):
    run(path, context(tmp_path / "one", max_frames="9"))
    given = context(tmp_path / "two", expect=str(cut_list(tmp_path / "one")))
    short = video(tmp_path / "copy" / "a.mp4", 90)
    with pytest.raises(FormatError, match="has 90 frames; hashes are expected up to 99"):
        run(short, given)


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "polypwatch.cut/1"}\n{"index": "x"}', "no json"])
def test_a_list_of_hashes_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "cut.jsonl").write_text(text)
    with pytest.raises(FormatError):
        read_hashes(tmp_path / "cut.jsonl")


def test_a_second_import_replaces_the_first(path, tmp_path):
    run(path, context(tmp_path))
    run(path, context(tmp_path, max_frames="4"))
    assert len(list((tmp_path / "work").rglob("*.jpg"))) == 4
    rows = cut_list(tmp_path).read_text().splitlines()
    assert json.loads(rows[0]) == {"schema": "polypwatch.cut/1", "video": "a.mp4"}
    assert len(rows) == 5


def test_a_folder_that_holds_something_else_is_not_touched(path, tmp_path):
    place = tmp_path / "work" / "ward-3" / "set" / "a"
    place.mkdir(parents=True)
    (place / "thesis.doc").write_text("precious")
    with pytest.raises(OutputError, match="holds something else"):
        run(path, context(tmp_path))
    assert (place / "thesis.doc").read_text() == "precious"


def add_and_stop(store: FrameStore, frame: DecodedFrame) -> None:
    store.add(frame)
    raise RuntimeError("stop")


def test_an_error_leaves_nothing_behind(path, tmp_path):
    frame = next(decode_frames(path))
    store = FrameStore(tmp_path / "cut", path)
    with pytest.raises(RuntimeError, match="stop"), store:
        add_and_stop(store, frame)
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_patients_and_centres_come_from_a_table_or_an_option(path, tmp_path):
    video(path.with_name("b.mp4"), 100)
    (path.parent / "clips.csv").write_text("clip,patient,centre,official\na,P7,Bergen,test\n")
    given = context(tmp_path, max_frames="1", centre="Oslo")
    clips = [clip_of(path.with_name("b.mp4"), "b"), clip_of(path)]
    samples = list(import_clips(path.parent, given, clips))
    assert [(s.sequence, s.patient, s.centre, s.official) for s in samples] == [
        ("set/a", "P7", "Bergen", "test"),
        ("set/b", "", "Oslo", ""),
    ]


def test_of_several_clips_a_missing_one_is_reported(path, tmp_path):
    given = context(tmp_path, max_frames="1")
    clips = [clip_of(path), clip_of(path.with_name("gone.mp4"), "gone")]
    assert len(list(import_clips(path.parent, given, clips))) == 1
    assert [(p.file, p.kind) for p in given.report.problems] == [("gone.txt", "unusable clip")]
    with pytest.raises(SourceError, match="gone"):
        list(import_clips(path.parent, context(tmp_path), clips[1:]))


def test_two_clips_of_one_name_are_not_mixed(path, tmp_path):
    given = context(tmp_path, max_frames="2")
    other = video(path.with_name("b.mp4"), first=500)
    samples = list(import_clips(path.parent, given, [clip_of(path), clip_of(other)]))
    assert indices(samples) == [0, 99]
    assert [(p.file, p.kind) for p in given.report.problems] == [("b.txt", "duplicate name")]


def test_an_end_that_was_cut_off_is_said(tmp_path):
    path = video(tmp_path / "set" / "a.mkv", 100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    given = context(tmp_path)
    samples = run(path, given)
    assert indices(samples) == list(range(len(samples)))
    assert len(samples) < 100
