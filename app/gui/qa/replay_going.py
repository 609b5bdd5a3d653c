"""Playing, stepping and jumping: from keys to the player; which range is chosen, and what was played just now."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QObject, pyqtSignal

from app.gui.language import decimal, tr
from app.gui.qa.replay_jumps import Range, before, beyond
from app.gui.qa.replay_transport import next_speed
from app.gui.qa.timeline_ruler import place_of
from app.qa.playback.player import Player
from app.qa.playback.state import PlayState

_REVIEW_SPEED = 2.0
"""What was played faster was not looked at frame by frame: it is never offered as 'just played'."""


class Played:
    """The stretch that was played without a jump, at a speed at which one sees what there is."""

    def __init__(self) -> None:
        self.range: Range | None = None
        self._at: int | None = None

    def follow(self, state: PlayState) -> None:
        """Take a state of the player."""
        here, before_ = state.position, self._at
        self._at = here
        if not state.playing or not state.exact:
            return
        slow = 0 < state.speed <= _REVIEW_SPEED
        if not slow or before_ is None or not 0 <= here - before_ <= _reach(state):
            self.range = (here, here) if slow else None
            return
        if self.range is None or not self.range[0] <= before_ <= self.range[1] + 1:
            self.range = (before_, here)
        else:
            self.range = (self.range[0], max(self.range[1], here))


def _reach(state: PlayState) -> int:
    """How many positions may lie between two looks at the player while it plays on."""
    count = len(state.axis)
    rate = count / state.axis.end_s if state.axis.end_s > 0 else 25.0
    return max(4, round(rate * state.speed * 0.6))


class ReplayGoing(QObject):
    """See the module.

    Attributes:
        range_changed: the chosen range.
        said: something to tell the reader in a line.
        leaving: the picture is about to change: what the keys have moved must be kept now.
        range: first and last position that are chosen; None: none.
        played: what was played just now.
    """

    range_changed = pyqtSignal(object)
    said = pyqtSignal(str)
    leaving = pyqtSignal()

    def __init__(self, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self._speed = 1.0
        self.range: Range | None = None
        self.played = Played()

    @property
    def state(self) -> PlayState:
        """What the player shows."""
        return self._player.state()

    @property
    def here(self) -> int:
        """Where steps and jumps count from: the position that was asked for last."""
        state = self.state
        return state.wanted if state.wanted is not None else state.position

    # -- playing --------------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Play or pause."""
        if self.state.playing:
            self._player.pause()
        else:
            self._play(abs(self._speed))

    def forwards(self) -> None:
        """Play; again: faster."""
        state = self.state
        self._play(next_speed(state.speed, 1) if state.playing and state.speed > 0 else abs(self._speed))

    def backwards(self) -> None:
        """Play backwards; again: faster."""
        state = self.state
        self._play(next_speed(state.speed, 1) if state.playing and state.speed < 0 else -abs(self._speed))

    def pause(self) -> None:
        """Hold."""
        self._player.pause()

    def change_speed(self, by: int) -> None:
        """So many steps faster; negative: slower."""
        state = self.state
        self._speed = next_speed(state.speed if state.playing else self._speed, by)
        if state.playing:
            self._play(self._speed)
        else:
            times = decimal(f"{abs(self._speed):g}") + "\N{MULTIPLICATION SIGN}"
            self.said.emit(tr("Speed {speed}").format(speed=times))

    def normal_speed(self) -> None:
        """1."""
        self._speed = 1.0
        if self.state.playing:
            self._play(1.0 if self.state.speed > 0 else -1.0)

    def _play(self, speed: float) -> None:
        self.leaving.emit()
        self._speed = speed
        self._player.play(speed)

    # -- going ----------------------------------------------------------------------------------------------------

    def to(self, position: int) -> None:
        """Show this picture."""
        self.leaving.emit()
        count = len(self.state.axis)
        if count:
            self._player.seek(min(max(position, 0), count - 1))

    def step(self, by: int) -> None:
        """So many frames on; negative: back."""
        self.leaving.emit()
        if self.state.playing:
            self._player.pause()
        self._player.step(by)

    def seconds(self, by: float) -> None:
        """So many seconds on; negative: back."""
        axis, here = self.state.axis, self.here
        self.to(axis.at(float(axis.times_s[here]) + by))

    def to_text(self, text: str) -> None:
        """To a time or frame as somebody typed it."""
        place = place_of(text, self.state.axis)
        if place is None:
            self.said.emit(
                tr("'{text}' is no place here. Type a time (12:30), seconds (750.5) or a frame (#18750).").format(
                    text=text
                )
            )
        else:
            self._player.pause()
            self.to(place)

    def jump(self, starts: Sequence[int], forwards: bool, nothing: str) -> int | None:
        """To the next of these, or the one before.

        Args:
            starts: positions in ascending order.
            forwards: to the next; else to the one before.
            nothing: what to say if there is none.

        Returns:
            Where that is; None if there is none.
        """
        found = beyond(starts, self.here) if forwards else before(starts, self.here)
        if found is None:
            self.said.emit(nothing)
            return None
        self._player.pause()
        self.to(found)
        return found

    # -- ranges ---------------------------------------------------------------------------------------------------

    def choose_range(self, chosen: Range | None) -> None:
        """This range from now on."""
        if chosen != self.range:
            self.range = chosen
            if self.state.loop is not None:
                self._player.loop(*chosen) if chosen is not None else self._player.loop(None)
            self.range_changed.emit(chosen)

    def begin_range(self) -> None:
        """It begins here."""
        here = self.here
        last = self.range[1] if self.range is not None and self.range[1] >= here else here
        self.choose_range((here, last))

    def end_range(self) -> None:
        """It ends here."""
        here = self.here
        first = self.range[0] if self.range is not None and self.range[0] <= here else here
        self.choose_range((first, here))

    def toggle_loop(self) -> None:
        """Play the range again and again, or no longer."""
        if self.state.loop is not None:
            self._player.loop(None)
            return
        if self.range is None:
            self.said.emit(tr("Choose a range first: drag over the timeline, or press I and O."))
            return
        self._player.loop(*self.range)
        if not self.range[0] <= self.here <= self.range[1]:
            self.to(self.range[0])
        self._play(abs(self._speed))

    def reviewable(self) -> Range | None:
        """What 'reviewed' would mean now: the chosen range, else what was played just now."""
        return self.range or self.played.range
