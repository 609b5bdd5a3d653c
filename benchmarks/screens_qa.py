"""A review from beginning to end in the QA window, with pictures of every page: what docs/qa.md shows.

    python -m benchmarks.screens_qa OUT [--size 1600x900] [--keep FOLDER] [--against MODEL]

The real window, offscreen, on copies of the bundled phantom in a folder of its own: some with labels and results, one
that nobody has looked at, and one that is broken. A scripted reader who knows the truth does what a person would do,
with keys and mouse: analyses, answers the worklist and an audit, corrects three lesions, marks what is reviewed,
publishes, compares two models, moves the limits, hands over. What each part took in keys and clicks is printed. Figures
on the pictures are of one rendered colon, many times: they say nothing about a model.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6 import sip
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage, QPainter
from PyQt6.QtPdf import QPdfDocument
from PyQt6.QtWidgets import QComboBox, QDialog, QLineEdit, QWidget

from app.gui.application import application
from app.gui.language import use_language
from app.gui.qa.library_forms import Form
from app.gui.qa.pages import Tab
from app.gui.qa.replay_page import ReplayPage
from app.gui.qa.window import QaWindow
from app.phantom import bundled
from app.qa.room import Room
from benchmarks.qa_copies import LABELLED, NEW, make_library
from benchmarks.qa_hand import Hand, Reader, settle, until
from benchmarks.screens import save_small
from detector.annotation import load_annotation

_PLACES = (430, 1712, 2060)
"""Where one lesion alone is in the picture, and stays for a while."""
_CTRL, _ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


class Walk:
    """The review, part by part.

    Args:
        window: open, on the library.
        folder: of the procedures.
        keep: keeps a picture of a widget under a name.
    """

    def __init__(self, window: QaWindow, folder: Path, keep: Callable[[str, QWidget], None]) -> None:
        self.window, self.folder, self.keep = window, folder, keep
        self.hand = Hand(window)
        self.reader = Reader(load_annotation(bundled().annotation))
        self.new = folder / f"{NEW}.mp4"

    def library(self) -> None:
        """What is there, and the new one analysed in the background."""
        window, hand = self.window, self.hand
        hand.part = "library, analysis"
        page = window.library_page
        until(lambda: page.model.rowCount() == LABELLED + 2 and not window.library.scan_state.running, "Listing")
        settle(3)
        self.keep("library", window)
        hand.key(Qt.Key.Key_F, _CTRL)
        hand.type(page.search, "room-2")
        until(lambda: page.model.rowCount() == 1 and not page.asking, "Searching")
        hand.key(Qt.Key.Key_Return)
        window.analyse([self.new], "fast")  # Ctrl+R asks for a model where several are installed
        hand.keys[hand.part] += 1
        hand.key(Qt.Key.Key_F6)
        until(self.under_way, "Analysing")
        settle(0.5)
        self.keep("analyses", window)
        until(lambda: not window.jobs.snapshot().busy, "The end of the analysis")
        hand.key(Qt.Key.Key_F6)

    def under_way(self) -> bool:
        """Whether an analysis is far enough to be seen, or over."""
        jobs = self.window.jobs.snapshot()
        return any(job.frames > 200 or job.state.over for job in jobs.jobs)

    def worklist(self) -> None:
        """Every clip of the new one."""
        window, hand = self.window, self.hand
        hand.part = "worklist"
        page = window.library_page
        until(lambda: not page.asking and page.model.rowCount() == 1, "Listing")
        page.table.setFocus()
        page.table.selectRow(0)
        hand.key(Qt.Key.Key_L, _CTRL)
        judging = window.worklist.judging
        until(lambda: judging._seen_s is not None, "The first clip")
        settle(2.2)
        self.keep("worklist", window)
        self.answer(judging)
        until(lambda: window.worklist.stack.currentWidget() is window.worklist.saying, "The end of the worklist")
        hand.part = "miss audit"
        hand.key(Qt.Key.Key_A)
        audit = window.worklist.audit
        until(lambda: audit.saying.buttons, "The audit")
        settle(0.5)
        self.keep("audit_offer", window)
        hand.click(audit.saying.buttons[-1])
        until(lambda: audit.asking and audit.judging._seen_s is not None, "The first window")
        settle(1)
        self.keep("audit", window)
        self.answer(audit.judging)
        until(lambda: not audit.asking, "The end of the audit")
        settle(1.5)
        self.keep("audit_result", window)

    def answer(self, judging: object) -> None:
        """One key for each clip."""
        given = 0
        while (clip := judging.sitting.current) is not None:  # type: ignore[attr-defined]
            until(lambda: judging._seen_s is not None, "A clip")  # type: ignore[attr-defined]
            self.hand.key(self.reader.says(clip), at=self.window.worklist)
            until(lambda clip=clip: judging.sitting.current is not clip, "Saving")  # type: ignore[attr-defined,misc]
            given += 1
        print(f"{self.hand.part}: {given} clips answered")

    def replay(self) -> None:
        """Play, correct three lesions, say what was reviewed, publish."""
        window, hand = self.window, self.hand
        hand.part = "replay: playing"
        window.library_page.search.clear()
        window.open(self.new)
        until(lambda: window.replay.page is not None, "Opening")
        page = window.replay.page
        assert page is not None
        until(lambda: window.replay.page.edits.editable and not window.replay.page.learning.gathering, "Reading")  # type: ignore[union-attr]
        page = window.replay.page
        assert page is not None
        hand.key(Qt.Key.Key_Space)
        settle(2)
        hand.key(Qt.Key.Key_Space)
        hand.part = "replay: three lesions"
        for place in _PLACES:
            self.lesion(page, place)
        settle(0.5)
        self.keep("replay", window)
        hand.part = "replay: reviewed, commit"
        timeline = page.parts.timeline  # nothing is in view before frame 100
        hand.drag(timeline, QPoint(round(timeline.x_of(0)), 26), QPoint(round(timeline.x_of(95)), 26))
        hand.key(Qt.Key.Key_R)
        until(lambda: page.scribe.waiting == 0, "Writing")
        hand.key(Qt.Key.Key_Return, _CTRL)
        settle(0.3)
        self.keep("commit", window)
        hand.click(page.parts.question.buttons[-3])  # commit and write the labels
        until(lambda: list(self.folder.glob(f"{NEW}.annotation.json")), "Publishing")
        settle(1)

    def lesion(self, page: ReplayPage, place: int) -> None:
        """Go there, box what is there, carry it on, and say that these frames are reviewed."""
        hand, canvas = self.hand, page.parts.canvas
        self.go_to(page, place)
        (box,) = self.reader.boxes[place].values()
        hand.key(Qt.Key.Key_N)
        hand.drag(canvas, canvas.at(box[:2]).toPoint(), canvas.at(box[2:]).toPoint())
        until(lambda: page.scribe.waiting == 0 and page.edits.lesion is not None, "Drawing")
        hand.key(Qt.Key.Key_P)
        until(lambda: page.scribe.waiting == 0, "Carrying on")
        until(lambda: page.position > place and page.player.state().exact, "Going where the box was carried to")
        settle(0.5)
        hand.key(Qt.Key.Key_O)
        self.go_to(page, place)
        hand.key(Qt.Key.Key_I)
        hand.key(Qt.Key.Key_R)
        until(lambda: page.scribe.waiting == 0, "Writing")

    def go_to(self, page: ReplayPage, place: int) -> None:
        """To a frame."""
        self.hand.key(Qt.Key.Key_G, _CTRL)
        self.hand.type(page.parts.transport.place, f"#{place}")
        self.hand.key(Qt.Key.Key_Return)
        until(lambda: page.player.state().exact and page.player.state().position == place, "Seeking")
        page.refresh()

    def figures(self, against: str) -> None:
        """Two models on all procedures, what differs, and other limits."""
        window, hand = self.window, self.hand
        hand.part = "figures, what if"
        hand.key(Qt.Key.Key_4, _CTRL)
        page = window.figures
        until(lambda: page._findings is not None and page._findings.curves is not None, "The figures")
        names = _items(page.a)
        self.choose_model(page.a, next(n for n in names if n.startswith("fast")))
        self.choose_model(page.b, next(n for n in names if against in n))
        until(lambda: page._findings is not None and len(page._findings.models) == 2, "The comparison")
        until(lambda: page._findings is not None and page._findings.curves is not None, "The curves")
        page.figures.table.choose(1)
        settle(0.5)
        self.keep("figures", window)
        hand.key(Qt.Key.Key_2, _ALT)
        settle(0.5)
        self.keep("differences", window)
        hand.key(Qt.Key.Key_3, _ALT)
        page.what_if.limits.set_limit("threshold", 0.7)
        hand.clicks[hand.part] += 1
        until(lambda: page.what_if.trial is not None and page.what_if.trial.whole, "What if")
        settle(0.5)
        self.keep("what_if", window)
        hand.click(page.what_if.to_room)
        dialog = page.findChild(QDialog)
        if dialog is not None:
            settle(0.5)
            self.keep("send_to_room", dialog)
            dialog.reject()
            window.activateWindow()  # there is no desktop here that would do it
            until(window.isActiveWindow, "Going back to the window")
        hand.key(Qt.Key.Key_4, _ALT)
        settle(0.5)
        self.keep("groups", window)

    def choose_model(self, box: QComboBox, name: str) -> None:
        """As with two clicks."""
        self.hand.clicks[self.hand.part] += 2
        box.setCurrentIndex(box.findText(name))
        settle(0.2)

    def side_by_side(self) -> None:
        """Both models in Replay."""
        window, hand = self.window, self.hand
        hand.part = "side by side"
        page = window.figures
        hand.key(Qt.Key.Key_2, _ALT)
        page.differences.table.choose(1)
        hand.key(Qt.Key.Key_Return, at=page.differences.table)
        until(lambda: window.replay.page is not None and window.replay.page.heard.b is not None, "Two models")
        hand.key(Qt.Key.Key_S, at=window.replay.page)
        settle(1.5)
        self.keep("side_by_side", window)

    def report(self, against: str) -> Path:
        """Of all procedures, both models."""
        window, hand = self.window, self.hand
        hand.part = "report"
        hand.key(Qt.Key.Key_1, _CTRL)
        page = window.library_page
        page.table.setFocus()
        hand.key(Qt.Key.Key_A, _CTRL)
        hand.click(page.actions_bar.buttons["Report…"])
        form = _form(page)
        boxes = {box.accessibleName(): box for box in form.findChildren(QComboBox)}
        until(lambda: boxes["Model"].count() > 2, "The models")
        self.choose_model(boxes["Model"], next(n for n in _items(boxes["Model"]) if n.startswith("fast")))
        self.choose_model(boxes["Against"], next(n for n in _items(boxes["Against"]) if against in n))
        out = self.folder.parent / "report"
        hand.type(next(f for f in form.findChildren(QLineEdit) if f.accessibleName() == "Folder"), str(out))
        settle(0.3)
        self.keep("report_form", form)
        hand.click(form.go)
        until(lambda: list(out.glob("*.json")) and not page.actions_bar.work.running, "The report")
        window.activateWindow()
        settle(0.2)
        return next(out.glob("*.pdf"))

    def hand_over(self) -> Path:
        """Use for training."""
        window, hand = self.window, self.hand
        hand.part = "use for training"
        hand.key(Qt.Key.Key_1, _CTRL)
        page = window.library_page
        hand.key(Qt.Key.Key_F, _CTRL)
        hand.type(page.search, "room-2")
        until(lambda: page.model.rowCount() == 1 and not page.asking, "Searching")
        page.table.selectRow(0)
        hand.click(page.actions_bar.buttons["Use for training…"])
        form = _form(page)
        file = self.folder / "handover.json"
        answers = {"Data set": "phantom", "Licence": "internal", "Consent by": "QA-1", "New file": str(file)}
        for field in form.findChildren(QLineEdit):
            if words := answers.get(field.accessibleName()):
                hand.type(field, words)
        settle(0.3)
        self.keep("use_for_training", form)
        hand.click(form.go)
        until(file.exists, "Handing over")
        until(lambda: not page.actions_bar.work.running, "Handing over")
        settle(0.5)
        window.activateWindow()
        self.keep("handed_over", window)
        return file


def _form(page: QWidget) -> Form:
    """The one that is open."""
    until(lambda: any(form.isVisible() for form in page.findChildren(Form)), "The form")
    return next(form for form in page.findChildren(Form) if form.isVisible())


def _items(box: QComboBox) -> list[str]:
    return [box.itemText(number) for number in range(box.count())]


def pages(pdf: Path, out: Path) -> None:
    """The first two pages of a report."""
    document = QPdfDocument(None)
    document.load(str(pdf))
    for number in range(min(2, document.pageCount())):
        sheet = QImage(900, 1273, QImage.Format.Format_RGB32)
        sheet.fill(Qt.GlobalColor.white)
        painter = QPainter(sheet)
        painter.drawImage(0, 0, document.render(number, sheet.size()))
        painter.end()
        save_small(sheet, out / f"qa_report_{number + 1}.png")
    document.close()


def main(argv: Sequence[str] | None = None) -> None:
    """Do the walk."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="1600x900")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work there, and leave everything")
    parser.add_argument("--against", default="", metavar="MODEL", help="the second model (default: one is made up)")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        _walk(args, args.keep or Path(made))


