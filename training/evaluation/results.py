"""Answers from results files (`polypwatch.detect/1`) for a catalog that was imported from procedures. No torch.

So the answers that the QA room shows can be scored here, and give the same figures to the last digit, if the catalog
holds every frame, also those that nobody looked at (`import ... --option every_s=0 --option unreviewed=frames`). The
join is that of `detector.scoring.joining`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from detector.errors import FormatError
from detector.geometry import as_boxes
from detector.results import ModelRef, read_header
from detector.scoring.joining import base_name, quick_rows
from detector.scoring.recording import Answer
from training.evaluation.store import ModelFacts
from training.samples import Sample

_NOT_ANALYSED = Answer(as_boxes([]), np.zeros(0, np.float32), (), "skipped")
_FAILED = Answer(as_boxes([]), np.zeros(0, np.float32), (), "failed")


@dataclass(frozen=True, slots=True, eq=False)
class StoredAnswers:
    """What results files say of the samples.

    Attributes:
        model: what answered, at which threshold.
        answers: per sample; one without a row was not analysed.
        notes: what the reader must be told.
    """

    model: ModelFacts
    answers: list[Answer]
    notes: list[str]


def answers_from_results(samples: Sequence[Sample], files: Sequence[Path], threshold: float | None) -> StoredAnswers:
    """Join samples with the rows of results files.

    Args:
        samples: named ``.../VIDEO/INDEX``, as the importer of procedures names them.
        files: results of one model.
        threshold: the operating point; None: the model's own.

    Raises:
        FormatError: a file is damaged, the files are of different models, or none of them is of these samples.
    """
    clips = _clips(samples)
    model, own, lowest = _one_model(files)
    found: dict[tuple[str, int], Answer] = {}
    others: set[str] = set()
    for path in files:
        clip_of: dict[str, str | None] = {}
        for row in quick_rows(path):
            file = str(row["file"])
            if file not in clip_of:
                clip_of[file] = _clip(file, path, clips)
            clip = clip_of[file]
            if clip is None:
                others.add(file)
            else:
                found[clip, int(row["index"])] = _answer(row)
    places = [_place(s) for s in samples]
    answers = [found.get(place, _NOT_ANALYSED) if place else _NOT_ANALYSED for place in places]
    missing = sum(place not in found for place in places)
    if missing == len(samples):
        of = f"; they are of {', '.join(sorted(others)[:3])}" if others else ""
        raise FormatError(
            f"The results have no frame of these samples{of}.",
            "Samples must come from procedures: polypwatch-train import PROCEDURES --option every_s=0.",
        )
    notes = [f"{missing} of {len(samples)} images have no row in the results: not analysed"] if missing else []
    if lowest > 0.05:
        notes.append(f"boxes below {lowest:g} are not in the results: average precision and curves end there")
    facts = ModelFacts(
        kind="onnx",
        name=model.name,
        version=model.version,
        variant=model.variant,
        sha256=model.sha256,
        provider="results",
        threshold=own if threshold is None else threshold,
    )
    return StoredAnswers(facts, answers, notes)


def _one_model(files: Sequence[Path]) -> tuple[ModelRef, float, float]:
    headers = [read_header(path) for path in files]
    first = headers[0]
    for path, header in zip(files, headers, strict=True):
        if header.model.sha256 != first.model.sha256 or header.threshold != first.threshold:
            raise FormatError(f"{files[0]} and {path} are of different models or thresholds.", "Score them apart.")
    return first.model, first.threshold, max(h.min_score for h in headers)


def _place(sample: Sample) -> tuple[str, int] | None:
    """Clip and index of a sample; None if its name has none."""
    clip, _, index = sample.name.rpartition("/")
    return (clip, int(index)) if index.isdecimal() else None


def _clips(samples: Sequence[Sample]) -> Mapping[str, list[str]]:
    """Clips by the last part of their names."""
    by_stem: dict[str, list[str]] = {}
    for clip in dict.fromkeys(place[0] for s in samples if (place := _place(s)) is not None):
        by_stem.setdefault(clip.rpartition("/")[2], []).append(clip)
    return by_stem


def _clip(file: str, path: Path, clips: Mapping[str, list[str]]) -> str | None:
    """The clip that a row's file is; where several have its name the folder decides.

    Raises:
        FormatError: the folder does not decide it.
    """
    found = clips.get(PurePosixPath(base_name(file)).stem, [])
    if len(found) > 1:
        folders = {path.resolve().parent.name, PurePosixPath(file.replace("\\", "/")).parent.name}
        found = [clip for clip in found if clip.split("/")[-2:-1] and clip.split("/")[-2] in folders]
        if len(found) > 1:
            raise FormatError(
                f"{path} names {file}, which may be any of {', '.join(found[:3])}.",
                "Give procedures folders of different names.",
            )
    return found[0] if found else None


def _answer(row: Mapping[str, Any]) -> Answer:
    if row["status"] != "ok":
        return _FAILED
    boxes = sorted(row["detections"], key=lambda b: -b["score"])
    return Answer(as_boxes([b["box"] for b in boxes]), np.array([b["score"] for b in boxes], np.float32))
