"""Procedures with all that models said of them, read once for the figures page. No Qt; never in the window's thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from app.gui.language import told, tr
from app.qa.answers import Candidates, Shown
from app.qa.cache import Kept
from app.qa.checking import settle
from app.qa.figures import Figures
from app.qa.figures import measure as measure_figures
from app.qa.loading import changed_ns, load_results, origins
from app.qa.opened import Opened, open_for_review
from app.qa.scored import Scored, own_labels, score_ready, truth_of_procedure
from app.qa.scoring import names_of
from app.qa.spots import Spot
from detector.alerts import AlertSettings
from detector.errors import PolypwatchError
from detector.scoring.bootstrap import DRAWS

Tell = Callable[[object], None]
What = TypeVar("What")


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """One procedure, read.

    Attributes:
        name: what it is called in figures, as in `polypwatch score`.
        opened: with all its frames counted.
        models: raw boxes by the name that the model is chosen by.
        shown: what stood on the screen in the examination; None if nobody recorded that.
    """

    name: str
    opened: Opened
    models: dict[str, Candidates]
    shown: Shown | None


@dataclass(slots=True, eq=False)
class Material:
    """Procedures with all that models said of them. Kept between measurements.

    Attributes:
        paths: that were asked for.
        read: by path those that could be read.
        models: names of models, the one that answered on most procedures first.
        troubles: what must be said, each with the procedure's name.
        reviewed: how many have time that somebody reviewed.
        draws: of the bootstrap.
    """

    paths: tuple[Path, ...]
    draws: int = DRAWS
    read: dict[Path, Read] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    reviewed: int = 0
    _ready: dict[tuple[Path, str], Scored] = field(default_factory=dict)
    _kept: dict[tuple[str, ...], object] = field(default_factory=dict)

    def title_of(self, path: Path) -> str:
        """A procedure's name for people."""
        read = self.read.get(path)
        return read.opened.title if read else path.name

    def seconds_of(self, spot: Spot) -> float:
        """When a place is, in seconds from the procedure's beginning."""
        read = self.read.get(spot.path)
        return float(read.opened.axis.times_s[spot.focus]) if read else 0.0

    def files_of(self, path: Path, models: Sequence[str]) -> tuple[Path, ...]:
        """The results files of these models that Replay can show as re-analysis A and B."""
        read = self.read.get(path)
        found = [read.models[name] for name in models if name in read.models] if read else []
        return tuple(each.file for each in found if each.origin == "analysis")

    def ready(self, model: str, tell: Tell) -> list[Scored]:
        """Labels and answers of one model, joined; each procedure once.

        Args:
            model: one of `models`.
            tell: gets (done, of) before each.

        Raises:
            FormatError: labels or answers are of another video.
        """
        paths = [path for path, read in self.read.items() if model in read.models]
        found = []
        for number, path in enumerate(paths):
            tell((number, len(paths)))
            if (path, model) not in self._ready:
                self._ready[path, model] = _joined(self.read[path], model)
            found.append(self._ready[path, model])
        return found

    def figures(self, model: str, tell: Tell, *, curves: bool = True) -> Figures:
        """All figures of one model; without curves in a fraction of the time."""
        key = ("figures", model, "curves" if curves else "")
        return self.kept(key, lambda: measure_figures(self.ready(model, tell), self.draws, curves=curves))

    def has_curves(self, model: str) -> bool:
        """Whether a model's figures are all there."""
        return ("figures", model, "curves") in self._kept

    def kept(self, key: tuple[str, ...], make: Callable[[], What]) -> What:
        """What was made under this key before; else it is made now. Each key belongs to one worker."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(What, self._kept[key])


def _joined(read: Read, model: str) -> Scored:
    candidates = read.models[model]
    shown = read.shown if candidates.origin == "live" else None
    return score_ready(read.opened, candidates, shown, name=read.name, kept=Kept(None))


def load(paths: Sequence[Path], tell: Tell, draws: int = DRAWS) -> Material:
    """Read labels and results of procedures; what cannot be read is named and left out.

    Args:
        paths: which.
        tell: gets (done, of, name) before each.
        draws: of the bootstrap.

    Raises:
        FormatError: two would have one name.
    """
    made = Material(tuple(paths), draws)
    names = dict(zip(paths, names_of(paths), strict=True))
    troubles: list[str] = []
    count: Counter[str] = Counter()
    for number, path in enumerate(paths):
        tell((number, len(paths), path.name))
        try:
            opened = settle(open_for_review(path))
            truth_of_procedure(opened, own_labels(opened))  # labels that do not fit would break the figures of all
            results = load_results(opened)
        except PolypwatchError as error:
            troubles.append(f"{path.name}: {told(str(error))}")
            continue
        troubles += [f"{path.name}: {told(problem)}" for problem in results.problems]
        models: dict[str, Candidates] = {}
        for model, each in zip(origins(results.candidates), results.candidates, strict=True):
            if model in models:
                words = tr("{name}: there are several results files of {model}; the newest one counts")
                troubles.append(words.format(name=path.name, model=model))
            models[model] = max(models.get(model, each), each, key=lambda c: changed_ns(c.file))
        made.read[path] = Read(names[path], opened, models, results.shown[0] if results.shown else None)
        count.update(models.keys())
        made.reviewed += _is_reviewed(opened)
    made.models = tuple(name for name, _ in sorted(count.items(), key=lambda item: (-item[1], item[0])))
    made.troubles = tuple(troubles)
    return made


def _is_reviewed(opened: Opened) -> bool:
    labels = (segment.annotation for segment in opened.procedure.segments)
    return any(annotation is not None and annotation.reviewed for annotation in labels)


def own_settings(material: Material, model: str) -> AlertSettings | None:
    """The alert settings that a model's markers are made with where nobody sets others."""
    for read in material.read.values():
        if model in read.models:
            return AlertSettings(read.models[model].threshold)
    return None
