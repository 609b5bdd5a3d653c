"""From procedures to all that a report says: figures, what was covered and by whom, and the worst as pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from app.qa.comparing import Compared, compare
from app.qa.figures import Figures, measure
from app.qa.opened import open_for_review
from app.qa.progress import Progress, Stop, go_on, never, quiet
from app.qa.report.worst import Worst, photographed, worst_differences, worst_of
from app.qa.scored import Scored, names_of
from app.qa.scoring import Failure, Wanted, score
from detector.annotation import Annotation
from detector.errors import PolypwatchError
from detector.scoring import TruthColumns
from detector.scoring.columns import FAILED, SKIPPED, AnswerColumns

_LOG = logging.getLogger(__name__)
Kind = Literal["procedure", "set", "comparison"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is to be of.

    Attributes:
        wanted: whose answers, at which threshold.
        against: another model's results, to compare with; empty: none.
        draws: of the bootstrap.
        seed: of the bootstrap.
        processes: how many procedures are made ready at once.
        pictures: show the worst misses and false alarms.
        most: so many of each.
    """

    wanted: Wanted = field(default_factory=Wanted)
    against: str = ""
    draws: int = 2000
    seed: int = 1
    processes: int = 1
    pictures: bool = True
    most: int = 10


@dataclass(frozen=True, slots=True)
class Covered:
    """What is known of one procedure of a report.

    Attributes:
        name: what it is called.
        frames: of all its videos.
        seconds: how long it is.
        reviewed_frames: that somebody looked at.
        not_analysed: frames that the model was not asked about.
        failed: frames that could not be analysed.
        readers: who looked; a report gives their number only.
        blinded: whether every one of its labels was made blinded; None: that is not known.
        sha256: of the model's file.
        figures: of this procedure by itself.
    """

    name: str
    frames: int
    seconds: float
    reviewed_frames: int
    not_analysed: int
    failed: int
    readers: tuple[str, ...]
    blinded: bool | None
    sha256: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says.

    Attributes:
        made_utc: when.
        asked: what was asked for.
        figures: of the model.
        against: of the other model, on the same procedures; None: there is none.
        compared: both; None likewise.
        covered: procedures that count, by name.
        worst: misses and false alarms, with their pictures.
        failures: what could not be scored, and why.
        names: what procedures are called, by path.
    """

    made_utc: datetime
    asked: Asked
    figures: Figures
    against: Figures | None
    compared: Compared | None
    covered: tuple[Covered, ...]
    worst: tuple[Worst, ...]
    failures: tuple[Failure, ...]
    names: Mapping[Path, str] = field(default_factory=dict)

    def name_of(self, path: Path) -> str:
        """What a procedure is called, also one that could not be scored; never where it lies."""
        return self.names.get(path, path.name)

    @property
    def kind(self) -> Kind:
        """What it is of."""
        if self.compared is not None:
            return "comparison"
        count = len(self.figures.procedures) + len(self.figures.left_out) + len(self.failures)
        return "procedure" if count == 1 else "set"


def gather(paths: Sequence[Path], asked: Asked, *, progress: Progress = quiet, stop: Stop = never) -> Report:
    """Score procedures and collect what a report says of them. Minutes the first time; what was read is kept.

    Args:
        paths: procedures, not folders of them.
        asked: what it is to be of.
        progress: told of each procedure, and of each picture.
        stop: asked before each.

    Raises:
        UsageError: thresholds differ, or two models have no reviewed procedure in common.
        Stopped: as was asked for.
    """
    names = dict(zip(paths, names_of(paths), strict=True))
    run = score(
        paths,
        asked.wanted,
        draws=asked.draws,
        seed=asked.seed,
        processes=asked.processes,
        progress=progress,
        stop=stop,
    )
    if not asked.against:
        return of_figures(run.figures, run.failures, asked, names=names, progress=progress, stop=stop)
    other = score(
        paths,
        replace(asked.wanted, results=asked.against),
        draws=asked.draws,
        seed=asked.seed,
        processes=asked.processes,
        progress=progress,
        stop=stop,
    )
    compared = compare(run.figures.procedures, other.figures.procedures, asked.draws, asked.seed)
    a, b = (_only(figures, compared, asked) for figures in (run.figures, other.figures))
    failures = tuple(dict.fromkeys((*run.failures, *other.failures)))
    return of_figures(a, failures, asked, against=b, compared=compared, names=names, progress=progress, stop=stop)


def of_figures(
    figures: Figures,
    failures: Sequence[Failure],
    asked: Asked,
    *,
    against: Figures | None = None,
    compared: Compared | None = None,
    names: Mapping[Path, str] | None = None,
    progress: Progress = quiet,
    stop: Stop = never,
) -> Report:
    """The report of figures that were measured already."""
    covered = []
    for scored in figures.procedures:
        go_on(stop, "The report")
        alone = figures if len(figures.procedures) == 1 else measure([scored], asked.draws, asked.seed, curves=False)
        covered.append(_covered(scored, alone, asked.wanted.cache))
    worst: list[Worst] = []
    if asked.pictures:
        if compared is None:
            worst = worst_of(figures, asked.most)
        else:
            assert against is not None
            worst = worst_differences(compared, figures, against, asked.most)
        sides = {"": figures, "a": figures, "b": against or figures}
        worst = photographed(worst, sides, asked.wanted.cache, progress, stop)
    now = datetime.now(UTC).replace(microsecond=0)
    return Report(now, asked, figures, against, compared, tuple(covered), tuple(worst), tuple(failures), names or {})


def _only(figures: Figures, compared: Compared, asked: Asked) -> Figures:
    """Figures of the procedures that both models answered on; measured anew if those are fewer."""
    kept = [p for p in figures.procedures if p.name in set(compared.procedures)]
    return figures if len(kept) == len(figures.procedures) else measure(kept, asked.draws, asked.seed)


def _covered(scored: Scored, figures: Figures, cache: Path | None) -> Covered:
    truth = scored.raw.truth
    assert isinstance(truth, TruthColumns)
    status = AnswerColumns.of(scored.raw.answers).status
    labels = _labels(scored.path, cache)
    readers = sorted({r.reviewer for each in labels for r in each.reviewed})
    return Covered(
        name=scored.name,
        frames=len(truth),
        seconds=float(scored.raw.end_s - scored.raw.times_s[0]),
        reviewed_frames=int(np.count_nonzero(truth.reviewed)),
        not_analysed=int(np.count_nonzero(status == SKIPPED)),
        failed=int(np.count_nonzero(status == FAILED)),
        readers=tuple(readers),
        blinded=all(each.source.endswith(", blinded") for each in labels) if labels else None,
        sha256=scored.sha256,
        figures=figures,
    )


def _labels(path: Path, cache: Path | None) -> list[Annotation]:
    """The published labels; none where they cannot be read any more."""
    try:
        opened = open_for_review(path, cache)
    except PolypwatchError as error:
        _LOG.warning("%s: %s", path, error)
        return []
    return [s.annotation for s in opened.procedure.segments if s.annotation is not None]
