"""The page that chooses the source: what is plugged in with what is wrong with it, an address, a file, the phantom."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.capture import parse_source
from app.devices.device import Device
from app.devices.formats import rate_text
from app.devices.listing import list_devices
from app.devices.watch import Change, DeviceWatcher
from app.gui.language import decimal, told, tr
from app.gui.notice_words import error_words
from app.gui.setup_draft import Draft
from app.gui.setup_formats import FormatChooser
from app.gui.setup_page import SetupPage
from app.gui.setup_parts import button, label, scrolling
from app.phantom import bundled
from app.settings.rooms import without_password
from detector.errors import PolypwatchError, UsageError

ListDevices = Callable[[], list[Device]]
MakeWatcher = Callable[[Callable[[Change], None]], DeviceWatcher]


class Lookup(QObject):
    """Lists devices beside the window's thread (on Windows that takes seconds), and again when one comes or goes."""

    found = pyqtSignal(list, str)  # the devices, and what went wrong

    def __init__(self, devices: ListDevices, watcher: MakeWatcher, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._devices = devices
        self._make_watcher = watcher
        self._watcher: DeviceWatcher | None = None
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Look now; ``found`` tells."""
        before = self._thread

        def run() -> None:
            if before is not None:
                before.join()
            try:
                self.found.emit(self._devices(), "")
            except PolypwatchError as error:
                self.found.emit([], error_words(error))

        self._thread = threading.Thread(target=run, name="device list", daemon=True)
        self._thread.start()

    def watch(self) -> None:
        """Look now and whenever something is plugged in or out."""
        if self._watcher is None:
            self._watcher = self._make_watcher(lambda _change: self.look())
            self._watcher.start()
        self.look()

    def close(self) -> None:
        """No more; waits for a look that is under way."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.close()
        if self._thread is not None:
            self._thread.join()


class SourcePage(SetupPage):
    """Choose where the pictures come from.

    Args:
        devices: lists what is plugged in.
        watcher: notices what comes and goes.
    """

    def __init__(
        self,
        devices: ListDevices = list_devices,
        watcher: MakeWatcher = DeviceWatcher,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.heading = tr("Where do the pictures come from?")
        self.devices: dict[str, tuple[Device, QPushButton]] = {}
        self._choices: list[QPushButton] = []  # no QButtonGroup: in one, Tab comes by a single button
        self._lookup = Lookup(devices, watcher, self)
        self._lookup.found.connect(self._show_devices)
        self._build()

    def enter(self, draft: Draft) -> None:
        """Show the draft's source, and look what is plugged in."""
        super().enter(draft)
        self._show_draft()
        self._lookup.watch()

    def leave(self) -> None:
        """Look no more."""
        self._lookup.close()

    def missing(self) -> str:
        """A source that can be named."""
        spec = self.draft.spec
        if spec is None:
            return tr("Choose a source.")
        device = self.devices.get(spec)
        if device is not None and device[0].problem:
            return f"{told(device[0].problem)}. {told(device[0].hint)}".strip()
        try:
            parse_source(spec)
        except UsageError as error:
            return error_words(error)
        return ""

    # -- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.nothing = label(tr("Looking for cameras and grabbers ..."), "soft")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.again = button(tr("Look again"), self._lookup.look)
        self.phantom = self._row(tr("Just try it: the bundled phantom"), self._choose_phantom)
        self.file = self._row(tr("Video file ..."), self.choose_file)
        self.address = QLineEdit()
        self.address.setPlaceholderText("rtsp://192.168.1.20/live")
        self.address.setAccessibleName(tr("Network address"))
        self.address.setMaxLength(4096)
        self.address.textEdited.connect(self._choose_typed)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setSpacing(8)
        column.addWidget(label(tr("Cameras and grabbers"), "heading"))
        column.addWidget(self.nothing)
        column.addLayout(self._rows)
        column.addWidget(self.again)
        column.addWidget(label(tr("Other sources"), "heading"))
        column.addWidget(label(tr("Network address, or any source as it is typed:")))
        column.addWidget(self.address)
        column.addWidget(self.file)
        column.addWidget(self.phantom)
        column.addStretch(1)
        self.formats = FormatChooser()
        self.formats.chosen.connect(self._choose_format)
        self.formats.hide()
        self.about = label()
        right = QWidget()
        details = QVBoxLayout(right)
        details.addWidget(self.about)
        details.addWidget(self.formats)
        details.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(scrolling(left), 3)
        row.addWidget(scrolling(right), 2)

    def _row(self, words: str, then: Callable[[], object]) -> QPushButton:
        made = button(words.replace("&", "&&"), then)
        made.setObjectName("source")
        made.setCheckable(True)
        self._choices.append(made)
        return made

    # -- choosing -------------------------------------------------------------------------------------------------

    def choose_file(self, path: str | None = None) -> None:
        """Take a video file; without one, ask for it."""
        if path is None:
            filters = (
                tr("Videos") + " (*.mp4 *.mov *.mkv *.webm *.avi *.mpg *.mpeg *.ts *.m4v);;" + tr("All files") + " (*)"
            )
            path, _ = QFileDialog.getOpenFileName(self, tr("Video file"), str(Path.home()), filters)
        if path:
            self._take(path)
        else:
            self._show_draft()

    def _choose_phantom(self) -> None:
        self._take(str(bundled().video))

    def _choose_typed(self, text: str) -> None:
        self._take(text.strip() or None, keep_text=True)

    def _choose_device(self, source: str) -> None:
        device = self.devices[source][0]
        self.formats.show_device(device, self.draft.format if source == self.draft.spec else None)
        wish = self.formats.wish
        self._take(source, str(wish) if wish is not None else None)

    def _choose_format(self, wanted: str) -> None:
        self._take(self.draft.spec, wanted)

    def _take(self, spec: str | None, wanted: str | None = None, *, keep_text: bool = False) -> None:
        self.draft = self.draft.with_source(spec, wanted)
        self._show_draft(keep_text=keep_text)
        self.decide(self.draft)

    # -- showing --------------------------------------------------------------------------------------------------

    def _show_devices(self, found: list[Device], trouble: str) -> None:
        focused = next((source for source, (_, row) in self.devices.items() if row.hasFocus()), None)
        for _, row in self.devices.values():
            self._choices.remove(row)
            row.hide()
            row.deleteLater()
        self.devices = {}
        for device in found:
            row = self._row(f"{device.name}\n{state_of(device)}", partial(self._choose_device, device.source))
            self.devices[device.source] = (device, row)
            self._rows.addWidget(row)
        order = [*(row for _, row in self.devices.values()), self.again, self.address, self.file, self.phantom]
        for one, following in pairwise(order):
            QWidget.setTabOrder(one, following)
        self.nothing.setText(trouble or tr("None is plugged in. It appears here as soon as it is."))
        self.nothing.setVisible(not found)
        self._show_draft(keep_text=True)
        if focused in self.devices:
            self.devices[focused][1].setFocus()
        self.changed.emit()

    def _show_draft(self, *, keep_text: bool = False) -> None:
        """Mark the row of the draft's source."""
        spec = self.draft.spec
        device = self.devices.get(spec or "")
        row = device[1] if device is not None else self._row_of(spec)
        for other in self._choices:
            other.setChecked(other is row)
        if not keep_text:
            # Without name and password: others read this screen, too. What is not edited stays as it is.
            self.address.setText(without_password(spec) if row is None and spec is not None else "")
        if device is not None:
            self.formats.show_device(device[0], self.draft.format)
            if self.draft.format is None and self.formats.wish is not None:
                self.draft = self.draft.with_source(spec, str(self.formats.wish))
        else:
            self.formats.hide()
        self.about.setText(_about(spec, device[0] if device is not None else None))
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)

    def _row_of(self, spec: str | None) -> QPushButton | None:
        if spec is None or without_password(spec) == without_password(self.address.text().strip()):
            return None
        if spec == str(bundled().video):
            return self.phantom
        return None if "://" in spec or spec.startswith("camera:") else self.file


def state_of(device: Device) -> str:
    """A device in one line: what is wrong with it, or what arrives, or what it offers."""
    if device.problem:
        return tr("Cannot be used as it is: {problem}.").format(problem=told(device.problem))
    if device.open_in:
        return tr("In use by {programs}.").format(programs=", ".join(device.open_in))
    readable = [item for item in device.formats if item.readable]
    if not readable:
        return tr("Offers no format that can be read here.")
    if device.signal is not None:
        return tr("Input: {signal}.").format(signal=device.signal)
    best = max(readable, key=lambda item: item.width * item.height)
    rates = ", ".join(decimal(rate_text(rate)) for rate in best.rates[:4]) or tr("rates unknown")
    return tr("Up to {width} x {height} at {rates}.").format(width=best.width, height=best.height, rates=rates)


def _about(spec: str | None, device: Device | None) -> str:
    if device is not None:
        fault = f"{told(device.problem)}. {told(device.hint)}".strip() if device.problem else ""
        lasting = "" if device.stable else tr("Its place may change when it is plugged in again.")
        return "\n".join(part for part in (f"{device.name} ({device.bus})", fault, lasting) if part)
    if spec is None:
        return tr("Plug the capture card in, or choose another source.")
    try:
        return parse_source(spec).label  # without the password of an address
    except UsageError:
        return ""
