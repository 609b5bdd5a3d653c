"""Exit statuses of the live window that come from what looks after it."""

from __future__ import annotations

ALREADY_RUNNING = 13
"""Another window is open."""
CRASHED = 14
"""The window crashed again and again and was not started any more."""
