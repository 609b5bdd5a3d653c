"""A feature of the live page that shows nothing and has no keys: what those that only do something begin from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtCore import QRect

from app.gui.buttons import ButtonState
from app.gui.keys import Action
from app.gui.signs import Sign
from app.snapshot import LiveSnapshot


class Silent:
    """See ``app.gui.features.Feature``."""

    @property
    def actions(self) -> Mapping[Action, Callable[[], None]]:
        """None."""
        return {}

    def refresh(self, snapshot: LiveSnapshot) -> None:
        """Nothing to show."""

    def flags(self) -> tuple[Sign, ...]:
        """No signs."""
        return ()

    def button_states(self) -> Mapping[Action, ButtonState]:
        """No buttons."""
        return {}

    def place(self, picture: QRect, page_height: int) -> None:
        """Needs no room."""

    def below(self, page_height: int) -> int:
        """Nothing."""
        return 0

    def leave(self) -> bool:
        """Nothing lies over the picture."""
        return False

    def close(self) -> None:
        """Nothing to end."""
