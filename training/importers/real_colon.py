"""REAL-Colon: 60 whole colonoscopies as frames, each frame with a Pascal VOC file.

`SSS-VVV_frames/SSS-VVV_T.jpg` and `SSS-VVV_annotations/SSS-VVV_T.xml`: S the study (each of another centre), V the
video (one patient each), T the frame; beside them `video_info.csv` and `lesion_info.csv`. Only lesions that were
*removed* are annotated: a frame without an object has no removed lesion, which is less than 'no polyp' and is said in
the facts of every sample. The set's own converter takes the corners as they are written, so they count from 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from detector.errors import SourceError, UsageError
from detector.labels.text import number, read_table
from detector.labels.voc import read_voc
from training.importers.context import Context, Layout
from training.importers.intake import COMMON, Identity, Intake, files_below, images_below, natural
from training.samples import Sample

_VIDEO = re.compile(r"(?P<video>(?P<study>\d{3})-\d{3})_frames")
MEANS = "no removed lesion"


def _videos(root: Path) -> list[tuple[str, str, Path]]:
    if not root.is_dir():
        return []
    found = [(m["video"], m["study"], f) for f in root.iterdir() if (m := _VIDEO.fullmatch(f.name)) and f.is_dir()]
    return sorted(found)


def _labels(root: Path, video: str) -> Path | None:
    # The read-me says _annotation, the files that are handed out say _annotations.
    return next((p for p in (root / f"{video}_annotations", root / f"{video}_annotation") if p.is_dir()), None)


def _matches(root: Path) -> bool:
    return any(_labels(root, video) is not None for video, _, _ in _videos(root))


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    every = number(intake.option("every", default="1"))
    if not every >= 1 or every != int(every):
        raise UsageError(f"--option every={intake.option('every')} is no whole number from 1.")
    videos = _videos(root)
    if not videos:
        raise SourceError(f"{root} has no folder SSS-VVV_frames.", "Is it REAL-Colon, unpacked?")
    about = _table(root / "video_info.csv", "unique_video_name")
    lesions = _table(root / "lesion_info.csv", "unique_object_id")
    for table, lost in (("video_info.csv", "frame rates"), ("lesion_info.csv", "histology")):
        if not (root / table).is_file():
            intake.tally[f"table is missing ({table}): no {lost}"] += 1
    for video, study, folder in videos:
        labels = _labels(root, video)
        yield from _read_video(intake, video, study, folder, labels, about.get(video, {}), lesions, int(every))
    intake.close()


def _table(path: Path, key: str) -> dict[str, dict[str, str]]:
    return {row[key]: row for row in read_table(path, (key,))} if path.is_file() else {}


def _read_video(
    intake: Intake,
    video: str,
    study: str,
    folder: Path,
    labels: Path | None,
    about: Mapping[str, str],
    lesions: Mapping[str, Mapping[str, str]],
    every: int,
) -> Iterator[Sample]:
    files = {p.stem: p for p in files_below(labels, (".xml",))} if labels is not None else {}
    facts = {"no_polyp_means": MEANS}
    facts |= {k: about[k] for k in ("endoscope_brand", "bbps", "age", "sex") if about.get(k)}
    rate = number(about.get("fps"))
    for name, image in images_below(folder):
        order = _frame_number(name)
        if order is None:
            intake.bad(image, "broken name", "It does not end in a frame number.")
            files.pop(name, None)
            continue
        identity = Identity(centre=study, patient=video, sequence=video, order=order, facts=facts)
        if math.isfinite(rate) and rate > 0:
            identity["time_s"] = order / rate
        path = files.pop(name, None)
        marks = None
        told = None
        if path is not None:
            voc = intake.attempt(path, "broken xml", lambda p: read_voc(p, zero_based=True))
            if voc is None:
                continue
            marks, told = voc.marks, voc.size
            if not marks and order % every:
                intake.tally[f"frames without a removed lesion were left out (--option every={every})"] += 1
                continue
            described = _described([m.lesion for m in marks], lesions)
            identity["facts"] = facts | described if described else facts
        sample = intake.sample(image, f"{video}/{name}", marks, label=path or image, told=told, **identity)
        if sample is not None:
            yield sample
    for path in sorted(files.values(), key=lambda p: natural(p.name)):
        intake.bad(path, "missing image", "There is no frame for this annotation.")


def _frame_number(name: str) -> int | None:
    last = name.rpartition("_")[2]
    return int(last) if last.isdecimal() else None


def _described(ids: list[str], lesions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Histology, site and size of the lesions in a frame: `001-001_1: AD; 001-001_2: HP`."""
    columns = {"histology": "histology_class", "site": "site", "size_mm": "size [mm]"}
    found = {}
    for fact, column in columns.items():
        values = [f"{i}: {lesions[i][column]}" for i in dict.fromkeys(ids) if lesions.get(i, {}).get(column)]
        if values:
            found[fact] = "; ".join(values)
    return found


LAYOUTS = (
    Layout(
        "real-colon",
        "REAL-Colon: SSS-VVV_frames, SSS-VVV_annotations, video_info.csv, lesion_info.csv",
        _matches,
        _read,
        COMMON | {"every": "of the frames without a removed lesion keep every Nth (default: 1, all)"},
    ),
)
