"""A prepared source: what comes out is the area, field by field, with square pixels; all else passes through."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from app.capture import MemorySource, Paced, parse_source
from app.picture.colour import ColourFix, Encoding, Matrix
from app.picture.prepared import prepared_source
from app.picture.settings import AreaMode, Deinterlace, PictureSettings
from app.picture.source import AreaState, Conditioned
from detector.errors import SourceError
from detector.frame import Frame, FrameTime, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size
from detector.picture.area import Area
from detector.picture.interlace import Scan
from tests.detector.picture.made_picture import LAYOUTS, interlaced, screen, wall

MS = 1_000_000
OFF = PictureSettings(Deinterlace.OFF)


class Script:
    """Gives the items in turn, then the end."""

    def __init__(self, items: Sequence[Frame | Interruption], size: Size, *, live: bool = False) -> None:
        self._items = list(items)
        self._size, self._live = size, live
        self.closed = 0

    def open(self) -> SourceInfo:
        kind = SourceKind.CAMERA if self._live else SourceKind.FILE
        return SourceInfo(kind, "script", self._live, self._size, Fraction(25), 100, Fraction(1, 1000))

    def read(self) -> Frame | Interruption:
        return self._items.pop(0) if self._items else Interruption(SourceState.END)

    def close(self) -> None:
        self.closed += 1


def frame(index: int, image: np.ndarray, ms: int | None = -1, name: str = "") -> Frame:
    moment = None if ms is None else FrameTime(40 * index if ms < 0 else ms, Fraction(1, 1000))
    return Frame(index, moment, 1000 * MS, image, name)


def scripted(images: Sequence[np.ndarray], settings: PictureSettings, *, live: bool = False) -> Conditioned:
    items = [frame(n, image) for n, image in enumerate(images)]
    return Conditioned(Script(items, Size.of(images[0]), live=live), settings, lambda: 1000 * MS)


def all_of(source: Conditioned) -> list[Frame]:
    source.open()
    frames = []
    while isinstance(item := source.read(), Frame):
        frames.append(item)
    assert item.state is SourceState.END
    return frames


def test_untouched_pictures_come_out_as_they_went_in() -> None:
    images = [wall(n) for n in range(5)]
    frames = all_of(scripted(images, OFF))
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert [f.time.pts for f in frames if f.time] == [0, 40, 80, 120, 160]
    assert all(np.shares_memory(f.image, image) for f, image in zip(frames, images, strict=True))


def test_two_frames_come_of_each_at_half_intervals() -> None:
    frames = all_of(scripted(interlaced(4, top_first=True), PictureSettings(Deinterlace.TOP)))
    assert [f.index for f in frames] == list(range(8))
    assert [f.time.seconds for f in frames if f.time] == pytest.approx([0.02 * n for n in range(8)])
    assert {f.time.time_base for f in frames if f.time} == {Fraction(1, 2000)}


def test_the_fields_come_in_their_order() -> None:
    for mode, top_first in ((Deinterlace.TOP, True), (Deinterlace.BOTTOM, False)):
        frames = all_of(scripted(interlaced(2, top_first=top_first), PictureSettings(mode)))
        for number, given in enumerate(frames):
            errors = [np.abs(given.image.astype(int) - wall(step / 2)).mean() for step in range(4)]
            assert int(np.argmin(errors)) == number


def test_an_open_source_says_what_it_will_give_out() -> None:
    source = scripted(interlaced(2, top_first=True), PictureSettings(Deinterlace.TOP, Area(10, 20, 100, 60)))
    info = source.open()
    assert info.size == Size(100, 60)
    assert info.rate == 50
    assert info.frame_count == 200
    assert info.time_base == Fraction(1, 2000)


def test_fields_are_found_in_the_content_and_taken_apart_from_then_on() -> None:
    source = scripted(interlaced(30, top_first=False), PictureSettings())
    frames = all_of(source)
    assert source.conditions.scan is Scan.BOTTOM_FIRST
    assert source.conditions.deinterlacing
    assert source.conditions.scan_since_ns == 1000 * MS
    assert [f.index for f in frames] == list(range(len(frames)))
    assert 30 < len(frames) < 60
    times = [f.time.pts for f in frames if f.time]
    assert times == sorted(set(times))


def test_progressive_pictures_stay_single() -> None:
    source = scripted([wall(n) for n in range(20)], PictureSettings())
    assert len(all_of(source)) == 20
    assert source.conditions.scan is Scan.PROGRESSIVE


def test_a_cut_keeps_the_lines_of_each_field() -> None:
    area = Area(8, 2, 64, 48)
    images = interlaced(1, top_first=True)
    first, second = all_of(scripted(images, PictureSettings(Deinterlace.TOP, area)))
    assert (first.image[0::2] == area.of(images[0])[0::2]).all()
    assert (second.image[1::2] == area.of(images[0])[1::2]).all()


def test_a_cut_does_not_keep_what_lies_around_it_alive() -> None:
    images = [wall(0)]
    (given,) = all_of(scripted(images, PictureSettings(Deinterlace.OFF, Area(0, 20, 100, 60))))
    assert not np.shares_memory(given.image, images[0])
    assert given.image.flags.c_contiguous


def test_times_that_jump_back_are_never_given_out_twice() -> None:
    images = interlaced(3, top_first=True)
    items = [frame(0, images[0], 0), frame(1, images[1], 15), frame(2, images[2], 30)]
    source = Conditioned(Script(items, Size(320, 240)), PictureSettings(Deinterlace.TOP))
    times = [f.time.pts for f in all_of(source) if f.time]
    assert times == sorted(set(times))


def test_a_live_second_field_waits_for_its_time() -> None:
    source = Conditioned(Script([Frame(0, FrameTime(0, Fraction(1, 1000)), time.perf_counter_ns(), wall(0))],
                                Size(320, 240), live=True), PictureSettings(Deinterlace.TOP))  # fmt: skip
    source.open()
    first, second = source.read(), source.read()
    assert isinstance(first, Frame)
    assert isinstance(second, Frame)
    assert second.captured_ns - first.captured_ns >= 20 * MS


def test_closing_ends_the_wait_for_the_second_field() -> None:
    due = time.perf_counter_ns() + 60_000 * MS
    items = [Frame(0, FrameTime(0, Fraction(1, 1000)), due, wall(0))]
    source = Conditioned(Script(items, Size(320, 240), live=True), PictureSettings(Deinterlace.TOP))
    source.open()
    source.read()
    threading.Timer(0.05, source.close).start()
    item = source.read()
    assert isinstance(item, Interruption)
    assert item.state is SourceState.END


def test_interruptions_pass_through_with_their_picture_cut() -> None:
    area = Area(10, 20, 100, 60)
    damaged = Interruption(SourceState.UNDECODABLE, "bits", 1, FrameTime(40, Fraction(1, 1000)), "", wall(1))
    lost = Interruption(SourceState.LOST, "cable")
    script = Script([frame(0, wall(0)), damaged, frame(2, wall(2)), lost], Size(320, 240))
    source = Conditioned(script, PictureSettings(Deinterlace.TOP, area))
    source.open()
    items = [source.read() for _ in range(6)]
    assert [i.index for i in items] == [0, 1, 2, 3, 4, None]
    assert isinstance(items[2], Interruption)
    assert items[2].picture is not None
    assert items[2].picture.shape == (60, 100, 3)
    assert items[2].time == FrameTime(80, Fraction(1, 2000))
    assert items[5] == lost


def test_a_damaged_picture_of_another_size_is_not_shown() -> None:
    damaged = Interruption(SourceState.UNDECODABLE, "bits", 1, None, "", wall(1, (100, 80)))
    source = Conditioned(Script([frame(0, wall(0)), damaged], Size(320, 240)), OFF)
    source.open()
    source.read()
    item = source.read()
    assert isinstance(item, Interruption)
    assert item.picture is None


def test_an_area_that_does_not_fit_is_refused_with_what_to_do() -> None:
    source = scripted([wall(0)], PictureSettings(Deinterlace.OFF, Area(300, 0, 100, 60)))
    with pytest.raises(SourceError, match="does not fit") as refused:
        source.open()
    assert "--area" in refused.value.hint


def test_a_picture_that_becomes_too_small_for_the_area_is_lost_and_not_shown_whole() -> None:
    script = Script([frame(0, wall(0)), frame(1, wall(1, (160, 120)))], Size(320, 240))
    source = Conditioned(script, PictureSettings(Deinterlace.OFF, Area(100, 0, 200, 200)))
    source.open()
    assert isinstance(source.read(), Frame)
    item = source.read()
    assert isinstance(item, Interruption)
    assert item.state is SourceState.LOST
    assert "160 x 120" in item.detail
    assert not source.conditions.settled


def test_a_still_that_is_too_small_for_the_area_is_left_out() -> None:
    stills = [frame(0, wall(0), None, "a.png"), frame(1, wall(1, (160, 120)), None, "b.png"),
              frame(2, wall(2), None, "c.png")]  # fmt: skip
    source = Conditioned(Script(stills, Size(320, 240)), PictureSettings(area=Area(100, 0, 200, 200)))
    source.open()
    given = [source.read() for _ in range(3)]
    assert [i.name for i in given] == ["a.png", "b.png", "c.png"]
    assert [isinstance(i, Frame) for i in given] == [True, False, True]


def test_the_area_is_found_while_the_whole_picture_is_shown() -> None:
    name = "4:3, borders"
    items = [frame(n, screen(name, n), 250 * n) for n in range(14)]
    source = Conditioned(Script(items, Size(720, 576)), PictureSettings(Deinterlace.OFF, AreaMode.AUTO))
    source.open()
    assert source.conditions.area_state is AreaState.SEARCHING
    assert not source.conditions.settled
    sizes = []
    while isinstance(item := source.read(), Frame):
        sizes.append(item.size)
    found = source.conditions
    assert found.area_state is AreaState.FOUND
    assert found.settled
    assert found.area is not None
    assert found.area.iou(LAYOUTS[name][1]) > 0.95
    assert found.confidence > 0.8
    assert sizes[0] == Size(720, 576)
    assert sizes[-1] == found.area.size


def test_a_search_in_stills_is_refused_at_once() -> None:
    source = Conditioned(
        Script([frame(0, wall(0), None, "a.png")], Size(320, 240)), PictureSettings(area=AreaMode.AUTO)
    )
    source.open()
    source.read()
    assert source.conditions.area_state is AreaState.NOT_FOUND
    assert "by hand" in source.conditions.reason or "--area" in source.conditions.reason


def test_another_size_is_met_as_a_new_picture() -> None:
    script = Script([frame(0, wall(0)), frame(1, wall(1, (160, 120)))], Size(320, 240))
    source = Conditioned(script, OFF)
    frames = all_of(source)
    assert [f.size for f in frames] == [Size(320, 240), Size(160, 120)]
    assert source.conditions.full == Size(160, 120)


def test_pixels_are_square_in_every_frame() -> None:
    pal = np.zeros((576, 720, 3), np.uint8)
    settings = PictureSettings(Deinterlace.OFF, aspect=Fraction(4, 3))
    source = scripted([pal], settings)
    assert source.open().size == Size(768, 576)
    item = source.read()
    assert isinstance(item, Frame)
    assert item.size == Size(768, 576)


def test_a_circle_in_wide_pixels_becomes_round() -> None:
    stored = np.zeros((576, 720, 3), np.uint8)
    y, x = np.mgrid[:576, :720]
    stored[((x - 360) * 1024 / 720) ** 2 + (y - 288) ** 2 < 200**2] = 255
    source = scripted([stored], PictureSettings(Deinterlace.OFF, aspect=Fraction(16, 9)))
    (given,) = all_of(source)
    shown = given.image[..., 1] > 127
    assert np.ptp(np.flatnonzero(shown.any(axis=0))) == pytest.approx(np.ptp(np.flatnonzero(shown.any(axis=1))), abs=2)


def test_colours_are_put_right_in_what_is_given_out() -> None:
    fix = ColourFix(Encoding(Matrix.BT601), Encoding(Matrix.BT709))
    (given,) = all_of(scripted([wall(0)], PictureSettings(Deinterlace.OFF, colour=fix)))
    assert (given.image == fix.apply(wall(0))).all()


def test_what_is_given_out_lies_where_the_session_wants_it() -> None:
    kept: list[np.ndarray] = []

    def place(image: np.ndarray) -> np.ndarray:
        kept.append(image.copy())
        return kept[-1]

    source = scripted(interlaced(2, top_first=True), PictureSettings(Deinterlace.TOP, Area(0, 0, 100, 60)))
    source.place_with(place)
    frames = all_of(source)
    assert len(kept) == 4
    assert all(f.image is image for f, image in zip(frames, kept, strict=True))


def test_a_reopened_source_counts_on() -> None:
    source = Conditioned(MemorySource(interlaced(2, top_first=True), count=2), PictureSettings(Deinterlace.TOP))
    indices = [f.index for f in all_of(source)] + [f.index for f in all_of(source)]
    assert indices == list(range(8))


def test_a_prepared_file_keeps_its_pace_and_can_be_held(tmp_path: object) -> None:
    source, conditioned = prepared_source(parse_source("some.mp4"), PictureSettings())
    assert isinstance(source, Paced)
    assert conditioned.conditions.area is None
    live, conditioned = prepared_source(parse_source("camera:0"), PictureSettings())
    assert live is conditioned
