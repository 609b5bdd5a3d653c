"""Labels that are replaced stay beside the new ones, under a name that nobody takes for labels."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from detector.errors import OutputError


def kept_aside(path: Path) -> Path | None:
    """A second name for the file that lies there, so that at every moment there is one under its own.

    Returns:
        ``NAME.json.DATE.replaced``; None if there is no file.

    Raises:
        OutputError: it cannot be kept; nothing was changed.
    """
    if not path.exists():
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.{stamp}.replaced")
    try:
        with contextlib.suppress(OSError):
            os.link(path, aside)
            return aside
        aside.write_bytes(path.read_bytes())  # where files cannot have two names
    except OSError as error:
        raise OutputError(
            f"The labels that are there cannot be kept aside ({aside}: {error.strerror or error}).",
            "Nothing was changed. Is the folder write-protected?",
        ) from error
    return aside
