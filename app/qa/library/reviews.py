"""Who has reviewed how much, read from review logs without replaying them. See `app.qa.review.log` for their format.

Only what the list of procedures shows is taken from a log: ranges, answers, commits, and what was undone. The chain is
not verified here; whoever opens the review does that.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from app.qa.library.entries import Reader, ReviewState
from app.qa.library.walk import Found
from app.qa.review.log import SCHEMA
from app.qa.review.places import is_log
from detector.errors import FormatError
from detector.schema import require_schema

_NO_EDITS: Final = frozenset({"undo", "redo", "commit", "publish", "recovered"})
_ELSEWHERE: Final = re.compile(r"(?P<name>.+)-[0-9a-f]{8}\.review-[^/\\]+\.jsonl")
Range = tuple[int, int]


class ReviewLogs:
    """Finds the logs of procedures: beside them, and in the folder that this window uses for reviews.

    Args:
        folder: None if all reviews lie beside their procedures.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._elsewhere: dict[str, list[tuple[Path, int, int]]] = {}

    def refresh(self) -> None:
        """List that folder anew: once for each search through all procedures, which may be thousands."""
        self._elsewhere = {}
        if self._folder is None:
            return
        try:
            with os.scandir(self._folder) as listing:
                for entry in sorted(listing, key=lambda e: e.name):
                    if match := _ELSEWHERE.fullmatch(entry.name):
                        known = entry.stat()
                        row = (Path(entry.path), known.st_size, known.st_mtime_ns)
                        self._elsewhere.setdefault(match["name"], []).append(row)
        except OSError:
            return  # there is none yet: it is made with the first review

    def fingerprint(self, found: Found) -> str:
        """Changes when the procedure does, or a review of it that lies elsewhere."""
        rows = self._elsewhere.get(found.path.name)
        return f"{found.fingerprint} {[(p.name, *known) for p, *known in rows]}" if rows else found.fingerprint

    def readers(self, found: Found, frames: int | None) -> tuple[Reader, ...]:
        """Each review of a procedure that was begun, by name.

        Args:
            found: the procedure.
            frames: how many it has, where the log does not say.
        """
        sizes = {path.stat().st_size for path in found.files if path.is_file()} if self._elsewhere else set()
        beside = [path for path in found.files if is_log(path)]
        elsewhere = [path for path, *_ in self._elsewhere.get(found.path.name, ())]
        readers = [read_reader(path, frames) for path in beside]
        readers += [read_reader(path, frames, sizes) for path in elsewhere]
        return tuple(sorted((r for r in readers if r is not None), key=lambda r: r.name.casefold()))


def state_of(readers: Iterable[Reader]) -> ReviewState:
    """How far the review has come over all readers."""
    known = tuple(readers)
    if any(r.settles and r.committed for r in known):
        return ReviewState.ADJUDICATED
    if any(r.committed for r in known):
        return ReviewState.COMMITTED
    return ReviewState.IN_REVIEW if known else ReviewState.NOBODY


def read_reader(path: Path, frames: int | None, sizes: set[int] | None = None) -> Reader | None:
    """What one log says.

    Args:
        path: the log.
        frames: of the procedure, if the log does not say.
        sizes: of the procedure's files, where the log lies elsewhere: a log of other videos is not of this procedure.

    Returns:
        None if nothing was said in it yet, or it is of another procedure.
    """
    name = path.stem.rpartition("review-")[2]
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last line feed was never acknowledged
        if not lines:
            return None
        head = _json(lines[0])
        require_schema(head, SCHEMA, path.name)
        videos = [video for video in head.get("videos", ()) if isinstance(video, dict)]
        if sizes is not None and not {video.get("bytes") for video in videos} <= sizes:
            return None
        length = sum(int(video.get("frames", 0)) for video in videos) or frames
        rows = [(number, _json(line)) for number, line in enumerate(lines[1:], start=2)]
        name = str(head.get("reviewer") or name)
        return _summed(name, length, rows)
    except (OSError, FormatError, ValueError, TypeError, KeyError, AttributeError) as error:
        return Reader(name, None, False, trouble=f"The review {path.name} cannot be read: {error}")


def _summed(name: str, length: int | None, rows: list[tuple[int, dict[str, Any]]]) -> Reader | None:
    edits: dict[int, dict[str, Any]] = {}
    undone: set[int] = set()
    committed = False
    for line, row in rows:
        if "op" not in row:
            raise FormatError(f"line {line} is damaged.")
        operation = row["op"]
        kind = operation["kind"]
        if kind == "undo":
            undone.add(operation["of"])
        elif kind == "redo":
            undone.discard(operation["of"])
        elif kind not in _NO_EDITS:
            edits[row["n"]] = operation
        committed |= kind == "commit"
    counted = [edit for n, edit in sorted(edits.items()) if n not in undone]
    if not committed and all(edit["kind"] == "import" for edit in counted):
        return None  # labels that were there already were taken over, and nothing was done
    # A review that settles others began from their logs: what both of them looked at is looked at.
    settles = any(edit["kind"] == "import" and edit.get("form") == SCHEMA for edit in edits.values())
    ranges = _reviewed(counted, name, everybody=settles)
    answers = {str(edit["answer"].get("clip")) for edit in counted if edit["kind"] == "answer"}
    share = min(1.0, sum(last - first + 1 for first, last in ranges) / length) if length else None
    return Reader(name, share, committed, len(answers), settles=settles)


def _reviewed(edits: Iterable[dict[str, Any]], name: str, *, everybody: bool = False) -> list[Range]:
    """What counts as looked at in the end, without overlaps: by this reader, or by anybody."""
    ranges: list[Range] = []
    for edit in edits:
        kind = edit["kind"]
        if kind == "review":
            ranges = [*_without(ranges, (edit["first"], edit["last"])), (edit["first"], edit["last"])]
        elif kind == "unreview":
            ranges = _without(ranges, (edit["first"], edit["last"]))
        elif kind in ("import", "decide"):
            for one in edit.get("reviewed", ()):
                if everybody or kind == "decide" or one["reviewer"] == name:
                    ranges = [*_without(ranges, (one["first"], one["last"])), (one["first"], one["last"])]
    return ranges


def _without(ranges: list[Range], gone: Range) -> list[Range]:
    first, last = gone
    kept: list[Range] = []
    for begin, end in ranges:
        if end < first or begin > last:
            kept.append((begin, end))
            continue
        if begin < first:
            kept.append((begin, first - 1))
        if end > last:
            kept.append((last + 1, end))
    return kept


def _json(line: bytes) -> dict[str, Any]:
    data = json.loads(line)
    return data if isinstance(data, dict) else {}
