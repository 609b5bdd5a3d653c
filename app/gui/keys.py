"""The one table of actions and their keys: shortcuts, buttons and the help page are made from it. No Qt.

Words are English here and translated where they are painted.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass


class Action(enum.Enum):
    """What the user can do on the live page."""

    TOGGLE_AI = enum.auto()
    HIDE_BOXES = enum.auto()
    SHOW_BOXES = enum.auto()
    TOGGLE_SOUND = enum.auto()
    LOUDER = enum.auto()
    QUIETER = enum.auto()
    SENSITIVITY = enum.auto()
    LIGHT_OVERRIDE = enum.auto()
    SHADOW = enum.auto()
    SNAPSHOT = enum.auto()
    REPLAY = enum.auto()
    RECORD = enum.auto()
    PAUSE = enum.auto()
    SYNCHRONISE = enum.auto()
    EXAMINATION = enum.auto()
    SCOPE_IN = enum.auto()
    CAECUM = enum.auto()
    POLYP_FOUND = enum.auto()
    POLYP_REMOVED = enum.auto()
    INTERVENTION = enum.auto()
    WASH = enum.auto()
    SCOPE_OUT = enum.auto()
    PHOTO_VALVE = enum.auto()
    PHOTO_ORIFICE = enum.auto()
    BOOKMARK = enum.auto()
    NOTE = enum.auto()
    DETAILS = enum.auto()
    UNDO_MARK = enum.auto()
    SECOND_SCREEN = enum.auto()
    SECOND_SCREEN_BOXES = enum.auto()
    FULL_SCREEN = enum.auto()
    SELF_TEST = enum.auto()
    SETTINGS = enum.auto()
    SETUP = enum.auto()
    HELP = enum.auto()
    LEAVE = enum.auto()
    QUIT = enum.auto()
    QUIT_NOW = enum.auto()


class Group(enum.Enum):
    """Where the help page lists an action."""

    AI = "AI and boxes"
    PICTURE = "Picture"
    EXAMINATION = "Examination"
    PROGRAM = "Program"


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table.

    Attributes:
        action: what it does.
        keys: in Qt's portable spelling.
        label: on the button; empty where there is no button.
        help: on the help page.
        group: where it stands there.
    """

    action: Action
    keys: tuple[str, ...]
    label: str
    help: str
    group: Group = Group.PROGRAM

    @property
    def shown_keys(self) -> str:
        """The keys as the help page prints them."""
        return "  or  ".join(self.keys)


