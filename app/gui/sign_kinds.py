"""What signs are made of: shapes, tones, words. ``signs`` and its neighbours say which one is due. No Qt."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from app.gui.keys import KEYS, Action, Key
from app.gui.notices import Notice


class Tone(enum.Enum):
    """How urgent a sign is; the theme gives each a colour."""

    GOOD = enum.auto()
    QUIET = enum.auto()
    BUSY = enum.auto()
    CAUTION = enum.auto()
    FAULT = enum.auto()


LOUD = frozenset({Tone.CAUTION, Tone.FAULT})
"""Tones that must not be overlooked: dark words on a bright ground, and never cut away."""


class Shape(enum.Enum):
    """What is drawn beside the words, so that no sign depends on its colour."""

    DISC = enum.auto()
    DETECTING = enum.auto()
    RING_SLASHED = enum.auto()
    DOTS = enum.auto()
    HOURGLASS = enum.auto()
    TRIANGLE = enum.auto()
    CYCLE = enum.auto()
    CROSS = enum.auto()
    TICK = enum.auto()
    PLAY = enum.auto()
    PAUSE = enum.auto()
    STOP = enum.auto()
    UNPLUGGED = enum.auto()
    NO_SIGNAL = enum.auto()
    NO_ENTRY = enum.auto()
    CRACKED = enum.auto()
    BOXES_HIDDEN = enum.auto()
    SHADOW = enum.auto()
    FROZEN = enum.auto()
    OUTSIDE = enum.auto()
    POOR_VIEW = enum.auto()
    LIGHT = enum.auto()
    SENSITIVITY = enum.auto()
    MUTED = enum.auto()
    RECORD = enum.auto()
    BLANK = enum.auto()
    DISK = enum.auto()
    INFO = enum.auto()


@dataclass(frozen=True, slots=True)
class Sign:
    """A shape with words, in the language of the window.

    Attributes:
        text: the words.
        shape: what is drawn beside them.
        tone: how urgent it is.
        detail: a reason or a hint, smaller.
    """

    text: str
    shape: Shape
    tone: Tone
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Banner:
    """A message over the picture that stays as long as its cause.

    Attributes:
        title: what happened.
        works: what still works.
        todo: what to do.
        detail: what the layer below said.
        sign: its shape and tone (and the words of the same state elsewhere).
    """

    title: str
    works: str
    todo: str
    detail: str
    sign: Sign


@dataclass(frozen=True, slots=True)
class Card:
    """The sign of the AI once more, large, in the black beside the picture.

    Attributes:
        title: what the AI's sign says.
        figure: what counts down or up, the largest of all; empty if nothing does.
        lines: the reason, and which keys help.
        sign: its shape and tone.
        corner: whether it may stand in a corner of the picture where there is no black beside it.
    """

    title: str
    figure: str
    lines: tuple[str, ...]
    sign: Sign
    corner: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What the user chose to see and hear, and what the window itself has to say.

    Attributes:
        boxes: markers are painted; the second monitor may go without.
        muted: no sound.
        sound_fault: why there can be no sound at all; empty if there can.
        notice: the message of the moment.
        cue: a marker that has just appeared draws attention.
        confidence: the score stands beside a marker.
        edges: a sign at the edge of the picture on the side of a marker.
        flags: signs of the page's features.
        keys: the table of actions with the keys in force, for signs that name a key.
        sign_since_ns: since when the AI's sign says what it says (``perf_counter_ns``); None where nobody watched.
    """

    boxes: bool = True
    muted: bool = False
    sound_fault: str = ""
    notice: Notice | None = None
    cue: bool = True
    confidence: bool = False
    edges: bool = False
    flags: tuple[Sign, ...] = ()
    keys: tuple[Key, ...] = KEYS
    sign_since_ns: int | None = None

    def key(self, action: Action) -> str:
        """The first key of an action, as the help page prints it; empty if it has none."""
        return next((key.keys[0] for key in self.keys if key.action is action and key.keys), "")


@dataclass(frozen=True, slots=True)
class Status:
    """All that the status line says.

    Attributes:
        ai: the AI's sign.
        source: the source's sign, with its name.
        flags: further signs that must not be overlooked.
        figures: frames per second and overlay age.
        identity: provider, model and version.
        notice: takes the place of figures and identity while it lasts.
        age: how old the newest result is while the AI looks at the picture, else for how long its sign has stood.
    """

    ai: Sign
    source: Sign
    flags: tuple[Sign, ...]
    figures: tuple[str, ...]
    identity: tuple[str, ...]
    notice: Notice | None
    age: str = ""

    def urgent_part(self) -> tuple[object, ...]:
        """All but the figures: what must be on the screen at once when it changes."""
        return self.ai, self.source, self.flags, self.identity, self.notice
