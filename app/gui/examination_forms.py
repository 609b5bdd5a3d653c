"""The two forms of the details sheet: the examination as a whole, and one lesion. Every choice is noted at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from PyQt6.QtGui import QFont, QFontMetrics, QPixmap
from PyQt6.QtWidgets import QGridLayout, QLabel, QLineEdit, QPlainTextEdit, QWidget

from app.examination.desk import Desk
from app.examination.events import BBPS_SEGMENTS, PARIS_CLASSES, BbpsSegment, Lesion
from app.examination.state import DeskSnapshot
from app.gui.examination_pictures import Proposals, Thumbnails, pictures_of
from app.gui.language import decimal, tr
from app.gui.report_words import METHODS, SEGMENTS, Words
from app.gui.touch_choice import TOUCH_PX, Choice, TouchChoice
from detector.annotation import Lst
from detector.errors import PolypwatchError, UsageError

Complain = Callable[[PolypwatchError], None]
_FIRST_SIZE_MM = 5.0
_MIXED = "mixed"
_SHORT = {"emr": "EMR", "esd": "ESD"}  # what a cell has room for; the same in every language


class Form(QWidget):
    """Rows with a name at the left.

    Args:
        complain: told of what could not be noted.
        parent: of the widget.
    """

    def __init__(self, complain: Complain, parent: QWidget) -> None:
        super().__init__(parent)
        self._complain = complain
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._labels: list[QLabel] = []
        self.tall: TouchChoice | None = None  # holds pictures

    def set_type(self, font: QFont, touch_px: int) -> None:
        """Use this type, and cells of this height."""
        for choice in self.findChildren(TouchChoice):
            choice.set_cell_height(touch_px if choice is not self.tall else 2 * touch_px)
        metrics = QFontMetrics(font)
        widest = max((metrics.horizontalAdvance(label.text()) for label in self._labels), default=0)
        for label in self.findChildren(QLabel):
            label.setFont(font)
        for label in self._labels:
            label.setMinimumWidth(widest + 8)
        for field in (*self.findChildren(QLineEdit), *self.findChildren(QPlainTextEdit)):
            field.setFont(font)

    def commit(self) -> None:
        """Save what is being written."""
        raise NotImplementedError

    def _add(self, name: str, what: QWidget) -> QLabel:
        label = QLabel(name)
        self._labels.append(label)
        row = self._grid.rowCount()
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(what, row, 1)
        if not what.accessibleName():
            what.setAccessibleName(name)
        return label

    def _note(self, note: Callable[[], Any]) -> None:
        try:
            note()
        except PolypwatchError as error:
            self._complain(error)


class ExaminationForm(Form):
    """Bowel preparation, indication, endoscopist's code and conclusion."""

    def __init__(self, desk: Desk, complain: Complain, parent: QWidget) -> None:
        super().__init__(complain, parent)
        self._desk = desk
        names = {"right": tr("BBPS right"), "transverse": tr("BBPS transverse"), "left": tr("BBPS left")}
        self.bbps: dict[BbpsSegment, TouchChoice] = {}
        for segment in BBPS_SEGMENTS:
            self.bbps[segment] = choice = TouchChoice(names[segment], 4, self)
            choice.chosen.connect(lambda score, where=segment: self._score(where, int(score)))
            self._add(names[segment], choice)
        self.total = QLabel()
        self._add(tr("BBPS total"), self.total)
        self.indication, self.endoscopist, self.conclusion = QLineEdit(), QLineEdit(), QPlainTextEdit()
        self.indication.setMaxLength(200)
        self.endoscopist.setMaxLength(200)
        self.conclusion.setTabChangesFocus(True)
        self.conclusion.setFixedHeight(3 * TOUCH_PX)
        self.indication.editingFinished.connect(self._details)
        self.endoscopist.editingFinished.connect(self._details)
        self._add(tr("Indication"), self.indication)
        self._add(tr("Endoscopist (code)"), self.endoscopist)
        self._add(tr("Conclusion"), self.conclusion)

    def show_state(self, state: DeskSnapshot) -> None:
        """Show what is known; a field that is being written stays as it is."""
        for segment, choice in self.bbps.items():
            score = state.bbps.get(segment)
            choice.offer([Choice(str(n), str(n)) for n in range(4)], () if score is None else {str(score)})
        total = sum(state.bbps.values()) if len(state.bbps) == len(BBPS_SEGMENTS) else None
        self.total.setText(tr("not complete") if total is None else tr("{n} of 9").format(n=total))
        known = self._desk.examination
        if known is not None:
            _put(self.indication, known.indication or "")
            _put(self.endoscopist, known.endoscopist or "")
            if not self.conclusion.hasFocus() and self.conclusion.toPlainText() != known.conclusion:
                self.conclusion.setPlainText(known.conclusion)

    def commit(self) -> None:
        """Save the texts that changed."""
        known = self._desk.examination
        if known is None:
            return
        self._details()
        text = self.conclusion.toPlainText().strip()
        if text != known.conclusion:
            self._note(lambda: self._desk.conclude(text))

    def _score(self, segment: BbpsSegment, score: int) -> None:
        self._note(lambda: self._desk.bbps(segment, score))
        state = self._desk.snapshot()
        if state is not None:
            self.show_state(state)  # answered at once

    def _details(self) -> None:
        known = self._desk.examination
        said = self.indication.text().strip(), self.endoscopist.text().strip()
        if known is not None and said != (known.indication or "", known.endoscopist or ""):
            self._note(lambda: self._desk.details(*said))


