"""Where on a processor's screen the endoscopic picture is: what changes is picture, what stands still is not.

Borders, patient data and logos never change; a scope-position inset changes in thin lines; a second small picture is
not the largest. What is found is the bounding rectangle of the live picture: its rounded or cut corners stay inside,
and so does an inset that lies over the picture. Nothing is cropped here, and no user's choice is overruled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from detector.geometry import Size

Image = npt.NDArray[np.uint8]

# The grid on which change is measured; refined on the picture's own pixels at the end.
_GRID_PX = 320
# Frames nearer than this show the same: a second of them is no more evidence than one.
LEAST_GAP_S = 0.2
_LEAST_SAMPLES, _MOST_SAMPLES = 8, 40
# A picture that stood still for so many samples (32 s): do not keep the user waiting.
_MOST_IDLE = 160
# Change between samples that counts, in grey levels of 255: compressed black borders stay below 3.
_CHANGED = 8.0
# Changed in this share of the pairs: a clock that ticks once or a mouse that passes is not picture.
_OFTEN = 0.25
# Rows and columns of the found blob that are thinner than this share of its extent are antennas, not picture.
_THIN = 0.12
# What is left must fill its rectangle (a disc: 0.79, an octagon 0.9, a PolypGen picture with an inset 0.75) ...
_LEAST_FILL = 0.6
# ... and be this much of the screen (the smallest real one, picture-by-picture on 16:9: 0.2), not a thumbnail.
_LEAST_SHARE = 0.1


class Area(NamedTuple):
    """A rectangle in pixels of the full picture: left, top, width, height; all even."""

    x: int
    y: int
    width: int
    height: int

    @property
    def size(self) -> Size:
        """Its width and height."""
        return Size(self.width, self.height)

    def of(self, image: Image) -> Image:
        """The part of ``image``; a view, no copy."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def fits(self, size: Size) -> bool:
        """Whether it lies inside a picture of ``size``."""
        inside = self.x + self.width <= size.width and self.y + self.height <= size.height
        return min(self) >= 0 and min(self.size) >= 2 and inside

    def iou(self, other: Area) -> float:
        """Intersection over union."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        both = max(0, width) * max(0, height)
        union = self.width * self.height + other.width * other.height - both
        return both / union if union else 0.0


def even_area(left: float, top: float, right: float, bottom: float, size: Size) -> Area:
    """The largest even-aligned rectangle inside the given edges (half-open) and a picture of ``size``."""
    x, y = (int(np.ceil(max(0.0, edge) / 2)) * 2 for edge in (left, top))
    x2, y2 = int(min(right, size.width) // 2) * 2, int(min(bottom, size.height) // 2) * 2
    return Area(x, y, max(0, x2 - x), max(0, y2 - y))


@dataclass(frozen=True, slots=True)
class FoundArea:
    """What a search came to.

    Attributes:
        area: the rectangle; None if there is none that could be trusted.
        confidence: 0 to 1: how much of the rectangle is live, times how still all around it is; 0 without an area.
        reason: why nothing was found and what to do, in words; empty if something was.
    """

    area: Area | None
    confidence: float
    reason: str = ""


class AreaFinder:
    """Collects frames until the live picture stands out from what never changes.

    Between 8 and 40 samples are used, at least 0.2 s apart; the search succeeds when the rectangle stayed the same
    (IoU 0.97) over the last four of them, and gives up after 40.

    Args:
        size: of the full picture.
    """

    def __init__(self, size: Size) -> None:
        self.size = size
        scale = min(1.0, _GRID_PX / size.width)
        self._grid = Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))
        self._before: npt.NDArray[np.uint8] | None = None
        self._changes = np.zeros((self._grid.height, self._grid.width), np.float32)
        self._pairs = 0
        self._last_s: float | None = None
        self._idle = 0
        self._lately: list[Area | None] = []

    @property
    def samples(self) -> int:
        """Frames used so far."""
        return self._pairs + (self._before is not None)

    def update(self, image: Image, seconds: float) -> FoundArea | None:
        """Take a frame, BGR uint8 of the finder's size, at ``seconds`` of any steady clock.

        Returns:
            The outcome once there is one: an area, or a refusal. None while the search goes on.

        Raises:
            ValueError: the frame has another size.
        """
        if Size.of(image) != self.size:
            raise ValueError(f"the search is in pictures of {self.size}, not {Size.of(image)}")
        if self._last_s is not None and 0 <= seconds - self._last_s < LEAST_GAP_S:
            return None
        self._last_s = seconds
        small = np.asarray(cv2.resize(image, self._grid, interpolation=cv2.INTER_AREA), np.uint8)
        before, self._before = self._before, small
        if before is None:
            return None
        difference = cv2.absdiff(before, small).max(axis=2)
        if (difference > _CHANGED).mean() < _LEAST_SHARE / 2:  # a still picture tells nothing
            self._idle += 1
            return FoundArea(None, 0.0, _refusal("nothing in it moved")) if self._idle >= _MOST_IDLE else None
        self._changes += difference > _CHANGED
        self._pairs += 1
        return self._judged()

    def guess(self) -> FoundArea:
        """What the frames so far say, however few they are."""
        if self._pairs == 0:
            return FoundArea(None, 0.0, _refusal("nothing in it moved"))
        live = (self._changes / self._pairs >= _OFTEN).astype(np.uint8)
        # Smooth walls change little: close the holes; then drop lines and letters, which are thin.
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
        framed = cv2.copyMakeBorder(live, 9, 9, 9, 9, cv2.BORDER_CONSTANT, value=0)
        blob = cv2.morphologyEx(cv2.morphologyEx(framed, cv2.MORPH_CLOSE, kernel), cv2.MORPH_OPEN, kernel)[9:-9, 9:-9]
        count, labels, stats, _ = cv2.connectedComponentsWithStats(blob, connectivity=4)
        if count < 2:
            return FoundArea(None, 0.0, _refusal("nothing in it changes steadily"))
        largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        picture = labels == largest
        left, right = _extent(picture.sum(axis=0))
        top, bottom = _extent(picture.sum(axis=1))
        inside = picture[top:bottom, left:right]
        fill = float(inside.mean())
        share = inside.size / picture.size
        if fill < _LEAST_FILL:
            return FoundArea(None, 0.0, _refusal("what changes has no shape of a picture"))
        if share < _LEAST_SHARE:
            return FoundArea(None, 0.0, _refusal("what changes is too small a part of it"))
        outside = int(live.sum()) - int(live[top:bottom, left:right].sum())
        around = live.size - inside.size
        noise = outside / around if around else 0.0
        area = self._refined(left, top, right, bottom)
        return FoundArea(area, min(1.0, fill / 0.75) * max(0.0, 1 - 4 * noise))

    def _refined(self, left: int, top: int, right: int, bottom: int) -> Area:
        x, y = self.size.width / self._grid.width, self.size.height / self._grid.height
        # An edge of the picture shares its grid cell with the border: half a cell is given up, so that no border stays.
        trim_x, trim_y = (x / 2 if x > 1 else 0.0), (y / 2 if y > 1 else 0.0)
        edges = (
            left * x + (trim_x if left else 0),
            top * y + (trim_y if top else 0),
            right * x - (trim_x if right < self._grid.width else 0),
            bottom * y - (trim_y if bottom < self._grid.height else 0),
        )
        return even_area(*edges, self.size)

    def _judged(self) -> FoundArea | None:
        if self._pairs + 1 < _LEAST_SAMPLES - 3:
            return None
        found = self.guess()
        self._lately = [*self._lately[-3:], found.area]
        if self._pairs + 1 >= _LEAST_SAMPLES and _steady(self._lately):
            return found
        if self._pairs + 1 < _MOST_SAMPLES:
            return None
        if found.area is None:
            return found
        return FoundArea(None, 0.0, _refusal("its edges did not stay the same"))


def _steady(areas: list[Area | None]) -> bool:
    known = [a for a in areas if a is not None]
    return len(known) == 4 and all(a.iou(known[-1]) >= 0.97 for a in known)


def _extent(profile: npt.NDArray[np.int64]) -> tuple[int, int]:
    """First and one past the last place where the profile is more than thin."""
    thick = np.flatnonzero(profile >= _THIN * profile.max())
    return int(thick[0]), int(thick[-1]) + 1


def _refusal(why: str) -> str:
    return f"The picture area could not be found: {why}. Set it by hand."
