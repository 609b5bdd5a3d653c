"""Keys of actions: how they are spelt, and that no key does two things. A foot pedal is a keyboard. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.gui.keys import KEYS, Key

_MODIFIERS = ("Ctrl", "Alt", "Shift", "Meta")
# fmt: off
_WORDS = (
    "Esc", "Tab", "Backtab", "Backspace", "Return", "Enter", "Ins", "Del", "Pause", "Print", "SysReq", "Home", "End",
    "Left", "Up", "Right", "Down", "PgUp", "PgDown", "CapsLock", "NumLock", "ScrollLock", "Menu", "Space", "Back",
    "Forward", "Stop", "Refresh", "Volume Down", "Volume Mute", "Volume Up", "Media Play", "Media Stop",
    "Media Previous", "Media Next", "Media Record", "Media Pause", *(f"F{n}" for n in range(1, 36)),
)
# fmt: on
"""Names of keys in Qt's portable spelling (QKeySequence); all others are one character."""
_BY_FOLDED = {word.casefold(): word for word in _WORDS} | {"escape": "Esc", "delete": "Del", "insert": "Ins"}
_BY_FOLDED |= {"pageup": "PgUp", "pagedown": "PgDown"}


def action_names() -> tuple[str, ...]:
    """The actions as settings name them: ``toggle_ai``, ``snapshot``, ..."""
    return tuple(default_keys())


def default_keys() -> dict[str, tuple[str, ...]]:
    """The keys of each action where nothing was set."""
    return {key.action.name.lower(): key.keys for key in KEYS}


def key_list(value: Any) -> Any:
    """One key stands for a list of one; what is neither is left for the validator to refuse."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def spelt(text: str) -> str:
    """A key in Qt's portable spelling: ``ctrl+shift+p`` becomes ``Ctrl+Shift+P``.

    Raises:
        ValueError: it is no key.
    """
    rest, found = text.strip(), set()
    while True:
        word, plus, after = rest.partition("+")
        modifier = word.strip().title().replace("Control", "Ctrl")
        if not plus or not after or modifier not in _MODIFIERS:
            break
        found.add(modifier)
        rest = after.strip()
    name = _BY_FOLDED.get(rest.casefold()) or (rest.upper() if len(rest) == 1 and rest.isprintable() else None)
    if name is None:
        raise ValueError(f"'{text}' is no key; keys are written as P, F13, PgDown or Ctrl+Shift+P")
    return "+".join([m for m in _MODIFIERS if m in found] + [name])


def checked_keys(
    keys: Mapping[str, tuple[str, ...]], *, unknown_actions_too: bool = False
) -> dict[str, tuple[str, ...]]:
    """The keys in their spelling, each for one action only; actions that are left out keep their defaults.

    A default that an action of a newer version brings may be taken already: it yields (:func:`keys_given_up`), so that
    an update never turns a settings file into a bad one.

    Args:
        keys: by action.
        unknown_actions_too: keep those of actions that a newer version has.

    Raises:
        ValueError: not a key, no key at all, no such action, or a key of two actions, both named.
    """
    known = action_names()
    result: dict[str, tuple[str, ...]] = {}
    for action, names in keys.items():
        if action not in known and not unknown_actions_too:
            raise ValueError(f"there is no action '{action}'; there are {', '.join(known)}")
        if not names:
            raise ValueError(f"the action '{action}' must have a key")
        result[action] = tuple(dict.fromkeys(spelt(name) for name in names))
    owner: dict[str, str] = {}
    for action, names in result.items():
        for name in names:
            if owner.setdefault(name, action) != action:
                raise ValueError(f"the key {name} would be for both '{owner[name]}' and '{action}'; choose another")
    return result


def held_keys(keys: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The keys of every action: as set, else the defaults that nothing else was given."""
    taken = {name for names in keys.values() for name in names}
    free = {a: tuple(n for n in names if spelt(n) not in taken) for a, names in default_keys().items()}
    return {action: tuple(keys.get(action, names)) for action, names in free.items()}


def keys_given_up(keys: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """In words, each default key that yields to one that was set."""
    owner = {name: action for action, names in keys.items() for name in names}
    unset = ((action, map(spelt, names)) for action, names in default_keys().items() if action not in keys)
    return tuple(
        f"The key {name} would be for both '{owner[name]}' and '{action}'; '{action}' does without it until you choose."
        for action, names in unset
        for name in names
        if name in owner
    )


def key_table(keys: Mapping[str, tuple[str, ...]]) -> tuple[Key, ...]:
    """The window's table of actions with the keys of the settings put in."""
    held = held_keys(keys)
    return tuple(replace(key, keys=held[key.action.name.lower()]) for key in KEYS)
