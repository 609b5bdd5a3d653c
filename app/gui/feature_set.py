"""All features of a page together. What breaks in one of them is told, and neither the picture nor the others stop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from PyQt6.QtCore import QRect

from app.gui.buttons import ButtonState
from app.gui.features import Feature, MakeFeature, Page
from app.gui.keys import Action
from app.gui.language import tr
from app.gui.sign_kinds import Shape, Sign, Tone
from app.snapshot import LiveSnapshot
from detector.errors import PolypwatchError

T = TypeVar("T")


class FeatureSet:
    """The features in their order.

    Attributes:
        actions: what they do, by action.
    """

    def __init__(self) -> None:
        self._features: tuple[Feature, ...] = ()
        self._broken: set[int] = set()
        self._told: list[PolypwatchError] = []
        self.actions: dict[Action, Callable[[], None]] = {}

    def make(self, page: Page, makers: Iterable[MakeFeature]) -> None:
        """Make them for a page that is complete but for them."""
        self._features = tuple(make(page) for make in makers)
        for feature in self._features:
            self.actions |= feature.actions

    def refresh(self, snapshot: LiveSnapshot) -> list[PolypwatchError]:
        """Tell them of a snapshot; returns what went wrong that the user can understand."""
        for feature in self._features:
            self._ask(feature, lambda one: one.refresh(snapshot), None)
        told, self._told = self._told, []
        return told

    def flags(self) -> tuple[Sign, ...]:
        """Their signs, and one more if any of them has failed."""
        none: tuple[Sign, ...] = ()
        signs = [sign for feature in self._features for sign in self._ask(feature, lambda one: one.flags(), none)]
        if self._broken:
            signs.insert(0, Sign(tr("A PART OF THE PAGE HAS FAILED"), Shape.CROSS, Tone.FAULT))
        return tuple(signs)

    def button_states(self) -> dict[Action, ButtonState]:
        """What the buttons of their actions say."""
        states: dict[Action, ButtonState] = {}
        none: Mapping[Action, ButtonState] = {}
        for feature in self._features:
            states |= self._ask(feature, lambda one: one.button_states(), none)
        return states

    def place(self, picture: QRect, page_height: int) -> None:
        """Give them room."""
        for feature in self._features:
            self._ask(feature, lambda one: one.place(picture, page_height), None)

    def below(self, page_height: int) -> int:
        """How much room they need below the picture, in logical pixels."""
        return max((self._ask(feature, lambda one: one.below(page_height), 0) for feature in self._features), default=0)

    def leave(self) -> bool:
        """Have the first that lies over the picture put away; False if none does."""
        return any(self._ask(feature, lambda one: one.leave(), False) for feature in self._features)

    def close(self) -> None:
        """End them all."""
        for feature in self._features:
            self._ask(feature, lambda one: one.close(), None)

    def _ask(self, feature: Feature, what: Callable[[Feature], T], otherwise: T) -> T:
        try:
            return what(feature)
        except PolypwatchError as error:
            self._told.append(error)
        except Exception:  # the root of a feature: the video goes on whatever it does
            self._broken.add(id(feature))
            sys.excepthook(*sys.exc_info())
        return otherwise
