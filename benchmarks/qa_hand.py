"""The hands and the knowledge of a scripted reader, for `benchmarks.screens_qa`: keys and clicks, counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QLineEdit, QWidget

from app.gui.application import application
from app.gui.qa.window import QaWindow
from app.qa.worklist.clips import Clip
from detector.annotation import Annotation
from detector.geometry import as_boxes, iou_matrix

_WAIT_S = 300.0
_NONE = Qt.KeyboardModifier.NoModifier
Box = tuple[float, float, float, float]


class Hand:
    """Keys and mouse of a person, counted by what they are for.

    Args:
        window: that they work at.
    """

    def __init__(self, window: QaWindow) -> None:
        self.window = window
        self.part = ""
        self.keys: Counter[str] = Counter()
        self.clicks: Counter[str] = Counter()

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = _NONE, *, at: QWidget | None = None) -> None:
        """Press a key where the keyboard is."""
        self.keys[self.part] += 1
        QTest.keyClick(at or self.window.focusWidget() or self.window, key, modifier)
        settle(0.02)

    def type(self, field: QLineEdit, text: str) -> None:
        """Type into a field; counts as one key for each letter."""
        self.keys[self.part] += len(text)
        field.clear()
        QTest.keyClicks(field, text)

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        """Click."""
        self.clicks[self.part] += 1
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=at or widget.rect().center())
        settle(0.02)

    def drag(self, widget: QWidget, begin: QPoint, end: QPoint) -> None:
        """Press, move, let go; counts as one click."""
        self.clicks[self.part] += 1
        QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=begin)
        QTest.mouseMove(widget, (begin + end) / 2)
        QTest.mouseMove(widget, end)
        QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=end)
        settle(0.02)


def settle(seconds: float) -> None:
    """Let the window work."""
    end = time.monotonic() + seconds
    while True:
        application().processEvents()
        if time.monotonic() >= end:
            return
        time.sleep(0.01)


def until(holds: Callable[[], object], what: str) -> None:
    """Let the window work until something holds.

    Raises:
        SystemExit: it never did.
    """
    end = time.monotonic() + _WAIT_S
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not happen within {_WAIT_S:.0f} s.")
        settle(0.05)


class Reader:
    """Knows the truth of the phantom.

    Args:
        truth: of every frame.
    """

    def __init__(self, truth: Annotation) -> None:
        self.boxes = {f.index: {m.lesion: m.box for m in f.marks if m.box is not None} for f in truth.frames}

    def says(self, clip: Clip) -> Qt.Key:
        """The key of the right answer to a clip."""
        seen = [box for at in range(clip.first, clip.last + 1) for box in self.boxes.get(at, {}).values()]
        if not clip.boxes:
            return Qt.Key.Key_Y if seen else Qt.Key.Key_N
        return Qt.Key.Key_1 if any(self._meets(b.position, b.box) for b in clip.boxes) else Qt.Key.Key_2

    def _meets(self, position: int, box: Box) -> bool:
        there = list(self.boxes.get(position, {}).values())
        return bool(there) and float(iou_matrix(as_boxes([box]), as_boxes(there)).max()) >= 0.2
