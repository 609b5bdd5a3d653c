"""A catalog and a model's answers in the JSON layout that FiftyOne reads without further ado.

It is FiftyOne's `LegacyFiftyOneDataset` (`metadata.json`, `samples.json`): the later layout is a dump of the database
of one version of FiftyOne, this one is plain JSON that all versions since read. Images are referred to by their
absolute path, never copied. FiftyOne itself is not needed here; there:
``fo.Dataset.from_dir(dataset_dir=FOLDER, dataset_type=fo.types.LegacyFiftyOneDataset)``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detector.errors import OutputError, UsageError
from detector.geometry import Boxes, Size
from detector.scoring import Answer
from training.catalog import Catalog
from training.contract import CLASSES
from training.samples import Sample

_LABEL = CLASSES[0]
_TEXTS = ("source", "centre", "patient", "sequence", "official")


def export_fiftyone(
    catalog: Catalog, folder: Path, answers: Mapping[str, Answer] | None = None, name: str = "polypwatch"
) -> int:
    """Write `metadata.json` and `samples.json`.

    Args:
        catalog: what is shown; all of it.
        folder: made if it is not there; must not hold anything else than an earlier export.
        answers: by sample name; samples without one have no `predictions`.
        name: of the data set in FiftyOne.

    Returns:
        How many samples have predictions.

    Raises:
        UsageError: the folder holds something else, or no answer is of this catalog.
        OutputError: it cannot be written.
    """
    answers = answers or {}
    if folder.exists() and any(p.name not in ("metadata.json", "samples.json") for p in folder.iterdir()):
        raise UsageError(f"{folder} holds something else.", "Choose another --out.")
    matched = sum(s.name in answers for s in catalog.samples)
    if answers and not matched:
        raise UsageError("None of the predictions is of an image of this catalog.", "Name the evaluation of this data.")
    metadata = {
        "name": name,
        "media_type": "image",
        "info": {
            "catalog_sha256": catalog.sha256,
            "licences": {s.name: s.licence for s in catalog.sources.values()},
            "classes": {field: [_LABEL] for field in ("ground_truth", "predictions")},
        },
    }
    samples = [_sample(s, answers.get(s.name)) for s in catalog.samples]
    _write(folder, {"metadata.json": metadata, "samples.json": {"samples": samples}})
    return matched


def _sample(s: Sample, answer: Answer | None) -> dict[str, Any]:
    """One sample; a field that the catalog does not know is left out, since null has a meaning of its own there."""
    row: dict[str, Any] = {
        "filepath": os.path.abspath(s.image),
        "tags": [s.split] if s.split else [],
        "metadata": {"_cls": "ImageMetadata", "width": s.size.width, "height": s.size.height},
        "sample_name": s.name,
        "known": s.known,
        **{key: getattr(s, key) for key in _TEXTS if getattr(s, key)},
    }
    if s.order is not None:
        row["order"] = s.order
    if s.time_s is not None:
        row["time_s"] = float(s.time_s)
    if s.facts:
        row["facts"] = dict(s.facts)
    if s.known:  # without the field nothing is said; an empty list says that there is no polyp
        row["ground_truth"] = _detections(
            [_detection(b, s.size, lesion=_at(s.lesions, i), kind=_at(s.classes, i)) for i, b in enumerate(s.boxes)]
            + [_detection(b, s.size, iscrowd=1, tags=["ignored"]) for b in s.ignored]
        )
    if answer is not None:
        row["predictions"] = _detections(
            [_detection(b, s.size, confidence=float(c)) for b, c in zip(answer.boxes, answer.scores, strict=True)]
        )
    return row


def _detections(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"_cls": "Detections", "detections": list(rows)}


def _detection(box: Boxes, size: Size, *, tags: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """`bounding_box` is left, top, width and height as shares of the image."""
    x1, y1, x2, y2 = (float(v) for v in box)
    relative = [x1 / size.width, y1 / size.height, (x2 - x1) / size.width, (y2 - y1) / size.height]
    extra = {k: v for k, v in fields.items() if v != ""}
    return {"_cls": "Detection", "label": _LABEL, "bounding_box": relative, "tags": list(tags), **extra}


def _at(words: tuple[str, ...], i: int) -> str:
    return words[i] if words else ""


def _write(folder: Path, files: Mapping[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            part = folder / f"{name}.part"
            part.write_text(json.dumps(data, ensure_ascii=False, allow_nan=False), encoding="utf-8")
            os.replace(part, folder / name)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error}).", "Choose another --out.") from error
