"""The first page of the set-up, the one that shows the source live, and the last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.devices.formats import rate_text
from app.gui.language import decimal, told, tr
from app.gui.setup_canvas import PreviewCanvas
from app.gui.setup_draft import Draft
from app.gui.setup_page import SetupPage
from app.gui.setup_parts import Choice, button, column, label, scrolling
from app.gui.setup_preview import PreviewState
from app.gui.setup_wiring import Wiring
from app.picture.settings import parse_settings
from app.settings.changes import put
from app.settings.model import Settings
from detector.errors import FormatError
from detector.picture.interlace import Scan


class WiringPage(SetupPage):
    """The cables come first: no software survives a computer that crashes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = tr("First the cables")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(Wiring(), 1)
        box.addWidget(label(tr("The processor's own monitor stays connected, and Polypwatch is the second picture.")))
        box.addWidget(
            label(tr("No software survives a computer that crashes: look at the processor's monitor then."), "caution")
        )

    @property
    def go_on(self) -> str:
        """On the button that goes on."""
        return tr("It is wired like this")


class LookPage(SetupPage):
    """The source as it is, what was found out about it, and what only a person can tell."""

    wants_preview = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = tr("Is this the picture?")
        self.canvas = PreviewCanvas()
        self.facts = label()
        self.fields = Choice(
            (
                ("auto", tr("As found")),
                ("off", tr("Never")),
                ("top", tr("Top first")),
                ("bottom", tr("Bottom first")),
            ),
            columns=2,
        )
        self.aspect = Choice(((None, tr("Square")), ("4:3", "4:3"), ("5:4", "5:4"), ("16:9", "16:9")), columns=4)
        self.colours = Choice(
            (
                (None, tr("As decoded")),
                ("601:709", tr("HD taken for SD")),
                ("709:601", tr("SD taken for HD")),
                ("601:601-full", tr("Too little contrast")),
                ("601-full:601", tr("Too much contrast")),
            ),
            columns=1,
        )
        self.fields.chosen.connect(lambda value: self.decide(replace(self.draft, deinterlace=str(value))))
        self.aspect.chosen.connect(lambda value: self.decide(replace(self.draft, aspect=value)))
        self.colours.chosen.connect(lambda value: self.decide(replace(self.draft, colours=value)))
        side = QWidget()
        side.setLayout(
            column(
                self.facts,
                label(tr("Two fields in each frame"), "heading"),
                self.fields,
                label(tr("Shape of the picture"), "heading"),
                label(tr("If a round instrument looks oval, choose another one."), "soft"),
                self.aspect,
                label(tr("Colours"), "heading"),
                label(tr("If reds look orange beside the processor's own monitor, choose another one."), "soft"),
                self.colours,
            )
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.canvas, 3)
        row.addWidget(scrolling(side), 2)

    @property
    def go_on(self) -> str:
        """On the button that goes on."""
        return tr("The picture is right")

    def enter(self, draft: Draft) -> None:
        """Show what was chosen."""
        super().enter(draft)
        self.fields.show_value(draft.deinterlace)
        self.aspect.show_value(draft.aspect)
        self.colours.show_value(draft.colours)
        self.show_preview(PreviewState())

    def missing(self) -> str:
        """A picture that is seen."""
        return "" if self.canvas.state.frame is not None else tr("There is no picture yet.")

    def show_preview(self, state: PreviewState) -> None:
        """Show picture and facts."""
        came = (state.frame is None) != (self.canvas.state.frame is None)
        self.canvas.show_state(state, parse_settings("off", "full", self.draft.aspect, None).aspect)
        self.facts.setText("\n".join(facts_of(state)))
        if came:
            self.changed.emit()


