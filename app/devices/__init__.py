"""The cameras and grabbers of this machine: their names, formats and rates, and which of them to take.

Nothing here opens a stream: :mod:`app.capture` does. No Qt.
"""