def _walk(args: argparse.Namespace, work: Path) -> None:
    for name in ("cache", "config"):
        shutil.rmtree(work / name, ignore_errors=True)
        (work / name).mkdir(parents=True)
    os.environ["POLYPWATCH_CACHE"], os.environ["POLYPWATCH_CONFIG"] = str(work / "cache"), str(work / "config")
    os.environ["POLYPWATCH_RUNTIME"] = str(work / "config")
    folder = work / "procedures"
    make_library(folder, args.against)
    application()
    use_language("en")

    def keep(name: str, widget: QWidget) -> None:
        path = args.out / f"qa_{name}.png"
        save_small(widget.grab().toImage(), path)
        print(f"{path}  {path.stat().st_size // 1000} kB")

    room = Room(reviewer="Anna Rossi", folders=[folder], preferences=work / "config" / "qa.json")
    window = QaWindow(room, start=Tab.LIBRARY)
    width, height = (int(part) for part in args.size.split("x"))
    window.resize(width, height)
    window.show()
    window.activateWindow()
    try:
        walk = Walk(window, folder, keep)
        walk.library()
        walk.worklist()
        walk.replay()
        walk.figures(args.against.rsplit("/", 1)[-1] or "made-up")
        walk.side_by_side()
        pages(walk.report(args.against.rsplit("/", 1)[-1] or "made-up"), args.out)
        walk.hand_over()
        for part in dict.fromkeys((*walk.hand.keys, *walk.hand.clicks)):
            print(f"{part}: {walk.hand.keys[part]} keys, {walk.hand.clicks[part]} clicks")
    finally:
        window.close()
        sip.delete(window)


if __name__ == "__main__":
    main()
