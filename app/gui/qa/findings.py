"""What the figures page draws, ready to be drawn: words and places. Made by `figures_work`; no Qt, no files.

The views below know nothing of labels, models or scoring; whoever wants to know how a number came about follows its
places into Replay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.gui.qa.charts import BarGroup, Curve
from app.gui.qa.figure_words import Unit
from app.qa.spots import Spot
from app.qa.whatif import Tried
from detector.scoring.intervals import Figure, Verdict

Seen = Literal["A", "B"]
"""Which model an event is of."""


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure of one or two models.

    Attributes:
        key: its name in `detector.scoring`.
        words: its name for people.
        tip: more to say of it.
        why_not: why it cannot be given; empty if it can.
        unit: how it is written.
        figures: of A, and of B where there are two.
        gain: A minus B, turned so that more is better; None with one model, or where it cannot be given.
        low: lower end of the gain's interval.
        high: its upper end.
        verdict: what that proves; None with one model, or where nothing is compared.
        reason: the same in a sentence.
        spots: the places that it is made of, of A and of B.
        heading: no figure, but what the lines below have in common.
    """

    key: str
    words: str
    tip: str = ""
    why_not: str = ""
    unit: Unit = "count"
    figures: tuple[Figure | None, ...] = ()
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None
    reason: str = ""
    spots: tuple[tuple[Spot, ...], ...] = ()
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """An event that only one of two models has.

    Attributes:
        seen: by which model.
        spot: where.
    """

    seen: Seen
    spot: Spot


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group of a grouped table.

    Attributes:
        name: of the group; empty where nobody said.
        words: one for each column behind the name.
        spots: the places that it is made of.
    """

    name: str
    words: tuple[str, ...]
    spots: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Grouping:
    """A table by one property.

    Attributes:
        key: of the property.
        title: the property for people.
        columns: names of the columns behind the group's name.
        lines: the groups; none where nothing is known of the property.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[GroupLine, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that the page shows of a set of procedures and one or two models.

    Attributes:
        models: names of A and B.
        procedures: how many count.
        lines: the figures.
        notes: what must be said of them: what cannot be given and why.
        curves: FROC, by definition; None: still being worked out.
        bars: sensitivity by size.
        bars_empty: why there are none.
        differences: events of only one model.
        groupings: tables by property.
        left_out: procedures that are not in the figures, and why.
    """

    models: tuple[str, ...]
    procedures: int
    lines: tuple[FigureLine, ...]
    notes: tuple[str, ...] = ()
    curves: dict[str, tuple[Curve, ...]] | None = field(default_factory=dict)
    bars: tuple[BarGroup, ...] = ()
    bars_empty: str = ""
    differences: tuple[Difference, ...] = ()
    groupings: tuple[Grouping, ...] = ()
    left_out: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One figure as it is and as it would be.

    Attributes:
        words: its name.
        unit: how it is written.
        before: as it is; None where it cannot be given.
        now: as it would be; likewise.
    """

    words: str
    unit: Unit
    before: float | None
    now: float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What other alert settings would have shown.

    Attributes:
        done: how many procedures were run with them so far.
        of: how many there are.
        changes: the figures.
        gained: markers on lesions and false ones that would be there in addition.
        lost: those that would be gone.
        tried: the same as `app.qa.whatif` gives it.
        refused: why this cannot be sent to the room; empty if it can.
        rate: the measured rate in words; empty where there is none.
    """

    done: int
    of: int
    changes: tuple[Change, ...]
    gained: tuple[Spot, ...]
    lost: tuple[Spot, ...]
    tried: Tried
    refused: str
    rate: str

    @property
    def whole(self) -> bool:
        """Whether all procedures are in it."""
        return self.done == self.of