class PlacePage(SetupPage):
    """Where recordings go, what the room is called, and which language is spoken."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = tr("The room")
        self.room, self.folder = QLineEdit(), QLineEdit()
        self.room.setPlaceholderText(tr("Room 2"))
        self.room.setAccessibleName(tr("Name of the room"))
        self.folder.setPlaceholderText(tr("no folder: nothing is recorded"))
        self.folder.setAccessibleName(tr("Folder for recordings"))
        self.browse = button(tr("Choose ..."), self.choose_folder)
        self.problem = label(kind="fault")
        self.language = Choice((("system", tr("The computer's")), ("en", "English"), ("it", "Italiano")))
        beside = QHBoxLayout()
        beside.addWidget(self.folder, 1)
        beside.addWidget(self.browse)
        inner = QWidget()
        box = QVBoxLayout(inner)
        box.setSpacing(12)
        box.addWidget(label(tr("Name of the room"), "heading"))
        box.addWidget(label(tr("Of the room, never of a patient. Settings can differ from room to room."), "soft"))
        box.addWidget(self.room)
        box.addWidget(label(tr("Folder for recordings"), "heading"))
        box.addWidget(
            label(tr("Examinations and recordings go there. Without a folder nothing can be recorded."), "soft")
        )
        box.addLayout(beside)
        box.addWidget(label(tr("Language"), "heading"))
        box.addWidget(self.language)
        box.addWidget(self.problem)
        box.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolling(inner))
        self.room.textEdited.connect(lambda text: self.decide(replace(self.draft, room=text.strip() or None)))
        self.folder.textEdited.connect(lambda text: self.decide(replace(self.draft, folder=text.strip() or None)))
        self.language.chosen.connect(lambda value: self.decide(replace(self.draft, language=str(value))))

    @property
    def go_on(self) -> str:
        """On the button that goes on."""
        return tr("Begin")

    def enter(self, draft: Draft) -> None:
        """Show what was chosen."""
        super().enter(draft)
        self.room.setText(draft.room or "")
        self.folder.setText(draft.folder or "")
        self.language.show_value(draft.language)
        self.problem.setText("")

    def missing(self) -> str:
        """A name and a folder that can be kept."""
        try:
            put(Settings(), {"room.name": self.draft.room})
        except FormatError as error:
            return told(error.what)
        return folder_problem(self.draft.folder)

    def choose_folder(self, path: str | None = None) -> None:
        """Take a folder; without one, ask for it."""
        if path is None:
            path = QFileDialog.getExistingDirectory(self, tr("Folder for recordings"), str(Path.home()))
        if path:
            self.folder.setText(path)
            self.decide(replace(self.draft, folder=path))


def facts_of(state: PreviewState) -> tuple[str, ...]:
    """What was found out about a running source, a line each."""
    found = []
    if state.frame is not None:
        size = state.frame.size
        found.append(tr("{width} x {height} pixels").format(width=size.width, height=size.height))
    if state.info is not None and state.info.rate is not None:
        found.append(tr("{rate} frames/s announced").format(rate=decimal(rate_text(state.info.rate))))
    if state.rate:
        found.append(tr("{rate} pictures/s arrive").format(rate=decimal(f"{state.rate:.1f}")))
    if state.deinterlacing:
        found.append(tr("Interlaced, as its content shows: each frame becomes two pictures."))
    elif state.scan is Scan.PROGRESSIVE:
        found.append(tr("Not interlaced, as its content shows."))
    elif state.frame is not None:
        found.append(tr("Whether it is interlaced shows as soon as something moves."))
    return tuple(found)


def folder_problem(text: str | None) -> str:
    """Why recordings cannot go there, in words; empty if they can, or if there is no folder."""
    if text is None:
        return ""
    path = Path(text).expanduser()
    if not path.is_absolute():
        return tr("Write the whole path of the folder.")
    if path.exists() and not path.is_dir():
        return tr("{path} is no folder.").format(path=path)
    if not any(parent.is_dir() for parent in (path, path.parent)):
        return tr("There is no folder {path}.").format(path=path.parent)
    return ""