KEYS = (
    Key(Action.TOGGLE_AI, ("A",), "AI", "AI on or off", Group.AI),
    Key(Action.HIDE_BOXES, ("B",), "Hide boxes", "Hide the boxes for a while; again: longer", Group.AI),
    Key(Action.SHOW_BOXES, ("Shift+B",), "", "Bring hidden boxes back at once", Group.AI),
    Key(Action.TOGGLE_SOUND, ("M",), "Sound", "Mute or unmute the sound", Group.AI),
    Key(Action.LOUDER, ("+", "="), "", "Louder", Group.AI),
    Key(Action.QUIETER, ("-",), "", "Quieter", Group.AI),
    Key(Action.SENSITIVITY, ("V",), "", "Next sensitivity preset", Group.AI),
    Key(Action.LIGHT_OVERRIDE, ("L",), "", "Boxes also in light that the model was not validated in", Group.AI),
    Key(Action.SHADOW, ("Ctrl+Shift+S",), "", "Shadow: the AI is recorded, but shows nothing", Group.AI),
    Key(Action.SNAPSHOT, ("S",), "Snapshot", "Save the picture, with and without boxes", Group.PICTURE),
    Key(Action.REPLAY, ("Z",), "Replay", "Play the last alert's eight seconds in an inset", Group.PICTURE),
    Key(Action.RECORD, ("R",), "Record", "Start or stop recording", Group.PICTURE),
    Key(Action.PAUSE, ("Space",), "Pause", "Hold the picture, or let it go on (files only)", Group.PICTURE),
    Key(Action.SYNCHRONISE, ("Y",), "", "Synchronised: each picture waits for its own boxes", Group.PICTURE),
    Key(Action.EXAMINATION, ("E",), "Examination", "Start the examination; end it: press twice", Group.EXAMINATION),
    Key(Action.SCOPE_IN, ("I",), "", "Scope in: insertion begins", Group.EXAMINATION),
    Key(Action.CAECUM, ("C",), "", "Caecum reached: withdrawal begins", Group.EXAMINATION),
    Key(Action.POLYP_FOUND, ("P",), "", "Polyp found", Group.EXAMINATION),
    Key(Action.POLYP_REMOVED, ("X",), "", "Polyp removed", Group.EXAMINATION),
    Key(Action.INTERVENTION, ("N",), "", "Intervention: start or end", Group.EXAMINATION),
    Key(Action.WASH, ("W",), "", "Wash", Group.EXAMINATION),
    Key(Action.SCOPE_OUT, ("O",), "", "Scope out: withdrawal ends", Group.EXAMINATION),
    Key(Action.PHOTO_VALVE, ("F7",), "", "Photograph of the valve", Group.EXAMINATION),
    Key(Action.PHOTO_ORIFICE, ("F8",), "", "Photograph of the appendiceal orifice", Group.EXAMINATION),
    Key(Action.BOOKMARK, ("K",), "", "Bookmark", Group.EXAMINATION),
    Key(Action.NOTE, ("Ctrl+N",), "", "Write a note", Group.EXAMINATION),
    Key(Action.DETAILS, ("D",), "Details", "Lesions, bowel preparation, indication", Group.EXAMINATION),
    Key(Action.UNDO_MARK, ("U",), "", "Take the last mark back", Group.EXAMINATION),
    Key(Action.SECOND_SCREEN, ("F9",), "", "Second monitor on or off", Group.PICTURE),
    Key(Action.SECOND_SCREEN_BOXES, ("Shift+F9",), "", "Boxes on the second monitor, too", Group.PICTURE),
    Key(Action.FULL_SCREEN, ("F", "F11"), "Full screen", "Full screen on or off (also: double-click)"),
    Key(Action.SELF_TEST, ("T",), "Self-test", "Test the whole chain on the phantom, ten seconds"),
    Key(Action.SETTINGS, ("F10",), "Settings", "Settings"),
    Key(Action.SETUP, ("F2",), "", "Choose source and picture area"),
    Key(Action.HELP, ("H", "F1", "?"), "Help", "Show or hide this page"),
    Key(Action.LEAVE, ("Esc",), "", "Leave what lies over the picture, or full screen"),
    Key(Action.QUIT, ("Q",), "", "Quit: press twice"),
    Key(Action.QUIT_NOW, ("Ctrl+Q",), "", "Quit at once"),
)

OF_FEATURES = frozenset(
    {
        Action.REPLAY,
        Action.EXAMINATION,
        Action.SCOPE_IN,
        Action.CAECUM,
        Action.POLYP_FOUND,
        Action.POLYP_REMOVED,
        Action.INTERVENTION,
        Action.WASH,
        Action.SCOPE_OUT,
        Action.PHOTO_VALVE,
        Action.PHOTO_ORIFICE,
        Action.BOOKMARK,
        Action.NOTE,
        Action.DETAILS,
        Action.UNDO_MARK,
        Action.SECOND_SCREEN,
        Action.SECOND_SCREEN_BOXES,
        Action.SETTINGS,
        Action.SETUP,
    }
)
"""What is there only if the window was given a feature for it."""


def available(absent: Collection[Action] = (), keys: tuple[Key, ...] = KEYS) -> tuple[Key, ...]:
    """The rows that do something in this session."""
    return tuple(key for key in keys if key.action not in absent)
