"""Cameras and streams: the newest picture, silence, unplugging, hanging, and coming back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest

from app.capture import CameraOptions, CameraSource, StreamOptions, StreamSource
from app.capture.stream import public_label
from detector.errors import SourceError
from detector.frame import Frame, Interruption, SourceState
from tests.app.capture.fake_camera import FakeCamera
from tests.app.capture.senders import QUICK, RATE, RtspServer, UdpSender, free_udp_port
from tests.clips import read_painted_index

IMPATIENT = StreamOptions(open_timeout_s=3, lost_after_s=0.4, extra=QUICK)


def next_frame(source: StreamSource | CameraSource) -> Frame:
    item = source.read()
    assert isinstance(item, Frame), item
    return item


def final(source: StreamSource | CameraSource, patience_s: float = 3) -> Interruption:
    """Read up to the first state that is final."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        item = source.read()
        if isinstance(item, Interruption) and item.state is not SourceState.UNDECODABLE:
            return item
    raise AssertionError("the source went on and on")


# -- streams ----------------------------------------------------------------------------------------------------------


def test_a_slow_reader_gets_the_newest_picture_and_the_rest_is_counted() -> None:
    with UdpSender(free_udp_port()) as sender:
        source = StreamSource(sender.url, IMPATIENT)
        source.open()
        first = next_frame(source)
        time.sleep(0.3)
        second = next_frame(source)
        source.close()
    skipped = (read_painted_index(second.image) - read_painted_index(first.image)) % 50
    assert 10 <= skipped <= 20
    assert second.index == first.index + 1
    assert first.time is not None
    assert second.time is not None
    assert second.time.seconds - first.time.seconds == pytest.approx(skipped / RATE, abs=1e-4)
    assert (time.perf_counter_ns() - second.captured_ns) / 1e9 < 1
    assert source.overwritten >= skipped - 1


def test_silence_is_a_lost_signal_and_the_stream_comes_back() -> None:
    port = free_udp_port()
    with UdpSender(port) as sender:
        source = StreamSource(sender.url, IMPATIENT)
        info = source.open()
        before = next_frame(source)
        sender.fall_silent()
        start = time.monotonic()
        lost = final(source)
        assert lost.state is SourceState.LOST
        assert time.monotonic() - start < 1.5
        assert source.read() == lost
        with pytest.raises(SourceError, match="sent no picture within"):
            StreamSource(f"udp://127.0.0.1:{free_udp_port()}", StreamOptions(open_timeout_s=0.3)).open()
    with UdpSender(port):
        assert source.open() == info
        after = next_frame(source)
        source.close()
    assert after.index > before.index
    assert before.time is not None
    assert after.time is not None
    gap_s = (after.captured_ns - before.captured_ns) / 1e9
    assert after.time.seconds - before.time.seconds == pytest.approx(gap_s, abs=1.0)
    assert after.time.time_base == before.time.time_base


def test_a_sender_that_hangs_up_is_a_lost_signal() -> None:
    with RtspServer() as server:
        source = StreamSource(server.url, IMPATIENT)
        source.open()
        next_frame(source)
    assert final(source).state is SourceState.LOST
    source.close()


