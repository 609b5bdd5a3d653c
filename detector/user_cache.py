"""Where files are kept that can be made again: what a card has proven, built engines, indices, thumbnails."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """This user's folder (``XDG_CACHE_HOME``, ``LOCALAPPDATA``); it may not exist yet."""
    # The override is for tests and for machines whose home is read-only.
    base = os.environ.get("POLYPWATCH_CACHE") or platformdirs.user_cache_dir("polypwatch", appauthor=False)
    return Path(base)
