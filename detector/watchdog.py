"""The AI's states and the pure state machine that decides between them. Written on a manual clock; no process here.

Whoever owns the AI process reports what happens (``started``, ``ready``, ``sent``, ``result``, ``died`` ...), asks
``decide`` what to do and ``verdict`` what to say. Every time is a ``perf_counter_ns`` that the caller passes in, and
between two events the answers change only at the ``wake_ns`` that ``decide`` gave: the owner may sleep until then.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

_SECOND_NS = 1_000_000_000
# Doubling stops here: the longest delay is reached long before, and a float would overflow some day.
_MAX_DOUBLINGS = 30


class AiState(enum.Enum):
    """What the AI is doing, as the screen says it."""

    OFF = "off"  # switched off by the user
    STARTING = "starting"  # load, engine build, warm-up; also for pictures of another size
    ON = "on"
    LATE = "behind"  # results are older than the limit: no boxes
    STALLED = "stalled"  # no result for longer than the limit: about to be killed
    RESTARTING = "restarting"  # the process died or was killed; waiting for the back-off, or starting again
    FAILED = "failed"  # will not be retried: a damaged model, a provider that is not there


class Action(enum.Enum):
    """What the owner of the process has to do now."""

    NONE = "none"
    START = "start"  # launch a process, then call started()
    KILL = "kill"  # kill it without waiting for anything, then call died() with the reason


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    Attributes:
        action: to be carried out at once.
        wake_ns: when the state or the decision changes next if nothing happens before; None if it never does.
        reason: why the process has to be killed, in words.
    """

    action: Action
    wake_ns: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """The limits.

    Attributes:
        overlay_limit_s: the AI is behind when the frame of its newest result was captured this long ago.
        stall_min_s: it is stalled when the frame it works on has been there for this long ...
        stall_factor: ... and for this many times the 99th percentile of its own warm-up.
        start_limit_s: how long load and warm-up may take, and likewise getting ready for pictures of another size. An
            engine build (TensorRT) needs many minutes.
        restart_first_s: pause before the first restart; it doubles with every further one ...
        restart_max_s: ... up to this ...
        healthy_s: ... and begins anew after results have come for this long.
        max_failures: a worker that raises on this many frames in a row ...
        max_failing_s: ... over at least this long is restarted. A short burst of bad frames is not its fault.
    """

    overlay_limit_s: float = 0.25
    stall_min_s: float = 1.0
    stall_factor: float = 10.0
    start_limit_s: float = 60.0
    restart_first_s: float = 0.2
    restart_max_s: float = 10.0
    healthy_s: float = 10.0
    max_failures: int = 5
    max_failing_s: float = 1.0


@dataclass(slots=True)
class _Life:
    """One process, from its launch to its end."""

    launched_ns: int
    ready_ns: int | None = None
    stall_limit_ns: int = 0
    sent_ns: int | None = None  # when it got the frame that it has not answered yet
    preparing_ns: int | None = None  # when it said that this frame needs it to get ready anew
    last_result_ns: int | None = None
    failures: int = 0  # in a row
    first_failure_ns: int = 0
    last_failure_ns: int = 0
    failure: str = ""


