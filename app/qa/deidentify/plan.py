"""What a copy replaces: names, dates and clocks. Nothing of it is kept in the copy, nor anywhere else."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from detector.errors import UsageError
from detector.picture.area import Area
from detector.procedure import RecordedFrame

_PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{3,39}")
_LEAST_DAYS, _MOST_DAYS = 365, 3650
_PRESETS = ("high", "normal", "low")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(slots=True)
class Plan:
    """How one procedure is disguised.

    Attributes:
        pseudonym: its new name.
        shift: is added to every date.
        crop: of every picture; None: the whole picture, as it is.
        keep_indication: the indication stays: a free text, which the user vouches for.
        notes: what must be said at the end.
    """

    pseudonym: str
    shift: timedelta
    crop: Area | None = None
    keep_indication: bool = False
    notes: list[str] = field(default_factory=list)
    _readers: dict[str, str] = field(default_factory=dict)
    _endoscopists: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, pseudonym: str | None, shift_days: int | None, crop: Area | None, *, keep_indication: bool = False
    ) -> Plan:
        """A plan; what is not given is drawn at random.

        Raises:
            UsageError: the pseudonym cannot be one.
        """
        name = pseudonym if pseudonym is not None else "P-" + "".join(secrets.choice(_LETTERS) for _ in range(8))
        if not _PSEUDONYM.fullmatch(name):
            raise UsageError(
                f"'{name}' cannot be the copy's name.", "Take 4 to 40 letters, digits and hyphens: P-7K3MQ9TD."
            )
        if shift_days is not None:
            return cls(name, timedelta(days=shift_days), crop, keep_indication)
        days = -(_LEAST_DAYS + secrets.randbelow(_MOST_DAYS - _LEAST_DAYS))
        return cls(name, timedelta(days=days, seconds=secrets.randbelow(86400)), crop, keep_indication)

    def reader(self, name: str) -> str:
        """`reader-1`, `reader-2`, ... in place of a reviewer's name; the same for the same name."""
        return self._readers.setdefault(name, f"reader-{len(self._readers) + 1}")

    def endoscopist(self, code: str | None) -> str | None:
        """`endoscopist-1`, ... in place of a code."""
        if code is None:
            return None
        return self._endoscopists.setdefault(code, f"endoscopist-{len(self._endoscopists) + 1}")

    def moved(self, moment: datetime) -> datetime:
        """A date, shifted, in UTC."""
        return moment.astimezone(UTC) + self.shift

    def moved_text(self, text: object) -> str | None:
        """A date in ISO 8601, shifted; None where it is none."""
        try:
            moment = datetime.fromisoformat(str(text))
        except ValueError:
            return None
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return self.moved(moment).isoformat(timespec="milliseconds")


def program(text: object) -> str:
    """A program's name, where it is ours; of others nobody knows what it holds."""
    told = str(text or "")
    return told if re.fullmatch(r"polypwatch [0-9A-Za-z.+-]{1,40}", told) else "another program"


def preset(name: object) -> str:
    """A preset's name, where it is one of ours: a room may call its own after anybody."""
    return str(name) if name in _PRESETS else "own"


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where each run of the recorder began, so that clocks begin at 0: an uptime and a camera's ticks tell dates, too.

    Attributes:
        captured_ns: by session.
        pts: likewise, with the time base they count in.
        sessions: session by capture index and capture time.
    """

    captured_ns: dict[int, int]
    pts: dict[int, tuple[int, Fraction]]
    sessions: dict[tuple[int, int], int]

    @classmethod
    def of(cls, frames: Iterable[RecordedFrame]) -> Clocks:
        """From the frame table."""
        captured: dict[int, int] = {}
        ticks: dict[int, tuple[int, Fraction]] = {}
        sessions: dict[tuple[int, int], int] = {}
        for f in frames:
            captured[f.session] = min(captured.get(f.session, f.captured_ns), f.captured_ns)
            sessions[f.capture_index, f.captured_ns] = f.session
            if f.pts is not None and f.time_base is not None:
                first = ticks.setdefault(f.session, (f.pts, f.time_base))
                if f.pts * f.time_base < first[0] * first[1]:
                    ticks[f.session] = (f.pts, f.time_base)
        return cls(captured, ticks, sessions)

    def time(self, session: int, pts: int | None, base: Fraction | None) -> int | None:
        """A media time from the session's first; None where it cannot be said."""
        if pts is None or base is None:
            return None
        first, first_base = self.pts.get(session, (0, base))
        return round((pts * base - first * first_base) / base)
