"""What the window is told when it is made; it remembers nothing beyond that. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.keys import KEYS, Key
from app.selftest import SelfTest
from detector.geometry import Size

if TYPE_CHECKING:
    from app.gui.features import MakeFeature

_DEFAULT_SIZE = Size(1280, 720)


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How the window begins.

    Attributes:
        snapshot_dir: where snapshots go; made when the first is taken.
        full_screen: begin in full screen.
        muted: begin without sound.
        volume_percent: how loud the sound is.
        cue: a marker that has just appeared draws attention.
        confidence: the score stands beside a marker.
        edges: a sign at the edge of the picture on the side of a marker.
        size: of the window when it is not in full screen.
        quit_when_ended: close when the source has ended or cannot be opened, for runs that nobody watches.
        self_test: makes a self-test with the same AI options as the session's; None offers none.
        keys: the table of actions with the keys in force.
        features: what the page has beside the picture.
    """

    snapshot_dir: Path
    full_screen: bool = False
    muted: bool = False
    volume_percent: int = 100
    cue: bool = True
    confidence: bool = False
    edges: bool = False
    size: Size = _DEFAULT_SIZE
    quit_when_ended: bool = False
    self_test: Callable[[], SelfTest] | None = None
    keys: tuple[Key, ...] = KEYS
    features: tuple[MakeFeature, ...] = ()
