"""Wakes the AI's supervisor, which sleeps in ``multiprocessing.connection.wait`` beside its worker's pipe."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any


class Bell:
    """Can be rung from any thread. Never blocks: at most one byte is ever under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rung = False
        receiver, self._sender = multiprocessing.Pipe(duplex=False)
        self.waitable: Any = receiver  # of another class on Windows

    def ring(self) -> None:
        """Wake it now, or keep it from its next sleep."""
        with self._lock:
            if not self._rung and not self._sender.closed:
                self._rung = True
                self._sender.send_bytes(b"!")

    def silence(self) -> None:
        """Be ready for the next ring."""
        with self._lock:
            self.waitable.recv_bytes()
            self._rung = False

    def close(self) -> None:
        """Give the pipe back; later rings do nothing."""
        with self._lock:
            self._sender.close()
            self.waitable.close()
