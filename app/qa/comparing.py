"""Two models on the same procedures: figures side by side, their differences, and the events that differ.

Differences are drawn over the same procedures for both (`detector.scoring.paired_bootstrap`), and judged as
``polypwatch-train compare`` judges: 'not worse' is a claim that needs proof, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from app.qa import verdicts
from app.qa.scored import Scored
from app.qa.spots import Spot
from detector.errors import FormatError, UsageError
from detector.scoring import (
    AnswerColumns,
    Recording,
    TruthColumns,
    lesion_figure,
    paired_bootstrap,
    shown_figure,
    unit_of,
)
from detector.scoring.columns import frames_of
from detector.scoring.events import MET_IOU
from detector.scoring.flat import Rows, pair_ious, pairs
from detector.scoring.intervals import LOOSE_IOU, Verdict, judge, units_that_count
from detector.scoring.tables import Table
from detector.scoring.words import sequence_label

Side = Literal["a", "b", "both"]
Made = Callable[[Sequence[Recording]], float | None]

_FIGURES: tuple[tuple[str, Made, bool, float], ...] = (
    ("lesion_sensitivity", lesion_figure("lesion_sensitivity", 0.0, LOOSE_IOU), True, 0.01),
    ("frame_sensitivity", lesion_figure("frame_sensitivity", 0.0, LOOSE_IOU), True, 0.01),
    ("median_seconds_to_first_hit", lesion_figure("median_seconds_to_first_hit", 0.0, LOOSE_IOU), False, 0.1),
    ("frame_specificity", lesion_figure("frame_specificity", 0.0, LOOSE_IOU), True, 0.01),
    ("false_events_0s_per_procedure", shown_figure("per_procedure", 0.0), False, 1.0),
    ("false_events_0s_per_minute", shown_figure("per_minute", 0.0), False, 0.1),
    ("false_events_0.5s_per_minute", shown_figure("per_minute", 0.5), False, 0.1),
    ("false_time_share", shown_figure("false_time_share"), False, 0.01),
)
"""Name, how it is made of displayed markers, whether more is better, and how much worse would not matter."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two models. Positive gains are improvements of A, also where less is better.

    Attributes:
        key: name of the figure, of displayed markers.
        words: what it is called.
        a: of the first model.
        b: of the second.
        gain: ``a - b``, turned round where less is better; None if it cannot be given.
        low: lower end of its 95 % interval.
        high: upper end.
        verdict: what the interval proves of A against B; `margin` is what 'not worse' allows.
        reason: one sentence.
        margin: in the figure's own unit.
    """

    key: str
    words: str
    a: float | None
    b: float | None
    gain: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    reason: str
    margin: float


@dataclass(frozen=True, slots=True)
class Differing:
    """Something that one model got and the other did not, or both.

    Attributes:
        side: ``a``: only the first showed (or found) it; ``b``: only the second; ``both``.
        spot: where; of ``both`` as the first has it.
    """

    side: Side
    spot: Spot


@dataclass(frozen=True, slots=True)
class Compared:
    """Two models on the procedures that both answered on and somebody reviewed.

    Attributes:
        a: the first model.
        b: the second.
        procedures: names.
        over: what was drawn, in words.
        differences: figure by figure.
        events: false alarms and lesions, by procedure and position.
        notes: what must be said.
    """

    a: str
    b: str
    procedures: tuple[str, ...]
    over: str
    differences: tuple[Difference, ...]
    events: tuple[Differing, ...]
    notes: tuple[str, ...]

    def only(self, side: Side) -> tuple[Spot, ...]:
        """The events of one side."""
        return tuple(e.spot for e in self.events if e.side == side)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None; without the events."""
        counts = {
            f"{side}_{kind}": sum(e.side == side and e.spot.kind == kind for e in self.events)
            for side in ("a", "b", "both")
            for kind in ("TP", "FP", "FN")
        }
        return {
            "a": self.a,
            "b": self.b,
            "procedures": list(self.procedures),
            "over": self.over,
            "differences": [asdict(d) for d in self.differences],
            "events": counts,
            "notes": list(self.notes),
        }


