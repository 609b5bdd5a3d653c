"""The one table of the augmentation: what each effect imitates, how strong it is and how often it is drawn.

Every effect is a small named function elsewhere in this room; nothing about it is written down twice. A run's
configuration carries changes of this table alone: ``full``, ``plain``, ``off``, or a mapping such as
``{interlace: 0.1, jpeg: 0}``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from detector.errors import UsageError

Kind = Literal["full", "plain", "off"]
HARD_WEIGHT = 3
"""Draws of a hard example for each of another: a hundred mined frames are seen beside thousands, not learned by heart.
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect.

    Attributes:
        p: share of draws that get it, 0..1.
        mild: near end of its strength; where it works both ways (`mild` below 0, `strong` above), the other extreme.
        strong: far end.
        unit: of `mild` and `strong`.
        imitates: what is seen in endoscopy, and why a detector must know it.
        late: `p` is multiplied by this in a run's last phase, in which images look more as in use.
        library: it is made by albumentations, and left out with ``plain``.
    """

    p: float
    mild: float
    strong: float
    unit: str
    imitates: str
    late: float = 1.0
    library: bool = False

    def amount(self, rng: np.random.Generator) -> float:
        """A strength, uniform between the two ends."""
        return self.mild + (self.strong - self.mild) * float(rng.random())


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """All effects, in the order in which they happen: placement, optics, light, sensor, processor, screen, signal."""

    mosaic: Effect = Effect(
        0.2, 0.3, 0.7, "share of the side at which the four meet", "nothing: four scales and places in one input", 0.0
    )
    surround: Effect = Effect(
        0.4, 0, 24, "grey level", "what is around the picture: near black on a screen, else the input's own padding"
    )
    as_in_use: Effect = Effect(
        0.25, 1, 1, "no other placement than turns", "the detector's own view: the whole picture, top left", 2.4
    )
    turn: Effect = Effect(
        1.0, 0, 8, "one of the eight flips and quarter turns", "the endoscope has no up; costs no sharpness"
    )
    zoom: Effect = Effect(
        1.0, -1.0, 0.6, "octaves against 'fits the input'", "distance, and parts of pictures; below, more surround"
    )
    stretch: Effect = Effect(
        1.0, -0.12, 0.12, "share of width against height", "anamorphic SD signals, lenses, views from the side", 0.5
    )
    rotate: Effect = Effect(
        0.35, -180.0, 180.0, "degrees", "the hand turns the endoscope to any angle; outlines keep boxes tight", 0.4
    )
    shrink: Effect = Effect(
        0.06,
        0.10,
        0.015,
        "polyp's width as a share of the input's",
        "far and tiny polyps: stills are taken close up (a third of the width), a live polyp begins below 3 %",
        0.5,
    )
    halve: Effect = Effect(
        0.05, 1, 1, "exact 2x2 averages", "the runtime's own first step with 1080p video, and nothing after it"
    )
    highlights: Effect = Effect(0.10, 3, 18, "spots", "specular reflections of wet mucosa", 0.6)
    defocus: Effect = Effect(
        0.06, 1.0, 4.0, "radius in pixels at 416", "too close for the fixed focus, or a smeared lens", 0.6, True
    )
    blur: Effect = Effect(0.05, 0.5, 1.8, "sigma in pixels at 416", "a soft lens, an SD signal that was enlarged", 0.6)
    motion: Effect = Effect(0.08, 3, 13, "length in pixels at 416", "the tip moves while a frame is exposed", 0.6, True)
    vignette: Effect = Effect(
        0.10, 0.3, 0.9, "share of light lost in the far corners", "light falls off from the lamp's centre", 0.6
    )
    exposure: Effect = Effect(0.45, -0.7, 0.5, "stops", "automatic exposure that lags: dark lumen, bright wall", 0.6)
    temperature: Effect = Effect(
        0.30, -60.0, 60.0, "mired from 6000 K", "xenon against LED, white balance of other processors", 0.6, True
    )
    saturation: Effect = Effect(
        0.25,
        -28.0,
        28.0,
        "of 255, with a little hue",
        "colour modes of processors, pale or bloody mucosa",
        0.6,
        True,
    )
    tone: Effect = Effect(
        0.30,
        0.25,
        1.0,
        "share of the largest curve",
        "processors' contrast curves, lifted blacks, casts",
        0.6,
    )
    narrow_band: Effect = Effect(
        0.02, 0.7, 1.0, "share of the colours exchanged", "narrow-band light left on; rare, since the sets show little"
    )
    noise: Effect = Effect(0.08, 2.0, 9.0, "grey levels, standard deviation", "gain in the dark; chroma in blobs", 0.6)
    sharpen: Effect = Effect(0.12, 0.3, 1.5, "share of detail added", "processors' structure enhancement: halos", 0.6)
    interlace: Effect = Effect(
        0.06, 1.0, 7.0, "pixels that the second field moved", "a combed or, once halved, doubled picture of 1080i, 576i"
    )
    border: Effect = Effect(
        0.10, 0.03, 0.16, "share of the side that a corner loses", "octagon, circle and cut corners as processors draw"
    )
    inset: Effect = Effect(
        0.06, 0.14, 0.3, "share of the width", "the small second picture and the green or blue scope-position box"
    )
    banner: Effect = Effect(0.08, 1, 6, "lines of text", "patient banner and settings burned into the picture")
    jpeg: Effect = Effect(0.20, 90, 28, "JPEG quality", "recordings and network streams", 0.6)

    def __post_init__(self) -> None:
        for name, effect in self:
            if not 0 <= effect.p <= 1:
                raise UsageError(f"The share of the effect '{name}' must be between 0 and 1, not {effect.p}.")

    def __iter__(self) -> Iterator[tuple[str, Effect]]:
        return ((f.name, getattr(self, f.name)) for f in fields(self))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Of all effects, in order."""
        return tuple(f.name for f in fields(cls))

    @classmethod
    def off(cls) -> AugmentSettings:
        """Nothing at all: each image is placed as the evaluation places it."""
        return cls().changed(dict.fromkeys(cls.names(), 0.0))

    @classmethod
    def only(cls, name: str, other_extreme: bool = False) -> AugmentSettings:
        """One effect in every draw at its full strength, for looking at it.

        Raises:
            UsageError: there is no such effect.
        """
        known(name)
        effect: Effect = getattr(cls(), name)
        both_ways = effect.mild < 0 < effect.strong
        end = effect.mild if both_ways and other_extreme else effect.strong
        ranged = (effect.mild, effect.strong) if name in ("turn", "rotate") else (end, end)
        return replace(cls.off(), **{name: replace(effect, p=1.0, late=1.0, mild=ranged[0], strong=ranged[1])})

    def changed(self, shares: Mapping[str, float]) -> AugmentSettings:
        """The same table with other shares of draws, by effect.

        Raises:
            UsageError: there is no such effect (the nearest is named), or a share is not between 0 and 1.
        """
        for name, share in shares.items():
            known(name)
            if isinstance(share, bool) or not isinstance(share, int | float):
                raise UsageError(f"The share of the effect '{name}' must be a number between 0 and 1, not {share!r}.")
        return replace(self, **{name: replace(getattr(self, name), p=float(p)) for name, p in shares.items()})

    def in_late_phase(self) -> AugmentSettings:
        """The table of a run's last phase."""
        return replace(self, **{name: replace(e, p=min(1.0, e.p * e.late), late=1.0) for name, e in self})


