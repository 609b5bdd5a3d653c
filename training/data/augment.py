"""What a training image may look like: placed in one warp, then optics, processor, screen and signal in their order.

Geometry is our own: one affine warp per image, and the polyp's convex hull goes through the same matrix, so that a
rotated image gets a tight box. What covers the picture afterwards cuts the box or takes it away. All in BGR, as frames
are; albumentations, of which four effects are made, sees RGB.

Polyps are never cut out and pasted into other pictures: a pasted polyp has an edge, a light and a focus of its own,
and a detector learns that edge as the quickest cue for 'polyp'. The real ones have none. What is rare (small, dark,
blurred, half hidden) is made by changing whole pictures, and drawn more often by the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from detector.geometry import Boxes, as_boxes
from training.data import optics, processor, screen, signal
from training.data.geometry import Image, Mask, Picture, Placed, boxes_left
from training.data.placement import Dice, mosaic, place
from training.data.settings import AugmentSettings, Kind, read_settings

__all__ = ["Augmenter", "Kind", "Picture", "Scene"]

Photometric = Callable[[Image, np.random.Generator, float], Image]
Covering = Callable[[Placed, np.random.Generator, float], Mask | None]

BEFORE_SCREEN: dict[str, Photometric] = {
    "highlights": optics.highlights,
    "defocus": optics.defocus,
    "blur": optics.blur,
    "motion": optics.motion,
    "vignette": optics.vignette,
    "exposure": processor.exposure,
    "temperature": processor.temperature,
    "saturation": processor.saturation,
    "tone": processor.tone,
    "narrow_band": processor.narrow_band,
    "noise": optics.noise,
    "sharpen": processor.sharpen,
    "interlace": signal.interlace,
}
"""In the order of an endoscope: lens and lamp, sensor, processor; both fields show the same text, so that follows."""
ON_SCREEN: dict[str, Covering] = {"border": screen.border, "inset": screen.inset, "banner": screen.banner}
AFTER_SCREEN: dict[str, Photometric] = {"jpeg": signal.jpeg}
PARTS = 4
"""Pictures in a mosaic."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A finished training input: a square BGR uint8 image, its float32 (N, 4) boxes and (M, 4) regions to ignore."""

    image: Image
    boxes: Boxes
    ignored: Boxes = field(default_factory=lambda: as_boxes([]))
    applied: tuple[tuple[str, float], ...] = ()
    """Name and strength of each effect, in order."""


class Augmenter:
    """Pictures in, a finished scene out; everything random comes from the generator that is passed in.

    Args:
        augment: ``full``, ``plain`` (without albumentations), ``off``, or shares of draws by effect.
        settings: the table itself, instead.

    Raises:
        UsageError: an effect is unknown, or albumentations is needed and missing.
    """

    def __init__(self, augment: str | Mapping[str, object] = "full", settings: AugmentSettings | None = None) -> None:
        self.settings = read_settings(augment)[1] if settings is None else settings
        self._late = self.settings.in_late_phase()
        if any(effect.library and effect.p for _, effect in self.settings):
            optics.library()  # missing: say so now, not in a loader's thread

    def phase(self, late: bool) -> AugmentSettings:
        """The table of the last or of an earlier phase."""
        return self._late if late else self.settings

    def __call__(self, pictures: Sequence[Picture], rng: np.random.Generator, size: int, late: bool) -> Scene:
        """Place one picture, or four as a mosaic, in a square of `size` pixels, and change it."""
        dice = Dice(self.phase(late), rng)
        placed = mosaic(pictures, dice, size) if len(pictures) == PARTS else place(pictures[0], dice, size, size)
        _change(placed, dice, BEFORE_SCREEN)
        hidden = None
        for name, cover in ON_SCREEN.items():
            if rolled := dice.roll(name):
                covered = cover(placed, rolled[1], rolled[0])
                hidden = covered if hidden is None else hidden if covered is None else hidden | covered
        _change(placed, dice, AFTER_SCREEN)
        boxes, ignored = boxes_left(placed, hidden)
        return Scene(placed.image, boxes, ignored, tuple(dice.applied))


def _change(placed: Placed, dice: Dice, effects: Mapping[str, Photometric]) -> None:
    """Change the picture where it lies; what is around it stays as the runtime pads it."""
    rolled = [(effect, fell) for name, effect in effects.items() if (fell := dice.roll(name))]
    x1, y1, x2, y2 = placed.area
    if not rolled or x1 >= x2 or y1 >= y2:
        return
    before = np.ascontiguousarray(placed.image[y1:y2, x1:x2])
    image = before
    for effect, (amount, rng) in rolled:
        image = effect(image, rng, amount)
    if placed.surround is not None:
        image = np.asarray(cv2.copyTo(before, placed.surround[y1:y2, x1:x2], image), np.uint8)
    placed.image[y1:y2, x1:x2] = image
