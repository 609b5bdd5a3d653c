"""The QA room in Italian: no page asks for a text that has no translation, and nothing of it is English."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QCoreApplication, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QPushButton, QTableView, QWidget

from app.gui.language import told
from app.gui.qa.library_forms import Form
from app.gui.qa.pages import Tab
from app.gui.qa.window import QaWindow
from app.qa.checking import settle
from app.qa.handover import Terms, hand_over
from app.qa.loading import load_results
from app.qa.opened import open_for_review
from app.qa.review import ReviewSession
from app.qa.worklist.audit import Stratum, sentence
from detector.errors import PolypwatchError
from tests.app.gui.italian import Missed, english_of
from tests.app.gui.qa.judged import label, procedures
from tests.app.gui.qa.qa_rig import listed, window

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
def missed(italian: None) -> Iterator[set[str]]:
    translator = Missed()
    QCoreApplication.installTranslator(translator)
    yield translator.texts
    QCoreApplication.removeTranslator(translator)


def english_in(window: QWidget) -> list[str]:
    """What is English of all that a person could read in it, tips too."""
    texts = {text.replace("0-Is", "") for widget in window.findChildren(QWidget) for text in texts_of(widget)}
    return sorted(text for text in texts if english_of(text))


def texts_of(widget: QWidget) -> Iterator[str]:
    yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription())
    if isinstance(widget, QLabel | QAbstractButton):
        yield widget.text()
    elif isinstance(widget, QLineEdit):
        yield widget.placeholderText()
    elif isinstance(widget, QComboBox):
        yield from (widget.itemText(n) for n in range(widget.count()))
    elif isinstance(widget, QTableView) and (model := widget.model()) is not None:
        for column in range(model.columnCount()):
            yield str(model.headerData(column, Qt.Orientation.Horizontal) or "")
            yield from (str(model.data(model.index(row, column)) or "") for row in range(min(model.rowCount(), 50)))


def test_every_page_speaks_italian(missed, qtbot, tmp_path, monkeypatch) -> None:
    path, *_ = procedures(tmp_path / "films", 2, labels=False)
    label(path)
    with window(qtbot, tmp_path, monkeypatch, path.parent) as opened:
        opened.resize(1280, 720)
        listed(qtbot, opened, 2)
        opened.library_page.table.selectRow(0)
        shown(qtbot, opened)
        for key in (Qt.Key.Key_F6, Qt.Key.Key_F6, Qt.Key.Key_F1):
            QTest.keyClick(opened, key)
            shown(qtbot, opened)
        QTest.keyClick(opened.help, Qt.Key.Key_Escape)
        worklist(qtbot, opened)
        figures(qtbot, opened)
        replay(qtbot, opened, path)
    assert sorted(missed) == []


def shown(qtbot, opened: QaWindow) -> None:
    qtbot.wait(20)
    opened.grab()
    assert english_in(opened) == []
    assert cut_off(opened) == []


def cut_off(window: QWidget) -> list[str]:
    """Words of buttons that have less room than they need."""
    buttons = [button for button in window.findChildren(QPushButton) if button.isVisible()]
    return [button.text() for button in buttons if button.width() < button.sizeHint().width()]


def worklist(qtbot, opened: QaWindow) -> None:
    opened.bar.tabs[Tab.WORKLIST].click()
    judging = opened.worklist.judging
    qtbot.waitUntil(lambda: judging.sitting.current is not None, timeout=20_000)
    qtbot.waitUntil(lambda: bool(judging.where.text()), timeout=20_000)
    assert "l'IA" in judging.why.text().lower() or "dà un allarme" in judging.why.text()
    shown(qtbot, opened)
    opened.worklist.choose_mode("audit")
    qtbot.waitUntil(lambda: bool(opened.worklist.audit.saying.buttons), timeout=20_000)
    shown(qtbot, opened)


def figures(qtbot, opened: QaWindow) -> None:
    opened.bar.tabs[Tab.FIGURES].click()
    page = opened.figures
    qtbot.waitUntil(lambda: page._findings is not None and page._findings.curves is not None, timeout=30_000)
    page.figures.table.choose(1)
    shown(qtbot, opened)
    for key in (Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4):
        QTest.keyClick(opened, key, Qt.KeyboardModifier.AltModifier)
        shown(qtbot, opened)


def replay(qtbot, opened: QaWindow, path: Path) -> None:
    opened.open(path)
    qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
    qtbot.waitUntil(lambda: not opened.replay.page.learning.gathering, timeout=20_000)
    shown(qtbot, opened)
    QTest.keyClick(opened.focusWidget() or opened, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    shown(qtbot, opened)


def test_every_form_speaks_italian(missed, qtbot, tmp_path, monkeypatch) -> None:
    path = procedures(tmp_path / "films", 1)[0]
    with window(qtbot, tmp_path, monkeypatch, path.parent) as opened:
        listed(qtbot, opened, 1)
        opened.library_page.table.selectRow(0)
        seen = 0
        for words, button in opened.library_page.actions_bar.buttons.items():
            if "…" not in words:
                continue
            button.click()
            qtbot.waitUntil(lambda: any(form.isVisible() for form in opened.findChildren(Form)), timeout=30_000)
            form = next(form for form in opened.findChildren(Form) if form.isVisible())
            assert english_in(form) == []
            assert not english_of(form.windowTitle())
            form.reject()
            seen += 1
        assert seen >= 4
    assert sorted(missed) == []


def test_what_comes_from_below_is_told_in_italian(italian, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    path = procedures(tmp_path / "films", 1)[0]
    for name, keep in (("red", 9_000), ("blue", 30_000)):
        results = path.with_name(f"{path.stem}.analysis-{name}-1.0-fp32.json")
        results.write_text(results.read_text()[:keep] + ("" if name == "red" else "\n]}"))
    problems = load_results(settle(open_for_review(path))).problems
    assert problems
    session = ReviewSession.open(open_for_review(path), "Anna Rossi", folder=tmp_path)
    with pytest.raises(PolypwatchError) as no_lesion:
        session.erase(3, 99)
    session.close()
    with pytest.raises(PolypwatchError) as no_name:
        hand_over([path], tmp_path / "out.json", Terms("", "", "", ""))
    said = [*problems, str(no_lesion.value), str(no_name.value)]
    said.append(sentence(20, [Stratum("a", 100, 60, 2, 0)], 5.0))
    for words in said:
        assert english_of(told(words).replace(str(tmp_path), "")) == [], words
    assert told("lesion 3 was never found, in 20 frames") == "lesione 3: mai rilevata, in 20 fotogrammi"
    assert told("Sensitivity 91 % (82 to 97); 25 more minutes give about ±5.") == (
        "Sensibilità 91 % (da 82 a 97); altri 25 minuti danno circa ±5."
    )
    assert told("false-positive events >= 0.5 s, per minute") == "eventi falsi positivi >= 0,5 s, al minuto"
