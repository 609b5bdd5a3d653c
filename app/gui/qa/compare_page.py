"""Figures of procedures, of one model or two side by side, and what other alert settings would have shown.

Choosing is all that is done here: reading, scoring and trying run beside the window's thread, each for the newest wish
only. What was found so far stays on the screen, faint, until the new is there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.qa.differences_view import DifferencesView
from app.gui.qa.figures_view import FiguresView
from app.gui.qa.figures_work import measure
from app.gui.qa.findings import Findings, Trial
from app.gui.qa.groups_view import GroupsView
from app.gui.qa.keys import Act
from app.gui.qa.material import Material, load, own_settings
from app.gui.qa.newest import Newest
from app.gui.qa.pages import Desk, Tab
from app.gui.qa.room_dialog import RoomDialog
from app.gui.qa.saying import Offer, Saying, progress_bar, show_share
from app.gui.qa.shortcuts import bind
from app.gui.qa.spot_list import SpotList
from app.gui.qa.trying import try_out, what_if_of
from app.gui.qa.whatif_view import WhatIfView
from app.gui.qa.worklist_words import clock
from app.gui.setup_parts import Choice, button, combo, label
from app.qa.spots import Spot
from detector.alerts import AlertSettings
from detector.scoring.bootstrap import DRAWS

FIGURES, DIFFERENCES, WHAT_IF, GROUPS = "figures", "differences", "what_if", "groups"
_SPOTS_PX = 470


class ComparePage(QWidget):
    """Figures, differences, what-if and groups of the chosen procedures.

    Args:
        desk: the window.
        draws: of the bootstrap behind every interval.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None, *, draws: int = DRAWS) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._desk = desk
        self._draws = draws
        self._paths: tuple[Path, ...] | None = None
        self._material: Material | None = None
        self._findings: Findings | None = None
        self._in_front = False
        self.scope = label()
        self.a, self.b = self._model_choice(tr("Model A")), self._model_choice(tr("Model B"))
        self.everything = button(tr("All of the library"), lambda: self.choose(()))
        self.in_library = button(tr("Choose in the library"), lambda: desk.show_tab(Tab.LIBRARY))
        self.again = button(tr("Work out again"), self.load)
        self.bar = progress_bar(self)
        self.notes = label(kind="caution")
        self.notes.hide()
        self.view = Choice(
            (
                (FIGURES, tr("Figures")),
                (DIFFERENCES, tr("Differences")),
                (WHAT_IF, tr("What if")),
                (GROUPS, tr("By group")),
            ),
            self,
        )
        self.view.chosen.connect(self.show_view)
        self.saying = Saying(self)
        self.figures = FiguresView(self)
        self.differences = DifferencesView(self._place, self)
        self.what_if = WhatIfView(self)
        self.groups = GroupsView(self)
        self.spots = SpotList(self._place, self)
        self._views = {
            FIGURES: self.figures,
            DIFFERENCES: self.differences,
            WHAT_IF: self.what_if,
            GROUPS: self.groups,
        }
        self._loader = self._worker("load", self._show_loading, self._loaded, self._not_loaded)
        self._measurer = self._worker("measure", self._show_measuring, self._measured, self._not_measured)
        self._trier = self._worker("try", self._show_tried, self._show_tried, self._not_tried)
        self._arrange()
        self._connect()
        self.view.show_value(FIGURES)

    def _model_choice(self, name: str) -> QComboBox:
        made = combo()
        made.setAccessibleName(name)
        made.setMinimumWidth(170)
        made.currentIndexChanged.connect(lambda _: self.measure())
        return made

    def _worker(
        self,
        name: str,
        told_: Callable[[object], None],
        done: Callable[[object], None],
        failed: Callable[[str], None],
    ) -> Newest:
        made = Newest(f"figures-{name}", self)
        made.told.connect(told_)
        made.done.connect(done)
        made.failed.connect(failed)
        return made

    def _connect(self) -> None:
        self.figures.chosen.connect(self._list)
        self.groups.chosen.connect(self._list)
        self.what_if.chosen.connect(self._list)
        self.what_if.wanted.connect(self._try)
        self.what_if.send.connect(self.send_to_room)
        self.spots.opened.connect(self._open)
        self.differences.opened.connect(self._open)

        # Enter belongs to the tables, which know what is chosen.
        views = {
            Act.FIGURES_VIEW: FIGURES,
            Act.DIFFERENCES_VIEW: DIFFERENCES,
            Act.WHAT_IF_VIEW: WHAT_IF,
            Act.GROUPS_VIEW: GROUPS,
        }
        keys: dict[Act, Callable[[], object]] = {
            act: functools.partial(self.show_view, key) for act, key in views.items()
        }
        bind(self, keys | {Act.WORK_OUT_AGAIN: self.load})

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.scope, 1)
        for letter, models in (("A", self.a), ("B", self.b)):
            head.addWidget(label(letter, "heading"))
            head.addWidget(models)
        for made in (self.everything, self.in_library, self.again):
            head.addWidget(made)
        self.body = QStackedWidget(self)
        for each in self._views.values():
            self.body.addWidget(each)
        self.split = QSplitter(Qt.Orientation.Horizontal, self)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.body)
        self.split.addWidget(self.spots)
        self.split.setStretchFactor(0, 1)
        self.split.setSizes([10_000, _SPOTS_PX])
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        column.addWidget(self.split, 1)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.saying)
        self.stack.addWidget(inside)
        self._inside = inside
        whole = QVBoxLayout(self)
        whole.setContentsMargins(14, 10, 14, 10)
        whole.setSpacing(8)
        whole.addLayout(head)
        whole.addWidget(self.bar)
        whole.addWidget(self.notes)
        whole.addWidget(self.stack, 1)

    # -- what the window asks -----------------------------------------------------------------------------------------

    def choose(self, paths: Sequence[Path]) -> None:
        """Of these procedures; none: of all in the library."""
        self._paths = tuple(paths) or None
        self._findings = None
        self._material = None
        if self._in_front:
            self.load()

    def entered(self) -> None:
        """It came to the front."""
        self._in_front = True
        if (self._material is None or not self._material.models) and not self._loader.busy:
            self.load()

    def left(self) -> None:
        """Another page is in front: what is being worked out goes on."""
        self._in_front = False

    def close_page(self) -> None:
        """Stop the workers."""
        for worker in (self._loader, self._measurer, self._trier):
            worker.close()

    # -- reading ------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read labels and results of the procedures."""
        self._material = None
        self._measurer.forget()
        self._trier.forget()
        self.stack.setCurrentWidget(self.saying)
        if self._desk.blinded:
            self._say_blinded()
            return
        self.saying.say(tr("Reading labels and results"), "")
        self.saying.show_progress(0, 0)
        library, chosen, draws = self._desk.library, self._paths, self._draws
        self._loader.ask(lambda tell: load(library.paths() if chosen is None else chosen, tell, draws))

    def _show_loading(self, step: object) -> None:
        done, of, name = step if isinstance(step, tuple) else (0, 0, "")
        self.saying.show_progress(done, of)
        self.saying.words.setText(tr("{done} of {of} procedures: {name}").format(done=done, of=of, name=name))

    def _loaded(self, material: object) -> None:
        assert isinstance(material, Material)
        self._material = material
        self.scope.setText(self._scope_words(material))
        self._show_notes(material.troubles)
        if not material.models:
            self._say_nothing(material)
            return
        self._fill_models(material.models)
        self.what_if.say(tr("Move a slider: the figures, and what comes and goes, follow."))
        self.measure()

    def _not_loaded(self, why: str) -> None:
        self.saying.say(tr("The results cannot be read"), told(why), ((tr("Try again"), self.load),))

    def _fill_models(self, models: Sequence[str]) -> None:
        """Keep what is chosen where it still exists; else the first, alone."""
        for box, names in ((self.a, models), (self.b, ["", *models])):
            before = box.currentData()
            box.blockSignals(True)
            box.clear()
            for name in names:
                box.addItem(told(name) if name else tr("none"), name)
            box.setCurrentIndex(max(0, box.findData(before)))
            box.blockSignals(False)
        self.b.setEnabled(len(models) > 1)

    # -- measuring ----------------------------------------------------------------------------------------------------

    @property
    def models(self) -> tuple[str, ...]:
        """A, and B if one is chosen."""
        a, b = self.a.currentData() or "", self.b.currentData() or ""
        return (a, b) if b and b != a else (a,)

    def measure(self) -> None:
        """Work the figures out for the models that are chosen."""
        material, models = self._material, self.models
        if material is None or not models[0]:
            return
        self._trier.forget()
        self._findings = None
        self.body.setEnabled(False)
        show_share(self.bar, 0, 0)
        if self.stack.currentWidget() is self.saying:
            self.saying.say(tr("Working out the figures"), tr("Only the first time takes long."))
        self._measurer.ask(lambda tell: measure(material, models, tell))

    def _show_measuring(self, step: object) -> None:
        if isinstance(step, Findings):
            self._show_findings(step)
            show_share(self.bar, 0, 0)  # the curves are still to come
        elif isinstance(step, tuple) and self._findings is None:
            show_share(self.bar, *step)

    def _measured(self, findings: object) -> None:
        assert isinstance(findings, Findings)
        self.bar.hide()
        self._show_findings(findings)

    def _show_findings(self, findings: Findings) -> None:
        assert self._material is not None
        again = self._findings is not None and self._findings.models == findings.models
        self._findings = findings
        self.body.setEnabled(True)
        self.stack.setCurrentWidget(self._inside)
        self._show_notes((*self._material.troubles, *findings.notes))
        self.figures.show_findings(findings)
        self.differences.show_findings(findings)
        self.groups.show_findings(findings)
        if again and findings.curves is not None:
            return  # only the curves are new: what was chosen and set meanwhile stays
        base = own_settings(self._material, findings.models[0])
        if base is not None:
            self.what_if.limits.show_base(base)
        self.spots.show_spots("", (), tr("Choose a figure: the places that it is made of are listed here."))

    def _not_measured(self, why: str) -> None:
        self.bar.hide()
        self.body.setEnabled(True)
        self.stack.setCurrentWidget(self.saying)
        self.saying.say(tr("There are no figures"), told(why), ((tr("Work out again"), self.load),))

    # -- what if ------------------------------------------------------------------------------------------------------

    def _try(self, settings: AlertSettings) -> None:
        material, model = self._material, self.models[0]
        if material is not None:
            self._trier.ask(lambda tell: try_out(material, model, settings, tell))

    def _show_tried(self, tried: object) -> None:
        if isinstance(tried, Trial):
            self.what_if.show_tried(tried)

    def _not_tried(self, why: str) -> None:
        self.what_if.say(told(why))

    def send_to_room(self, settings: AlertSettings) -> None:
        """Ask for the room's name, and make the preset."""
        trial, material, model = self.what_if.trial, self._material, self.models[0]
        if trial is None or material is None or trial.tried.settings != settings:
            return
        dialog = RoomDialog(trial, what_if_of(material, model, lambda _: None).procedures, self._desk, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    # -- places -------------------------------------------------------------------------------------------------------

    def _list(self, heading: str, spots: Sequence[Spot]) -> None:
        self.spots.show_spots(heading, spots, tr("No place stands behind this figure."))

    def _place(self, spot: Spot) -> tuple[str, str]:
        material = self._material
        if material is None:
            return spot.path.name, ""
        return material.title_of(spot.path), clock(material.seconds_of(spot))

    def _open(self, spot: Spot) -> None:
        """Replay, with the results that the figures are of."""
        material = self._material
        files = material.files_of(spot.path, self.models) if material is not None else ()
        self._desk.open(spot.path, spot.focus, results=files)

    def show_view(self, key: object) -> None:
        """Figures, differences, what-if or groups."""
        self.view.show_value(key)
        self.body.setCurrentWidget(self._views[str(key)])
        self.spots.setVisible(key != DIFFERENCES)

    # -- words --------------------------------------------------------------------------------------------------------

    def _scope_words(self, material: Material) -> str:
        words = tr("{count} chosen procedures") if self._paths is not None else tr("All {count} procedures")
        text = words.format(count=len(material.paths))
        return text + "  \N{MIDDLE DOT}  " + tr("{count} with reviewed time").format(count=material.reviewed)

    def _show_notes(self, notes: Sequence[str]) -> None:
        lines = [told(note) for note in dict.fromkeys(notes)]
        more = len(lines) - 3
        if more > 0:
            lines = [*lines[:3], tr("and {count} more").format(count=more)]
        self.notes.setText("\n".join(lines))
        self.notes.setToolTip("\n".join(told(note) for note in notes))
        self.notes.setVisible(bool(lines))

    def _say_blinded(self) -> None:
        self.saying.say(
            tr("Figures would tell what the AI said"),
            tr("You review blinded. Commit your reviews first; open the room without --blinded for the figures."),
        )

    def _say_nothing(self, material: Material) -> None:
        library: Offer = (tr("Go to the library"), lambda: self._desk.show_tab(Tab.LIBRARY))
        if not material.paths:
            words = tr("Add a folder with recordings to the library.")
            self.saying.say(tr("There is no procedure yet"), words, (library,))
            return
        analyse: Offer = (tr("Analyse them"), lambda: self._desk.analyse(material.paths))
        words = tr("No model has answered on any of these {count} procedures. Analyse them in the background first.")
        self.saying.say(tr("There are no results yet"), words.format(count=len(material.paths)), (analyse, library))
