"""Whether a picture is worth looking at: blurred, dark, washed out, or not of the inside of a body.

Limits were chosen on the training negatives and the positives of `dev` so that at most 1 % of those positives are
called poor, and are measured by ``python -m benchmarks.picture_quality``. A poor view is a state of its own: boxes are
withheld because nothing can be seen, never because nothing is there.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from detector.picture.glance import Glance

# Structure for the light there is. Positives of dev: at least 0.046; the blurred training sequences: median 0.031
# (seq17) and 0.055 (seq13, which is soft rather than blurred and stays good).
_BLURRED_BELOW = 0.038
# Three quarters of the picture are darker than this. Darkest positive of dev: 92. No dark video was at hand.
_DARK_BELOW = 70.0
# Most of the frame is border or black: there is no picture.
_LEAST_PICTURE = 0.15
# Share of the picture in glare. Positives of dev: at most 0.16; of 3037 stills (Kvasir, PolypGen, BKAI) one has more
# than 0.27.
_WASHED_ABOVE = 0.30
# Share with the colour of mucosa. Positives of dev: at least 0.33; the phantom's room: 0. Of the 3037 stills nine are
# below: dyed all over or in enhanced colours, none of a room; two specimens on a bench (0.25, 0.32) are missed.
_OUTSIDE_BELOW = 0.20
# For keeping a picture the doubt goes the other way: surely inside only from here on (1 % of dev's positives are below
# 0.57; a dyed polyp up close is doubted, too).
_INSIDE_ABOVE = 0.50

_LONGEST_GAP_S = 1.0


class View(enum.Enum):
    """What is wrong with a picture."""

    GOOD = "good view"
    BLURRED = "blurred"
    DARK = "dark"
    WASHED_OUT = "washed out"
    OUTSIDE = "out of the body"  # or dyed all over: the colours are not those of mucosa


@dataclass(frozen=True, slots=True)
class PictureState:
    """What the screen says of the view.

    Attributes:
        view: the steady verdict; anything but GOOD withholds boxes: "poor view: AI suppressed".
        since_s: when it began, on the clock that was handed in.
        inside: whether the picture is surely of the inside of a body. False until that is known: what may be kept
            hangs on it, and doubt keeps nothing.
    """

    view: View
    since_s: float
    inside: bool

    @property
    def poor(self) -> bool:
        """Whether the AI is to be silent."""
        return self.view is not View.GOOD


@dataclass(frozen=True, slots=True)
class GateTimes:
    """How long a verdict must last before it counts.

    Attributes:
        poor_s: a poor view; a passing glare or a turn of the hand is shorter.
        good_s: a good view after a poor one.
        inside_s: colours of the inside, before the picture may be kept; they are doubted at once.
    """

    poor_s: float = 0.3
    good_s: float = 0.3
    inside_s: float = 1.0


def judge(seen: Glance) -> View:
    """The verdict on a single picture, the plainest reason first."""
    if seen.picture_share < _LEAST_PICTURE or seen.level < _DARK_BELOW:
        return View.DARK
    if seen.mucosa < _OUTSIDE_BELOW:
        return View.OUTSIDE
    if seen.glare > _WASHED_ABOVE:
        return View.WASHED_OUT
    if seen.detail < _BLURRED_BELOW:
        return View.BLURRED
    return View.GOOD


def surely_inside(seen: Glance) -> bool:
    """Whether a single picture has the colours of the inside of a body, and enough light to tell."""
    return judge(seen) not in (View.DARK, View.OUTSIDE) and seen.mucosa >= _INSIDE_ABOVE


class QualityGate:
    """Turns verdicts on pictures into a steady state, in seconds of any clock.

    Ten pictures a second are enough. After a gap of more than a second, and after time ran backwards, it starts anew.

    Args:
        times: how long verdicts must last.
    """

    def __init__(self, times: GateTimes | None = None) -> None:
        self._times = times or GateTimes()
        self._state: PictureState | None = None
        self._last_s = 0.0
        self._other_since_s: float | None = None
        self._inside_since_s: float | None = None

    def update(self, seen: Glance, seconds: float) -> PictureState:
        """Take what was measured of the picture at ``seconds``."""
        view = judge(seen)
        before = self._state
        if before is None or not 0 <= seconds - self._last_s <= _LONGEST_GAP_S:
            self._other_since_s = self._inside_since_s = None
            before = PictureState(view, seconds, False)
        self._last_s = seconds
        self._state = PictureState(*self._steady(before, view, seconds), self._inside(seen, seconds))
        return self._state

    def _steady(self, before: PictureState, view: View, seconds: float) -> tuple[View, float]:
        poor = view is not View.GOOD
        if poor == before.poor:
            self._other_since_s = None
            # One poor view may turn into another: the newest reason is said, the state goes on.
            return view, before.since_s
        if self._other_since_s is None:
            self._other_since_s = seconds
        needed = self._times.poor_s if poor else self._times.good_s
        if seconds - self._other_since_s < needed:
            return before.view, before.since_s
        self._other_since_s = None
        return view, seconds

    def _inside(self, seen: Glance, seconds: float) -> bool:
        if not surely_inside(seen):
            self._inside_since_s = None
            return False
        if self._inside_since_s is None:
            self._inside_since_s = seconds
        return seconds - self._inside_since_s >= self._times.inside_s