class Watchdog:
    """Judges one AI process after the other; begins switched off."""

    def __init__(self, settings: WatchdogSettings | None = None) -> None:
        self.settings = settings or WatchdogSettings()
        self._enabled_ns: int | None = None
        self._life: _Life | None = None
        self._generation = 0
        self._restarts = 0
        self._fatal = ""
        self._trouble = ""  # why the last process ended; empty before the first end since AI was switched on
        self._ends_in_a_row = 0
        self._start_ns = 0  # not to be started before
        self._waiting = False  # a frame was submitted that no process got yet
        self._first_captured_ns: int | None = None
        self._newest_captured_ns: int | None = None

    # -- what happens ---------------------------------------------------------------------------------------------

    def enable(self, now_ns: int) -> None:
        """The user switches the AI on: the one way out of FAILED. A process that still lives goes on."""
        if self._enabled_ns is not None:
            return
        self._enabled_ns = self._start_ns = now_ns
        self._fatal = self._trouble = ""
        self._ends_in_a_row = 0
        # A frame that a living process still has from before is waited for from now on.
        self._first_captured_ns = now_ns if self._life is not None and self._life.sent_ns is not None else None

    def disable(self) -> None:
        """The user switches the AI off. A process may stay, warm and idle; nothing is decided about it any more."""
        self._enabled_ns = None
        self._waiting = False

    def started(self, now_ns: int) -> int:
        """A process is being launched; returns its generation, which no other process ever had."""
        self._restarts += bool(self._trouble)
        self._life = _Life(now_ns)
        self._generation += 1
        return self._generation

    def ready(self, warm_up_p99_ns: int, now_ns: int) -> None:
        """The process has loaded and warmed up, and takes frames."""
        if self._life is not None:
            limit_ns = max(_ns(self.settings.stall_min_s), int(self.settings.stall_factor * warm_up_p99_ns))
            self._life.ready_ns, self._life.stall_limit_ns = now_ns, limit_ns

    def submitted(self, captured_ns: int) -> None:
        """A frame arrived that is to be analysed (or replaced by a newer one)."""
        self._waiting = True
        if self._first_captured_ns is None:
            self._first_captured_ns = captured_ns

    def sent(self, now_ns: int) -> None:
        """The process got the newest frame."""
        self._waiting = False
        if self._life is not None:
            self._life.sent_ns = now_ns

    def preparing(self, now_ns: int) -> None:
        """The process gets ready for pictures of the size of its frame: as long as a start, and judged as one."""
        if self._life is not None and self._life.sent_ns is not None:
            self._life.preparing_ns = now_ns

    def result(self, captured_ns: int, now_ns: int) -> None:
        """The process analysed its frame."""
        if self._life is None:
            return
        self._life.sent_ns, self._life.preparing_ns, self._life.last_result_ns = None, None, now_ns
        self._life.failures, self._life.failure = 0, ""
        if self._newest_captured_ns is None or captured_ns > self._newest_captured_ns:
            self._newest_captured_ns = captured_ns

    def failed(self, message: str, now_ns: int) -> None:
        """The detector raised on its frame: not a result, and not an empty one."""
        life = self._life
        if life is None:
            return
        if not life.failures:
            life.first_failure_ns = now_ns
        life.sent_ns, life.preparing_ns, life.last_failure_ns, life.failure = None, None, now_ns, message
        life.failures += 1

    def died(self, reason: str, now_ns: int) -> None:
        """The process is gone (by itself, or killed as decided) or of no use; it may be tried again."""
        life, self._life = self._life, None
        if life is None:
            return
        settings = self.settings
        # Only results are health: a process that waits for a lost source has proved nothing.
        healthy_ns = (life.last_result_ns or 0) - (life.ready_ns or 0)
        if healthy_ns >= _ns(settings.healthy_s):
            self._ends_in_a_row = 0
        delay_s = settings.restart_first_s * 2.0 ** min(self._ends_in_a_row, _MAX_DOUBLINGS)
        self._start_ns = now_ns + _ns(min(delay_s, settings.restart_max_s))
        self._ends_in_a_row += 1
        self._trouble = reason

    def fatal(self, message: str) -> None:
        """Trying again would end the same way (a damaged model, a missing provider); the process is put away."""
        self._life = None
        self._fatal = message

    # -- what follows ---------------------------------------------------------------------------------------------

    def verdict(self, now_ns: int) -> tuple[AiState, str]:
        """The state and, in words, why; the words are empty while all is well."""
        if self._enabled_ns is None:
            return AiState.OFF, ""
        if self._fatal:
            return AiState.FAILED, self._fatal
        if overdue := self._overdue(now_ns):
            return AiState.STALLED, overdue
        if hopeless := self._hopeless():
            return AiState.RESTARTING, hopeless
        if self._life is None or self._life.ready_ns is None:
            return (AiState.RESTARTING, self._trouble) if self._trouble else (AiState.STARTING, "loading the model")
        return self._freshness(self._life, now_ns)

    def decide(self, now_ns: int) -> Decision:
        """What to do now, and when to ask again."""
        if self._enabled_ns is None or self._fatal:
            return Decision(Action.NONE)
        if self._life is None:
            if now_ns >= self._start_ns:
                return Decision(Action.START)
            return Decision(Action.NONE, self._start_ns)
        if reason := self._overdue(now_ns) or self._hopeless():
            return Decision(Action.KILL, reason=reason)
        instants = (self._deadline(self._life)[0], self._late_ns() if self._life.ready_ns is not None else None)
        return Decision(Action.NONE, min((t for t in instants if t is not None and t > now_ns), default=None))

    @property
    def enabled(self) -> bool:
        """Whether the user wants the AI."""
        return self._enabled_ns is not None

    @property
    def takes_frames(self) -> bool:
        """Whether the process is ready and has nothing to do."""
        life = self._life
        return life is not None and life.ready_ns is not None and life.sent_ns is None

    @property
    def generation(self) -> int:
        """Of the newest process; 0 before the first."""
        return self._generation

    @property
    def restarts(self) -> int:
        """How many processes were launched because the one before had ended."""
        return self._restarts

    @property
    def idle(self) -> bool:
        """True when the process is ready and has analysed every frame that there is."""
        return self.takes_frames and not self._waiting

    @property
    def newest_captured_ns(self) -> int | None:
        """When the frame of the newest result was captured; None before the first result."""
        return self._newest_captured_ns

    def _freshness(self, life: _Life, now_ns: int) -> tuple[AiState, str]:
        late_ns = self._late_ns()
        if late_ns is None or now_ns < late_ns:
            return AiState.ON, life.failure
        if life.failure:
            return AiState.LATE, life.failure
        if life.preparing_ns is not None:
            # Shown only now: where it takes no longer than any other frame, there is nothing to tell.
            if self._trouble and life.last_result_ns is None:
                return AiState.RESTARTING, self._trouble
            return AiState.STARTING, "getting ready for pictures of this size"
        if self.idle:
            return AiState.LATE, "no new picture"
        return AiState.LATE, f"results are older than {self.settings.overlay_limit_s * 1000:.0f} ms"

    def _late_ns(self) -> int | None:
        """When the overlay is (or was) too old; None while nothing was asked of the AI yet.

        Counted from the frame of the newest result and, before there was one, from the first frame that waits for it.
        """
        since_ns = self._newest_captured_ns if self._newest_captured_ns is not None else self._first_captured_ns
        return None if since_ns is None else since_ns + _ns(self.settings.overlay_limit_s)

    def _deadline(self, life: _Life) -> tuple[int | None, str]:
        """By when the process has to show a sign of life, and what to say if it did not."""
        enabled_ns = self._enabled_ns or 0  # time during which the AI was off does not count against it
        if life.ready_ns is None:
            limit_s = self.settings.start_limit_s
            return max(life.launched_ns, enabled_ns) + _ns(limit_s), f"not ready after {limit_s:g} s"
        if life.sent_ns is None:
            return None, ""
        if life.preparing_ns is not None:
            limit_s = self.settings.start_limit_s
            return max(life.preparing_ns, enabled_ns) + _ns(limit_s), f"not ready for this size after {limit_s:g} s"
        limit_ns = life.stall_limit_ns
        return max(life.sent_ns, enabled_ns) + limit_ns, f"no result for {limit_ns / _SECOND_NS:.1f} s"

    def _overdue(self, now_ns: int) -> str:
        """Why the process counts as hanging; empty if it does not."""
        if self._life is None:
            return ""
        deadline_ns, words = self._deadline(self._life)
        return words if deadline_ns is not None and now_ns >= deadline_ns else ""

    def _hopeless(self) -> str:
        """Why a process that answers is of no use; empty if it is."""
        life = self._life
        if life is None or life.failures < self.settings.max_failures:
            return ""
        if life.last_failure_ns - life.first_failure_ns < _ns(self.settings.max_failing_s):
            return ""
        return life.failure


def _ns(seconds: float) -> int:
    return round(seconds * _SECOND_NS)