class LesionForm(Form):
    """One lesion: size, segment, Paris class, LST, method, pictures, remark. A second touch takes a choice back."""

    def __init__(
        self,
        desk: Desk,
        thumbnails: Thumbnails,
        proposals: Proposals,
        words: Words,
        complain: Complain,
        parent: QWidget,
    ) -> None:
        super().__init__(complain, parent)
        self._desk, self._thumbnails, self._proposals, self._words = desk, thumbnails, proposals, words
        self._lesion: Lesion | None = None
        self._number = 0
        self._mixing = False
        self._pixmaps: dict[Path, QPixmap] = {}
        self.size_mm = self._choice(tr("Size"), 5, self._resize)
        self.segment = self._choice(tr("Segment"), 5, lambda v: self._toggle("segment", v))
        self.paris = self._choice(tr("Paris"), 8, self._paris)
        self.lst = self._choice(tr("LST"), 6, lambda v: self._toggle("lst", v))
        self.method = self._choice(tr("Resection"), 4, lambda v: self._toggle("method", v))
        self.remark = QLineEdit()
        self.remark.setMaxLength(2000)
        self.remark.editingFinished.connect(self.commit)
        self._add(tr("Remark"), self.remark)
        self.pictures = self.tall = self._choice(tr("Best frames"), 4, self._choose_picture)

    def describe(self, number: int) -> None:
        """Turn to this lesion."""
        self._number, self._lesion, self._mixing = number, None, False
        found = self._desk.snapshot()
        if found is not None:
            self._proposals.look(found.folder, number)

    def show_lesion(self, lesion: Lesion) -> None:
        """Show what is known of it."""
        self._lesion = lesion
        size = tr("size?") if lesion.size_mm is None else decimal(f"{lesion.size_mm:g} mm")
        steps = (("-5", "-5"), ("-1", "-1"), ("clear", size), ("+1", "+1"), ("+5", "+5"))
        self.size_mm.offer([Choice(*s) for s in steps], () if lesion.size_mm is None else {"clear"})
        self.segment.offer([Choice(s, self._words(w)) for s, w in SEGMENTS.items()], _one(lesion.segment))
        paris = [Choice(p, p) for p in PARIS_CLASSES]
        marked = set(_parts(lesion.paris)) | ({_MIXED} if self._mixing else set())
        self.paris.offer([*paris, Choice(_MIXED, tr("+ mixed"))], marked)
        self.lst.offer([Choice(x, x.removeprefix("LST-")) for x in get_args(Lst)], _one(lesion.lst))
        self.method.offer([Choice(m, _SHORT.get(m) or self._words(w)) for m, w in METHODS.items()], _one(lesion.method))
        _put(self.remark, lesion.note)
        self.show_pictures()

    def show_pictures(self) -> None:
        """Show the pictures there are by now; small ones come when they are read."""
        state, found = self._desk.examination, self._desk.snapshot()
        if state is None or found is None or self.isHidden() or not self._number:
            return
        files, chosen = pictures_of(state, self._number, self._proposals.of(found.folder, self._number))
        choices = []
        for n, file in enumerate(files, start=1):
            choices.append(Choice(file, str(n), self._pixmap(found.folder / file)))
        self.pictures.offer(choices, chosen)

    def commit(self) -> None:
        """Save the remark if it changed."""
        text = self.remark.text().strip()
        if self._lesion is not None and text != self._lesion.note:
            self._describe(note=text)

    # -- below ----------------------------------------------------------------------------------------------------

    def _choice(self, name: str, columns: int, chosen: Callable[[str], None]) -> TouchChoice:
        choice = TouchChoice(name, columns, self)
        choice.chosen.connect(chosen)
        self._add(name, choice)
        return choice

    def _describe(self, **known: object) -> None:
        number = self._number
        self._note(lambda: self._desk.describe(number, **known))
        state = self._desk.snapshot()
        lesion = next((x for x in state.lesions if x.id == number), None) if state else None
        if lesion is not None:
            self.show_lesion(lesion)  # answered at once; the rest of the sheet follows with the next refresh

    def _toggle(self, field: str, value: str) -> None:
        now = getattr(self._lesion, field) if self._lesion else None
        self._describe(**{field: None if now == value else value})

    def _resize(self, step: str) -> None:
        now = self._lesion.size_mm if self._lesion else None
        if step == "clear":
            self._describe(size_mm=None)
        else:
            self._describe(size_mm=_FIRST_SIZE_MM if now is None else min(300.0, max(1.0, now + float(step))))

    def _paris(self, value: str) -> None:
        parts = _parts(self._lesion.paris if self._lesion else None)
        if value == _MIXED:
            self._mixing = not self._mixing and bool(parts)
            if self._lesion is not None:
                self.show_lesion(self._lesion)
        elif self._mixing and parts and value != parts[0]:
            self._mixing = False
            self._describe(paris=f"{parts[0]}+{value.removeprefix('0-')}")
        else:
            self._mixing = False
            self._describe(paris=None if parts == (value,) else value)

    def _choose_picture(self, file: str) -> None:
        state, found = self._desk.examination, self._desk.snapshot()
        if state is None or found is None:
            return
        _, chosen = pictures_of(state, self._number, ())
        after = [f for f in chosen if f != file] if file in chosen else [*chosen, file]
        if not after:
            self._complain(UsageError(tr("A lesion keeps at least one of its pictures."), tr("Choose another first.")))
            return
        self._describe(pictures=after)

    def _pixmap(self, path: Path) -> QPixmap | None:
        if path not in self._pixmaps and (image := self._thumbnails.of(path)) is not None:
            self._pixmaps[path] = QPixmap.fromImage(image)
        return self._pixmaps.get(path)


def _parts(paris: str | None) -> tuple[str, ...]:
    """``0-IIa+IIc`` as ``0-IIa`` and ``0-IIc``."""
    if paris is None:
        return ()
    first, *second = paris.split("+")
    return (first, *(f"0-{part}" for part in second))


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _put(field: QLineEdit, text: str) -> None:
    if not field.hasFocus() and field.text() != text:
        field.setText(text)
