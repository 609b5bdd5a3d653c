"""What the commands print of a catalog: plain tables, numbers to the right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from training.catalog.filters import label
from training.catalog.importing import Incoming
from training.catalog.store import Catalog
from training.samples import Sample

NOT_SPLIT = "(not split)"
_HEAD = ("images", "boxes", "negative", "unknown")


def counts(samples: Iterable[Sample]) -> tuple[int, int, int, int]:
    """Images, boxes, images looked at without a polyp, images that nobody looked at."""
    samples = list(samples)
    labels = Counter(label(s) for s in samples)
    return len(samples), sum(len(s.boxes) for s in samples), labels["none"], labels["unknown"]


def table(head: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> str:
    """Aligned columns: the first `words` to the left, the others to the right; the last may be text (left)."""
    cells = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    numeric = [i for i in range(words, len(head)) if all(r[i].replace(",", "").isdigit() for r in cells[1:])]
    lines = []
    for row in cells:
        parts = [c.rjust(w) if i in numeric else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def import_table(incoming: Sequence[Incoming]) -> str:
    """One line for each source that came in."""
    rows = [
        (new.source.name, new.layout, *counts(new.samples), len(new.report.problems), _skipped(new)) for new in incoming
    ]
    return table(("source", "layout", *_HEAD, "skipped", "why"), rows, words=2)


def split_table(catalog: Catalog) -> str:
    """One line for each split, with the sources in it."""
    rows = []
    for name in [*catalog.splits, ""]:
        part = [s for s in catalog.samples if s.split == name]
        if part:
            sources = ", ".join(f"{k} {n}" for k, n in sorted(Counter(s.source for s in part).items()))
            rows.append((name or NOT_SPLIT, *counts(part), sources))
    return table(("split", *_HEAD, "sources"), rows)


def source_table(catalog: Catalog) -> str:
    """One line for each source and centre, with its licence."""
    rows = []
    for info in catalog.sources.values():
        own = [s for s in catalog.samples if s.source == info.name]
        use = "commercial use allowed" if info.commercial else "no commercial use"
        for centre in sorted({s.centre for s in own}) or [""]:
            part = [s for s in own if s.centre == centre]
            units = len({s.patient for s in part} - {""}), len({s.sequence for s in part} - {""})
            rows.append((info.name, centre or "-", *counts(part), *units, f"{info.licence} ({use})"))
    return table(("source", "centre", *_HEAD, "patients", "sequences", "licence"), rows, words=2)


def _skipped(new: Incoming) -> str:
    return ", ".join(f"{kind} {n}" for kind, n in sorted(new.report.counts().items()))
