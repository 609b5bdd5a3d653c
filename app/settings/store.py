"""The settings file: where it is, reading it at every start whatever it holds, changing it without losing anything."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from app.settings.codec import decode, encode
from app.settings.files import move_aside, one_writer, remove_unfinished, write_whole
from app.settings.model import Settings
from detector.errors import FormatError, OutputError

FILE_NAME = "settings.json"
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a start of the program found.

    Attributes:
        settings: of the file; the defaults where there is none, or none that can be used.
        path: of the file.
        notes: what must be said to the user, in words; empty if all is well.
        lost: there were settings that could not be used, and nothing was set since. Whoever records must not take the
            default picture area for the one that the user had chosen to keep a patient's name out.
    """

    settings: Settings
    path: Path
    notes: tuple[str, ...] = ()
    lost: bool = False


def config_folder() -> Path:
    """Where this user's settings are kept: ``XDG_CONFIG_HOME``, ``APPDATA`` or ``~/Library/Application Support``.

    ``POLYPWATCH_CONFIG`` names another folder. It may not exist.
    """
    named = os.environ.get("POLYPWATCH_CONFIG")
    return Path(named or platformdirs.user_config_dir("polypwatch", appauthor=False, roaming=True))


def settings_path() -> Path:
    """The settings file; it may not exist."""
    return config_folder() / FILE_NAME


def load_settings(path: Path | None = None) -> Loaded:
    """Read the settings. A file that cannot be used is kept aside and named in a note, and the defaults hold.

    Never raises for what the file holds: an examination can begin.
    """
    path = path or settings_path()
    try:
        settings = _read(path)
    except FileNotFoundError:
        return _without_file(path)
    except OSError as error:
        note = f"{path} cannot be read ({error.strerror}): the default settings are used."
        return Loaded(Settings(), path, (note,), lost=True)
    except FormatError as error:
        return _set_aside(path, error)
    return Loaded(settings, path)


def update_settings(change: Callable[[Settings], Settings], path: Path | None = None) -> Loaded:
    """Read, change and write the settings; another run of the program that does the same waits.

    A file that cannot be used is kept aside first, with a note: the change is then made to the defaults.

    Args:
        change: gives the settings to write; what it raises is passed on, and nothing is written.
        path: of the file.

    Raises:
        OutputError: the file cannot be read or written; it is as it was.
        FormatError: it cannot be used and could not be kept aside either.
    """
    path = path or settings_path()
    found = load_settings(path)  # not inside: keeping aside takes the same lock
    with one_writer(path):
        try:
            before = _read(path)
        except FileNotFoundError:
            before = Settings()
        except OSError as error:
            raise OutputError(f"Cannot read {path}: {error.strerror}.", "It is left as it is.") from error
        settings = change(before)
        text = encode(settings)
        decode(text, "What was to be written")  # never a file that the next start refuses
        remove_unfinished(path)
        write_whole(path, text)
    return Loaded(settings, path, found.notes)


def reset_settings(path: Path | None = None) -> Path | None:
    """Go back to the defaults; the file is kept under another name, which is returned. None if there was no file.

    Raises:
        OutputError: it cannot be renamed, or no new one be written.
    """
    path = path or settings_path()
    with one_writer(path):
        try:
            aside = move_aside(path, "before-reset") if os.path.lexists(path) else None
        except OSError as error:
            raise OutputError(f"Cannot rename {path}: {error.strerror}.", "May you write there?") from error
        write_whole(path, encode(Settings()))  # settings that were lost before are no longer missed
    return aside


def _without_file(path: Path) -> Loaded:
    """The first start of all, or one after a file that could not be used was kept aside."""
    kept = sorted(path.parent.glob(f"{path.stem}.bad-*{path.suffix}"), key=lambda p: p.name)
    if not kept:
        return Loaded(Settings(), path)
    note = (
        f"The settings could not be used and were kept as {kept[-1]}; nothing was set since: the default settings are "
        "used. `polypwatch settings --reset` accepts them."
    )
    return Loaded(Settings(), path, (note,), lost=True)


def _set_aside(path: Path, reason: FormatError) -> Loaded:
    try:
        with one_writer(path):
            if not path.exists():
                kept = "Another Polypwatch kept it aside."
            else:
                with contextlib.suppress(FormatError):
                    return Loaded(_read(path), path)  # another run of the program has put it right meanwhile
                kept = f"It was kept as {move_aside(path, 'bad')}."
    except (OSError, OutputError) as error:
        why = error.strerror if isinstance(error, OSError) else error.what
        kept = f"It stays where it is ({why})."
    note = f"{reason.what} {kept} The default settings are used. {reason.hint}".strip()
    return Loaded(Settings(), path, (note,), lost=True)


def _read(path: Path) -> Settings:
    """Raises OSError if there is something that cannot be read, FormatError if it cannot be used."""
    with path.open("rb") as file:
        data = file.read(_LARGEST_BYTES + 1)
    if len(data) > _LARGEST_BYTES:
        raise FormatError(f"{path} is far too large for a settings file.", "Is it the right file?")
    try:
        return decode(data.decode("utf-8-sig"), str(path))  # with the mark that Windows' Notepad puts in front
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not UTF-8 text: {error}.", "Is it the right file?") from error
