"""How a live session behaves, and from which limits on a lesion is marked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from app.recording.recorder import RecorderOptions
from detector.alerts import AlertSettings
from detector.detections import DetectorInfo
from detector.errors import UsageError
from detector.presets import EXPERT, HIGH, HOLD_S, LOW, MIN_SEEN_S, NORMAL, Preset, PresetsOf, derived_presets
from detector.tracking import TrackingSettings


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a live session behaves.

    Attributes:
        overlay_limit_ns: boxes of this age vanish; of a slow file those of one and a half intervals, if that is more.
        sensitivity: the preset to begin with: ``high``, ``normal`` or ``low``.
        threshold: score from which a marker appears; None as the preset says.
        keep_ratio: a marker stays down to this part of the threshold; None as the preset says.
        min_seen_s: how long a track must last before it shows; the default is as the preset says.
        min_display_s: how long a marker stays at least.
        hold_s: how long a marker stays without new evidence; the default is as the preset says.
        hide_s: for how long boxes are hidden by :meth:`app.live.LiveSession.hide_boxes`.
        shadow: the AI runs and is recorded, and shows nothing.
        light_override: boxes also in light that the model was not validated in.
        watch: look at the picture itself ten times a second: poor views, its light, a frozen processor. Without it
            nothing is suppressed for these reasons, as in benchmarks and runs offscreen.
        recordings: folder for recordings; None if nothing can be recorded.
        recorder: encoder, segments and free space of recordings.
        retry_opening: try again even if the source could not be opened once: for cameras and streams in a window.
        synchronised: begin in the synchronised mode, in which each picture waits for its own boxes.
        wait_for_ai_s: begin a run offscreen only when the AI is up, or after this long; 0 for everything that is live.
    """

    overlay_limit_ns: int = 250_000_000
    sensitivity: str = NORMAL
    threshold: float | None = None
    keep_ratio: float | None = None
    min_seen_s: float = MIN_SEEN_S
    min_display_s: float = 0.0
    hold_s: float = HOLD_S
    hide_s: float = 60.0
    shadow: bool = False
    light_override: bool = False
    watch: bool = False
    recordings: Path | None = None
    recorder: RecorderOptions = field(default_factory=RecorderOptions)
    retry_opening: bool = False
    wait_for_ai_s: float = 0.0
    synchronised: bool = False

    @property
    def expert(self) -> bool:
        """Whether the user set a limit of a marker himself: a value other than the default is a wish."""
        wishes = (self.threshold, self.keep_ratio, self.min_seen_s, self.min_display_s, self.hold_s)
        return wishes != (None, None, MIN_SEEN_S, 0.0, HOLD_S)


class Sensitivity:
    """The preset in force, and the limits that follow from it. Read from every thread; changed by assignment only.

    Args:
        settings: the preset to begin with, and the user's own limits.
        presets_of: what the running model offers.

    Raises:
        UsageError: the settings name a preset that there is not.
    """

    def __init__(self, settings: LiveSettings, presets_of: PresetsOf = derived_presets) -> None:
        self._settings = settings
        self._presets_of = presets_of
        self.name = NORMAL
        self.choose(settings.sensitivity)
        if settings.expert:
            self.name = EXPERT

    def choose(self, name: str) -> None:
        """Take another preset; ``expert`` goes back to the user's own limits, where there are any.

        Raises:
            UsageError: there is no such preset.
        """
        if name not in (HIGH, NORMAL, LOW) and not (name == EXPERT and self._settings.expert):
            own = ", or set ai.threshold for limits of your own" if name == EXPERT else ""
            raise UsageError(f"There is no sensitivity '{name}'.", f"Choose high, normal or low{own}.")
        self.name = name

    def presets(self, info: DetectorInfo | None) -> tuple[Preset, ...]:
        """What can be chosen, with the false-alarm rates; empty until the model is up."""
        return self._presets_of(info) if info else ()

    def limits(self, info: DetectorInfo) -> AlertSettings:
        """The limits of markers for what runs."""
        own = self._settings
        expert = self.name == EXPERT
        wanted = own.sensitivity if expert else self.name
        preset = next(p for p in self._presets_of(info) if p.name == wanted)
        limits = AlertSettings(
            threshold=preset.threshold,
            keep_ratio=preset.keep_ratio,
            min_seen_s=preset.min_seen_s,
            tracking=TrackingSettings(max_gap_s=preset.hold_s),
        )
        return _with_wishes(limits, own) if expert else limits


def _with_wishes(limits: AlertSettings, own: LiveSettings) -> AlertSettings:
    return replace(
        limits,
        threshold=own.threshold or limits.threshold,
        keep_ratio=own.keep_ratio or limits.keep_ratio,
        min_seen_s=limits.min_seen_s if own.min_seen_s == MIN_SEEN_S else own.min_seen_s,
        min_display_s=own.min_display_s,
        tracking=limits.tracking if own.hold_s == HOLD_S else replace(limits.tracking, max_gap_s=own.hold_s),
    )
