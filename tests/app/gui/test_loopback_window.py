"""The time code on the screen, and the whole loop: shown, sent, received and read, with a delay that is known."""

import queue
import threading
import time
from fractions import Fraction

import av
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage

from app.bench.loopback import Tally, measure
from app.bench.timecode import Code, Reader, Reading
from app.capture import make_source
from app.gui import loopback_window
from app.gui.interrupts import Interrupts
from app.gui.loopback_window import LoopbackWindow, show_codes
from app.gui.painting import as_bgr
from detector.errors import UsageError
from tests.app.capture.senders import free_udp_port

_SENT = (640, 360)


@pytest.fixture
def tally() -> Tally:
    return Tally(77)


@pytest.fixture
def open_window(qtbot, tally):
    def open_it(trouble: str = "", seconds: float = 60.0) -> LoopbackWindow:
        window = LoopbackWindow(tally, lambda: trouble, seconds)
        qtbot.addWidget(window)
        window.resize(*_SENT)
        window.show()
        qtbot.waitExposed(window)
        return window

    return open_it


def code_in(image: QImage) -> Code | None:
    return Reader().read(as_bgr(image)).code


def test_codes_follow_each_other_and_every_one_is_told_when_it_was_painted(qtbot, open_window, tally):
    window, codes = open_window(), []
    window.painted.append(lambda picture: codes.append(code_in(picture)))
    qtbot.waitUntil(lambda: len(codes) >= 5)
    assert codes == [Code(77, codes[0].number + place) for place in range(len(codes))]
    result = tally.result("x")
    assert result.shown >= len(codes)


def test_what_is_on_the_screen_can_be_read_with_all_its_words(open_window, tally):
    window = open_window(trouble="The camera is gone: " + "it was unplugged, " * 20)
    grabbed = window.grab().toImage()
    assert code_in(grabbed) is not None


def test_a_screen_that_is_not_wide_works_too(open_window):
    window = open_window()
    window.resize(800, 1000)
    assert code_in(window.picture()) is not None


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Q])
def test_esc_and_q_leave(qtbot, open_window, key):
    window = open_window()
    with qtbot.waitSignal(window.closed):
        qtbot.keyClick(window, key)


def test_it_closes_so_long_after_the_first_picture(qtbot, open_window, tally):
    window = open_window(seconds=0.1)
    qtbot.waitUntil(lambda: tally.result("x").shown > 0)
    assert window.isVisible()
    with qtbot.waitSignal(window.closed):
        tally.taken(Reading(False), time.perf_counter_ns())


def test_it_does_not_wait_for_ever_for_a_source(qtbot, open_window, monkeypatch):
    monkeypatch.setattr(loopback_window, "_NO_PICTURE_S", 0.2)
    window = open_window()
    qtbot.waitUntil(lambda: not window.isVisible())


def test_a_screen_that_does_not_exist_is_refused(tally):
    with pytest.raises(UsageError, match="There is no screen 9"):
        show_codes(tally, lambda: "", 1.0, 9, Interrupts())


class DelayedSender:
    """Sends pictures as MPEG-TS over UDP, each so long after it was handed in. Numbers are times 1/50 s."""

    def __init__(self, url: str, delay_s: float) -> None:
        self._url, self._delay_s = url, delay_s
        self._pictures: queue.Queue[tuple[float, QImage] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def __enter__(self) -> "DelayedSender":
        self._thread.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self._pictures.put(None)
        self._thread.join()

    def add(self, picture: QImage) -> None:
        self._pictures.put((time.monotonic(), picture))

    def _run(self) -> None:
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "threads": "1", "crf": "30"}
        with av.open(f"{self._url}?pkt_size=1316", "w", format="mpegts", options={"flush_packets": "1"}) as out:
            stream = out.add_stream("libx264", rate=20, options=options)
            (stream.width, stream.height), stream.pix_fmt = _SENT, "yuv420p"
            number = 0
            while (item := self._pictures.get()) is not None:
                at_s, picture = item
                time.sleep(max(0.0, at_s + self._delay_s - time.monotonic()))
                image = as_bgr(picture.scaled(*_SENT))
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = number, Fraction(1, 20)
                number += 1
                out.mux(stream.encode(frame))


def test_the_measured_delay_is_the_injected_one(qtbot, monkeypatch):
    """Never less than what was injected; more only by encoding, network, decoding and the next picture."""
    injected_s = 0.4
    url = f"udp://127.0.0.1:{free_udp_port()}"
    with DelayedSender(url, injected_s) as sender, Interrupts() as interrupts:

        class Sent(LoopbackWindow):
            def __init__(self, *args: object) -> None:
                super().__init__(*args)
                self.painted.append(sender.add)

        monkeypatch.setattr(loopback_window, "LoopbackWindow", Sent)
        result = measure(make_source(url), "stream", 2.5, None, interrupts, show_codes)
    assert result.foreign == 0
    assert result.seen >= 5
    assert result.delay_ms is not None
    # The quickest of them: on a busy machine any other may have waited.
    assert 400 <= result.delay_ms["min"] <= 700
    assert result.delay_ms["min"] <= result.delay_ms["p50"] <= result.delay_ms["max"]


def test_a_stream_that_shows_something_else_gives_no_delay(qtbot, monkeypatch):
    url = f"udp://127.0.0.1:{free_udp_port()}"
    with DelayedSender(url, 0.0) as sender, Interrupts() as interrupts:

        class Dark(LoopbackWindow):
            def __init__(self, *args: object) -> None:
                super().__init__(*args)
                black = QImage(*_SENT, QImage.Format.Format_RGB32)
                black.fill(0)
                self.painted.append(lambda _: sender.add(black))

        monkeypatch.setattr(loopback_window, "LoopbackWindow", Dark)
        result = measure(make_source(url), "stream", 0.5, None, interrupts, show_codes)
    assert result.delay_ms is None
    assert result.empty == result.pictures > 0
