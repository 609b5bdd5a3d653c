"""The settings, in one place: what can be set, the file that keeps it, presets per room, and what holds in the end.

No Qt, and nothing is loaded by importing this package: the window, the command line and the tests use the same modules.
"""
