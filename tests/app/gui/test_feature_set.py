"""What breaks in a feature is told; the picture and the other features go on."""

import sys

import pytest
from pytestqt.qtbot import QtBot

from app.gui.painting import as_bgr
from app.snapshot import LiveSnapshot
from detector.errors import OutputError
from tests.app.gui.conftest import OpenWindow
from tests.app.gui.fakes import FakeFeatures, FakeSession, picture, snapshot
from tests.app.gui.test_window import flags, notice


class Broken(FakeFeatures):
    error: Exception = KeyError("nobody expected this")
    breaks = False

    def refresh(self, snapshot: LiveSnapshot) -> None:
        if self.breaks:
            raise self.error
        super().refresh(snapshot)


def test_a_feature_that_breaks_is_flagged_and_the_picture_goes_on(
    open_window: OpenWindow, session: FakeSession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, whole = Broken(), FakeFeatures()
    window = open_window(features=(broken, whole))
    caught: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: caught.append(str(error)))
    broken.breaks = True
    session.show(snapshot(picture(bgr=(0, 200, 0)), index=300))
    window.page.refresh()
    assert "nobody expected this" in caught[0]
    assert flags(window)[0] == "A PART OF THE PAGE HAS FAILED"
    assert whole.seen.frame is not None
    assert whole.seen.frame.index == 300
    assert (as_bgr(window.page.canvas.grab().toImage()) == [0, 200, 0]).all(axis=2).any()
    window.close()
    assert whole.closed
    monkeypatch.undo()


def test_what_a_feature_says_for_the_user_is_a_notice_and_no_failure(
    open_window: OpenWindow, session: FakeSession, caplog: pytest.LogCaptureFixture
) -> None:
    feature = Broken()
    window = open_window(features=(feature,))
    feature.error, feature.breaks = OutputError("The folder is full.", "Choose another."), True
    window.page.refresh()
    assert notice(window) == "The folder is full."
    assert "A PART OF THE PAGE HAS FAILED" not in flags(window)
