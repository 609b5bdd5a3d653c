"""Handing procedures out of the library: asked for in a form, done beside the window, said when it is done."""

import os
import shutil
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QCheckBox, QComboBox, QLineEdit

from app.gui.qa.library_forms import Form
from app.gui.qa.library_hand_out import ask_for_copy, ask_for_export, ask_for_training
from app.phantom import bundled
from tests.app.gui.qa.qa_rig import listed, window
from tests.app.qa.library.made import write_examination

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # of dialogs, which the offscreen screen cannot do


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """The phantom with its truth, in a folder of the test."""
    folder = tmp_path / "lib"
    folder.mkdir()
    for file in (bundled().video, bundled().video.with_suffix(".json")):
        try:
            os.link(file, folder / file.name)
        except OSError:
            shutil.copy(file, folder)
    return folder / bundled().video.name


def test_labels_are_exported_once_the_form_is_whole(qtbot, tmp_path, monkeypatch, labelled) -> None:
    with window(qtbot, tmp_path, monkeypatch, labelled.parent) as opened:
        listed(qtbot, opened, 1)
        opened.library_page.table.selectAll()
        work = opened.library_page.actions_bar.work
        form = ask_for_export(work, [labelled])
        assert not form.go.isEnabled()
        _field(form, QComboBox, "Format").setCurrentText("csv")
        _field(form, QLineEdit, "Empty folder").setText(str(tmp_path / "out"))
        assert form.go.isEnabled()
        qtbot.mouseClick(form.go, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not work.running and opened.notices.isVisible(), timeout=30_000)
        assert "Labels of 1 videos" in opened.notices.words.text()
        assert list((tmp_path / "out").glob("*.csv"))


def test_what_cannot_be_written_is_said(qtbot, tmp_path, monkeypatch, labelled) -> None:
    with window(qtbot, tmp_path, monkeypatch, labelled.parent) as opened:
        work = opened.library_page.actions_bar.work
        form = ask_for_export(work, [labelled])
        _field(form, QComboBox, "Format").setCurrentText("csv")
        _field(form, QLineEdit, "Empty folder").setText(str(labelled.parent))
        qtbot.mouseClick(form.go, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not work.running and opened.notices.isVisible(), timeout=30_000)
        assert "holds something already" in opened.notices.words.text()
        assert opened.notices.words.objectName() == "caution"


def test_a_copy_without_identity_is_made(qtbot, tmp_path, monkeypatch) -> None:
    exam = write_examination(tmp_path / "lib")
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        work = opened.library_page.actions_bar.work
        form = ask_for_copy(work, [exam])
        _field(form, QLineEdit, "Folder").setText(str(tmp_path / "out"))
        qtbot.mouseClick(form.go, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not work.running and opened.notices.isVisible(), timeout=60_000)
        assert opened.notices.words.text().startswith("1 copies")
        (copy,) = (tmp_path / "out").iterdir()
        assert exam.name not in copy.name
        assert (copy / "video-001.mkv").exists()


def test_without_consent_nothing_is_handed_over(qtbot, tmp_path, monkeypatch, labelled) -> None:
    out = tmp_path / "handover.json"
    with window(qtbot, tmp_path, monkeypatch, labelled.parent) as opened:
        work = opened.library_page.actions_bar.work
        form = ask_for_training(work, [labelled])
        for name, text in (("Data set", "trial"), ("Licence", "internal"), ("New file", str(out))):
            _field(form, QLineEdit, name).setText(text)
        assert not form.go.isEnabled()
        _field(form, QLineEdit, "Consent by").setText("DPO-1")
        qtbot.mouseClick(form.go, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not work.running and opened.notices.isVisible(), timeout=60_000)
        assert "1 procedures are handed over" in opened.notices.words.text()
    assert out.exists()


def test_the_boxes_of_a_form_can_be_reached_by_keys(qtbot, tmp_path, monkeypatch) -> None:
    with window(qtbot, tmp_path, monkeypatch) as opened:
        form = ask_for_copy(opened.library_page.actions_bar.work, [])
        assert all(box.focusPolicy() & Qt.FocusPolicy.TabFocus for box in form.findChildren(QCheckBox))
        qtbot.keyClick(form, Qt.Key.Key_Escape)
        assert not form.isVisible()


def _field(form: Form, kind: type, name: str):
    return next(field for field in form.findChildren(kind) if field.accessibleName() == name)
