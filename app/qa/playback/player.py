"""Plays a procedure: orders from any thread, pictures from a thread of its own, one frozen state for who shows them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from app.qa.cache import Kept
from app.qa.checking import Checking
from app.qa.playback.pace import Due, Pace, Tally
from app.qa.playback.projector import Projector
from app.qa.playback.shot import Shot
from app.qa.playback.state import FASTEST, SLOWEST, PlayState
from app.qa.playback.store import MOST_BYTES
from detector.errors import PolypwatchError

if TYPE_CHECKING:
    from app.qa.opened import Opened

__all__ = ["FASTEST", "SLOWEST", "PlayState", "Player"]

_LOG = logging.getLogger(__name__)
_LONG_WAY = 16  # pictures: who has to wait for more is shown the key frame meanwhile
_LONG_WAY_FAST = 32
_SHORT_STEP = 32  # pictures back: those in between will be asked for next
_FETCHED_BACK = 2.0  # speed up to which pictures are decoded in chunks for playing backwards
_ESTIMATE_EVERY_S = 0.15
_CLOSE_WAIT_S = 5.0


class Player:
    """Plays, steps and seeks. Orders return at once; of several seeks only the newest is kept.

    Args:
        opened: the procedure. What is not settled of it is settled here, in the background.
        wake: is called without payload from the player's threads when :meth:`state` has changed.
        cache: the folder in which indices are kept; None: this user's.
        most_bytes: of decoded pictures that are kept.
    """

    def __init__(
        self, opened: Opened, wake: Callable[[], None], cache: Path | None = None, most_bytes: int = MOST_BYTES
    ) -> None:
        self._wake = wake
        self._condition = threading.Condition()
        kept = Kept(cache)
        # Written with the condition held.
        self._state = PlayState(
            0, 0.0, False, 1.0, 0.0, 1.0, 0, None, None, False, 0, opened.axis, "", opened, float(opened.checked), 0
        )
        self._wish: int | None = 0
        self._anew = False  # playing begins, or goes on under other terms
        self._closing = False
        # The thread's own.
        self._projector = Projector(opened, kept, most_bytes)
        self._pace: Pace | None = None
        self._tally = Tally()
        self._told_fault = ""
        self._early: tuple[int, int] | None = None  # a key frame that is shown before its time, and instead of which
        self._sought: int | None = None  # a position that is still to be shown exactly
        self._checking = Checking(opened, self._told, kept)
        self._thread = threading.Thread(target=self._run, name="qa-player", daemon=True)
        self._checking.start()
        self._thread.start()

    # -- orders -------------------------------------------------------------------------------------------------------

    def state(self) -> PlayState:
        """What stands on the screen; any thread may ask."""
        return self._state

    @property
    def kept_bytes(self) -> int:
        """Of decoded pictures that are kept."""
        return self._projector.cost

    def play(self, speed: float = 1.0) -> None:
        """Play from here, at 0.1 to 8 times the speed; negative: backwards. From the end it begins anew."""
        speed = min(max(abs(speed), SLOWEST), FASTEST) * (1 if speed >= 0 else -1)
        self._order(playing=True, speed=speed)

    def pause(self) -> None:
        """Stand still."""
        self._order(playing=False)

    def step(self, n: int) -> None:
        """Stand still, ``n`` pictures further (negative: back)."""
        with self._condition:
            from_here = self._wish if self._wish is not None else self._state.wanted
            from_here = self._state.position if from_here is None else from_here
            self._wish = self._inside(from_here + n)
        self._order(playing=False)

    def seek(self, position: int) -> None:
        """Show exactly this picture; playing goes on from there."""
        with self._condition:
            self._wish = self._inside(position)
        self._order()

    @overload
    def loop(self, first: None, last: None = None) -> None: ...
    @overload
    def loop(self, first: int, last: int) -> None: ...
    def loop(self, first: int | None, last: int | None = None) -> None:
        """Play from ``first`` to ``last``, both included, over and over; None: no more."""
        ends = (
            None if first is None or last is None else (self._inside(min(first, last)), self._inside(max(first, last)))
        )
        with self._condition:
            self._state = replace(self._state, loop=ends)
        self._order()

    def close(self) -> None:
        """Stop both threads and close all files."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._checking.close()
        self._thread.join(_CLOSE_WAIT_S)

    def _order(self, playing: bool | None = None, speed: float | None = None) -> None:
        with self._condition:
            if not self._thread.is_alive():
                return  # it broke off, and the fault is on the screen: nothing must look as if it played
            before = self._state
            self._state = replace(
                before,
                playing=before.playing if playing is None else playing,
                speed=before.speed if speed is None else speed,
            )
            self._anew = True
            self._condition.notify_all()

    def _inside(self, position: int) -> int:
        return min(max(position, 0), max(0, len(self._state.axis) - 1))

    def _told(self) -> None:
        """The check goes on."""
        with self._condition:
            self._state = replace(self._state, checked=self._checking.state().done)
            self._condition.notify_all()
        self._wake()

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing:
                try:
                    self._turn()
                except PolypwatchError as error:
                    self._broke(str(error))
        except Exception as error:  # root of a thread
            _LOG.exception("playing %s", self._state.opened.path)
            self._broke(f"Playing failed: {error}")
        finally:
            self._projector.close()

    def _turn(self) -> None:
        self._adopt()
        with self._condition:
            wish, self._wish = self._wish, None
            anew, self._anew = self._anew, False
            playing, speed, loop = self._state.playing, self._state.speed, self._state.loop
        if wish is not None:
            self._sought = wish
        if self._sought is not None and (wish is not None or self._state.axis.whole):
            self._go(self._sought)
            anew = True
        if playing:
            if anew or self._pace is None:
                here = self._sought if self._sought is not None else self._state.position
                self._pace = Pace(self._state.axis, here, speed, loop, time.perf_counter())
                self._tally = Tally()
                self._early = None
            self._play(self._pace)
        else:
            if self._pace is not None:
                self._pace = None
                self._say(achieved=0.0)
            self._rest()

    def _rest(self) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._has_orders() or self._has_news())

    def _is_disturbed(self) -> bool:
        """Whether there is something newer to do than what is being done."""
        return self._closing or self._wish is not None

    def _has_orders(self) -> bool:
        return self._anew or self._is_disturbed()

    def _has_news(self) -> bool:
        found = self._checking.state()
        return found.opened is not self._state.opened or found.fault not in ("", self._told_fault)

    def _adopt(self) -> None:
        """Go on with what the check has found out."""
        found = self._checking.state()
        if found.fault and found.fault != self._told_fault:
            self._told_fault = found.fault
            self._say(fault=found.fault)
        if found.opened is self._state.opened:
            return
        before, axis = self._state, found.opened.axis
        self._projector.learn(found.opened)
        changes: dict[str, Any] = {"opened": found.opened, "axis": axis, "checked": found.done}
        if not before.axis.whole and len(axis):
            # The same moments, by their own numbers.
            where = before.wanted if before.wanted is not None else before.position
            wanted = axis.at(float(before.axis.times_s[where])) if len(before.axis) else 0
            self._sought = wanted
            changes |= {"position": axis.at(before.time_s), "wanted": wanted, "exact": False, "loop": None}
            if before.loop is not None:
                first, last = (axis.at(float(before.axis.times_s[p])) for p in before.loop)
                changes["loop"] = (first, last)
            with self._condition:
                if self._wish is not None:
                    self._wish = axis.at(float(before.axis.times_s[self._wish]))
        elif len(axis) != len(before.axis):
            changes["position"] = min(before.position, len(axis) - 1)
        self._pace = None
        self._say(**changes)

    def _go(self, position: int) -> None:
        """Show exactly this picture; meanwhile, if it takes a while, the key frame before it."""
        projector = self._projector
        if not self._state.axis.whole:
            near, shot = projector.estimate(position)
            self._show(near, shot, wanted=position)
            return
        here = self._state.position
        ahead = projector.ahead_of(position)
        if ahead >= _LONG_WAY and not (0 < here - position <= 1):
            near, shot = projector.key(position)
            if near != position:
                self._show(near, shot, wanted=position)
        if 0 < here - position <= _SHORT_STEP:
            found = projector.with_those_before(position, self._is_disturbed)
        else:
            # A short way is gone to its end: who scrubs sees pictures all the time.
            found = projector.exact(position, self._is_disturbed if ahead >= _LONG_WAY else self._is_closing)
        if found is not None:
            self._sought = None
            self._show(position, found)

    def _is_closing(self) -> bool:
        return self._closing

    def _play(self, pace: Pace) -> None:
        now = time.perf_counter()
        due = pace.due(now)
        if due.over:
            self._over(due)
        elif not self._state.axis.whole:
            near, shot = self._projector.estimate(due.position)
            self._show(near, shot, wanted=due.position, tally=True)
            self._wait(now + _ESTIMATE_EVERY_S)
        elif due.position == self._state.position and self._state.exact:
            self._prepare(pace, due)
            self._wait(due.next_s)
        else:
            self._advance(pace, due)

    def _advance(self, pace: Pace, due: Due) -> None:
        if self._is_early(due):
            self._wait(due.next_s)
            return
        if abs(pace.speed) > _FETCHED_BACK and self._show_key_for(pace, due):
            return
        if pace.speed < 0 and abs(pace.speed) <= _FETCHED_BACK:
            shot = self._projector.with_those_before(due.position, self._has_orders)
        else:
            shot = self._projector.exact(due.position, self._has_orders)
        if shot is not None:
            if (due.position - self._state.position) * pace.speed < 0:
                self._tally.turned()
            self._show(due.position, shot, tally=True)

    def _show_key_for(self, pace: Pace, due: Due) -> bool:
        """Where a picture is a long way off at high speed, show the key frame before it: sooner there, and as true."""
        if self._projector.ahead_of(due.position) <= _LONG_WAY_FAST:
            return False
        here, key = self._state.position, self._projector.key_of(due.position)
        if not pace.first <= key <= pace.last or (key - here) * pace.speed <= 0:
            return False
        position, shot = self._projector.key(due.position)
        self._early = (position, due.position) if pace.speed < 0 else None
        self._show(position, shot, tally=True)
        return True

    def _is_early(self, due: Due) -> bool:
        """Whether what is shown is still ahead of the clock, as a key frame is that was taken instead, backwards."""
        if self._early is not None and not self._early[0] <= due.position <= self._early[1]:
            self._early = None
        return self._early is not None

    def _prepare(self, pace: Pace, due: Due) -> None:
        """Use the time until the next picture is due."""

        def short() -> bool:
            return self._has_orders() or time.perf_counter() > due.next_s - 0.004

        if pace.speed > 0:
            following = due.position + 1 if due.position < pace.last else pace.first
            self._projector.prepare(following, short)
        elif abs(pace.speed) <= _FETCHED_BACK:
            self._projector.prepare_back(due.position, pace.first, short)

    def _over(self, due: Due) -> None:
        with self._condition:
            if not self._anew:
                self._state = replace(self._state, playing=False)
        if due.position != self._state.position or not self._state.exact:
            self._go(due.position)
        else:
            self._wake()

    def _wait(self, until_s: float) -> None:
        with self._condition:
            while not (self._has_orders() or self._has_news()):
                left = until_s - time.perf_counter()
                if left <= 0:
                    return
                self._condition.wait(left)

    # -- what is shown ------------------------------------------------------------------------------------------------

    def _show(self, position: int, shot: Shot, *, wanted: int | None = None, tally: bool = False) -> None:
        picture = self._projector.image(shot)
        axis = self._state.axis
        time_s = float(axis.times_s[position])
        if tally:
            self._tally.shown(time.perf_counter(), time_s, position)
        fault = f"This picture is damaged: {shot.damage}." if shot.damage else self._told_fault
        self._say(
            position=position,
            time_s=time_s,
            picture=picture,
            exact=wanted is None,
            wanted=wanted,
            fault=fault,
            achieved=self._tally.achieved if tally else 0.0,
            every=self._tally.every if tally else 1.0,
            dropped=self._tally.dropped if tally else self._state.dropped,
        )

    def _broke(self, fault: str) -> None:
        """A file cannot be read: say so, show nothing old, and wait for another order."""
        self._projector.close()
        self._pace, self._sought = None, None
        self._say(fault=fault, picture=None, playing=False, exact=False, wanted=None, achieved=0.0)

    def _say(self, **changes: Any) -> None:
        with self._condition:
            self._state = replace(self._state, number=self._state.number + 1, **changes)
        self._wake()
