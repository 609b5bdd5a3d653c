"""Where the JSON goes."""

from __future__ import annotations

from pathlib import Path

from detector.errors import OutputError


def check_writable(path: Path) -> None:
    """Say before anything is measured what could not be written after it; what is there stays as it is.

    Raises:
        OutputError: the file cannot be written.
    """
    new = not path.exists()
    try:
        with path.open("a", encoding="utf-8"):
            pass
        if new:
            path.unlink()
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write the file.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(f"Cannot write {path}: {error.strerror}.", "Choose another place with --json.")
