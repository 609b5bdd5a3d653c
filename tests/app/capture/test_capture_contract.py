"""What every source promises, asked of every source."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.capture import (
    CameraSource,
    FileSource,
    ImageFolderSource,
    MemorySource,
    Paced,
    StreamOptions,
    StreamSource,
    make_source,
)
from app.capture.camera import CameraOptions, present_devices
from app.capture.gstreamer_runtime import has_element
from detector.errors import SourceError
from detector.frame import Frame, FrameSource, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size
from tests.app.capture.conftest import FRAMES
from tests.app.capture.fake_camera import FakeCamera
from tests.app.capture.senders import QUICK, RtspServer, UdpSender, free_udp_port
from tests.clips import SMALL, painted_frames, read_painted_index

STILLS = 12
FAST = 20.0  # pace of paced sources, so that a clip of 1.6 s takes 80 ms
IMPATIENT = StreamOptions(open_timeout_s=5, lost_after_s=0.7, extra=QUICK)


@dataclass(frozen=True)
class Case:
    """A source and what is known of it."""

    source: FrameSource
    kind: SourceKind
    count: int | None  # None: live, never ends
    interval: Fraction | None = Fraction(1, 25)  # between frames; None: no media time
    painted: bool = True


MakeCase = Callable[[dict[str, Path], Path, pytest.MonkeyPatch], AbstractContextManager[Case]]
CASES: dict[str, MakeCase] = {}


def case(name: str) -> Callable[[MakeCase], MakeCase]:
    def enter(make: MakeCase) -> MakeCase:
        CASES[name] = make
        return make

    return enter


def _file_case(name: str) -> None:
    @case(name)
    @contextmanager
    def make(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
        yield Case(FileSource(clips[name]), SourceKind.FILE, FRAMES)


for _name in ("mp4", "mkv", "ts", "b-frames"):
    _file_case(_name)


@case("paced file")
@contextmanager
def _paced_file(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    yield Case(Paced(FileSource(clips["mp4"]), FAST), SourceKind.FILE, FRAMES)


@case("folder")
@contextmanager
def _folder(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    yield Case(ImageFolderSource(stills), SourceKind.IMAGES, STILLS, None)


@case("paced folder")
@contextmanager
def _paced_folder(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    yield Case(Paced(ImageFolderSource(stills), stills_per_s=200), SourceKind.IMAGES, STILLS, None)


@case("image")
@contextmanager
def _image(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    yield Case(ImageFolderSource(stills / "1.png"), SourceKind.IMAGES, 1, None)


@case("memory")
@contextmanager
def _memory(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    source = MemorySource(painted_frames(10), Fraction(30), count=10)
    yield Case(source, SourceKind.MEMORY, 10, Fraction(1, 30))


@case("udp")
@contextmanager
def _udp(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    with UdpSender(free_udp_port()) as sender:
        yield Case(StreamSource(sender.url, IMPATIENT), SourceKind.STREAM, None, Fraction(1, 50))


@case("rtsp")
@contextmanager
def _rtsp(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    with RtspServer() as server:
        yield Case(StreamSource(server.url, IMPATIENT), SourceKind.STREAM, None, Fraction(1, 50))


@case("gstreamer")
@contextmanager
def _gstreamer(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    if not has_element("videotestsrc"):
        pytest.skip("GStreamer or PyGObject is not installed in this environment")
    source = make_source("gst:videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=50/1")
    yield Case(source, SourceKind.STREAM, None, Fraction(1, 50), painted=False)


@case("scripted camera")
@contextmanager
def _scripted_camera(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    camera = FakeCamera(stills / "1.png")  # any file will do for a device path that exists
    patch.setattr("cv2.VideoCapture", camera)
    source = CameraSource(str(camera.path), CameraOptions(open_timeout_s=2, lost_after_s=1))
    yield Case(source, SourceKind.CAMERA, None, None)


@case("camera")
@contextmanager
def _camera(clips: dict[str, Path], stills: Path, patch: pytest.MonkeyPatch) -> Iterator[Case]:
    devices = present_devices()
    if not devices:
        pytest.skip("no camera: no /dev/video* on this machine")
    source = CameraSource(devices[0])
    try:
        source.open()
    except SourceError as error:
        pytest.skip(f"no usable camera: {error}")
    source.close()
    yield Case(CameraSource(devices[0]), SourceKind.CAMERA, None, None, painted=False)


@pytest.fixture(params=list(CASES))
def known(
    request: pytest.FixtureRequest, clips: dict[str, Path], still_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Case]:
    with CASES[request.param](clips, still_folder, monkeypatch) as made:
        yield made
        made.source.close()


def read_frames(known: Case, most: int = 15) -> list[Frame]:
    """All frames of a finite source, or the first ``most`` of a live one."""
    frames = []
    for _ in range(most if known.count is None else known.count):
        item = known.source.read()
        assert isinstance(item, Frame), item
        frames.append(item)
    return frames


def test_open_says_what_the_source_is(known: Case) -> None:
    info = known.source.open()
    assert isinstance(info, SourceInfo)
    assert info.kind is known.kind
    assert info.live is (known.count is None)
    assert info.label
    if known.painted:
        assert info.size == Size(*SMALL)
        assert info.frame_count == known.count
    if known.interval is not None:
        assert info.rate == 1 / known.interval
    assert (info.time_base is None) is (known.kind is SourceKind.IMAGES)


def test_frames_are_counted_timed_and_read_only(known: Case) -> None:
    info = known.source.open()
    frames = read_frames(known)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.shape == (info.size.height, info.size.width, 3)
        assert frame.image.flags.c_contiguous
        assert not frame.image.flags.writeable
        assert (frame.time is None) is (known.kind is SourceKind.IMAGES)
        assert frame.time is None or frame.time.time_base == info.time_base
        assert bool(frame.name) is (known.kind is SourceKind.IMAGES)
    stamps = [frame.captured_ns for frame in frames]
    assert stamps == sorted(stamps)
    assert stamps[-1] <= time.perf_counter_ns()


def test_pictures_come_in_order_at_their_exact_times(known: Case) -> None:
    if not known.painted:
        pytest.skip("what a real camera shows is not known")
    known.source.open()
    frames = read_frames(known)
    painted = [read_painted_index(frame.image) for frame in frames]
    if known.count is not None:
        assert painted == list(range(known.count))
    times = [frame.time.seconds for frame in frames if frame.time is not None]
    assert times == sorted(times)
    if known.interval is None:
        return
    # A live source may skip frames: the painted index says how many.
    cycle = 50
    for earlier, later, a, b in zip(frames[:-1], frames[1:], painted[:-1], painted[1:], strict=True):
        assert earlier.time is not None
        assert later.time is not None
        ticks = (later.time.pts - earlier.time.pts) * later.time.time_base
        steps = (b - a) % cycle if known.count is None else b - a
        assert round(ticks / known.interval) == steps
        assert abs(ticks - steps * known.interval) <= later.time.time_base / 2


def test_the_end_stays_the_end(known: Case) -> None:
    if known.count is None:
        pytest.skip("a live source does not end")
    known.source.open()
    read_frames(known)
    for _ in range(3):
        item = known.source.read()
        assert isinstance(item, Interruption)
        assert item.state is SourceState.END


def test_reopening_goes_on(known: Case) -> None:
    known.source.open()
    first = read_frames(known, 5)
    known.source.close()
    known.source.open()
    second = read_frames(known, 5)
    indices = [frame.index for frame in (*first, *second)]
    assert indices == list(range(len(indices)))
    if first[-1].time is not None:
        times = [frame.time for frame in (*first, *second) if frame.time is not None]
        assert len({moment.time_base for moment in times}) == 1
        assert all(a.pts < b.pts for a, b in itertools.pairwise(times))


def test_closing_twice_or_unopened_is_harmless(known: Case) -> None:
    known.source.close()
    assert isinstance(known.source.read(), Interruption)
    known.source.open()
    known.source.close()
    known.source.close()
    item = known.source.read()
    assert isinstance(item, Interruption)
    assert item.state is SourceState.END


def test_closing_from_another_thread_ends_reading(known: Case) -> None:
    known.source.open()
    threading.Timer(0.05, known.source.close).start()
    deadline = time.monotonic() + 2
    while not isinstance(item := known.source.read(), Interruption):
        assert time.monotonic() < deadline
    assert item.state is SourceState.END
