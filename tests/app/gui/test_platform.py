import subprocess
import sys

import pytest

from app.gui import platform

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")


@pytest.fixture(autouse=True)
def _xcb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def test_no_display_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "no display" in platform.display_problem()


def test_a_display_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4242")
    monkeypatch.setattr(platform, "missing_libraries", lambda with_display: [])
    assert platform.display_problem() == "The display :4242 does not answer."


def test_offscreen_needs_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert platform.display_problem() == ""


def test_missing_libraries_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(platform, "_loads", lambda library: library != "libxcb-cursor.so.0")
    assert platform.missing_libraries(with_display=True) == ["libxcb-cursor0"]
    assert "apt-get install libxcb-cursor0" in platform.display_problem()


def test_asking_does_not_import_qt() -> None:
    code = "import sys, app.gui.platform, app.gui.options; sys.exit('PyQt6' in str(list(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
