"""Polyp and adenoma detection rates of a set of procedures.

Polyp detection rate (PDR): share of colonoscopies in which at least one polyp was found. Adenoma detection rate (ADR):
share in which at least one conventional adenoma was found, confirmed by histology (Kaminski et al., NEJM
2010;362:1795-803; Rex et al., ASGE/ACG 2024, doi 10.14309/ajg.0000000000002972: target >= 35 % at 45 years and older,
without positive FIT; ESGE 2017, doi 10.1055/s-0043-103411: >= 25 %). Carcinomas count as found adenomas, serrated
lesions do not; they have a rate of their own (target >= 6 %, ASGE/ACG 2024). Both are means per endoscopist over many
examinations; of a few they judge nobody. Age and indication are not known here: all procedures count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.qa.scored import Scored
from detector.scoring import Figure, exact_interval

_ADENOMA = ("adenoma", "carcinoma")
_SERRATED = ("sessile_serrated_lesion", "traditional_serrated_adenoma")


@dataclass(frozen=True, slots=True)
class DetectionRates:
    """Rates over the procedures that were examined with a journal, or reviewed as a whole by labels.

    Attributes:
        procedures: how many count.
        polyps: share with a polyp.
        adenomas: share with an adenoma; None until of every procedure with a polyp it is known whether it had one.
        serrated: share with a sessile serrated lesion or traditional serrated adenoma; likewise.
        without_histology: names of procedures with a polyp of which nobody can say whether they had an adenoma.
        note: what to say beside it.
    """

    procedures: int
    polyps: Figure
    adenomas: Figure
    serrated: Figure
    without_histology: tuple[str, ...]
    note: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return asdict(self)


def detection_rates(procedures: Sequence[Scored]) -> DetectionRates:
    """Rates of a set, with exact (Clopper-Pearson) intervals.

    What the endoscopist found is in the journal. Without a journal the labels are all there is: a lesion that was
    marked in review and missed in the room then counts as found, and the note says so.
    """
    counted = [p for p in procedures if p.facts.polyps_found is not None or p.whole]
    found = [p for p in counted if _polyps(p) > 0]
    unknown = tuple(p.name for p in found if _undecided(p, _ADENOMA))
    count = len(counted)
    notes = []
    if any(p.facts.polyps_found is None for p in counted):
        notes.append("where there is no journal, every labelled lesion counts as found")
    if left_out := len(procedures) - count:
        notes.append(f"{left_out} procedures without a journal were reviewed in part only and do not count")
    if unknown:
        notes.append(f"the histology of {len(unknown)} procedures with a polyp is missing: no adenoma detection rate")
    adenomas, serrated = (
        Figure(None) if any(_undecided(p, kinds) for p in found) else _share(sum(_has(p, kinds) for p in found), count)
        for kinds in (_ADENOMA, _SERRATED)
    )
    return DetectionRates(count, _share(len(found), count), adenomas, serrated, unknown, "; ".join(notes))


def _polyps(procedure: Scored) -> int:
    said = procedure.facts.polyps_found
    return len(procedure.lesions) if said is None else said


def _undecided(procedure: Scored, kinds: Sequence[str]) -> bool:
    """Whether a lesion of unknown histology may be one of these, and none is known to be."""
    known = [lesion.histology for lesion in procedure.lesions.values()]
    return not _has(procedure, kinds) and (not known or not all(known))


def _has(procedure: Scored, kinds: Sequence[str]) -> bool:
    return any(lesion.histology in kinds for lesion in procedure.lesions.values())


def _share(part: int, of: int) -> Figure:
    if of == 0:
        return Figure(None)
    ends = exact_interval(part, of)
    over = "exact, 1 procedure" if of == 1 else f"exact, {of} procedures"
    return Figure(part / of, ends.low, ends.high, over)
