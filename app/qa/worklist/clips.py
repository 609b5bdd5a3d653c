"""A clip: six seconds that are worth a look, and why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from app.qa.axis import FrameAxis
from app.qa.worklist.answers import ClipKind, Verdict

CLIP_S = 6.0
"""How long a clip is: long enough to see a polyp come and go, short enough for a thousand of them in an afternoon."""
_LEAD = 1 / 3  # of a clip lies before what it is about: the reader sees it come

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ClipBox:
    """A box that is shown while a clip plays.

    Attributes:
        position: in which frame.
        box: ``x1, y1, x2, y2`` in frame pixels.
        score: of the detection.
        label: whose it is (``fast 0.2.1 fp32``); empty where only one speaks.
    """

    position: int
    box: Corners
    score: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Clip:
    """Six seconds of a procedure with a question about them.

    Attributes:
        id: the same whenever the worklist is made anew from the same results.
        procedure: the recording's folder or the video.
        first: first position.
        last: last position, included.
        focus: the position that it is about.
        kind: why it is here.
        why: the same in words, one sentence.
        score: its value for the ranking (`app.qa.worklist.ranking`); comparable within one worklist only.
        boxes: what to show, by position; none in the audit, in a silence, or where something was missed.
        question: what the reader is asked.
        verdicts: the answers that make sense here, in the order of their keys.
        plan: of the audit the plan's id; else empty.
        also: further reasons, a sentence each.
    """

    id: str
    procedure: Path
    first: int
    last: int
    focus: int
    kind: ClipKind
    why: str
    score: float
    boxes: tuple[ClipBox, ...] = ()
    question: str = ""
    verdicts: tuple[Verdict, ...] = ()
    plan: str = ""
    also: tuple[str, ...] = ()

    @property
    def box(self) -> Corners | None:
        """The box that the question is about: the one at, or nearest to, the focus."""
        nearest = min(self.boxes, key=lambda b: (abs(b.position - self.focus), -b.score), default=None)
        return nearest.box if nearest else None

    @property
    def blind(self) -> bool:
        """Whether boxes and marks stay hidden while it plays."""
        return self.kind in ("audit", "silence")


def clip_id(kind: ClipKind, source: str, focus: int) -> str:
    """A clip's name: what it is about, from which results, and where.

    Args:
        kind: why it is here.
        source: what found it: hash of the model, number of the mark, id of the plan.
        focus: its position.
    """
    return hashlib.sha256(f"{kind}|{source}|{focus}".encode()).hexdigest()[:16]


def window(axis: FrameAxis, focus: int, seconds: float = CLIP_S) -> tuple[int, int]:
    """First and last position of a clip around ``focus``: a third before it, the rest from it on, within the axis."""
    total = axis.end_s - float(axis.times_s[0])
    start_s = float(axis.times_s[focus]) - seconds * _LEAD
    start_s = max(float(axis.times_s[0]), min(start_s, float(axis.times_s[0]) + total - seconds))
    first = min(axis.at(start_s), focus)
    # Half a tick less: a picture that begins exactly at the end belongs to the next clip.
    last = max(axis.at(start_s + seconds - 1e-3), focus)
    return first, last


def overlap_s(axis: FrameAxis, one: tuple[int, int], other: tuple[int, int]) -> float:
    """For how many seconds two ranges of positions (both ends included) show the same."""
    first, last = max(one[0], other[0]), min(one[1], other[1])
    return max(0.0, axis.until_s(last) - float(axis.times_s[first])) if first <= last else 0.0
