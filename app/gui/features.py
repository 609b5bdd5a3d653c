"""Features of the live page: parts that bring their own keys and lie over or beside the picture.

The page knows none of them by name. It gives them room, passes their keys on, and tells them of every refresh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from PyQt6.QtCore import QRect
from PyQt6.QtWidgets import QWidget

from app.gui.buttons import ButtonState
from app.gui.errands import Errands
from app.gui.keys import Action, Key
from app.gui.notices import Notice
from app.gui.signs import Sign, View
from app.session_api import Session
from app.snapshot import LiveSnapshot


class Page(Protocol):
    """What a feature may ask of the page."""

    @property
    def widget(self) -> QWidget:
        """The page itself: the parent of what a feature shows."""
        ...

    @property
    def session(self) -> Session:
        """The session that is shown."""
        ...

    @property
    def errands(self) -> Errands:
        """Where to do what may wait for a disk."""
        ...

    @property
    def view(self) -> View:
        """What the user chose to see and hear."""
        ...

    @property
    def keys(self) -> tuple[Key, ...]:
        """The table of actions with the keys in force."""
        ...

    @property
    def last(self) -> LiveSnapshot | None:
        """The snapshot that is on the screen."""
        ...

    def post(self, notice: Notice, /) -> None:
        """Show a message; from any thread."""
        ...

    def perform(self, action: Action, /) -> None:
        """Do what a key does."""
        ...

    def wake(self) -> None:
        """Have the page refreshed; from any thread."""
        ...


class Feature(Protocol):
    """A part of the page. All is called in the window's thread; what it raises as ``PolypwatchError`` is shown."""

    @property
    def actions(self) -> Mapping[Action, Callable[[], None]]:
        """What it does, by action; the same actions as long as it lives."""
        ...

    def refresh(self, snapshot: LiveSnapshot) -> None:
        """The page shows this snapshot now; called before the canvas takes it. Must be quick."""
        ...

    def flags(self) -> tuple[Sign, ...]:
        """Signs for the status line."""
        ...

    def button_states(self) -> Mapping[Action, ButtonState]:
        """What the buttons of its actions say."""
        ...

    def place(self, picture: QRect, page_height: int) -> None:
        """The picture lies here now, in logical pixels of the page, with the room below it that was asked for."""
        ...

    def below(self, page_height: int) -> int:
        """How much room it needs below the picture, so that it covers none of it, in logical pixels; 0 if none."""
        ...

    def leave(self) -> bool:
        """Put away what lies over the picture; False if nothing does."""
        ...

    def close(self) -> None:
        """End for good; may wait for a disk."""
        ...


MakeFeature = Callable[[Page], Feature]
