"""What the AI said of every frame during a recording, beside the video: JSON lines, ``results.jsonl``.

A **head** says what ran and from which limits on it spoke; one more stands wherever that changes. A **row** stands for
one analysed frame, also if nothing was found or the AI failed on it: a frame without a row was not analysed. Nothing
here is drawn into the video. Schema ``polypwatch.live-results/1``, described in ``docs/formats.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import SOFTWARE
from app.overlay import AnalysedFrame, FailedFrame
from detector.alerts import AlertSettings, Marker
from detector.detections import DetectorInfo
from detector.errors import FormatError
from detector.schema import require_schema

SCHEMA = "polypwatch.live-results/1"
SHOWN, SHADOW, CANDIDATE = "shown", "shadow", "candidate"

_LEAST_SCORE = 0.01
_MOST_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class LogRow:
    """What is noted of one frame.

    Attributes:
        role: ``shown``, ``shadow`` or ``candidate``.
        head: what ran, and from which limits on it spoke: :func:`head_of`.
        row: :func:`row_of` or :func:`failed_row`.
    """

    role: str
    head: Mapping[str, Any]
    row: Mapping[str, Any]


Row = Callable[[], LogRow]
"""Makes the row: only where something is recorded."""


class ResultsLog:
    """Puts a head before the rows wherever what it says changes. One per recording."""

    def __init__(self) -> None:
        self._heads: dict[bool, Mapping[str, Any]] = {}

    def lines(self, told: LogRow) -> Iterator[dict[str, Any]]:
        """The lines to write for one frame."""
        head = {"schema": SCHEMA, "role": told.role, **told.head}
        second = told.role == CANDIDATE
        if self._heads.get(second) != head:
            self._heads[second] = head
            yield dict(head)
        yield {"role": told.role, **told.row}


def head_of(info: DetectorInfo, limits: AlertSettings, preset: str) -> dict[str, Any]:
    """What ran, and from which limits on it spoke."""
    return {
        "software": SOFTWARE,
        "model": info.model,
        "version": info.version,
        "variant": info.variant,
        "sha256": info.sha256,
        "provider": info.provider,
        "classes": list(info.classes),
        "preset": preset,
        "threshold": limits.threshold,
        "keep_ratio": limits.keep_ratio,
        "min_seen_s": limits.min_seen_s,
        "min_display_s": limits.min_display_s,
        "hold_s": limits.tracking.max_gap_s,
    }


def row_of(analysed: AnalysedFrame, shown: tuple[Marker, ...], withheld: str | None) -> dict[str, Any]:
    """The row of a frame that was analysed: what was found, and the markers that really went to the screen.

    Args:
        analysed: the result.
        shown: the markers that were shown; empty while something kept them back.
        withheld: what that was, as :func:`app.standing.withheld` names it.
    """
    found = analysed.detections.above(_LEAST_SCORE, _MOST_CANDIDATES)
    time = analysed.detections.time
    boxes = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True)
    return {
        "capture_index": analysed.detections.frame_index,
        "captured_ns": analysed.captured_ns,
        "pts": time.pts if time else None,
        "time_base": f"{time.time_base.numerator}/{time.time_base.denominator}" if time else None,
        "latency_ms": round((analysed.received_ns - analysed.captured_ns) / 1e6, 1),
        "candidates": [[*(round(x, 1) for x in box), round(score, 4), cls] for box, score, cls in boxes],
        "markers": [
            {"track": m.track_id, "box": [round(x, 1) for x in m.box], "score": round(m.score, 4)} for m in shown
        ],
        "withheld": withheld,
    }


def failed_row(failed: FailedFrame) -> dict[str, Any]:
    """The row of a frame that the AI saw and could not analyse: neither empty nor missing."""
    return {"capture_index": failed.index, "failed": failed.message}


@dataclass(frozen=True, slots=True)
class LiveResult:
    """One row as it was read, with the head that holds for it."""

    head: Mapping[str, Any]
    row: Mapping[str, Any]

    @property
    def role(self) -> str:
        """``shown``, ``shadow`` or ``candidate``."""
        return str(self.row["role"])

    @property
    def failed(self) -> bool:
        """Whether the AI could not analyse the frame."""
        return "failed" in self.row


def read_live_results(path: Path) -> Iterator[LiveResult]:
    """Every row of a results log, in the order of writing; a last line that was cut is left out.

    Raises:
        FormatError: a line is not of this schema; the message names it.
        OSError: the file cannot be read.
    """
    heads: dict[bool, Mapping[str, Any]] = {}
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        try:
            data = json.loads(line)
        except ValueError as error:
            raise FormatError(f"{where} is not JSON: {error}.", "The file was changed or damaged.") from error
        second = isinstance(data, dict) and data.get("role") == CANDIDATE
        if isinstance(data, dict) and "schema" in data:
            require_schema(data, SCHEMA, where)
            heads[second] = data
            continue
        if not isinstance(data, dict) or "capture_index" not in data or second not in heads:
            raise FormatError(f"{where} is no row of a results log.", "The file was changed or damaged.")
        yield LiveResult(heads[second], data)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Complete lines only: what follows the last line feed never reached the disk."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield number, line.decode("utf-8", "replace")
