"""Contact sheets of suspicious labels, with what the model says. They show patients' images: never commit one.

Labels are green, the doubted one is yellow, the model's box red.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from detector.geometry import Letterbox, Size
from training.catalog.sheet import TILE_PX, Picture, arrange, draw_tile, write_sheet
from training.feedback.suspects import Suspect
from training.samples import Sample

PER_SHEET = 48
_DOUBTED, _MODEL = (0, 255, 255), (60, 60, 255)


def write_sheets(suspects: Sequence[Suspect], samples: Sequence[Sample], folder: Path) -> list[Path]:
    """Write as many sheets as are needed, in the order of the queue; every tile says its rank.

    Raises:
        SourceError: an image cannot be read.
        OutputError: a sheet cannot be written.
    """
    paths = []
    for start in range(0, len(suspects), PER_SHEET):
        part = suspects[start : start + PER_SHEET]
        tiles = [_tile(s, samples[s.sample], rank) for rank, s in enumerate(part, start=start + 1)]
        paths.append(folder / f"sheet-{start // PER_SHEET + 1:02d}.jpg")
        write_sheet(arrange(tiles), paths[-1])
    return paths


def _tile(suspect: Suspect, sample: Sample, rank: int) -> Picture:
    tile = draw_tile(sample)
    fit = Letterbox.fit(sample.size, Size(TILE_PX, TILE_PX))
    doubted = None if suspect.label is None else sample.boxes[suspect.label]
    for box, colour in ((doubted, _DOUBTED), (suspect.box, _MODEL)):
        if box is not None:
            x1, y1, x2, y2 = fit.to_model(box[None]).round().astype(int)[0].tolist()
            cv2.rectangle(tile, (x1, y1), (x2 - 1, y2 - 1), colour, 1)
    score = f" {suspect.score:.2f}" if suspect.box is not None else ""
    words = f"{rank}: {suspect.kind}{score}"
    for shade, shift in (((0, 0, 0), 1), (_MODEL, 0)):
        cv2.putText(tile, words, (2 + shift, 26 + shift), cv2.FONT_HERSHEY_PLAIN, 0.8, shade, 1)
    return tile
