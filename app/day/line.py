"""The line between the supervisor and the windows that it starts: heartbeats up, wishes down. Bytes only, no pickles.

Up: ``hello`` with the window's token, then once a second ``beat`` with what a new window would have to know (JSON), and
``closing`` before the window takes its time to end. Down: ``go`` to a spare, ``raise`` to a window. A second start of
the program calls on the same address and says ``second``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

_log = logging.getLogger(__name__)

ADDRESS = "POLYPWATCH_LINE"
TOKEN = "POLYPWATCH_LINE_TOKEN"
_LONGEST = 65_536

HELLO, BEAT, CLOSING, GO, RAISE, SECOND = "hello", "beat", "closing", "go", "raise", "second"


class Line:
    """One end. Sending never raises: whoever is gone needs no message, and a window outlives its supervisor.

    Attributes:
        open: False once the other end is gone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self.open = True

    def send(self, word: str, about: Any = None) -> None:
        """Say something; dropped if the other end is gone."""
        data = json.dumps([word, about]).encode()
        with self._sending, contextlib.suppress(OSError, ValueError):
            if self.open:
                self._connection.send_bytes(data)

    def received(self, wait_s: float = 0.0) -> Iterator[tuple[str, Any]]:
        """What has come; waits for the first word for at most ``wait_s``. Nonsense is left out."""
        try:
            while self.open and self._connection.poll(wait_s):
                wait_s = 0.0
                data = self._connection.recv_bytes(_LONGEST)
                with contextlib.suppress(ValueError, TypeError):
                    word, about = json.loads(data)
                    yield str(word), about
        except (OSError, EOFError):
            self.open = False

    def close(self) -> None:
        """Hang up."""
        self.open = False
        with contextlib.suppress(OSError):
            self._connection.close()


class Switchboard:
    """The supervisor's end of all lines; ``arrived`` is called from a thread of its own with each new one.

    Attributes:
        address: where to call.
    """

    def __init__(self, arrived: Callable[[Line], None]) -> None:
        self._arrived = arrived
        self._closing = False
        self._listener = Listener()  # a socket in a new folder of this user's, a named pipe on Windows
        self.address = str(self._listener.address)
        self._thread = threading.Thread(target=self._run, name="switchboard", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more calls."""
        self._closing = True
        last = call(self.address)  # wakes the thread, which would wait for ever
        if last is not None:
            last.close()
            self._thread.join(1.0)
        with contextlib.suppress(OSError):
            self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                line = Line(self._listener.accept())
            except OSError:
                return
            if self._closing:
                line.close()
                return
            self._arrived(line)


def call(address: str) -> Line | None:
    """A line to whoever listens there; None if nobody does."""
    try:
        return Line(Client(address))
    except (OSError, EOFError, ValueError) as error:
        _log.info("nobody listens at %s: %s", address, error)
        return None


_lines: list[Line | None] = []


def own_line() -> Line | None:
    """The line to the supervisor of this process; None if it has none. Called on first use, then kept."""
    if not _lines:
        address, token = os.environ.pop(ADDRESS, ""), os.environ.pop(TOKEN, "")
        line = call(address) if address else None
        if line is not None:
            line.send(HELLO, token)
        _lines.append(line)
    return _lines[0]


def ask_to_raise(address: str) -> bool:
    """Ask the window that is open to come to the front; False if nobody could be asked."""
    line = call(address) if address else None
    if line is None:
        return False
    line.send(SECOND)
    line.close()
    return True
