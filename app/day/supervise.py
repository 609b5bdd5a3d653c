"""The supervisor: a small process that runs the window in another one and brings it back when it crashes.

It imports nothing heavy and touches no picture. The window's event loop says once a second that it lives; one that ends
without being asked to, or that is silent for too long, is replaced within 3 s. A *spare* process that has loaded all
libraries waits for that, because loading them takes most of the time. What cannot be kept alive is given up in words.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.day import line as lines
from app.day.line import Line, Switchboard
from app.day.resumption import Resumption
from app.day.statuses import CRASHED

_log = logging.getLogger(__name__)

SPARE = "POLYPWATCH_SPARE"
_UNEXPECTED = 1  # Python's own status after an exception that nobody caught
_INTERRUPTED = 130


def say(text: str) -> None:
    """Tell whoever started the program, if there is still a terminal: without one the window is looked after, too."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds.

    Attributes:
        hung_s: a window that was silent for so long is killed.
        restart_s: how long a window that was started after a crash may take until it first says something.
        closing_s: how long a window that is closing may take to complete its files.
        crashes: so many ...
        within_s: ... within this time are too many.
        spare_after_s: the spare loads its libraries so long after the window began, not while it begins.
        poll_s: how often is looked.
    """

    hung_s: float = 10.0
    restart_s: float = 30.0
    closing_s: float = 60.0
    crashes: int = 3
    within_s: float = 60.0
    spare_after_s: float = 5.0
    poll_s: float = 0.05


@dataclass(slots=True, eq=False)
class _Child:
    process: subprocess.Popen[bytes]
    token: str
    started_s: float
    resumed: bool
    line: Line | None = None
    died_s: float | None = None  # the window before it, if that has not been said yet
    heard_s: float | None = None
    closing_s: float | None = None
    leaving: bool = False  # the user wants no window after it
    state: dict[str, Any] = field(default_factory=dict)


class Supervisor:
    """Runs a command again and again until it ends as it was meant to.

    Args:
        command: of the window; it calls ``app.day.line.own_line`` and lives by its protocol.
        limits: times.
        inherited: descriptors that the window holds, too (the lock).
        spare: keep a process ready.
        say: where words for the user go.
        last_words: shows the user that it is over, where there may be no terminal.
        clock_s: a monotonic clock, replaced in tests.

    Attributes:
        returned_s: how long the picture was away after each crash, from its discovery.
    """

    def __init__(
        self,
        command: Sequence[str],
        limits: Limits | None = None,
        *,
        inherited: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
        spare: bool = True,
        say: Callable[[str], None] = say,
        last_words: Callable[[str], None] = lambda text: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = tuple(command)
        self._limits = limits or Limits()
        self._inherited = tuple(inherited)
        self._environment = dict(os.environ if environment is None else environment)
        self._wants_spare = spare
        self._say, self._last_words, self._clock_s = say, last_words, clock_s
        self._new_lines: deque[Line] = deque()
        self._strangers: list[tuple[Line, float]] = []
        self._switchboard = Switchboard(self._new_lines.append)
        self._spare: _Child | None = None
        self._spare_from_s = 0.0
        self._crashes: deque[float] = deque()
        self._unheard = 0  # windows in a row that never came up
        self._asked_to_end: int | None = None
        self._passed_on_s: float | None = None
        self._child: _Child | None = None
        self.returned_s: list[float] = []

    @property
    def address(self) -> str:
        """Where windows and second starts call."""
        return self._switchboard.address

    @property
    def pids(self) -> tuple[int | None, int | None]:
        """The window's process and the spare's, once that has loaded everything; None where there is none."""
        spare = self._spare
        ready = spare is not None and spare.line is not None
        return self._child.process.pid if self._child else None, spare.process.pid if spare and ready else None

    def run(self) -> int:
        """Until the window ends for good; returns its exit status, or ``CRASHED``."""
        with self._signals():
            child = self._start()
            try:
                while True:
                    why = self._watch(child)
                    status = child.process.returncode
                    if self._asked_to_end is not None:
                        return status if why == "" and status >= 0 else _INTERRUPTED
                    why = why or _crash(status)
                    if not why:
                        return status if status >= 0 else _INTERRUPTED
                    if child.leaving:
                        self._say(f"polypwatch: the window {why} while it closed. The next start repairs what it left.")
                        return _UNEXPECTED
                    if self._too_many(child):
                        return self._give_up(why)
                    self._say(f"polypwatch: the window {why} and is started again.")
                    died_s = self._clock_s()
                    child = self._replace(Resumption(why, child.state))
                    child.died_s = died_s
            finally:
                self._end(child)

    # -- one window -----------------------------------------------------------------------------------------------

    def _watch(self, child: _Child) -> str:
        """Until it has ended; why it had to be killed, or nothing if it ended by itself."""
        self._child = child
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(self._limits.poll_s)
                self._listen(child)
                return ""
            self._listen(child)
            self._answer_signal(child)
            self._keep_spare(child)
            why = self._overdue(child)
            if why:
                _kill(child.process)
                return why

    def _overdue(self, child: _Child) -> str:
        now_s, limits = self._clock_s(), self._limits
        if self._passed_on_s is not None:
            return "did not close in time" if now_s - self._passed_on_s > limits.closing_s else ""
        if child.closing_s is not None:
            return "did not close in time" if now_s - child.closing_s > limits.closing_s else ""
        if child.heard_s is not None:
            return f"hung for {limits.hung_s:g} s" if now_s - child.heard_s > limits.hung_s else ""
        # A first start may ask the user for the source before anything is shown: nobody knows how long that takes.
        late = child.resumed and now_s - child.started_s > limits.restart_s
        return f"did not come up within {limits.restart_s:g} s" if late else ""

    def _listen(self, child: _Child) -> None:
        now_s = self._clock_s()
        while self._new_lines:
            self._strangers.append((self._new_lines.popleft(), now_s))
        for stranger in tuple(self._strangers):
            self._introduce(stranger, child, now_s)
        if child.line is None:
            return
        for word, about in child.line.received():
            if word == lines.BEAT:
                child.heard_s, child.closing_s, child.leaving = now_s, None, False  # another window has opened
                child.state = about if isinstance(about, dict) else child.state
                self._tell_return(child, now_s)
            elif word == lines.CLOSING:
                child.closing_s = now_s
                child.leaving = isinstance(about, dict) and about.get("for_good") is True

    def _tell_return(self, child: _Child, now_s: float) -> None:
        if child.died_s is not None and child.state.get("picture"):
            self.returned_s.append(now_s - child.died_s)
            self._say(f"polypwatch: the picture is back after {self.returned_s[-1]:.1f} s.")
            child.died_s = None

    def _introduce(self, stranger: tuple[Line, float], child: _Child, now_s: float) -> None:
        """Find out who has called."""
        caller, since_s = stranger
        for word, about in caller.received():
            self._strangers.remove(stranger)
            known = [c for c in (child, self._spare) if c is not None and c.token == about]
            if word == lines.HELLO and known:
                known[0].line = caller
                return
            if word == lines.SECOND and child.line is not None:
                child.line.send(lines.RAISE)
            break
        else:
            if caller.open and now_s - since_s < self._limits.hung_s:
                return
            self._strangers.remove(stranger)
        caller.close()

    def _answer_signal(self, child: _Child) -> None:
        """Pass the wish to end on once; a terminal's Ctrl+C has reached the window already, and twice does no harm."""
        if self._asked_to_end is not None and self._passed_on_s is None:
            self._passed_on_s = self._clock_s()
            with contextlib.suppress(OSError):
                child.process.terminate()

    # -- starting -------------------------------------------------------------------------------------------------

    def _start(self, told: Resumption | None = None) -> _Child:
        self._spare_from_s = self._clock_s() + self._limits.spare_after_s
        return self._spawn(told.to_environment() if told else {}, resumed=told is not None)

    def _replace(self, told: Resumption) -> _Child:
        spare, self._spare = self._spare, None
        if spare is None or spare.line is None or spare.process.poll() is not None:
            if spare is not None:
                _kill(spare.process)
            return self._start(told)
        self._spare_from_s = self._clock_s() + self._limits.spare_after_s
        spare.started_s, spare.resumed = self._clock_s(), True
        spare.line.send(lines.GO, told.to_environment())
        return spare

    def _keep_spare(self, child: _Child) -> None:
        """A window that has come up gets a spare; one that is closing needs none."""
        if (
            not self._wants_spare
            or child.heard_s is None
            or child.closing_s is not None
            or self._passed_on_s is not None
        ):
            return
        if self._spare is None and self._clock_s() >= self._spare_from_s:
            self._spare = self._spawn({SPARE: "1"}, resumed=True)
        elif self._spare is not None and self._spare.process.poll() is not None:
            _log.warning(
                "the spare ended with %s: the next start after a crash takes longer", self._spare.process.poll()
            )
            self._spare, self._wants_spare = None, False

    def _spawn(self, told: Mapping[str, str], *, resumed: bool) -> _Child:
        token = secrets.token_hex(8)
        environment = {**self._environment, **told, lines.ADDRESS: self.address, lines.TOKEN: token}
        inherit: dict[str, Any] = {"pass_fds": self._inherited} if sys.platform != "win32" else {}
        process = subprocess.Popen(self._command, env=environment, **inherit)
        return _Child(process, token, self._clock_s(), resumed)

    # -- ending ---------------------------------------------------------------------------------------------------

    def _too_many(self, child: _Child) -> bool:
        """Too often in a short time, or, however slowly, again and again without ever coming up."""
        now_s = self._clock_s()
        self._crashes.append(now_s)
        while now_s - self._crashes[0] > self._limits.within_s:
            self._crashes.popleft()
        self._unheard = self._unheard + 1 if child.heard_s is None else 0
        return max(len(self._crashes), self._unheard) >= self._limits.crashes

    def _give_up(self, why: str) -> int:
        limits = self._limits
        what = f"The window {why}: {limits.crashes} crashes within {limits.within_s:g} s."
        if len(self._crashes) < limits.crashes:
            what = f"The window {why}: {limits.crashes} times in a row it has not come up."
        self._say(
            f"polypwatch: {what} It is not started again. Watch the processor's own monitor. What was recorded is "
            "kept. `polypwatch --verbose live --no-supervisor` shows why."
        )
        self._last_words(what)
        return CRASHED

    def _end(self, child: _Child) -> None:
        if self._spare is not None:
            self._spare.process.kill()  # it has done nothing yet: there is nothing to learn from where it stands
            self._spare.process.wait()
        if child.process.poll() is None:
            _kill(child.process)
        for left in (child, self._spare):
            if left is not None and left.line is not None:
                left.line.close()
        self._switchboard.close()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        wanted = [signal.SIGINT, signal.SIGTERM]
        if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` wants it
            wanted.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._note_signal) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note_signal(self, number: int, _frame: object) -> None:
        self._asked_to_end = number


def _crash(status: int) -> str:
    """What a status that nobody asked for means, in words; empty for one that the program or the user chose."""
    if -status in (signal.SIGINT, signal.SIGTERM):
        return ""
    if status < 0:
        try:
            return f"was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"was ended by signal {-status}"
    if status >= 0x8000_0000:  # Windows: an exception of the processor's
        return f"crashed with 0x{status:08X}"
    return "crashed with an error that nobody expected" if status == _UNEXPECTED else ""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process that does not; first in a way that leaves a trace of where it hung (``faulthandler``)."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        process.send_signal(signal.SIGABRT if sys.platform != "win32" else signal.SIGTERM)
        process.wait(0.5)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