def test_rtsp_is_asked_for_tcp() -> None:
    with RtspServer("someone:secret") as server:
        source = StreamSource(server.url, IMPATIENT)
        info = source.open()
        next_frame(source)
        source.close()
    assert server.requests[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert "secret" not in info.label
    assert info.label == public_label(server.url)


@pytest.mark.parametrize("scheme", ["rtsp", "http", "tcp", "srt"])
def test_a_stream_that_is_not_there_is_refused_without_its_password(scheme: str) -> None:
    with pytest.raises(SourceError) as caught:
        StreamSource(f"{scheme}://someone:secret@127.0.0.1:9/a?token=hidden", IMPATIENT).open()
    assert "127.0.0.1:9" in caught.value.what
    assert caught.value.hint
    told = repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
    assert "secret" not in told
    assert "hidden" not in told


def test_a_server_that_never_answers_does_not_hang_opening() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/a"
        start = time.monotonic()
        with pytest.raises(SourceError):
            StreamSource(url, StreamOptions(open_timeout_s=0.4)).open()
        assert time.monotonic() - start < 2


def test_closing_ends_opening() -> None:
    source = StreamSource(f"udp://127.0.0.1:{free_udp_port()}", StreamOptions(open_timeout_s=1.2))
    threading.Timer(0.1, source.close).start()
    start = time.monotonic()
    with pytest.raises(SourceError, match="closed"):
        source.open()
    assert time.monotonic() - start < 1


def test_closing_ends_a_read_that_waits() -> None:
    with UdpSender(free_udp_port()) as sender:
        source = StreamSource(sender.url, StreamOptions(lost_after_s=1.2, extra=QUICK))
        source.open()
        next_frame(source)
        sender.fall_silent()
        threading.Timer(0.2, source.close).start()
        start = time.monotonic()
        assert final(source).state is SourceState.END
        assert time.monotonic() - start < 0.9


@pytest.fixture
def web(clips: dict[str, Path], tmp_path: Path) -> Iterator[str]:
    """A web server with the clips."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(clips["mp4"].parent))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_recording_on_the_web_is_no_live_picture(web: str) -> None:
    with pytest.raises(SourceError, match="is a recording, not a live stream"):
        StreamSource(f"{web}/clip.mp4", IMPATIENT).open()
    with pytest.raises(SourceError, match="does not exist on that server"):
        StreamSource(f"{web}/missing.ts", IMPATIENT).open()


# -- cameras ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCamera:
    device = tmp_path / "video7"
    device.touch()
    fake = FakeCamera(device)
    monkeypatch.setattr("cv2.VideoCapture", fake)
    return fake


def source_of(camera: FakeCamera, **options: object) -> CameraSource:
    limits = {"open_timeout_s": 1.0, "lost_after_s": 0.3}
    return CameraSource(str(camera.path), CameraOptions(**(limits | options)))  # type: ignore[arg-type]


def test_a_camera_that_does_not_exist_names_those_that_do(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for device in (97, "/dev/video97"):
        with pytest.raises(SourceError, match=r"There is no camera .*97\.") as caught:
            CameraSource(device).open()
        assert "device" in caught.value.hint
    monkeypatch.setattr("app.capture.camera.present_devices", lambda: ["/dev/video0", "/dev/video2"])
    with pytest.raises(SourceError) as caught:
        CameraSource(97).open()
    assert "/dev/video0, /dev/video2" in caught.value.hint
    assert capfd.readouterr().err == ""


def test_a_file_that_is_no_camera_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "video").touch()
    with pytest.raises(SourceError, match="cannot be opened"):
        CameraSource(str(tmp_path / "video")).open()
    assert capfd.readouterr().err == ""


def test_a_camera_is_asked_for_what_was_chosen_pixel_format_first(camera: FakeCamera) -> None:
    source = source_of(camera, width=1920, height=1080, rate=60.0, fourcc="MJPG")
    source.open()
    source.close()
    assert camera.set_properties == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1920),
        (cv2.CAP_PROP_FRAME_HEIGHT, 1080),
        (cv2.CAP_PROP_FPS, 60.0),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]
    device, _ = camera.opened[0]
    assert device == str(camera.path)


def test_a_grey_camera_gives_colour_frames(camera: FakeCamera) -> None:
    camera.grey = True
    source = source_of(camera)
    source.open()
    assert next_frame(source).image.shape == (240, 320, 3)
    source.close()


def test_a_camera_in_use_is_refused_with_a_hint(camera: FakeCamera) -> None:
    camera.refuses = True
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        source_of(camera).open()
    assert "other programs" in caught.value.hint


def test_a_dark_camera_is_lost_and_an_unplugged_one_gone(camera: FakeCamera) -> None:
    source = source_of(camera)
    source.open()
    next_frame(source)
    camera.dark = True
    assert final(source).state is SourceState.LOST
    camera.dark = False
    source.open()
    next_frame(source)
    camera.dark = True
    camera.path.unlink()
    gone = final(source)
    assert gone.state is SourceState.GONE
    assert "no longer exists" in gone.detail
    with pytest.raises(SourceError, match="There is no camera"):
        source.open()
    camera.path.touch()
    camera.dark = False
    source.open()
    assert next_frame(source).index > 0
    source.close()


def test_a_camera_that_never_shows_a_picture_is_refused(camera: FakeCamera) -> None:
    camera.dark = True
    with pytest.raises(SourceError, match="sent no picture"):
        source_of(camera).open()


def test_a_read_that_hangs_is_lost_and_does_not_hang_closing(camera: FakeCamera) -> None:
    source = source_of(camera)
    source.open()
    next_frame(source)
    camera.hanging.set()
    start = time.monotonic()
    assert final(source).state is SourceState.LOST
    source.close()
    assert time.monotonic() - start < 2
    camera.hanging.clear()
    source.open()
    next_frame(source)
    source.close()


def test_a_camera_that_hangs_from_the_start_is_refused_in_time(camera: FakeCamera) -> None:
    camera.hanging.set()
    start = time.monotonic()
    with pytest.raises(SourceError, match="does not answer"):
        source_of(camera, open_timeout_s=0.1).open()
    assert time.monotonic() - start < 2.5
    camera.hanging.clear()


def test_media_time_of_a_camera_is_real_time_also_over_a_gap(camera: FakeCamera) -> None:
    source = source_of(camera)
    source.open()
    first = next_frame(source)
    source.close()
    time.sleep(0.2)
    source.open()
    second = next_frame(source)
    source.close()
    assert first.time is not None
    assert second.time is not None
    real_s = (second.captured_ns - first.captured_ns) / 1e9
    assert second.time.seconds - first.time.seconds == pytest.approx(real_s, abs=0.05)


def test_what_nobody_thought_of_becomes_a_state(
    camera: FakeCamera, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = source_of(camera)
    source.open()

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(camera, "read", fail)
    lost = final(source)
    assert lost.state is SourceState.LOST
    assert "ZeroDivisionError" in lost.detail
    assert "failed" in caplog.text
