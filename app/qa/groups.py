"""Parts of the lesions or procedures of a set, of which figures are given by themselves.

Lesions of other parts are ignored regions, neither hit nor missed, as in COCO's figures by size. Limits of 5 and 10 mm
are those of the guidelines: diminutive (up to 5 mm), small (6 to 9 mm), large (from 10 mm; ESGE, Ferlitsch et al.,
Endoscopy 2017;49:270-97). Protruding (0-I) and non-protruding (0-II, 0-III) shapes: Paris classification, Gastrointest
Endosc 2003;58(6 Suppl):S3-43.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np

from app.qa.scored import Scored
from detector.annotation import Lesion
from detector.scoring import Recording, TruthColumns
from detector.scoring.columns import frames_of, starts_of

UNKNOWN = "unknown"
_PROTRUDING = ("Ip", "Isp", "Is")
_FIRST_IN_LIST = 3  # from the third procedure on one group: few lists are longer than six


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One part.

    Attributes:
        words: ``size: 6 to 9 mm``.
        names: of its procedures.
        recordings: theirs, with displayed markers (raw boxes where there is no true time).
        threshold: from which score a box of these counts.
        lesions: by procedure the lesions of the part; None: all.
        of_procedures: it is a part of the procedures, so that false alarms can be given, too.
    """

    words: str
    names: tuple[str, ...]
    recordings: tuple[Recording, ...]
    threshold: float
    lesions: Mapping[str, frozenset[str]] | None = field(default=None)
    of_procedures: bool = False

    def holds(self, procedure: str, lesion: str) -> bool:
        """Whether a lesion belongs to it."""
        return self.lesions is None or lesion in self.lesions.get(procedure, frozenset())


def size_class(lesion: Lesion) -> str:
    """By the largest diameter; what lies between two whole millimetres counts as the smaller."""
    if lesion.size_mm is None:
        return UNKNOWN
    return "up to 5 mm" if lesion.size_mm < 6 else "6 to 9 mm" if lesion.size_mm < 10 else "10 mm and more"


def shape_class(lesion: Lesion) -> str:
    """Protruding or flat (non-protruding), by the Paris classification.

    A laterally spreading tumour whose Paris class nobody gave is flat: it grows along the wall (0-IIa as a rule).
    """
    if lesion.paris is None:
        return UNKNOWN if lesion.lst is None else "flat (0-II, 0-III)"
    return "protruding (0-I)" if lesion.paris in _PROTRUDING else "flat (0-II, 0-III)"


def histology_class(lesion: Lesion) -> str:
    """What the pathologist said."""
    return (lesion.histology or UNKNOWN).replace("_", " ")


_LESION_CLASSES: tuple[tuple[str, tuple[str, ...], Callable[[Lesion], str]], ...] = (
    ("size", ("up to 5 mm", "6 to 9 mm", "10 mm and more"), size_class),
    ("shape", ("protruding (0-I)", "flat (0-II, 0-III)"), shape_class),
    ("histology", (), histology_class),
)


def lesion_groups(procedures: Sequence[Scored]) -> list[Group]:
    """By size, by shape, by histology; none of a kind of which nothing is known."""
    groups = []
    for title, order, class_of in _LESION_CLASSES:
        found = sorted({class_of(x) for p in procedures for x in p.lesions.values()} - {UNKNOWN})
        if found:
            names = [n for n in order if n in found] or found
            groups += [_of_lesions(procedures, f"{title}: {name}", name, class_of) for name in (*names, UNKNOWN)]
    return [g for g in groups if g.recordings]


def _of_lesions(procedures: Sequence[Scored], words: str, name: str, class_of: Callable[[Lesion], str]) -> Group:
    members: dict[str, frozenset[str]] = {}
    recordings = []
    for p in procedures:
        own = frozenset(k for k, lesion in p.lesions.items() if class_of(lesion) == name)
        if own:
            members[p.name] = own
            recordings.append(only_lesions(p.standing, own))
    return Group(words, tuple(members), tuple(recordings), _limit(procedures), members)


def only_lesions(recording: Recording, names: frozenset[str]) -> Recording:
    """The recording in which the other lesions are ignored regions."""
    truth = recording.truth
    if not isinstance(truth, TruthColumns):
        raise TypeError("a recording of the QA room has columns")
    own = np.array([n in names for n in truth.names], bool)[truth.lesion]
    frames, ignored_frames = frames_of(truth.starts), frames_of(truth.ignored_starts)
    count = len(truth)
    others = np.concatenate([ignored_frames, frames[~own]])
    order = np.argsort(others, kind="stable")
    return replace(
        recording,
        truth=replace(
            truth,
            starts=starts_of(np.bincount(frames[own], minlength=count)),
            boxes=truth.boxes[own],
            lesion=truth.lesion[own],
            ignored_starts=starts_of(np.bincount(others, minlength=count)),
            ignored=np.concatenate([truth.ignored, truth.boxes[~own]])[order],
        ),
    )


def procedure_groups(procedures: Sequence[Scored]) -> list[Group]:
    """By endoscopist, and by position in the day's list; none where nobody said, or all are of one group."""
    by_code = _split(procedures, lambda p: p.facts.endoscopist)
    by_place = _split(procedures, list_positions(procedures).get)
    groups = [_of_procedures(f"endoscopist: {code}", own) for code, own in by_code.items()]
    return groups + [_of_procedures(f"place in the day's list: {place}", own) for place, own in by_place.items()]


def list_positions(procedures: Iterable[Scored]) -> dict[Scored, str]:
    """Which of its day's procedures in its room each was, among those that are given; without a journal it has none.

    Days are those of UTC, as in the journals.
    """
    timed = [(p.facts.started_utc, p) for p in procedures if p.facts.started_utc is not None]
    timed.sort(key=lambda pair: (pair[1].facts.room or "", pair[0]))
    found: dict[Scored, str] = {}
    for _, day in groupby(timed, key=lambda pair: (pair[1].facts.room or "", pair[0].date())):
        for number, (_, procedure) in enumerate(day, 1):
            found[procedure] = f"{number}." if number < _FIRST_IN_LIST else f"{_FIRST_IN_LIST}. or later"
    return found


def _split(procedures: Sequence[Scored], key: Callable[[Scored], str | None]) -> dict[str, list[Scored]]:
    parts: dict[str, list[Scored]] = {}
    for procedure in procedures:
        name = key(procedure)
        if name is not None:
            parts.setdefault(name, []).append(procedure)
    return dict(sorted(parts.items())) if len(parts) > 1 else {}


def _of_procedures(words: str, procedures: Sequence[Scored]) -> Group:
    return Group(
        words,
        tuple(p.name for p in procedures),
        tuple(p.standing for p in procedures),
        _limit(procedures),
        of_procedures=True,
    )


def _limit(procedures: Sequence[Scored]) -> float:
    """Displayed markers all count; raw boxes from the operating point up."""
    return 0.0 if all(p.shown is not None for p in procedures) else max(p.threshold for p in procedures)
