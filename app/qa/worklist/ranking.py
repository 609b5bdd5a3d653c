"""From proposals to the clips that a reader gets: the best first, no two alike, and something of every procedure.

Greedy, in steps. Each step takes the proposal with the greatest

    gain = value * (1 - likeness) * KIND_DECAY ** (clips of its kind before it)

``value`` is `rules.WORTH` times its strength; ``likeness`` is the greatest one with a clip that was taken before: the
share of time that both show, if neither is about a box or their boxes overlap; else how alike the boxes look (where the
pictures are at hand). A greedy choice by relevance times novelty is what Carbonell and Goldstein (SIGIR 1998) call
maximal marginal relevance. What resembles an answered false alarm becomes of kind ``repeated`` before.

Over several procedures (`share_out`) the k-th clip of a procedure counts `PROCEDURE_DECAY` ** k, so that one noisy
recording cannot take the whole afternoon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.qa.worklist.answers import Answer
from app.qa.worklist.appearance import ALIKE, Looks, Vector, likeness, place_likeness
from app.qa.worklist.clips import Clip, overlap_s
from app.qa.worklist.evidence import Evidence
from app.qa.worklist.rules import QUESTIONS, WORTH, Proposal, proposals

CLIPS_A_PROCEDURE = 25
"""Of 6 s and about 2 s for the answer: 3.3 minutes, so that 40 procedures take 2 h 15 min, and an hour and a half of
the afternoon is left for corrections and the miss audit."""
KIND_DECAY: Final = 0.93
PROCEDURE_DECAY: Final = 0.97
_SAME_SHARE = 0.5  # of a clip's time: clips that share more and are about one place are one
_SAME_PLACE = 0.2
_STILL_PLACE = 0.6  # a false alarm that stays there: dirt on the lens, the edge of the picture
_NAMES = {
    "wall": "normal wall",
    "content": "stool or bubbles",
    "instrument": "an instrument",
    "light": "a reflection or blur",
    "scar": "a scar",
}


def ranked(evidence: Evidence, limit: int = CLIPS_A_PROCEDURE, looks: Looks | None = None) -> tuple[Clip, ...]:
    """The clips of one procedure, the one that teaches most first. The same evidence gives the same clips.

    Args:
        evidence: of the procedure.
        limit: how many at most.
        looks: how boxes look, if pictures are at hand; asked for at most a few boxes more than there are clips and
            answered false alarms.
    """
    found = _merged(proposals(evidence), evidence)
    found.sort(key=lambda p: (-p.clip.score, p.clip.focus, p.clip.id))
    # Pictures cost a seek each: what cannot be among the clips is not looked at.
    found = found[: 3 * limit]
    seen = _Looked(looks)
    found = [_repeated(p, evidence, seen) for p in found]
    taken: list[Clip] = []
    kinds: dict[str, int] = {}
    nearest = [0.0] * len(found)  # how alike each is to the one that was taken and is most like it
    while found and len(taken) < limit:
        gains = [
            p.clip.score * (1.0 - like) * KIND_DECAY ** kinds.get(p.clip.kind, 0)
            for p, like in zip(found, nearest, strict=True)
        ]
        best = max(range(len(found)), key=lambda n: (gains[n], -found[n].clip.focus))
        if gains[best] <= 0:
            break
        chosen = found.pop(best)
        nearest.pop(best)
        kinds[chosen.clip.kind] = kinds.get(chosen.clip.kind, 0) + 1
        taken.append(replace(chosen.clip, score=gains[best]))
        nearest = [max(like, _alike(p, chosen, evidence, seen)) for p, like in zip(found, nearest, strict=True)]
    return tuple(taken)


def share_out(ranked_clips: Mapping[Path, Sequence[Clip]], total: int) -> dict[Path, tuple[Clip, ...]]:
    """How many clips of each procedure are asked, of ``total`` over all, each with its best ones in their order.

    Args:
        ranked_clips: of each procedure, from `ranked`; with more than the usual limit where one may need more.
        total: over all procedures.
    """
    gains = [
        (clip.score * PROCEDURE_DECAY**k, -k, str(path), path)
        for path, clips in ranked_clips.items()
        for k, clip in enumerate(clips)
    ]
    counts = dict.fromkeys(ranked_clips, 0)
    for _, _, _, path in sorted(gains, reverse=True)[:total]:
        counts[path] += 1
    return {path: tuple(clips[: counts[path]]) for path, clips in ranked_clips.items()}


class _Looked:
    """Appearances, asked for once."""

    def __init__(self, looks: Looks | None) -> None:
        self._looks = looks
        self._known: dict[tuple[int, tuple[float, ...]], Vector | None] = {}

    def of(self, position: int, box: tuple[float, float, float, float]) -> Vector | None:
        if self._looks is None:
            return None
        key = (position, box)
        if key not in self._known:
            self._known[key] = self._looks(position, box)
        return self._known[key]

    def of_answer(self, answer: Answer) -> Vector | None:
        return self.of(answer.focus, answer.box) if answer.box is not None else None

    def of_proposal(self, proposal: Proposal) -> Vector | None:
        return self.of(proposal.run.peak, proposal.run.peak_box) if proposal.run is not None else None


def _merged(found: Sequence[Proposal], evidence: Evidence) -> list[Proposal]:
    """Proposals about one event become one, with every reason; the most valuable gives its kind."""
    kept: list[Proposal] = []
    for proposal in sorted(found, key=lambda p: (-p.clip.score, p.clip.focus, p.clip.id)):
        for n, other in enumerate(kept):
            if _one_event(proposal, other, evidence):
                reasons = (other.clip.why, *other.clip.also)
                if proposal.clip.why not in reasons:
                    also = (*other.clip.also, proposal.clip.why)
                    kept[n] = Proposal(replace(other.clip, also=also), other.run)
                break
        else:
            kept.append(proposal)
    return kept


def _one_event(one: Proposal, other: Proposal, evidence: Evidence) -> bool:
    if one.run is not None and other.run is not None:
        return one.run.meets(other.run)
    if one.run is None and other.run is None:
        return _shared(one.clip, other.clip, evidence) > _SAME_SHARE
    return False


def _repeated(proposal: Proposal, evidence: Evidence, seen: _Looked) -> Proposal:
    """As a repeated false alarm, if it resembles one that was answered."""
    if proposal.run is None or proposal.clip.kind == "mark":
        return proposal
    best, share = None, 0.0
    for answer in evidence.answers:
        if not answer.is_false or answer.box is None:
            continue
        alike = likeness(seen.of_answer(answer), seen.of_proposal(proposal))
        still = place_likeness(answer.box, proposal.run.peak_box)
        found = max(alike if alike >= ALIKE else 0.0, still if still >= _STILL_PLACE else 0.0)
        if found > share:
            best, share = answer, found
    if best is None:
        return proposal
    at = _clock(float(evidence.axis.times_s[best.focus]))
    strength = proposal.clip.score / WORTH[proposal.clip.kind]
    clip = replace(
        proposal.clip,
        kind="repeated",
        why=f"It resembles what was called {_NAMES[best.verdict]} at {at}.",
        also=(proposal.clip.why, *proposal.clip.also),
        score=WORTH["repeated"] * strength,
        question=QUESTIONS["repeated"],
    )
    return Proposal(clip, proposal.run)


def _alike(one: Proposal, other: Proposal, evidence: Evidence, seen: _Looked) -> float:
    shared = _shared(one.clip, other.clip, evidence)
    if one.run is None or other.run is None:
        return shared if one.run is other.run else 0.0
    place = place_likeness(one.run.peak_box, other.run.peak_box)
    near = shared if place >= _SAME_PLACE else 0.0
    look = likeness(seen.of_proposal(one), seen.of_proposal(other))
    # Two boxes of one mucosa are alike to some degree: only what goes beyond counts.
    return max(near, (look - ALIKE) / (1 - ALIKE) if look > ALIKE else 0.0)


def _shared(one: Clip, other: Clip, evidence: Evidence) -> float:
    axis = evidence.axis
    length = axis.until_s(one.last) - float(axis.times_s[one.first])
    return min(1.0, overlap_s(axis, (one.first, one.last), (other.first, other.last)) / max(length, 1e-6))


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
