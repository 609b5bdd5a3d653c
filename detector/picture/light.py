"""In which light the scope looks: white, white with dye, or colours that are not those of white light.

A model says in which light it was validated. What can be told from colours alone is little, and this says no more:
greenish pictures (FICE, BLI and the like) are told from white light. Narrow-band pictures in brown and LCI lie within
the range of white-light mucosa and would pass for white: there was no labelled material of either to find a rule on.
The user's word, or the processor's, counts more than this.
"""

from __future__ import annotations

import enum

from detector.picture.glance import Glance

# Median of red over green. Of 500 white-light stills of Kvasir 1 % lie below 1.46. Of 3037 stills (Kvasir, PolypGen,
# BKAI) 79 lie below 1.2; the lowest 48 were looked at: dye, lifted tissue, specimens, and six greenish pictures, which
# lie between 1.0 and 1.08.
_WHITE_FROM = 1.12
# Share of clearly blue pixels that dye explains. The greenish pictures have up to 0.03 (the frame's own text).
_DYE_FROM = 0.05
# With less picture than this in the frame nothing is said.
_LEAST_LIT = 0.15
_HOLD_S = 1.5
_LONGEST_GAP_S = 1.0


class Light(enum.Enum):
    """What the colours look like."""

    UNKNOWN = "light unknown"
    WHITE = "white light"
    DYED = "white light, dye"
    ENHANCED = "enhanced colours (NBI, BLI, FICE or the like)"

    @property
    def white(self) -> bool:
        """Whether a model that was validated in white light may speak; dye on the wall does not change the light."""
        return self in (Light.WHITE, Light.DYED)


def light_of(seen: Glance) -> Light:
    """The light of a single picture."""
    if seen.picture_share < _LEAST_LIT:
        return Light.UNKNOWN
    if seen.red_to_green >= _WHITE_FROM:
        return Light.WHITE
    if seen.dyed >= _DYE_FROM:
        return Light.DYED
    return Light.ENHANCED


class LightWatch:
    """A steady verdict on the light: another one must last 1.5 s, so that a dyed polyp up close changes nothing."""

    def __init__(self) -> None:
        self._light = Light.UNKNOWN
        self._other = Light.UNKNOWN
        self._other_since_s: float | None = None
        self._last_s = 0.0

    @property
    def light(self) -> Light:
        """The verdict so far."""
        return self._light

    def update(self, seen: Glance, seconds: float, *, inside: bool = True) -> Light:
        """Take what was measured of the picture at ``seconds``.

        Args:
            seen: the measurement.
            seconds: of any clock; after a gap of a second a new verdict must last anew.
            inside: False outside of the body, where nothing can be said: the verdict stands.
        """
        gap = not 0 <= seconds - self._last_s <= _LONGEST_GAP_S
        self._last_s = seconds
        found = light_of(seen) if inside else Light.UNKNOWN
        if found in (Light.UNKNOWN, self._light):
            self._other_since_s = None
        elif self._other_since_s is None or gap or found is not self._other:
            self._other, self._other_since_s = found, seconds
        elif seconds - self._other_since_s >= _HOLD_S:
            self._light, self._other_since_s = found, None
        return self._light
