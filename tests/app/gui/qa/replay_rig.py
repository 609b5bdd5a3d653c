"""A replay page on a small film with labels and the answers of two models, and what a test does with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, QPoint, Qt
from PyQt6.QtTest import QTest

from app.gui.qa.background import Background
from app.gui.qa.replay_page import ReplayPage
from app.gui.qa.review_canvas import ReviewCanvas
from app.qa.axis import plain_axis
from app.qa.checking import settle
from app.qa.opened import open_for_review
from app.qa.review import ReviewSession
from app.qa.sessions import Lease, Sessions


class Desk(QObject):
    """What a window gives a page; remembers what it was asked for."""

    def __init__(self, *, blinded: bool = False, reviews: Path | None = None, reviewer: str = "Anna Rossi") -> None:
        super().__init__()
        self.reviewer, self.blinded, self.reviews = reviewer, blinded, reviews
        self.sessions = Sessions(reviewer, blinded=blinded, folder=reviews)
        self.opened: list[tuple[Path, int | None]] = []
        self.said: list[str] = []
        self.background = Background(lambda error: self.said.append(str(error)))

    def open(self, path: Path, position: int | None = None, *, results: Sequence[Path] = ()) -> None:
        self.opened.append((path, position))

    def notify(self, text: str, todo: str = "", *, trouble: bool = False) -> None:
        self.said.append(f"{text} {todo}".strip())

    def run_in_background(self, work: Any, done: Any, failed: Any = None, *, owner: QObject) -> Any:
        return self.background.run(work, done, failed, owner)


class Rig:
    """The page with its desk; `until` waits for what threads do."""

    def __init__(self, qtbot, path: Path, desk: Desk, *, counted: bool = True, **options: Any) -> None:
        self.qtbot, self.desk = qtbot, desk
        if counted:
            settle(open_for_review(path))
            self.lease = desk.sessions.lease(path)
        else:
            self.lease = estimated(path, desk.reviewer)
        self.page = ReplayPage(self.lease.opened, self.lease.session, desk, **options)
        qtbot.addWidget(self.page)
        self.page.resize(1280, 720)
        self.page.show()
        qtbot.waitExposed(self.page)
        self.page.activateWindow()
        qtbot.waitUntil(self.page.isActiveWindow, timeout=30_000)
        self.page.entered()
        self.until(lambda: self.page.player.state().exact)
        self.page.refresh()

    @property
    def canvas(self) -> ReviewCanvas:
        return self.page.parts.canvas

    @property
    def document(self):
        return self.page.session.document

    def until(self, holds: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(holds, timeout=30_000)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.page.focusWidget() or self.page, key, modifier)

    def type(self, text: str) -> None:
        QTest.keyClicks(self.page.focusWidget() or self.page, text)

    def to(self, position: int) -> None:
        self.page.going.to(position)
        self.until(lambda: self.page.position == position and self.page.player.state().exact)

    def written(self) -> None:
        """Everything is on the disk, and shown."""
        for canvas in self.page.parts.canvases:
            canvas.finish_nudge()
        self.until(lambda: self.page.scribe.waiting == 0)
        self.page.refresh()

    def drag(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        a, b = (self.canvas.at(point).toPoint() for point in (begin, end))
        self.qtbot.mousePress(self.canvas, Qt.MouseButton.LeftButton, pos=a)
        self.qtbot.mouseMove(self.canvas, (a + b) / 2)
        self.qtbot.mouseMove(self.canvas, b)
        self.qtbot.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, pos=b)
        self.written()

    def click(self, point: tuple[float, float]) -> None:
        self.qtbot.mouseClick(self.canvas, Qt.MouseButton.LeftButton, pos=self.canvas.at(point).toPoint())
        self.written()

    def on_timeline(self, position: float, y: int = 26) -> QPoint:
        return QPoint(round(self.page.parts.timeline.x_of(position)), y)

    def drag_timeline(self, first: float, last: float) -> None:
        timeline = self.page.parts.timeline
        a, b = self.on_timeline(first), self.on_timeline(last)
        self.qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=a)
        self.qtbot.mouseMove(timeline, (a + b) / 2)
        self.qtbot.mouseMove(timeline, b)
        self.qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=b)

    def close(self) -> None:
        self.page.close_page()
        self.lease.release()


def estimated(path: Path, reviewer: str) -> Lease:
    """As a large film is first: nobody has counted its frames."""
    known = open_for_review(path)
    axis = plain_axis(known.axis.times_s.copy(), known.axis.end_s, whole=False)
    opened = replace(known, axis=axis, indices=(None,), checked=False)
    session = ReviewSession.open(opened, reviewer)
    return Lease(opened, session, session.close)


@contextmanager
def rig(qtbot, path: Path, **options: Any) -> Iterator[Rig]:
    desk = options.pop("desk", None) or Desk()
    made = Rig(qtbot, path, desk, **options)
    try:
        yield made
    finally:
        made.close()
        desk.background.close()
