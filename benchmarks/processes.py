"""What a tree of processes holds: memory, threads, descriptors. Linux only, from /proc."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holdings:
    """Sums over a process and all its descendants.

    Attributes:
        pss_mb: memory, what is shared counted in parts (proportional set size).
        rss_mb: memory, what is shared counted once in every process.
        threads, handles: as many as there are.
        processes: how many.
    """

    pss_mb: float
    rss_mb: float
    threads: int
    handles: int
    processes: int


def holdings(pid: int) -> Holdings:
    """Of a process and its descendants; what ends meanwhile is left out."""
    pss = rss = 0
    threads = handles = processes = 0
    for member in family(pid):
        folder = _PROC / str(member)
        try:
            memory = dict(_fields((folder / "smaps_rollup").read_text()))
            threads += len(list((folder / "task").iterdir()))
            handles += len(list((folder / "fd").iterdir()))
        except OSError:
            continue
        pss, rss, processes = pss + memory["Pss"], rss + memory["Rss"], processes + 1
    return Holdings(round(pss / 1024, 1), round(rss / 1024, 1), threads, handles, processes)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    try:
        for task in (_PROC / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    except OSError:
        pass
    return found


def _fields(text: str) -> list[tuple[str, int]]:
    """Names and kilobytes of the lines that have both."""
    rows = (line.split() for line in text.splitlines())
    return [(row[0].rstrip(":"), int(row[1])) for row in rows if len(row) == 3 and row[2] == "kB"]
