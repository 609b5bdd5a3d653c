"""What the QA room remembers of its user: a name, the folders of the library, what was open last. No Qt.

``qa.json`` in the configuration folder. It holds nothing that is missed if it is lost, so a file that cannot be read
never keeps the window from opening: it is kept aside and named.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.settings.files import move_aside, one_writer, write_whole
from app.settings.store import config_folder
from detector.errors import FormatError, OutputError
from detector.schema import describe_validation_error, require_schema

SCHEMA = "polypwatch.qa/1"
FILE_NAME = "qa.json"
MOST_RECENT = 12


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is remembered.

    Attributes:
        reviewer: who reviewed here last; empty if nobody was asked yet.
        folders: of the library, in the order of adding.
        recent: what was opened, newest first.
    """

    reviewer: str = ""
    folders: tuple[Path, ...] = ()
    recent: tuple[Path, ...] = ()

    def with_folders(self, paths: tuple[Path, ...]) -> Preferences:
        """These folders added; one that is there already stays where it is."""
        return replace(self, folders=tuple(dict.fromkeys((*self.folders, *(p.absolute() for p in paths)))))

    def without_folder(self, path: Path) -> Preferences:
        """A folder taken out; nothing in it is touched."""
        return replace(self, folders=tuple(p for p in self.folders if p != path))

    def with_recent(self, path: Path) -> Preferences:
        """Opened just now."""
        rest = (p for p in self.recent if p != path.absolute())
        return replace(self, recent=(path.absolute(), *rest)[:MOST_RECENT])


class _File(BaseModel):
    model_config = ConfigDict(extra="allow")
    schema_: str = Field(default=SCHEMA, alias="schema")
    reviewer: str = Field(default="", max_length=200)
    folders: list[str] = []
    recent: list[str] = []


def preferences_path() -> Path:
    """The file; it may not exist."""
    return config_folder() / FILE_NAME


def load_preferences(path: Path | None = None) -> tuple[Preferences, str]:
    """What is remembered, and what must be said of the file; empty if all is well. Never raises for what it holds."""
    path = path or preferences_path()
    try:
        return _known(_read(path)), ""
    except FileNotFoundError:
        return Preferences(), ""
    except OSError as error:
        return Preferences(), f"{path} cannot be read ({error.strerror}): name and folders must be given anew."
    except FormatError as error:
        return Preferences(), f"{error.what} {_kept_aside(path)} Name and folders must be given anew."


def update_preferences(change: Callable[[Preferences], Preferences], path: Path | None = None) -> Preferences:
    """Read, change and write; another window that does the same waits.

    Raises:
        OutputError: the file cannot be written; it is as it was.
    """
    path = path or preferences_path()
    with one_writer(path):
        try:
            before = _read(path)
        except (FileNotFoundError, FormatError):  # that it was of no use was said when it was loaded
            before = _File()
        except OSError as error:
            raise OutputError(f"Cannot read {path}: {error.strerror}.", "It is left as it is.") from error
        wanted = change(_known(before))
        told = before.model_copy(
            update={
                "reviewer": wanted.reviewer,
                "folders": [str(p) for p in wanted.folders],
                "recent": [str(p) for p in wanted.recent],
            }
        )
        write_whole(path, json.dumps(told.model_dump(by_alias=True), indent=1) + "\n")
    return wanted


def _read(path: Path) -> _File:
    data = path.read_bytes()
    try:
        content = json.loads(data)
        require_schema(content, SCHEMA, str(path))
        return _File.model_validate(content)
    except ValidationError as error:
        raise FormatError(f"{path} cannot be used: {describe_validation_error(error)}.") from error
    except ValueError as error:
        raise FormatError(f"{path} is not JSON: {error}.") from error


def _known(file: _File) -> Preferences:
    # Bytes of file names that are not UTF-8 are kept as JSON's own escapes.
    return Preferences(file.reviewer, tuple(map(Path, file.folders)), tuple(map(Path, file.recent)))


def _kept_aside(path: Path) -> str:
    try:
        with one_writer(path):
            return f"It was kept as {move_aside(path, 'bad')}."
    except (OSError, OutputError):
        return "It stays where it is."
