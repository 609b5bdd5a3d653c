"""What the window is told when it is made; it remembers nothing beyond that. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.selftest import SelfTest
from detector.geometry import Size

_DEFAULT_SIZE = Size(1280, 720)


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How the window begins.

    Attributes:
        snapshot_dir: where snapshots go; made when the first is taken.
        full_screen: begin in full screen.
        boxes: begin with boxes shown.
        muted: begin without sound.
        size: of the window when it is not in full screen.
        quit_when_ended: close when the source has ended or cannot be opened, for runs that nobody watches.
        self_test: makes a self-test with the same AI options as the session's; None offers none.
    """

    snapshot_dir: Path
    full_screen: bool = False
    boxes: bool = True
    muted: bool = False
    size: Size = _DEFAULT_SIZE
    quit_when_ended: bool = False
    self_test: Callable[[], SelfTest] | None = None
