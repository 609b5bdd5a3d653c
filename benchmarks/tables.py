"""Tables for a terminal or for a Markdown page, and what a results file says of the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from app.report import Percentiles

Cells = Sequence[str]
_IDLE_LOAD = 0.5


def table(columns: Cells, rows: Sequence[Cells], markdown: bool) -> str:
    """The same cells, aligned for the eye or as Markdown."""
    if markdown:
        lines = [columns, ["---"] * len(columns), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    widths = [max(len(line[k]) for line in (columns, *rows)) for k in range(len(columns))]
    aligned = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in (columns, *rows))
    return "\n".join(line.rstrip() for line in aligned)


def three(ms: Percentiles) -> str:
    """``p50 / p95 / p99`` in milliseconds."""
    return "-" if ms.p50 is None else f"{ms.p50:.1f} / {ms.p95:.1f} / {ms.p99:.1f}"


def machine() -> dict[str, object]:
    """Processor, cores and load: a figure without them says nothing."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        # At the start: the benchmark's own work is not in it.
        "load_before": None if load is None else round(load, 2),
    }


def busy(found: dict[str, object]) -> list[str]:
    """A warning where other programs ran when the benchmark began."""
    load = found["load_before"]
    if not isinstance(load, float) or load <= _IDLE_LOAD:
        return []
    return [f"The machine was busy (load {load:g} before the start): a first look, no figures to quote."]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
