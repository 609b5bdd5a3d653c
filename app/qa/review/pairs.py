"""Every two readers of the same procedure, from their logs alone: no video is opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from app.qa.review.agreement import Agreement, Comparison, agreement, compare
from app.qa.review.audit import logs_below
from app.qa.review.document import Document
from app.qa.review.history import History
from app.qa.review.log import Head, read_log
from app.qa.review.places import is_log
from detector.errors import FormatError, PolypwatchError


@dataclass(frozen=True, slots=True)
class Reader:
    """What one reader stands by.

    Attributes:
        path: of the log.
        head: of the log.
        document: what was said; by a blinded reader who has committed, what was said before unblinding.
    """

    path: Path
    head: Head
    document: Document


@dataclass(frozen=True, slots=True)
class Pair:
    """Two readers of one procedure.

    Attributes:
        a: the first, by name.
        b: the second.
        agreement: box F1 and kappa.
        comparison: what they differ on.
    """

    a: Reader
    b: Reader
    agreement: Agreement
    comparison: Comparison

    def words(self) -> str:
        """One line: who, of how many frames, and the figures; None is 'unknown', never 0."""
        boxes, frames = self.agreement.boxes, self.agreement.frames
        f1 = "unknown" if boxes.f1 is None else f"{boxes.f1:.3f}"
        kappa = "unknown" if frames.kappa is None else f"{frames.kappa:.3f}"
        return (
            f"{self.a.path.parent}: {self.a.head.reviewer} and {self.b.head.reviewer}: {boxes.frames} frames that both "
            f"reviewed, box F1 {f1} (IoU {boxes.iou:g}), kappa of frames {kappa}, "
            f"{len(self.comparison.disagreements)} disagreements"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None."""
        return {
            "videos": [video.name for video in self.a.head.videos],
            "a": {"reviewer": self.a.head.reviewer, "log": self.a.path.name, "blinded": self.a.head.blinded},
            "b": {"reviewer": self.b.head.reviewer, "log": self.b.path.name, "blinded": self.b.head.blinded},
            "boxes": self.agreement.boxes.as_dict(),
            "frames": self.agreement.frames.as_dict(),
            "disagreements": [asdict(d) for d in self.comparison.disagreements],
        }


def pairs_below(path: Path) -> tuple[list[Pair], list[str]]:
    """Every two readers of each procedure whose logs lie in a folder or below it; and which logs cannot be used.

    A review that settled what two others differ on takes part as any other reader's.

    Raises:
        UsageError: there is no such folder.
    """
    readers: dict[tuple[object, ...], list[Reader]] = {}
    problems: list[str] = []
    for log in logs_below(path):
        if not is_log(log):
            continue
        try:
            reader = read(log)
        except PolypwatchError as error:
            problems.append(f"{log} is left out: {error}")
            continue
        # The same files, wherever the logs lie; of two recordings of equal files each folder counts for itself.
        videos = tuple((v.name, v.bytes, v.frames) for v in reader.head.videos)
        readers.setdefault((log.parent, videos), []).append(reader)
    return [pair for some in readers.values() for pair in _pairs(some)], problems


def read(path: Path) -> Reader:
    """What a log amounts to.

    Raises:
        FormatError: it cannot be read, or its chain is broken.
        UsageError: it cannot be followed.
    """
    reading = read_log(path)
    if reading.head is None or reading.fault:
        raise FormatError(f"its chain is broken: {reading.fault or 'it has no whole line'}.", "See: polypwatch audit.")
    history = History(reading.head.length)
    for record in reading.records:
        history.take(record.n, record.operation, history.tried(record.operation))
    before = history.committed if reading.head.blinded else None
    return Reader(path, reading.head, before if before is not None else history.document)


def _pairs(readers: Iterable[Reader]) -> Iterable[Pair]:
    ordered = sorted(readers, key=lambda r: r.head.reviewer.casefold())
    for a, b in combinations(ordered, 2):
        yield Pair(a, b, agreement(a.document, b.document), compare(a.document, b.document))
