"""What an importer is given, and where it says what was wrong: nothing is dropped in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from detector.errors import FormatError
from training.samples import Sample, SourceInfo


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that could not be imported.

    Attributes:
        file: the file that holds it, as far as possible relative to the data set.
        kind: a short, countable word: ``missing image``, ``other size``, ``box outside``, ``broken xml``, ...
        reason: one sentence for a reader, with line or record number where there is one.
    """

    file: str
    kind: str
    reason: str


@dataclass(slots=True)
class Report:
    """The problems of one import.

    Attributes:
        strict: the first problem ends the import.
        notes: things that are no problem but must be said once (``143 masks had specks``).
    """

    strict: bool = False
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def bad(self, file: Path | str, kind: str, reason: str) -> None:
        """Note a bad record; the caller skips it.

        Raises:
            FormatError: the import is strict.
        """
        problem = Problem(str(file), kind, reason)
        if self.strict:
            raise FormatError(f"{problem.file}: {reason}", "Repair it, or import without --strict to skip it.")
        self.problems.append(problem)

    def counts(self) -> Counter[str]:
        """How many records were skipped, by kind."""
        return Counter(p.kind for p in self.problems)


@dataclass(frozen=True, slots=True)
class Context:
    """Everything around an import.

    Attributes:
        source: which data set it becomes.
        report: where bad records go.
        work: folder for pictures that are cut out of videos; made by the importer when it needs it.
        options: layout-specific settings from the command line (``--option key=value``), all optional.
    """

    source: SourceInfo
    report: Report
    work: Path
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which data sets lie on disk.

    Attributes:
        name: for ``--layout``.
        describe: one line for ``--help``: which public sets look like this.
        matches: whether a folder (or file) looks like it: cheap, and False when in doubt.
        read: the samples, in the order of their names. A bad record goes to `Context.report` and is skipped.
            Raises SourceError or FormatError if the whole set is unusable.
        options: names of `Context.options` that it knows, each with one line.
    """

    name: str
    describe: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, Context], Iterator[Sample]]
    options: Mapping[str, str] = field(default_factory=dict)