def known(name: str) -> str:
    """`name`, if it is an effect.

    Raises:
        UsageError: it is not; the nearest is named.
    """
    names = AugmentSettings.names()
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
    raise UsageError(f"There is no effect '{name}'; the nearest is '{near}'.", f"Known: {', '.join(names)}.")


def read_settings(augment: str | Mapping[str, object]) -> tuple[Kind, AugmentSettings]:
    """What a configuration's `augment` says.

    Args:
        augment: ``full``, ``plain``, ``off``, or shares of draws by effect; there the key ``kind`` is one of the words.

    Raises:
        UsageError: a word or an effect is unknown, or a share is not between 0 and 1.
    """
    shares = {} if isinstance(augment, str) else {k: v for k, v in augment.items() if k != "kind"}
    kind = augment if isinstance(augment, str) else augment.get("kind", "full")
    if kind is False:  # YAML reads a bare `off` as a boolean
        kind = "off"
    if kind not in ("full", "plain", "off"):
        raise UsageError(f"Augmentation is full, plain or off, not '{kind}'.")
    base = AugmentSettings.off() if kind == "off" else AugmentSettings()
    settings = base.changed(shares)  # type: ignore[arg-type]  # checked there
    if kind == "plain":
        asked = [name for name in shares if getattr(settings, name).library and getattr(settings, name).p]
        if asked:
            raise UsageError(f"The effect '{asked[0]}' needs albumentations: it is not part of plain.", "Take full.")
        settings = settings.changed({name: 0.0 for name, effect in settings if effect.library})
    return kind, settings


def table(settings: AugmentSettings) -> str:
    """The table as Markdown."""
    lines = ["| effect | share | last phase | strength | what it imitates |", "|---|---|---|---|---|"]
    for name, e in settings:
        strength = f"{e.mild:g} to {e.strong:g} {e.unit}" if e.mild != e.strong else e.unit
        made = " (albumentations)" if e.library else ""
        lines.append(f"| {name} | {e.p:.0%} | {min(1.0, e.p * e.late):.0%} | {strength} | {e.imitates}{made} |")
    return "\n".join(lines)