def compare(a: Sequence[Scored], b: Sequence[Scored], draws: int = 2000, seed: int = 1) -> Compared:
    """Compare what two models put on the screen, each at its own settings.

    Args:
        a: procedures with the answers of the first.
        b: of the second; those that only one of them has are left out, with a note.
        draws: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UsageError: there is no procedure that both answered on and somebody reviewed.
        FormatError: the labels of one procedure differ between the two.
    """
    ours, theirs = ({p.path: p for p in side if p.shown is not None and p.reviewed} for side in (a, b))
    common = sorted(ours.keys() & theirs.keys(), key=lambda path: ours[path].name)
    if not common:
        raise UsageError("No reviewed procedure has answers of both.", "Analyse the same procedures with both models.")
    pairs_ = [(ours[path], theirs[path]) for path in common]
    for x, y in pairs_:
        _require_same_labels(x, y)
    left = len(ours.keys() ^ theirs.keys())
    notes = (
        [f"{left} procedures have answers of one of the two only: they count for that one, and in no difference"]
        if left
        else []
    )
    shown = [[_shown(x) for x, _ in pairs_], [_shown(y) for _, y in pairs_]]
    differences = tuple(_difference(row, shown[0], shown[1], draws, seed) for row in _FIGURES)
    events = tuple(event for x, y in pairs_ for event in _events(x, y))
    over = "1 procedure" if len(common) == 1 else f"{len(common)} procedures"
    names = tuple(x.name for x, _ in pairs_)
    return Compared(pairs_[0][0].model, pairs_[0][1].model, names, over, differences, events, tuple(notes))


def _shown(scored: Scored) -> Recording:
    assert scored.shown is not None
    return scored.shown


def _require_same_labels(a: Scored, b: Scored) -> None:
    x, y = a.raw.truth, b.raw.truth
    if not isinstance(x, TruthColumns) or not isinstance(y, TruthColumns):
        raise TypeError("a recording of the QA room has columns")
    if not np.array_equal(x.reviewed, y.reviewed) or not np.array_equal(x.boxes, y.boxes):
        raise FormatError(f"The labels of {a.path} differ between the two.", "Load both anew.")


def _difference(
    row: tuple[str, Made, bool, float], a: Sequence[Recording], b: Sequence[Recording], draws: int, seed: int
) -> Difference:
    key, made, more_is_better, margin = row
    # One procedure is one unit, whatever it is called on each side.
    value_a, value_b = made(a), made(b)
    drawn = paired_bootstrap(a, b, unit_of, made, draws, seed)
    words = sequence_label(key)
    if value_a is None or value_b is None or drawn is None:
        missing = value_a is None or value_b is None
        why = "it cannot be given for both" if missing else "there are fewer than two procedures"
        return Difference(key, words, value_a, value_b, None, None, None, "too small to tell", f"{why}.", margin)
    sign = 1 if more_is_better else -1
    low, high = sorted((sign * drawn.low, sign * drawn.high))
    verdict, reason = judge(low, high, margin, units_that_count(a, made))
    return Difference(key, words, value_a, value_b, sign * (value_a - value_b), low, high, verdict, reason, margin)


# -- events -----------------------------------------------------------------------------------------------------------


def _events(a: Scored, b: Scored) -> list[Differing]:
    """False alarms that one or both had, and lesions that one or both marked or missed."""
    found = _false_alarms(a, b) + _lesions(a, b)
    return sorted(found, key=lambda e: (e.spot.first, e.spot.last))


def _false_alarms(a: Scored, b: Scored) -> list[Differing]:
    alarms = [{s.track: s for s in verdicts.of(side).false_alarms} for side in (a, b)]
    met_a, met_b = _meeting(_shown(a), _shown(b))
    found = [Differing("both" if track in met_a else "a", spot) for track, spot in alarms[0].items()]
    return found + [Differing("b", spot) for track, spot in alarms[1].items() if track not in met_b]


def _meeting(a: Recording, b: Recording) -> tuple[set[int], set[int]]:
    """Markers of each that overlap one of the other in a frame."""
    x, y = AnswerColumns.of(a.answers), AnswerColumns.of(b.answers)
    if x.markers is None or y.markers is None:
        return set(), set()
    i, j = pairs(*(Rows(c.boxes, frames_of(c.starts), c.starts) for c in (x, y)))
    met = pair_ious(x.boxes[i], y.boxes[j]) >= MET_IOU
    return set(x.markers[i[met]].tolist()), set(y.markers[j[met]].tolist())


def _lesions(a: Scored, b: Scored) -> list[Differing]:
    spots = [{s.lesion: s for s in (*v.found, *v.missed)} for v in (verdicts.of(a), verdicts.of(b))]
    names = Table.of(_shown(a), lambda ious: ious >= LOOSE_IOU).names
    found: list[Differing] = []
    for name in names:
        ours, theirs = spots[0][name], spots[1][name]
        if ours.kind == theirs.kind:
            found.append(Differing("both", ours))
        else:
            hit: Side = "a" if ours.kind == "TP" else "b"
            found.append(Differing(hit, ours if hit == "a" else theirs))
    return found
