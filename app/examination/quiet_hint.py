"""When the quiet hint about a short withdrawal is to be seen: once an examination, small, and gone by itself. Pure."""

from __future__ import annotations

from app.examination.quality import Hint, WithdrawalHint

_OUTSIDE_S = 2.0  # a lens that is wiped in the rectum is no end of the withdrawal
_SHOWN_S = 30.0


class QuietHint:
    """Shown when 'scope out' is marked, or the picture leaves the body, before the target is reached.

    Attributes:
        now: what is to be seen; None for nothing.
    """

    def __init__(self) -> None:
        self.now: WithdrawalHint | None = None
        self._given = False
        self._since_ns = 0
        self._outside_ns: int | None = None

    def look(self, found: WithdrawalHint | None, outside: bool, now_ns: int) -> None:
        """Decide.

        Args:
            found: what ``quality.withdrawal_hint`` says; None without a caecum, after any intervention, and where no
                hint is wanted.
            outside: whether the picture is out of the body.
            now_ns: the monotonic clock.
        """
        if not outside:
            self._outside_ns = None
        elif self._outside_ns is None:
            self._outside_ns = now_ns
        leaving = self._outside_ns is not None and now_ns - self._outside_ns >= _OUTSIDE_S * 1e9
        short = found is not None and (found.hint is Hint.SHORT or (found.hint is Hint.RUNNING and leaving))
        if short and not self._given:
            self.now, self._given, self._since_ns = found, True, now_ns
        elif self.now is not None and (not short or now_ns - self._since_ns > _SHOWN_S * 1e9):
            self.now = None
