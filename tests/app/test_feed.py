"""Sources that change while they run: unplugged and back, another size, another rate, a wall clock that is set back."""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import pytest

from app.capture import CameraOptions, CameraSource, FileSource, Paced, StreamOptions, StreamSource
from app.capture.rate import RateWatch
from app.feed import Feed
from app.picture.settings import PictureSettings
from app.picture.source import AreaState, Conditioned
from app.recording.recorder import Recorder, RecorderOptions
from app.snapshot import SourceStatus
from detector.decode import decode_frames
from detector.frame import Frame, FrameSource, FrameTime, Interruption, SourceState
from detector.geometry import Size
from detector.picture.area import Area
from tests.app.capture.changing import Part, change, write_changing
from tests.app.capture.fake_camera import FakeCamera
from tests.app.capture.senders import QUICK, Sender, UdpSender, free_udp_port
from tests.clips import read_painted_index

SMALL, LARGE = Part(30, (320, 240), Fraction(25)), Part(70, (448, 336), Fraction(50))
ROOT = Path(__file__).parents[2]


class Watched:
    """A feed, and everything that came out of it."""

    def __init__(self, source: FrameSource, on_frame: Callable[[Frame], object]) -> None:
        self.frames: list[Frame] = []
        self.on_frame = on_frame
        self.statuses: list[SourceStatus] = []
        self.lock = threading.Lock()
        self.feed = Feed(
            source,
            "label",
            self.lock,
            time.perf_counter_ns,
            retry_opening=True,
            on_picture=self._picture,
            on_change=self._changed,
            before_start=lambda: None,
            before_end=lambda: None,
        )

    def _picture(self, frame: Frame, analyse: bool) -> None:
        self.frames.append(frame)
        self.on_frame(frame)
        self._changed()

    def _changed(self) -> None:
        status = self.feed.status
        if self.statuses[-1:] != [status]:
            self.statuses.append(status)

    def until(self, true: Callable[[], bool], patience_s: float = 10) -> None:
        deadline = time.monotonic() + patience_s
        while not true():
            assert time.monotonic() < deadline, (self.statuses, len(self.frames))
            time.sleep(0.005)

    @property
    def sizes(self) -> list[Size]:
        """Without repetitions, in order."""
        return list(dict.fromkeys(frame.size for frame in self.frames))

    def times_s(self) -> list[float]:
        times = [frame.time.seconds for frame in self.frames if frame.time is not None]
        assert len(times) == len(self.frames)
        return times


