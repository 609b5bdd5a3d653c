"""The window: the only room of the app where Qt is allowed. It paints snapshots and passes on what was pressed.

Importing this package does not import Qt; ``app.gui.platform`` says first whether a window can be opened at all.
"""
