"""Sensitivity presets: how readily a marker appears, and what that costs in false alarms as far as it is known.

A variant's manifest may declare them (``presets``), measured by ``python -m benchmarks.presets``. What it does not
declare is derived from its operating threshold by a fixed factor, and its rate is then unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from detector.detections import DetectorInfo
from detector.manifest import ModelManifest, PresetRecord

HIGH, NORMAL, LOW = "high", "normal", "low"
EXPERT = "expert"
"""Not a preset: limits of the user's own."""

KEEP_RATIO, MIN_SEEN_S, HOLD_S = 0.6, 0.2, 0.3
"""What ``normal`` uses where the manifest says nothing: the limits behind every figure of the models."""

# In odds, threshold / (1 - threshold), so that no factor leaves 0 to 1. Half and double: .57 becomes .40 and .73.
_ODDS = {HIGH: 0.5, NORMAL: 1.0, LOW: 2.0}


@dataclass(frozen=True, slots=True)
class FalseAlarmRate:
    """How often a marker appears where no polyp is.

    Attributes:
        per_minute: markers per minute of video.
        minutes: of how much video.
        processors: from how many makes of endoscopy processor; 0 where that is not known.
    """

    per_minute: float
    minutes: float
    processors: int

    def __str__(self) -> str:
        video = f"{self.per_minute:.2g} per minute on {self.minutes:.3g} minutes of video"
        if not self.processors:
            return f"{video} from an unknown number of processors"
        return f"{video} from {self.processors} {'processor' if self.processors == 1 else 'processors'}"


@dataclass(frozen=True, slots=True)
class Preset:
    """One step of sensitivity.

    Attributes:
        name: ``high``, ``normal`` or ``low``.
        threshold: score from which a marker appears.
        keep_ratio: a marker stays down to this part of the threshold.
        min_seen_s: how long a lesion must be followed before it is marked.
        hold_s: how long a marker stays without new evidence.
        rate: of false alarms; None if nobody measured it.
    """

    name: str
    threshold: float
    keep_ratio: float = KEEP_RATIO
    min_seen_s: float = MIN_SEEN_S
    hold_s: float = HOLD_S
    rate: FalseAlarmRate | None = None

    @property
    def rate_words(self) -> str:
        """The rate in words: ``0.8 per minute on 12 minutes of video from 2 processors``, or ``unknown``."""
        return str(self.rate) if self.rate else "unknown"


PresetsOf = Callable[[DetectorInfo], tuple[Preset, ...]]
"""The presets of what runs, ``high`` first."""


def derived_presets(info: DetectorInfo) -> tuple[Preset, ...]:
    """Presets for a detector of which only the operating threshold is known."""
    return tuple(_derived(name, info.threshold) for name in _ODDS)


def manifest_presets(manifest: ModelManifest) -> PresetsOf:
    """The presets that a manifest declares for the variant that runs; those that it leaves out are derived."""

    def presets(info: DetectorInfo) -> tuple[Preset, ...]:
        declared: dict[str, Preset] = {}
        for variant in manifest.variants:
            if variant.name == info.variant:
                declared |= {record.name: _declared(record) for record in variant.presets}
        return tuple(declared.get(preset.name, preset) for preset in derived_presets(info))

    return presets


def _derived(name: str, threshold: float) -> Preset:
    if name == NORMAL:
        return Preset(name, threshold)
    odds = _ODDS[name] * threshold / max(1e-6, 1 - threshold)
    return Preset(name, odds / (1 + odds))


def _declared(record: PresetRecord) -> Preset:
    told = record.false_alarms
    rate = FalseAlarmRate(told.per_minute, told.minutes, told.processors) if told else None
    return Preset(record.name, record.threshold, record.keep_ratio, record.min_seen_s, record.hold_s, rate)
