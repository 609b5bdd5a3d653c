"""Four sliders: from which score a marker appears, how long that must hold, how long it stays, and down to which score.

Nothing is worked out here: every movement says what is wanted now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QLabel, QPushButton, QSlider, QWidget

from app.gui import theme
from app.gui.language import decimal, mark, tr
from app.gui.qa.look import TARGET_PX
from app.gui.setup_parts import button, label
from detector.alerts import AlertSettings


@dataclass(frozen=True, slots=True)
class Limit:
    """One slider.

    Attributes:
        key: what it sets.
        name: beside it.
        tip: what it does, in a sentence.
        lowest: of its values.
        highest: likewise.
        step: between two values.
        unit: behind the value.
        read: takes it from settings.
    """

    key: str
    name: str
    tip: str
    lowest: float
    highest: float
    step: float
    unit: str
    read: Callable[[AlertSettings], float]

    @property
    def steps(self) -> int:
        """How many there are above the lowest value."""
        return round((self.highest - self.lowest) / self.step)

    def value(self, tick: int) -> float:
        """The value at a step."""
        return round(self.lowest + tick * self.step, 4)

    def tick(self, value: float) -> int:
        """The step that is nearest to a value."""
        return min(max(round((value - self.lowest) / self.step), 0), self.steps)

    def words(self, value: float) -> str:
        """The value as it is printed."""
        return decimal(f"{value:.2f}") + self.unit


LIMITS = (
    Limit(
        "threshold", mark("Threshold"), mark("The score from which a marker appears."),
        0.05, 0.95, 0.01, "", lambda s: s.threshold,
    ),
    Limit(
        "min_seen_s", mark("Minimum duration"), mark("How long a lesion must be followed before it is marked."),
        0.0, 1.5, 0.02, " s", lambda s: s.min_seen_s,
    ),
    Limit(
        "hold_s", mark("Hold time"), mark("How long a marker stays without new evidence."),
        0.0, 2.0, 0.05, " s", lambda s: s.tracking.max_gap_s,
    ),
    Limit(
        "keep_ratio", mark("Keep ratio"), mark("A marker stays down to this part of the threshold."),
        0.1, 1.0, 0.05, "", lambda s: s.keep_ratio,
    ),
)  # fmt: skip


def settings_with(base: AlertSettings, values: dict[str, float]) -> AlertSettings:
    """The settings with these limits in place of their own.

    Args:
        base: all else comes from here.
        values: by key of `LIMITS`.
    """
    return replace(
        base,
        threshold=values.get("threshold", base.threshold),
        keep_ratio=values.get("keep_ratio", base.keep_ratio),
        min_seen_s=values.get("min_seen_s", base.min_seen_s),
        tracking=replace(base.tracking, max_gap_s=values.get("hold_s", base.tracking.max_gap_s)),
    )


class LimitsPanel(QWidget):
    """The sliders, each with its value and with what it was.

    Attributes:
        wanted: these settings are wanted now; at every movement.
    """

    wanted = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base: AlertSettings | None = None
        self._exact = {limit.key: limit.lowest for limit in LIMITS}
        self.sliders: dict[str, QSlider] = {}
        self.values: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        for line, limit in enumerate(LIMITS):
            grid.addWidget(self._name(limit), line, 0)
            grid.addWidget(self._slider(limit), line, 1)
            grid.addWidget(self._value(limit), line, 2)
        grid.setColumnStretch(1, 1)
        self.reset: QPushButton = button(tr("As it was"), self.take_base)
        self.reset.setToolTip(tr("Put all four back to the settings that the markers are compared with."))
        grid.addWidget(self.reset, len(LIMITS), 2)
        self.setStyleSheet(_slider_style())
        self.setEnabled(False)

    def show_base(self, base: AlertSettings) -> None:
        """Begin at these settings; says nothing to listeners."""
        self._base = base
        self.setEnabled(True)
        self._put({limit.key: limit.read(base) for limit in LIMITS})

    @property
    def settings(self) -> AlertSettings | None:
        """What the sliders say; None before there is anything to begin at."""
        return None if self._base is None else settings_with(self._base, self._exact)

    @property
    def changed(self) -> bool:
        """Whether they say anything else than what they began at."""
        return self._base is not None and self.settings != self._base

    def take_base(self) -> None:
        """Back to where they began."""
        if self._base is not None:
            self._put({limit.key: limit.read(self._base) for limit in LIMITS})
            self.wanted.emit(self.settings)

    def set_limit(self, key: str, value: float) -> None:
        """Move one slider, as a person would."""
        limit = next(each for each in LIMITS if each.key == key)
        self.sliders[key].setValue(limit.tick(value))

    def _put(self, values: dict[str, float]) -> None:
        """Show these, though they may lie between two steps."""
        for limit in LIMITS:
            slider = self.sliders[limit.key]
            slider.blockSignals(True)
            slider.setValue(limit.tick(values[limit.key]))
            slider.blockSignals(False)
        self._exact = dict(values)
        self._say()

    def _moved(self, limit: Limit, tick: int) -> None:
        self._exact[limit.key] = limit.value(tick)
        self._say()
        self.wanted.emit(self.settings)

    def _say(self) -> None:
        for limit in LIMITS:
            value = self._exact[limit.key]
            words = limit.words(value)
            if self._base is not None and abs(limit.read(self._base) - value) > 1e-9:
                words += "  " + tr("(was {value})").format(value=limit.words(limit.read(self._base)))
            self.values[limit.key].setText(words)
            self.sliders[limit.key].setAccessibleDescription(words)
        self.reset.setEnabled(self.changed)

    def _name(self, limit: Limit) -> QLabel:
        made = label(tr(limit.name))
        made.setWordWrap(False)
        made.setToolTip(tr(limit.tip))
        return made

    def _slider(self, limit: Limit) -> QSlider:
        made = QSlider(Qt.Orientation.Horizontal, self)
        made.setRange(0, limit.steps)
        made.setPageStep(max(1, limit.steps // 10))
        made.setMinimumHeight(TARGET_PX)
        made.setMinimumWidth(160)
        made.setAccessibleName(tr(limit.name))
        made.setToolTip(tr(limit.tip))
        made.valueChanged.connect(lambda tick, limit=limit: self._moved(limit, tick))
        self.sliders[limit.key] = made
        return made

    def _value(self, limit: Limit) -> QLabel:
        made = label()
        made.setWordWrap(False)
        made.setMinimumWidth(150)
        self.values[limit.key] = made
        return made


def _slider_style() -> str:
    line, soft, chosen, text = (c.name() for c in (theme.LINE, theme.TEXT_SOFT, theme.MARKER, theme.TEXT))
    return (
        f"QSlider::groove:horizontal {{ height: 6px; background: {line}; border-radius: 3px; }}"
        f"QSlider::sub-page:horizontal {{ background: {soft}; border-radius: 3px; }}"
        f"QSlider::handle:horizontal {{ width: 18px; margin: -12px 0; background: {text}; border-radius: 4px; }}"
        f"QSlider::handle:horizontal:focus {{ background: {chosen}; }}"
        f"QSlider::handle:horizontal:disabled {{ background: {line}; }}"
    )
