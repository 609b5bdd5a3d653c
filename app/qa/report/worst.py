"""The worst misses and false alarms as small pictures: the original, and beside it the same with its boxes.

Lesions that were never found come first, the largest first; then the longest stretches in which one was not found, each
lesion once. False alarms: those that stood longest. What counts and what not is `app.qa.verdicts`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from app.qa.comparing import Compared
from app.qa.figures import Figures
from app.qa.opened import open_for_review
from app.qa.playback.pictures import Pictures
from app.qa.progress import Progress, Stop, go_on
from app.qa.scored import Scored
from app.qa.spots import Spot
from detector.errors import PolypwatchError

Side = Literal["", "a", "b"]
What = Literal["miss", "false alarm"]
_SIDE_PX = 420
_QUALITY = 80
_LESION, _IGNORED, _MARKER = (80, 220, 80), (160, 160, 160), (40, 60, 240)
"""BGR: lesion, region that does not count, marker (box at the threshold where there is no time)."""


@dataclass(frozen=True, slots=True)
class Worst:
    """One of the worst.

    Attributes:
        what: a miss or a false alarm.
        side: whose: of model A, of model B, or of the only one.
        procedure: its name.
        spot: where.
        time_s: from the procedure's beginning.
        jpeg: the picture twice, with boxes on the right; empty where it cannot be read.
    """

    what: What
    side: Side
    procedure: str
    spot: Spot
    time_s: float
    jpeg: bytes = b""


def worst_of(figures: Figures, most: int) -> list[Worst]:
    """The worst misses, then the worst false alarms."""
    rows = [_behind(figures, key) for key in ("lesion_sensitivity", "lesion_frame_sensitivity")]
    never = sorted((s for s in rows[0] if s.kind == "FN"), key=lambda s: -_area(s))
    parts = sorted((s for s in rows[1] if s.kind == "FN"), key=lambda s: -s.seconds)
    alarms = _behind(figures, "false_events_0s") or _behind(figures, "frame_specificity")
    return [
        *_placed("miss", "", _each_lesion_once([*never, *parts])[:most], figures),
        *_placed("false alarm", "", sorted(alarms, key=_longest)[:most], figures),
    ]


def worst_differences(compared: Compared, a: Figures, b: Figures, most: int) -> list[Worst]:
    """What only one of two models missed or marked for nothing: A's, then B's."""
    found: list[Worst] = []
    sides: tuple[tuple[Side, Figures, tuple[Spot, ...], tuple[Spot, ...]], ...] = (
        ("a", a, compared.only("b"), compared.only("a")),
        ("b", b, compared.only("a"), compared.only("b")),
    )
    for side, figures, of_the_other, own in sides:
        missed = {(s.path, s.lesion) for s in of_the_other if s.kind == "TP"}
        misses = [s for s in _behind(figures, "lesion_sensitivity") if s.kind == "FN" and (s.path, s.lesion) in missed]
        found += _placed("miss", side, sorted(misses, key=lambda s: -_area(s))[:most], figures)
        alarms = sorted((s for s in own if s.kind == "FP"), key=_longest)
        found += _placed("false alarm", side, alarms[:most], figures)
    return found


def photographed(
    worst: Sequence[Worst], sides: Mapping[str, Figures], cache: Path | None, progress: Progress, stop: Stop
) -> list[Worst]:
    """With their pictures; one that cannot be read stays without.

    Raises:
        Stopped: as was asked for.
    """
    scored = {(side, p.path): p for side, figures in sides.items() for p in figures.procedures}
    order = sorted(range(len(worst)), key=lambda k: (str(worst[k].spot.path), worst[k].spot.focus))
    made = list(worst)
    opened: tuple[Path, Pictures] | None = None
    try:
        for done, k in enumerate(order):
            go_on(stop, "The report")
            progress("Pictures", done, len(order))
            path = worst[k].spot.path
            try:
                if opened is None or opened[0] != path:
                    if opened is not None:
                        opened[1].close()
                        opened = None
                    opened = (path, Pictures(open_for_review(path, cache), cache))
                image = opened[1].picture(worst[k].spot.focus)
                made[k] = replace(worst[k], jpeg=pair(image, scored[worst[k].side, path], worst[k].spot))
            except (PolypwatchError, IndexError):
                continue  # the page says so in its place
    finally:
        if opened is not None:
            opened[1].close()
    return made


def pair(image: npt.NDArray[np.uint8], scored: Scored, spot: Spot) -> bytes:
    """The picture, and beside it the same with the boxes of that frame; a small JPEG without metadata.

    Args:
        image: BGR uint8 (H, W, 3); stays as it is.
        scored: labels and answers of the procedure.
        spot: its own box is drawn thicker.
    """
    scale = min(1.0, _SIDE_PX / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    drawn = small.copy()
    truth, standing = scored.raw.truth[spot.focus], scored.standing
    answer = standing.answers[spot.focus]
    for box in truth.ignored:
        _draw(drawn, box * scale, _IGNORED, 1)
    for box in truth.boxes:
        _draw(drawn, box * scale, _LESION, 1)
    counted = answer.scores >= np.float32(0 if scored.shown is not None else scored.threshold)
    for box in answer.boxes[counted]:
        _draw(drawn, box * scale, _MARKER, 1)
    if spot.box is not None:
        _draw(drawn, np.array(spot.box, np.float32) * scale, _MARKER if spot.kind == "FP" else _LESION, 2)
    gap = np.full((size[1], 6, 3), 255, np.uint8)
    both = np.hstack([small, gap, drawn])
    done, data = cv2.imencode(".jpg", both, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes() if done else b""


def _draw(image: npt.NDArray[np.uint8], box: npt.NDArray[np.float32], colour: Sequence[int], width: int) -> None:
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), tuple(colour), width)


def _behind(figures: Figures, key: str) -> tuple[Spot, ...]:
    """The spots of a figure: of displayed markers, else of raw boxes."""
    row = figures.row(key) or figures.row(key, "raw")
    return row.where if row is not None else ()


def _each_lesion_once(spots: Iterable[Spot]) -> list[Spot]:
    found: dict[tuple[Path, str], Spot] = {}
    for spot in spots:
        found.setdefault((spot.path, spot.lesion), spot)
    return list(found.values())


def _placed(what: What, side: Side, spots: Sequence[Spot], figures: Figures) -> list[Worst]:
    by_path = {p.path: p for p in figures.procedures}
    found = []
    for spot in spots:
        scored = by_path[spot.path]
        found.append(Worst(what, side, scored.name, spot, float(scored.raw.times_s[spot.focus])))
    return found


def _longest(spot: Spot) -> tuple[float, float]:
    return (-spot.seconds, -(spot.score or 0.0))


def _area(spot: Spot) -> float:
    return (spot.box[2] - spot.box[0]) * (spot.box[3] - spot.box[1]) if spot.box else 0.0
