"""Any picture by its position: exactly that one, in every container, or an error that says which is damaged."""

import random
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.qa.cache import Kept
from app.qa.checking import settle
from app.qa.opened import Opened, open_for_review
from app.qa.playback.index import count_index
from app.qa.playback.media import VideoMedium
from app.qa.playback.pictures import Pictures
from app.qa.progress import Stopped
from detector.decode import decode_frames
from detector.errors import SourceError
from tests.app.qa.playback.films import film, number, picture, recorded

UNEVEN_MS = [n * 40 + (n * 7 % 30) for n in range(60)]
B_FRAMES = {"preset": "medium", "bf": "3", "g": "25", "threads": "1", "crf": "30"}
OPEN_GOPS = B_FRAMES | {"x264-params": "open-gop=1:b-pyramid=normal"}
HIDDEN_FRAMES = {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "10", "cpu-used": "8"}
FILMS = {
    "mp4": ("a.mp4", {}),
    "mp4 with B-frames": ("a.mp4", {"options": B_FRAMES}),
    "mkv with open groups": ("a.mkv", {"options": OPEN_GOPS}),
    "mov of a varying rate": ("a.mov", {"pts": UNEVEN_MS, "time_base": Fraction(1, 1000), "options": B_FRAMES}),
    "avi": ("a.avi", {"codec": "mpeg4", "options": {"g": "12"}}),
    "avi with B-frames": ("a.avi", {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}}),
    "avi of JPEGs": ("a.avi", {"codec": "mjpeg", "options": {"strict": "-1"}, "full_range": True}),
    "ts": ("a.ts", {"options": B_FRAMES}),
    "mpg": ("a.mpg", {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}}),
    "webm": (
        "a.webm",
        {"codec": "libvpx", "options": {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "10", "cpu-used": "8"}},
    ),
}


def known(path: Path, cache: Path) -> Opened:
    return settle(open_for_review(path, cache), cache)


@pytest.mark.parametrize("kind", FILMS)
def test_a_position_gives_the_picture_that_decoding_from_the_begin_counts(tmp_path: Path, kind: str) -> None:
    name, settings = FILMS[kind]
    path = film(tmp_path / name, **settings)
    expected = [(number(f.image), f.time_s) for f in decode_frames(path)]
    opened = known(path, tmp_path)
    assert len(opened.axis) == len(expected) >= 59
    assert opened.axis.times_s == pytest.approx([t - expected[0][1] for _, t in expected], abs=1e-6)
    order = random.Random(4).sample(range(len(expected)), len(expected))
    with Pictures(opened, tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in order] == [expected[p][0] for p in order]
        assert [(p, number(i)) for p, i in pictures.pictures(7, 21)] == [(p, expected[p][0]) for p in range(7, 22)]


