"""A day in the room: one window only, back after a crash, awake while it is open, and tidy when it is old.

No Qt here; what talks to the window or to the desktop lies in ``app.gui``.
"""
