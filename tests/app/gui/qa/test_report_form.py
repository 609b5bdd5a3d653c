"""The report of chosen procedures: asked for in a form, written beside the window, as PDF too."""

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtPdf import QPdfDocument
from PyQt6.QtWidgets import QComboBox, QLineEdit

from app.gui.qa.report_form import ask_for_report, write_qa_report
from app.gui.qa.report_pdf import qa_pdf
from app.qa.report.blocks import Charts, Gallery, Page, Shot, Table, Title, Words
from app.qa.report.gathering import Asked
from app.qa.scoring import Wanted
from detector.svg import Axis, line_chart
from tests.app.gui.qa.qa_rig import listed, window
from tests.app.qa.films import write_film
from tests.app.qa.made_results import annotate, jittered, red_boxes, write_results

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")  # of dialogs, which the offscreen screen cannot do
FRAMES = 100


@pytest.fixture
def reviewed(tmp_path: Path) -> Path:
    """A film with labels and a model's answers."""
    folder = tmp_path / "lib"
    folder.mkdir()
    video = write_film(folder / "film.mp4", FRAMES)
    labels = annotate(video, folder / "film.json", FRAMES, red_boxes(FRAMES))
    write_results(folder / "film.analysis-scripted-1-fp32.json", video, jittered(labels, 1))
    return video


def letters_of(words: str) -> str:
    return "".join(words.split())


def text_of(file: Path) -> list[str]:
    """The letters on each page of a PDF; spaces are lost, because words are taken apart at them and elsewhere."""
    document = QPdfDocument(None)
    assert document.load(str(file)) == QPdfDocument.Error.None_
    pages = [letters_of(document.getAllText(k).text()) for k in range(document.pageCount())]
    document.close()
    return pages


def test_the_report_is_written_once_the_form_says_where(qtbot, tmp_path, monkeypatch, reviewed) -> None:
    with window(qtbot, tmp_path, monkeypatch, reviewed.parent) as opened:
        listed(qtbot, opened, 1)
        opened.library_page.table.selectAll()
        bar = opened.library_page.actions_bar
        assert bar.buttons["Report…"].isEnabled()
        form = ask_for_report(bar.work, [reviewed])
        assert not form.go.isEnabled()
        model = next(field for field in form.findChildren(QComboBox) if field.accessibleName() == "Model")
        qtbot.waitUntil(lambda: model.count() == 2, timeout=30_000)
        model.setCurrentText("scripted 1 fp32")
        place = next(field for field in form.findChildren(QLineEdit) if field.accessibleName() == "Folder")
        place.setText(str(tmp_path / "out"))
        qtbot.mouseClick(form.go, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not bar.work.running and opened.notices.isVisible(), timeout=60_000)
        assert "The report is written" in opened.notices.words.text()
    found = "".join(text_of(tmp_path / "out" / "qa-report.pdf"))
    for words in ("Quality report: film", "lesion sensitivity", "scripted 1 fp32", "Research use only"):
        assert letters_of(words) in found


def test_what_cannot_be_scored_is_said(qtbot, tmp_path, reviewed) -> None:
    bare = write_film(reviewed.parent / "bare.mp4", 20)
    how = Asked(Wanted(cache=tmp_path / "cache"), draws=100)
    [made] = write_qa_report([reviewed, bare], tmp_path / "out", how)
    assert made.has_figures
    [why] = made.not_scored
    assert why.startswith("bare: ")
    assert made.pdf is not None
    assert letters_of("Not scored: bare") in "".join(text_of(made.pdf))


def test_a_pdf_has_everything_and_no_heading_stands_alone(qtbot, tmp_path) -> None:
    svg = line_chart([(0, 0), (1, 1)], Axis("x"), Axis("y"))
    rows = tuple((f"figure {k} <b>", "91.0 %") for k in range(48))
    blocks = [Table(("", "value"), rows), Title("Below the table"), Words("What follows."), Words("Said.", "note")]
    blocks += [Title("Curves"), Charts(tuple((f"chart {k}", svg) for k in range(9)))]
    blocks += [Title("Worst"), Gallery((Shot(b"", "a miss", "op-1, 0:12.00"), Shot(b"no jpeg", "another", "op-2")))]
    file = tmp_path / "report.pdf"
    file.write_bytes(qa_pdf(Page("A report", "of a test", tuple(blocks))))
    pages = text_of(file)
    whole = "".join(pages)
    for words in ("figure 47 <b>", "What follows.", "Said.", "chart 8", "a miss", "The picture cannot be read."):
        assert letters_of(words) in whole
    assert all(f"{k}/{len(pages)}" in page for k, page in enumerate(pages, 1))
    for heading, follows in (("Below the table", "What follows."), ("Curves", "chart 0"), ("Worst", "a miss")):
        assert [letters_of(heading) in page for page in pages] == [letters_of(follows) in page for page in pages]


def test_headings_that_move_to_the_next_page_lose_nothing_behind_them(qtbot, tmp_path) -> None:
    blocks = []
    for number in range(12):
        rows = tuple((f"row {number}-{k}", "1.0") for k in range(19))
        blocks += [Title(f"Part {number}."), Title(f"Half {number}.", 3), Table(("", "value"), rows)]
    blocks.append(Words("The last words.", "soft"))
    file = tmp_path / "report.pdf"
    file.write_bytes(qa_pdf(Page("A report", "of a test", tuple(blocks))))
    pages = text_of(file)
    for number in range(12):
        on = [k for k, page in enumerate(pages) for words in (f"Part{number}.", f"Half{number}.") if words in page]
        assert len(on) == 2
        assert on == [k for k, page in enumerate(pages) if f"row{number}-0" in page for _ in "ph"]
        assert sum(f"row{number}-18" in page for page in pages) == 1
    assert letters_of("The last words.") in pages[-1]
