"""The images on which a model was most wrong, as small pictures with boxes."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import OutputError
from detector.geometry import area, iou_matrix
from training.evaluation.figures import LOOSE_IOU
from training.evaluation.rows import Row

_SIDE_PX = 420
_PER_UNIT = 2
"""At most so many pictures of one patient or sequence: neighbouring frames teach nothing new."""
_JPEG_QUALITY = 82
_LESION, _IGNORED, _COUNTED, _WEAK = (80, 220, 80), (160, 160, 160), (40, 60, 240), (40, 180, 240)
"""BGR: lesion, ignored region, box that counts, box below the threshold."""


@dataclass(frozen=True, slots=True)
class Worst:
    """One image and what was wrong with it.

    Attributes:
        row: index into the rows.
        said: for the caption.
        rank: worst first, ascending.
        weak: index of a box below the threshold that nearly found the lesion; None if there is none.
    """

    row: int
    said: str
    rank: tuple[float, float]
    weak: int | None = None


def worst_misses(rows: Sequence[Row], threshold: float, count: int) -> list[Worst]:
    """Lesions that no counted box overlaps at IoU 0.2: the weakest sign of being seen first, of equals the larger."""
    found = []
    for i, row in enumerate(rows):
        truth, answer = row.truth.boxes, row.answer
        if not row.truth.reviewed or not len(truth):
            continue
        overlaps = iou_matrix(truth, answer.boxes) >= np.float32(LOOSE_IOU)
        scores = (
            np.where(overlaps, answer.scores[None, :], np.float32(0))
            if len(answer.boxes)
            else np.zeros((len(truth), 1))
        )
        best = scores.max(axis=1)
        for k in np.flatnonzero(best < np.float32(threshold)):
            share = float(area(truth[k : k + 1])[0]) / (row.size.width * row.size.height)
            said = (
                f"lesion of {share:.1%} of the picture; best box on it {best[k]:.2f}"
                if best[k]
                else (f"lesion of {share:.1%} of the picture; no box overlaps it")
            )
            weak = int(scores[k].argmax()) if best[k] else None
            found.append(Worst(i, said, (float(best[k]), -share), weak))
    return _first(found, rows, count)


def worst_false_alarms(rows: Sequence[Row], threshold: float, count: int) -> list[Worst]:
    """Counted boxes that overlap no lesion at IoU 0.2 and no ignored region by half: the most confident first."""
    found = []
    for i, row in enumerate(rows):
        counted = row.answer.boxes[row.answer.scores >= np.float32(threshold)]
        if not row.truth.reviewed or not len(counted):
            continue
        met = (iou_matrix(counted, row.truth.boxes) >= np.float32(LOOSE_IOU)).any(axis=1)
        met |= (_share_inside(counted, row.truth.ignored) >= 0.5).any(axis=1)
        for k in np.flatnonzero(~met):
            score = float(row.answer.scores[k])
            where = "no polyp in the picture" if row.negative else "beside a polyp"
            found.append(Worst(i, f"box of {score:.2f}, {where}", (-score, 0.0)))
    return _first(found, rows, count)


def picture(row: Row, image: npt.NDArray[np.uint8], threshold: float, weak: int | None = None) -> str:
    """The image with its boxes as a ``data:`` URI of a small JPEG.

    Raises:
        OutputError: OpenCV cannot encode it.
    """
    scale = min(1.0, _SIDE_PX / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for boxes, colour in ((row.truth.ignored, _IGNORED), (row.truth.boxes, _LESION)):
        for box in boxes:
            _rectangle(small, box * scale, colour, 2)
    for k, (box, score) in enumerate(zip(row.answer.boxes, row.answer.scores.tolist(), strict=True)):
        counts = row.answer.scores[k] >= np.float32(threshold)
        if counts or k == weak:
            _rectangle(small, box * scale, _COUNTED if counts else _WEAK, 2 if counts else 1)
            place = (int(box[0] * scale) + 3, max(12, int(box[1] * scale) - 4))
            cv2.putText(small, f"{score:.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
            cv2.putText(small, f"{score:.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise OutputError(f"{row.name} cannot be encoded as a small picture.", "Leave the report out.")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _rectangle(image: cv2.typing.MatLike, box: npt.NDArray[np.float32], colour: Sequence[int], width: int) -> None:
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), tuple(colour), width)


def _share_inside(boxes: npt.NDArray[np.float32], regions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N, M): which share of each box lies in each region."""
    top_left = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    sides = np.maximum(np.minimum(boxes[:, None, 2:], regions[None, :, 2:]) - top_left, 0)
    return np.asarray(sides[..., 0] * sides[..., 1] / np.maximum(area(boxes)[:, None], 1e-6), np.float32)


def _first(found: Iterable[Worst], rows: Sequence[Row], count: int) -> list[Worst]:
    """The worst, one per image and few per patient or sequence."""
    images: set[int] = set()
    units: Counter[str] = Counter()
    chosen: list[Worst] = []
    for worst in sorted(found, key=lambda w: (w.rank, w.row)):
        unit = rows[worst.row].unit
        if len(chosen) < count and worst.row not in images and units[unit] < _PER_UNIT:
            images.add(worst.row)
            units[unit] += 1
            chosen.append(worst)
    return chosen