@contextmanager
def watched(source: FrameSource, on_frame: Callable[[Frame], object] = lambda frame: None) -> Iterator[Watched]:
    run = Watched(source, on_frame)
    run.feed.start()
    try:
        yield run
    finally:
        run.feed.end()
        run.feed.join(5)
    assert run.feed.ended
    assert [frame.index for frame in run.frames] == sorted({frame.index for frame in run.frames})
    assert all(earlier < later for earlier, later in zip(run.times_s(), run.times_s()[1:], strict=False))


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.2 s of 320x240 at 25 frames/s, then 1.4 s of 448x336 at 50, as one stream."""
    path = tmp_path_factory.mktemp("changing") / "changing.ts"
    write_changing(str(path), [SMALL, LARGE])
    return path


# -- size and rate ----------------------------------------------------------------------------------------------------


def test_a_file_of_two_sizes_and_rates_is_whole_and_the_source_says_what_it_is_now(changing: Path) -> None:
    with watched(Conditioned(FileSource(changing))) as run:
        run.until(lambda: run.feed.status is SourceStatus.ENDED)
    assert [read_painted_index(frame.image) for frame in run.frames] == list(range(100))
    assert run.sizes == [Size(320, 240), Size(448, 336)]
    assert SourceStatus.UNDECODABLE not in run.statuses
    info = run.feed.info
    assert info is not None
    assert (info.size, info.rate) == (Size(448, 336), Fraction(50))
    times_s = run.times_s()
    assert times_s[30] - times_s[29] == pytest.approx(1 / 25)
    assert times_s[31] - times_s[30] == pytest.approx(1 / 50)


def test_a_recording_begins_another_file_where_the_size_changes_and_keeps_every_picture(
    changing: Path, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path / "kept", Fraction(25), options=RecorderOptions(encoder="x264", min_free_bytes=0))
    with watched(Paced(Conditioned(FileSource(changing)), 4.0), recorder.offer) as run:
        run.until(lambda: run.feed.status is SourceStatus.ENDED, 30)
    recorder.close()
    kept = [list(decode_frames(path)) for path in sorted((tmp_path / "kept").glob("video-*.mkv"))]
    assert [len(frames) for frames in kept] == [30, 70]
    assert [Size.of(frames[0].image) for frames in kept] == run.sizes
    assert [read_painted_index(frame.image) for frames in kept for frame in frames] == list(range(100))


def test_an_area_set_by_hand_does_not_fit_another_size_and_nothing_of_it_is_shown(changing: Path) -> None:
    source = Conditioned(FileSource(changing), PictureSettings(area=Area(20, 20, 280, 200)))
    source.open()
    frames = []
    while isinstance(item := source.read(), Frame):
        frames.append(item)
    source.close()
    # It fits into the larger picture as well: it stays what the user chose.
    assert {frame.size for frame in frames} == {Size(280, 200)}
    large_first = Conditioned(FileSource(changing), PictureSettings(area=Area(20, 20, 400, 300)))
    with pytest.raises(Exception, match="does not fit"):
        large_first.open()


def test_an_area_that_no_longer_fits_is_a_lost_signal_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "smaller.ts"
    write_changing(str(path), [Part(5, (640, 480), Fraction(25)), Part(5, (320, 240), Fraction(25))])
    source = Conditioned(FileSource(path), PictureSettings(area=Area(20, 20, 600, 440)))
    source.open()
    items = [source.read() for _ in range(6)]
    source.close()
    assert all(isinstance(item, Frame) for item in items[:5])
    assert isinstance(items[5], Interruption)
    assert items[5].state is SourceState.LOST
    assert "does not fit" in items[5].detail
    assert source.conditions.area_state is AreaState.BY_HAND


class ChangingSender(Sender):
    """MPEG-TS to a UDP port: ``parts`` one after the other, without a new connection, and then silence."""

    def __init__(self, port: int, parts: Sequence[Part]) -> None:
        super().__init__()
        self.url = f"udp://127.0.0.1:{port}"
        self._parts = parts

    def _run(self) -> None:
        with av.open(f"{self.url}?pkt_size=1316", "w", format="mpegts", options={"flush_packets": "1"}) as container:
            stream = container.add_stream("libx264", rate=25)
            (stream.width, stream.height), stream.pix_fmt = self._parts[0].size, "yuv420p"
            packets = list(change(stream, self._parts))
            begun = time.monotonic()
            for packet in packets:
                due_s = float((packet.pts or 0) * packet.time_base)
                if self._stop.wait(max(0.0, begun + due_s - time.monotonic())):
                    return
                container.mux(packet)
            self._stop.wait()


def test_a_stream_that_changes_size_and_rate_goes_on_without_a_new_connection() -> None:
    options = StreamOptions(open_timeout_s=5, lost_after_s=0.5, extra=QUICK)
    port = free_udp_port()
    with ChangingSender(port, [SMALL, LARGE]) as sender, watched(Conditioned(StreamSource(sender.url, options))) as run:
        run.until(lambda: SourceStatus.LOST in run.statuses)  # the sender has no more
    assert run.sizes == [Size(320, 240), Size(448, 336)]
    assert run.statuses[:2] == [SourceStatus.PLAYING, SourceStatus.LOST]
    assert SourceStatus.UNDECODABLE not in run.statuses
    info = run.feed.info
    assert info is not None
    assert info.live


def test_a_rate_is_believed_when_it_has_held_for_a_second() -> None:
    def fed(rate_watch: RateWatch, times_s: list[Fraction], known: Fraction | None) -> list[Fraction]:
        ticks = Fraction(1, 1_000_000)
        found = [rate_watch.update(FrameTime(round(t / ticks), ticks), known) for t in times_s]
        return [rate for rate in found if rate is not None]

    def at(rate: Fraction, count: int) -> list[Fraction]:
        return [n / rate for n in range(count)]

    assert fed(RateWatch(), at(Fraction(25), 100), Fraction(25)) == []
    assert fed(RateWatch(), at(Fraction(25), 25), Fraction(50)) == []
    assert fed(RateWatch(), at(Fraction(25), 28), Fraction(50)) == [Fraction(25)]
    assert fed(RateWatch(), at(Fraction(60000, 1001), 70), None)[0] == Fraction(60000, 1001)
    assert fed(RateWatch(), at(Fraction(15, 2), 14), Fraction(30)) == [Fraction(15, 2)]
    # Now this, now that: no rate at all; and a gap begins anew.
    uneven = [Fraction(n, 25) + Fraction(n % 3, 60) for n in range(200)]
    assert fed(RateWatch(), uneven, Fraction(50)) == []
    assert fed(RateWatch(), [*at(Fraction(25), 20), *(5 + t for t in at(Fraction(25), 20))], Fraction(50)) == []
    assert RateWatch().update(None, None) is None


# -- gone and back ----------------------------------------------------------------------------------------------------


@pytest.fixture
def camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCamera:
    """A grabber with a lasting name, which is a link to the node that it has now."""
    (tmp_path / "video0").touch()
    (tmp_path / "by-id").mkdir()
    lasting = tmp_path / "by-id" / "usb-grabber-index0"
    lasting.symlink_to(tmp_path / "video0")
    fake = FakeCamera(lasting)
    monkeypatch.setattr("cv2.VideoCapture", fake)
    return fake


def test_a_camera_that_comes_back_as_another_node_is_found_by_its_lasting_name(
    camera: FakeCamera, tmp_path: Path
) -> None:
    options = CameraOptions(open_timeout_s=1.0, lost_after_s=0.5)
    with watched(Conditioned(CameraSource(str(camera.path), options))) as run:
        run.until(lambda: len(run.frames) > 3)
        # Pulled: the node goes, and udev takes the link away; then it is plugged into another port.
        camera.dark = True
        (tmp_path / "video0").unlink()
        camera.path.unlink()
        run.until(lambda: run.feed.status is SourceStatus.GONE)
        before, gap = len(run.frames), run.times_s()[-1]
        time.sleep(0.3)
        (tmp_path / "video2").touch()
        camera.path.symlink_to(tmp_path / "video2")
        camera.dark = False
        run.until(lambda: len(run.frames) > before + 3)
        assert run.feed.status is SourceStatus.PLAYING
    assert SourceStatus.GONE in run.statuses
    assert {device for device, _ in camera.opened} == {str(camera.path)}
    assert run.times_s()[before] - gap > 0.3
    assert run.feed.snapshot(time.perf_counter_ns()).retries >= 1


def test_a_node_that_lingers_for_a_moment_is_gone_and_not_dark(camera: FakeCamera) -> None:
    source = CameraSource(str(camera.path), CameraOptions(open_timeout_s=1.0, lost_after_s=2.0))
    source.open()
    camera.dark = True
    threading.Timer(0.15, camera.path.unlink).start()
    while isinstance(item := source.read(), Frame):
        pass
    source.close()
    assert item.state is SourceState.GONE
    assert "unplugged" in item.detail


def test_a_stream_that_comes_back_with_another_picture_says_so() -> None:
    port = free_udp_port()
    options = StreamOptions(open_timeout_s=2, lost_after_s=0.4, extra=QUICK)
    with watched(Conditioned(StreamSource(f"udp://127.0.0.1:{port}", options))) as run:
        with UdpSender(port):  # 320x240 at 50
            run.until(lambda: len(run.frames) > 3)
        run.until(lambda: run.feed.status is SourceStatus.LOST)
        with ChangingSender(port, [Part(75, LARGE.size, Fraction(25))]):
            run.until(lambda: run.sizes == [Size(320, 240), Size(448, 336)])
            info = run.feed.info
            assert info is not None
            assert (info.size, info.rate) == (Size(448, 336), Fraction(25))


# -- the wall clock ---------------------------------------------------------------------------------------------------


def test_a_wall_clock_that_is_set_back_changes_nothing(changing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter(range(2_000_000_000, 0, -86_400))  # a day earlier whenever somebody asks
    monkeypatch.setattr(time, "time", lambda: float(next(told)))
    with watched(Paced(Conditioned(FileSource(changing)), 8.0)) as run:
        run.until(lambda: run.feed.status is SourceStatus.ENDED)
    assert len(run.frames) == 100
    stamps = [frame.captured_ns for frame in run.frames]
    assert stamps == sorted(stamps)


def test_nothing_on_the_way_of_a_picture_asks_for_the_time_of_day() -> None:
    rooms = ("capture", "picture")
    modules = [path for room in rooms for path in (ROOT / "app" / room).glob("*.py")]
    modules += [ROOT / "app" / f"{name}.py" for name in ("feed", "handoff", "overlay", "synchrony", "waker")]
    modules += [
        ROOT / "detector" / f"{name}.py" for name in ("alerts", "tracking", "watchdog", "worker", "worker_link")
    ]
    asked = [
        f"{path.name}:{node.lineno}" for path in modules for node in _wall_clock(ast.parse(path.read_text("utf-8")))
    ]
    assert asked == []


def _wall_clock(tree: ast.AST) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        of_time = isinstance(node.value, ast.Name) and node.value.id == "time"
        if node.attr in ("now", "utcnow", "today", "localtime", "gmtime") or (
            of_time and node.attr in ("time", "time_ns")
        ):
            yield node
