"""The one table of actions and their keys: shortcuts, buttons and the help page are made from it. No Qt."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Action(enum.Enum):
    """What the user can do on the live page."""

    TOGGLE_AI = enum.auto()
    TOGGLE_BOXES = enum.auto()
    TOGGLE_SOUND = enum.auto()
    SNAPSHOT = enum.auto()
    RECORD = enum.auto()
    PAUSE = enum.auto()
    SYNCHRONISE = enum.auto()
    FULL_SCREEN = enum.auto()
    SELF_TEST = enum.auto()
    HELP = enum.auto()
    LEAVE = enum.auto()
    QUIT = enum.auto()
    QUIT_NOW = enum.auto()


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table.

    Attributes:
        action: what it does.
        keys: in Qt's portable spelling.
        label: on the button; empty where there is no button.
        help: on the help page.
    """

    action: Action
    keys: tuple[str, ...]
    label: str
    help: str

    @property
    def shown_keys(self) -> str:
        """The keys as the help page prints them."""
        return "  or  ".join(self.keys)


KEYS = (
    Key(Action.TOGGLE_AI, ("A",), "AI", "AI on or off"),
    Key(Action.TOGGLE_BOXES, ("B",), "Boxes", "Show or hide the boxes (the AI goes on)"),
    Key(Action.TOGGLE_SOUND, ("M",), "Sound", "Mute or unmute the sound"),
    Key(Action.SNAPSHOT, ("S",), "Snapshot", "Save the picture, with and without boxes"),
    Key(Action.RECORD, ("R",), "Record", "Start or stop recording"),
    Key(Action.PAUSE, ("Space",), "Pause", "Hold the picture, or let it go on (files only)"),
    Key(Action.SYNCHRONISE, ("Y",), "", "Synchronised: each picture waits for its own boxes"),
    Key(Action.FULL_SCREEN, ("F", "F11"), "Full screen", "Full screen on or off (also: double-click)"),
    Key(Action.SELF_TEST, ("T",), "Self-test", "Test the whole chain on the phantom, ten seconds"),
    Key(Action.HELP, ("H", "F1", "?"), "Help", "Show or hide this page"),
    Key(Action.LEAVE, ("Esc",), "", "Leave help, self-test or full screen"),
    Key(Action.QUIT, ("Q",), "", "Quit: press twice"),
    Key(Action.QUIT_NOW, ("Ctrl+Q",), "", "Quit at once"),
)


def available(can_record: bool, can_pause: bool, can_test: bool = False) -> tuple[Key, ...]:
    """The rows that do something in this session."""
    absent = {Action.RECORD} if not can_record else set()
    if not can_pause:
        absent.add(Action.PAUSE)
    if not can_test:
        absent.add(Action.SELF_TEST)
    return tuple(key for key in KEYS if key.action not in absent)
