"""What a reader says of a clip: one key, one `Answer`.

An answer is evidence about one event: "this box is a polyp", "this is bubbles", "there is a polyp that nobody marked".
It never says that the rest of the picture was looked at, so it makes no frame *reviewed* and enters no denominator of
the figures: only reviewed ranges do. Answers are stored through the review log of the procedure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["right", "wall", "content", "instrument", "light", "scar", "missed", "nothing", "unsure"]
"""``right``: what is boxed is a polyp. ``wall`` to ``scar``: it is none, but a fold or normal wall, stool or bubbles,
an instrument, a reflection or blur, a scar or resection site. ``missed``: there is a polyp in the clip that was not on
the screen. ``nothing``: there is none, and nothing was boxed. ``unsure``: the reader cannot say."""

FALSE: Final[tuple[Verdict, ...]] = ("wall", "content", "instrument", "light", "scar")
"""The kinds of a false alarm."""

ClipKind = Literal["mark", "models", "alarm", "low", "repeated", "silence", "audit"]
"""Why a clip is asked about: a mark of the examination without an alarm (``mark``), two models that disagree
(``models``), an alarm that nobody marked (``alarm``), a candidate that stayed below the threshold (``low``), an alarm
that resembles an answered false one (``repeated``), a long time without any candidate (``silence``), the miss audit
(``audit``)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer about one clip of a procedure.

    Attributes:
        clip: id of the clip, the same whenever the worklist is made anew (`app.qa.worklist.clips.clip_id`).
        kind: why it was asked.
        verdict: what the reader said.
        first: first position of the clip.
        last: last position, included.
        focus: the position that it is about.
        box: ``x1, y1, x2, y2`` in frame pixels that was asked about; None where no box was.
        plan: of the miss audit the plan's id; else empty.
        seconds: how long the reader took, for the pace of the next estimate; None if unknown.
    """

    clip: str
    kind: ClipKind
    verdict: Verdict
    first: int
    last: int
    focus: int
    box: tuple[float, float, float, float] | None = None
    plan: str = ""
    seconds: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.focus <= self.last:
            raise ValueError("the positions of an answer run first <= focus <= last")

    @property
    def is_false(self) -> bool:
        """Whether it calls the box a false alarm."""
        return self.verdict in FALSE
