"""One analysing process as its queue sees it: started, spoken to, heard, ended."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO

from app.qa.jobs.messages import DO, Order, Told, line, parse_told

_LAST_WORDS = 2000


class Worker:
    """An analysing process. Its thread calls ``heard`` with what the process says, and with None when it has ended.

    Args:
        heard: called from the reader's thread.
        niceness: how much the process gives way to others, 0 to 19.

    Raises:
        OSError: no process can be started.
    """

    def __init__(self, heard: Callable[[Worker, Told | None], None], niceness: int) -> None:
        self._heard = heard
        self._last_words = ""
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by the reader's thread
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.qa.jobs.child", str(niceness)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) if niceness else 0,
            )
        except OSError:
            self._errors.close()
            raise
        self._reader = threading.Thread(target=self._read, name="analysis-reader", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def do(self, order: Order) -> None:
        """Let it analyse something; only when the order before is over."""
        self._send(line(DO, order))

    def say(self, what: str) -> None:
        """Let it pause, go on or stop."""
        self._send(line(what))

    def close(self, within_s: float) -> None:
        """Let it put away what it has and end; it is killed if it takes longer."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join(within_s)

    def kill(self) -> None:
        """End it now; what it has written stays."""
        self._process.kill()
        self._process.wait()

    def how_it_ended(self) -> str:
        """In words, once it has ended: by which signal or with which status, and the last that it said of it."""
        return _ended_by(self._process.wait()) + (f": {self._last_words}" if self._last_words else "")

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has ended: the reader says so
            assert self._process.stdin is not None
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as told:
            for data in told:
                with contextlib.suppress(ValueError, TypeError):  # a line that the end of the process cut
                    self._heard(self, parse_told(data))
        self._process.wait()
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        with self._errors, contextlib.suppress(OSError):
            self._errors.seek(0)
            said = self._errors.read().decode("utf-8", "replace")[-_LAST_WORDS:].split("\n")
            self._last_words = next((line.strip() for line in reversed(said) if line.strip()), "")
        self._heard(self, None)


def _ended_by(code: int) -> str:
    if code >= 0:
        return f"it ended with status {code}"
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it was ended by signal {-code}"
