"""From a film to the inset: a real session on the phantom raises an alert, and the pedal plays it while it runs on."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from app.capture import MemorySource, Paced, file_source
from app.gui.keys import Action
from app.gui.options import WindowOptions
from app.gui.replay_inset import ReplayInset
from app.gui.window import LiveWindow
from app.live import LiveSession, LiveSettings
from app.phantom import bundled
from app.replay_buffer import ReplayBuffer
from detector.annotation import load_annotation
from detector.detections import Detections, DetectorInfo
from detector.frame import Frame
from detector.watchdog import AiState
from detector.worker import AiReport
from tests.app.gui.fakes import FakePlayer

INFO = DetectorInfo("truth", "1", "cpu", "0" * 64, 0.5, ("polyp",), "cpu")
BEFORE, COUNT, SIDE = 12, 60, 4
PLAYED = 500  # to and fro: the film must not end before the test is done, however slow the machine is


def there_and_back(index: int) -> int:
    """Which picture of the film is played at this index."""
    at = index % (2 * COUNT - 2)
    return min(at, 2 * COUNT - 2 - at)


class Truth:
    """An AI that answers at once with what the phantom's truth says; the session does all the rest."""

    def __init__(self, boxes: dict[int, list], on_result) -> None:
        self.boxes, self.on_result = boxes, on_result

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def set_enabled(self, enabled: bool) -> None: ...

    def submit(self, frame: Frame) -> None:
        boxes = np.array(self.boxes[there_and_back(frame.index)], np.float32).reshape(-1, 4)
        scores, classes = np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64)
        self.on_result(Detections(frame.index, frame.time, boxes, scores, classes), frame.captured_ns)

    def snapshot(self, now_ns: int) -> AiReport:
        return AiReport(AiState.ON, "", INFO, 0, 0, 0, 0, None, None, 1, True)


def film() -> tuple[list[np.ndarray], dict[int, list]]:
    """Some frames of the phantom in which a lesion comes into view, in small, and its boxes."""
    truth = load_annotation(bundled().annotation)
    first = next(n for n in range(100, 2000) if all(truth.marks(n + k) for k in range(COUNT - BEFORE))) - BEFORE
    source, images, boxes = file_source(bundled().video), [], {}
    source.open()
    for number in range(first + COUNT):
        frame = source.read()
        if number >= first:
            assert isinstance(frame, Frame)
            boxes[len(images)] = [[v / SIDE for v in mark.box] for mark in truth.marks(number)]
            images.append(cv2.resize(frame.image, (frame.size.width // SIDE, frame.size.height // SIDE)))
    source.close()
    return images, boxes


def test_the_alert_of_a_session_is_played_while_the_session_runs_on(qtbot, tmp_path) -> None:
    images, boxes = film()
    source = Paced(MemorySource([images[there_and_back(n)] for n in range(2 * COUNT - 2)], Fraction(25), PLAYED))
    session = LiveSession(
        source, "phantom", lambda on_result, *_: Truth(boxes, on_result), LiveSettings(wait_for_ai_s=0.1)
    )
    made: list[ReplayInset] = []

    def make(page) -> ReplayInset:
        made.append(ReplayInset(page, ReplayBuffer(page.session)))
        return made[0]

    window = LiveWindow(session, WindowOptions(tmp_path, features=(make,)), player=FakePlayer())
    qtbot.addWidget(window)
    try:
        window.begin()
        qtbot.waitUntil(lambda: session.snapshot().new_alerts > 0 and bool(session.snapshot().markers), timeout=10_000)
        window.page.perform(Action.REPLAY)
        inset = made[0].inset
        assert inset.isVisible()
        at_first, seen_at_first = inset.picture, session.snapshot().frame.index
        qtbot.waitUntil(lambda: session.snapshot().frame.index > seen_at_first + 5, timeout=10_000)
        assert inset.picture.captured_ns < session.snapshot().frame.captured_ns, "it is not the live picture"
        assert at_first.markers == (), "it begins before the alert"
        qtbot.waitUntil(lambda: inset.picture is not None and bool(inset.picture.markers), timeout=10_000)
        image = inset.grab().toImage()
        row = [image.pixelColor(image.width() // 2 + x, image.height() // 2) for x in range(-40, 40)]
        assert np.mean([colour.red() - colour.blue() for colour in row]) > 10, "mucosa"
    finally:
        window.close()
    assert made[0]._buffer.last_alert() is not None