def test_the_pixels_are_those_that_training_and_the_live_path_see(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", options=B_FRAMES)
    with Pictures(known(path, tmp_path), tmp_path) as pictures:
        for frame in decode_frames(path, [3, 30, 31, 59]):
            image = pictures.picture(frame.index)
            assert np.array_equal(image, frame.image)
            assert not image.flags.writeable


def test_times_below_zero_change_nothing(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", count=30, pts=range(-400, 800, 40), time_base=Fraction(1, 1000))
    opened = known(path, tmp_path)
    assert opened.axis.times_s[:3] == pytest.approx([0, 0.04, 0.08])
    with Pictures(opened, tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in (29, 0, 14)] == [29, 0, 14]


def test_segments_of_different_sizes_are_one_row_of_pictures(tmp_path: Path) -> None:
    opened = open_for_review(recorded(tmp_path / "r", wide_from=25), tmp_path)
    assert opened.axis.whole
    assert [tuple(size) for size in opened.sizes] == [(160, 96), (192, 96)]
    with Pictures(opened, tmp_path) as pictures:
        for p in (59, 24, 25, 0, 30):
            image = pictures.picture(p)
            assert number(image) == p
            assert image.shape[1] == opened.size_of(p).width


def test_a_recording_needs_no_counting_for_an_exact_picture(tmp_path: Path) -> None:
    opened = open_for_review(recorded(tmp_path / "r"), tmp_path)
    assert not opened.checked
    with Pictures(opened, tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in (50, 3, 17, 16)] == [50, 3, 17, 16]
    assert not list((tmp_path / "qa").glob("index/*"))


def test_a_sidecar_whose_times_are_not_those_of_the_video_is_settled_by_counting(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r")
    (tmp_path / "a").mkdir()
    with av.open(str(folder / "video-001.mkv")) as source, av.open(str(tmp_path / "a" / "b.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts * 2, packet.dts * 2, stream
                target.mux(packet)
    (tmp_path / "a" / "b.mkv").replace(folder / "video-001.mkv")
    with Pictures(open_for_review(folder, tmp_path), tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in (40, 5)] == [40, 5]


def test_damage_in_the_middle_is_an_error_and_never_another_picture(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", options={"preset": "ultrafast", "g": "10", "threads": "1"})
    with av.open(str(path)) as container:
        payload = next(bytes(p) for p in container.demux(video=0) if p.pts == 25 * 40)
    data = path.read_bytes()
    begin = data.index(payload) + 6
    path.write_bytes(data[:begin] + bytes(len(payload) - 12) + data[begin + len(payload) - 12 :])
    opened = known(path, tmp_path)
    damaged = []
    with Pictures(opened, tmp_path) as pictures:
        for p in range(len(opened.axis)):
            try:
                assert number(pictures.picture(p)) == p
            except SourceError:
                damaged.append(p)
        with pytest.raises(SourceError, match=r"Picture 25 of a\.mkv \(at 1\.00 s\) is damaged"):
            pictures.picture(25)
        assert [p for p, _ in pictures.pictures(0, len(opened.axis) - 1)] == [
            p for p in range(len(opened.axis)) if p not in damaged
        ]
    assert damaged == [25, 26, 27, 28, 29]  # up to the next key frame


def test_a_video_that_was_cut_off_has_what_can_be_decoded_and_says_so(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", options=B_FRAMES)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    sound = [number(f.image) for f in decode_frames(path)]
    opened = known(path, tmp_path)
    assert len(opened.axis) == len(sound)
    with Pictures(opened, tmp_path) as pictures:
        assert number(pictures.picture(len(sound) - 1)) == sound[-1]
        with pytest.raises(IndexError):
            pictures.picture(len(sound))


def test_a_stream_that_begins_within_a_group_begins_with_its_first_key_frame(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.ts", options=B_FRAMES)
    data = whole.read_bytes()
    begin = len(data) // 3 // 188 * 188
    (tmp_path / "cut.ts").write_bytes(data[: 188 * 3] + data[begin:])
    expected = [number(f.image) for f in decode_frames(tmp_path / "cut.ts")]
    opened = known(tmp_path / "cut.ts", tmp_path)
    assert len(opened.axis) == len(expected)
    with Pictures(opened, tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in (0, len(expected) - 1, 5)] == [
            expected[0],
            expected[-1],
            expected[5],
        ]


def test_images_of_a_folder_are_shown_in_their_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for n in range(12):
        cv2.imwrite(str(folder / f"{n}.png"), picture(n))
    (folder / "5.png").write_bytes(b"broken")
    opened = open_for_review(folder, tmp_path)
    assert (opened.kind, len(opened.axis), opened.axis.whole, opened.checked) == ("images", 12, True, True)
    assert "nominal 25 a second" in opened.notes[0]
    with Pictures(opened, tmp_path) as pictures:
        assert [number(pictures.picture(p)) for p in (11, 2)] == [11, 2]
        with pytest.raises(SourceError, match="damaged"):
            pictures.picture(5)


def test_thumbnails_are_of_about_that_place_and_are_kept(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    opened = known(path, tmp_path)
    with Pictures(opened, tmp_path) as pictures:
        small = pictures.near(30, 80)
        assert small is not None
        assert small.shape == (48, 80, 3)
    kept = list((tmp_path / "qa" / "thumbnails").glob("*.jpg"))
    assert len(kept) == 1
    path.rename(tmp_path / "gone.mp4")
    (tmp_path / "gone.mp4").rename(path)
    with Pictures(opened, tmp_path) as pictures:
        again = pictures.near(31, 80)
        assert again is not None
        assert again.shape == small.shape


def test_before_counting_there_are_thumbnails_by_time(tmp_path: Path) -> None:
    opened = open_for_review(film(tmp_path / "a.mp4"), tmp_path)
    assert not opened.axis.whole
    with Pictures(opened, tmp_path) as pictures:
        small = pictures.near(45, 160)
        assert small is not None
        assert abs(number(small) - 45) <= 20


def test_counting_can_be_stopped_and_its_progress_grows(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", codec="mpeg4", options={"g": "12"})
    told: list[float] = []
    with pytest.raises(Stopped):
        count_index(VideoMedium(path), Kept(tmp_path), told.append, lambda: True)
    index = count_index(VideoMedium(path), Kept(tmp_path), told.append)
    assert len(index) == 60
    assert told == sorted(told)
    assert 0 < told[-1] <= 1


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    opened = known(film(tmp_path / "a.mp4"), tmp_path / "file" / "below")
    assert opened.checked
    with Pictures(opened, tmp_path / "file" / "below") as pictures:
        assert number(pictures.picture(33)) == 33
        assert pictures.near(20, 80) is not None


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    known(path, tmp_path)
    for file in (tmp_path / "qa" / "index").iterdir():
        file.write_bytes(file.read_bytes()[:50])
    opened = open_for_review(path, tmp_path)
    assert not opened.axis.whole
    assert len(known(path, tmp_path).axis) == 60


def test_where_time_begins_anew_within_a_file_pictures_are_found_by_counting(tmp_path: Path) -> None:
    part = film(tmp_path / "part.ts", count=30).read_bytes()
    path = tmp_path / "twice.ts"
    path.write_bytes(part + part)
    opened = known(path, tmp_path)
    with Pictures(opened, tmp_path) as pictures:
        one_by_one = [number(image) for _, image in pictures.pictures(0, len(opened.axis) - 1)]
        assert sorted(set(one_by_one)) == list(range(30))
        assert len(one_by_one) >= 57
        assert [number(pictures.picture(p)) for p in (50, 10, 31)] == [one_by_one[p] for p in (50, 10, 31)]
