"""The format of a device, in three lists: pixel format, size, rate. What the rule would take is chosen at first."""

from __future__ import annotations

from fractions import Fraction

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from app.devices.device import Device
from app.devices.formats import Format, Wish, parse_wish, rate_text, same_rate
from app.devices.listing import chosen
from app.gui.language import decimal, told, tr
from app.gui.setup_parts import button, combo, label
from detector.errors import UsageError


class FormatChooser(QWidget):
    """Lists what the device offers, readable formats only."""

    chosen = pyqtSignal(str)  # as in ``UYVY@1920x1080@50``

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats: tuple[Format, ...] = ()
        self._proposal: Wish | None = None
        self.fourcc, self.size_, self.rate = combo(), combo(), combo()
        self.reason = label(kind="soft")
        self.propose = button(tr("Take the proposal"), self._take_proposal)
        grid = QGridLayout()
        grid.setSpacing(10)
        names = (tr("Pixel format"), tr("Size"), tr("Frames per second"))
        for row, (name, box) in enumerate(zip(names, (self.fourcc, self.size_, self.rate), strict=True)):
            grid.addWidget(label(name), row, 0)
            grid.addWidget(box, row, 1)
            box.setAccessibleName(name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(label(tr("Format"), "heading"))
        column.addLayout(grid)
        column.addWidget(self.propose)
        column.addWidget(self.reason)
        self.fourcc.activated.connect(lambda _: self._fill_sizes(tell=True))
        self.size_.activated.connect(lambda _: self._fill_rates(tell=True))
        self.rate.activated.connect(lambda _: self._tell())

    @property
    def wish(self) -> Wish | None:
        """What is chosen; None where the device offers nothing that can be read."""
        size = self.size_.currentData()
        if self.fourcc.currentData() is None or size is None:
            return None
        return Wish(self.fourcc.currentData(), size[0], size[1], self.rate.currentData())

    def show_device(self, device: Device, wanted: str | None) -> None:
        """List its formats, and choose what was wanted, or else what the rule proposes."""
        self._formats = tuple(item for item in device.formats if item.readable)
        choice = chosen(device)
        self._proposal = Wish(choice.fourcc, choice.width, choice.height, choice.rate) if choice else None
        self.setVisible(choice is not None)
        if choice is None:
            return
        self.reason.setText(tr("Proposed: {format} ({reason}).").format(format=choice, reason=told(choice.reason)))
        _fill(self.fourcc, [(fourcc, fourcc) for fourcc in dict.fromkeys(item.fourcc for item in self._formats)])
        self._show(_understood(wanted) or self._proposal)

    def _take_proposal(self) -> None:
        self._show(self._proposal)
        self._tell()

    def _show(self, wish: Wish | None) -> None:
        if wish is None:
            return
        _select(self.fourcc, wish.fourcc)
        self._fill_sizes(tell=False)
        _select(self.size_, (wish.width, wish.height))
        self._fill_rates(tell=False)
        near = [rate for rate in self._rates() if wish.rate is not None and same_rate(rate, wish.rate)]
        _select(self.rate, near[0] if near else wish.rate)

    def _fill_sizes(self, *, tell: bool) -> None:
        before = self.size_.currentData()
        sizes = [(item.width, item.height) for item in self._formats if item.fourcc == self.fourcc.currentData()]
        _fill(self.size_, [((w, h), f"{w} x {h}") for w, h in sizes])
        _select(self.size_, before)
        self._fill_rates(tell=tell)

    def _fill_rates(self, *, tell: bool) -> None:
        before = self.rate.currentData()
        _fill(
            self.rate,
            [(rate, decimal(rate_text(rate))) for rate in self._rates()] or [(None, tr("as the device sends"))],
        )
        _select(self.rate, before)
        if tell:
            self._tell()

    def _rates(self) -> tuple[Fraction, ...]:
        key = (self.fourcc.currentData(), self.size_.currentData())
        found = (item.rates for item in self._formats if (item.fourcc, (item.width, item.height)) == key)
        return next(found, ())

    def _tell(self) -> None:
        if self.wish is not None:
            self.chosen.emit(str(self.wish))


def _fill(box: QComboBox, items: list[tuple[object, str]]) -> None:
    box.clear()
    for data, words in items:
        box.addItem(words, data)


def _select(box: QComboBox, data: object) -> None:
    """The row with this data, or the first."""
    at = next((row for row in range(box.count()) if box.itemData(row) == data), 0)
    box.setCurrentIndex(at)


def _understood(text: str | None) -> Wish | None:
    try:
        wish = parse_wish(text) if text else None
    except UsageError:
        return None
    return wish if wish is not None and wish.fourcc and wish.width else None
