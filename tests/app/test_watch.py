"""The watch over the picture: what it says, what it remembers, and what it says when it cannot look."""

import threading
import time
from fractions import Fraction

import cv2
import numpy as np
import pytest

from app.phantom import bundled
from app.snapshot import ViewSnapshot
from app.watch import STALLED, PictureWatch
from detector.frame import Frame, FrameTime
from detector.picture.glance import glance
from detector.picture.light import Light
from detector.picture.quality import View
from tests.app.test_live import Clock, Room

MS = 1_000_000
S = 1000 * MS


@pytest.fixture(scope="module")
def colon() -> list[np.ndarray]:
    """Pictures of the phantom while the scope moves."""
    return _phantom_frames()


def _phantom_frames() -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(bundled().video))
    capture.set(cv2.CAP_PROP_POS_MSEC, 20_000)
    frames = [cv2.resize(capture.read()[1], (320, 180), interpolation=cv2.INTER_AREA) for _ in range(60)]
    capture.release()
    return frames


ROOM = np.full((180, 320, 3), (120, 120, 110), np.uint8)  # grey: no mucosa


class Watched:
    """A watch without its thread: the test looks."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.changes = 0
        self.watch = PictureWatch(lambda: None, self._count, self.clock)
        self.index = 0

    def _count(self) -> None:
        self.changes += 1

    def see(self, image: np.ndarray, advance_ms: int = 100, time: bool = True) -> ViewSnapshot:
        self.clock.now_ns += advance_ms * MS
        self.index += 1
        media = FrameTime(self.index, Fraction(1, 10)) if time else None
        self.watch.look(Frame(self.index, media, self.clock.now_ns, image.copy()))
        return self.watch.snapshot(self.clock.now_ns)


def test_the_inside_of_the_phantom_is_a_good_view_in_white_light(colon):
    w = Watched()
    for image in colon[:30]:
        view = w.see(image)
    assert (view.view, view.light, view.inside, view.fault) == (View.GOOD, Light.WHITE, True, "")
    assert view.frozen_since_ns is None


def test_a_change_is_told_once(colon):
    w = Watched()
    for image in colon[:30]:
        w.see(image)
    changes = w.changes
    for image in colon[30:50]:
        w.see(image)
    assert w.changes == changes
    for _ in range(5):
        view = w.see(ROOM)
    assert view.view is View.OUTSIDE
    assert not view.inside
    assert w.changes in (changes + 1, changes + 2)


def test_a_held_picture_is_frozen_and_a_still_is_not(colon):
    w = Watched()
    for _ in range(12):
        view = w.see(colon[0])
    assert view.frozen_since_ns == 100 * MS
    assert w.see(colon[40]).frozen_since_ns is None
    still = Watched()
    for _ in range(30):
        view = still.see(colon[0], time=False)
    assert view.frozen_since_ns is None


class TestInsideAt:
    def test_it_is_not_known_before_the_next_look(self, colon):
        w = Watched()
        for image in colon[:20]:
            w.see(image)
        w.watch._beat_ns = w.clock.now_ns
        assert w.watch.inside_at(w.clock.now_ns - 30 * MS) is True
        assert w.watch.inside_at(w.clock.now_ns) is True  # the very picture that was looked at
        assert w.watch.inside_at(w.clock.now_ns + 1) is None

    def test_a_doubt_on_either_side_is_a_doubt(self, colon):
        w = Watched()
        for image in colon[:20]:
            w.see(image)
        inside_ns = w.clock.now_ns
        w.see(ROOM)
        assert w.watch.inside_at(inside_ns - 50 * MS) is True
        assert w.watch.inside_at(inside_ns + 50 * MS) is False
        w.see(colon[20])
        assert w.watch.inside_at(w.clock.now_ns - 50 * MS) is False
        assert w.watch.inside_at(w.clock.now_ns) is False  # inside again only after a second of it

    def test_what_lies_before_the_first_look_or_in_a_gap_is_doubted(self, colon):
        w = Watched()
        assert w.watch.inside_at(0) is None
        for image in colon[:20]:
            w.see(image)
        assert w.watch.inside_at(0) is False
        last_ns = w.clock.now_ns
        w.see(colon[21], advance_ms=1001)
        assert w.watch.inside_at(last_ns + 500 * MS) is False

    def test_a_watch_that_stands_still_doubts_instead_of_keeping_anyone_waiting(self, colon):
        w = Watched()
        for image in colon[:20]:
            w.see(image)
        w.watch._beat_ns = w.clock.now_ns
        later_ns = w.clock.now_ns + 1
        assert w.watch.inside_at(later_ns) is None
        w.clock.now_ns += S + 1
        assert w.watch.inside_at(later_ns) is False
        assert w.watch.snapshot(w.clock.now_ns) == ViewSnapshot(fault=STALLED)


def test_the_thread_takes_the_newest_picture_and_looks_at_it_once(colon):
    looked: list[int] = []
    frames = [Frame(n, FrameTime(n, Fraction(1, 10)), n * 100 * MS, image) for n, image in enumerate(colon[:5])]
    now = {"frame": None}

    def measure(image):
        looked.append(1)
        return glance(image)

    watch = PictureWatch(lambda: now["frame"], lambda: None, measure=measure)
    watch.start()
    try:
        for frame in frames:
            count = len(looked)
            now["frame"] = frame
            Room.until(lambda before=count: len(looked) > before)
        beat = watch._beat_ns
        Room.until(lambda: watch._beat_ns > beat)  # it goes on, and has nothing new to look at
        assert len(looked) == len(frames)
    finally:
        watch.stop()
    assert not any(t.name == "watch" for t in threading.enumerate())


def test_a_slow_look_is_not_taken_for_a_watch_that_hangs(colon):
    measured = threading.Event()

    def slow(image):
        time.sleep(0.3)  # four times as long to rest would be longer than a watch may be silent
        measured.set()
        return glance(image)

    frame = Frame(0, None, 0, colon[0])
    watch = PictureWatch(lambda: frame, lambda: None, measure=slow)
    watch.start()
    try:
        assert measured.wait(5)
        beat = watch._beat_ns
        Room.until(lambda: watch._beat_ns > beat)
        assert watch._beat_ns - beat < 1 * S
    finally:
        watch.stop()


def test_a_watch_that_has_died_says_so(caplog, colon):
    def measure(image):
        raise MemoryError

    changed = threading.Event()
    frame = Frame(0, None, 0, colon[0])
    watch = PictureWatch(lambda: frame, changed.set, measure=measure)
    watch.start()
    assert changed.wait(5)
    assert watch.snapshot(0).fault == STALLED
    assert watch.inside_at(0) is False
    assert "the watch over the picture failed" in caplog.text
    watch.stop()
