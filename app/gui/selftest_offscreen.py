"""The self-test without a screen: the same paints, into a picture that nobody sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.gui.application import application
from app.gui.painting import render_to_image
from app.gui.signs import View, shown_markers
from app.live import AiFactory
from app.selftest import SelfTest, show_without_window
from app.selftest_checks import SelfTestResult
from app.snapshot import LiveSnapshot
from detector.alerts import Marker
from detector.geometry import Size

_SIZE = Size(1280, 800)


def run_selftest(
    make_ai: AiFactory, stopped: Callable[[], bool] = lambda: False, test: SelfTest | None = None
) -> SelfTestResult | None:
    """Test the whole chain but the sound, which needs a window; None if it was stopped.

    Call with ``QT_QPA_PLATFORM=offscreen``.

    Args:
        make_ai: builds the AI process.
        stopped: asked often; True ends the test.
        test: default: the bundled phantom.
    """
    application()
    return show_without_window(test or SelfTest(make_ai), _paint, stopped)


def _paint(snapshot: LiveSnapshot) -> Sequence[Marker]:
    view = View()
    render_to_image(snapshot, _SIZE, view)
    return shown_markers(snapshot, view)
