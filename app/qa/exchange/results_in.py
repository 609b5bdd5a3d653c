"""A foreign model's boxes with scores as results of ours (`polypwatch.detect/1`), to be compared like any other's.

Files: our own exports of results, COCO's list of results beside its images, MOT's `det.txt`, or a table with a column
`score`. Frames of which the files say nothing were not analysed: only a list of frames, or the user's word that the
model saw all of them, makes an empty frame mean that nothing was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from app import SOFTWARE
from app.qa.exchange.model import KIND, BoxTuple
from app.qa.exchange.tables import require_pyarrow
from app.qa.exchange.targets import Target, targets_of
from app.qa.reanalysis import analysis_path
from detector.annotation import Video
from detector.decode import decode_frames
from detector.errors import FormatError, OutputError, SourceError, UsageError
from detector.labels.mot import BrokenRow, MotRow, read_mot
from detector.labels.text import number, read_json, read_table, whole
from detector.results import Box, FrameRow, ModelRef, ResultsHeader, ResultsWriter

_BORDER_PX = 2.0
_MIN_SCORE = 0.01
Status = Literal["ok", "undecodable", "failed"]


@dataclass(slots=True)
class _Found:
    """Boxes by frame, best first in the end; `listed` are frames that the files name, with their status."""

    boxes: dict[int, list[tuple[BoxTuple, float, str, int | None]]] = field(default_factory=dict)
    listed: dict[int, Status] = field(default_factory=dict)


def import_results(
    path: Path,
    procedure: Path,
    model: ModelRef,
    threshold: float,
    *,
    form: str | None = None,
    whole_video: bool = False,
) -> tuple[Path, tuple[str, ...]]:
    """Write a foreign model's boxes beside the video that they are of.

    Args:
        path: the file, or the folder of an export of one video's results.
        procedure: a plain video, or a recording of one.
        model: what answered; its hash may be all zeros where nobody knows it.
        threshold: its operating point.
        form: csv, parquet, coco or mot; None: what it looks like.
        whole_video: the user's word that the model saw every frame.

    Returns:
        The results file, and what must be said.

    Raises:
        UsageError: the format is not known, or the procedure has several videos.
        SourceError: a file cannot be opened.
        FormatError: the boxes are damaged, or do not fit the video.
        OutputError: the file cannot be written, or is there already.
    """
    targets = targets_of([procedure])
    if len(targets) != 1:
        raise UsageError(f"{procedure} has {len(targets)} videos.", "Import results to one video at a time.")
    target, video = targets[0], targets[0].facts()
    found = _READERS[_form(path, form)](path)
    _check(found, video, path)
    out = analysis_path(target.procedure, model)
    if out.exists():
        raise OutputError(f"{out} exists already; nothing is written over.", "Give the model another version.")
    notes = []
    if not found.listed and not whole_video:
        notes.append("frames without a box count as not analysed, as nothing says that the model saw them")
    _write(out, found, target, video, _Answering(model, threshold), whole_video)
    return out, tuple(notes)


@dataclass(frozen=True, slots=True)
class _Answering:
    """What answered, and from which score on it counts."""

    model: ModelRef
    threshold: float


def _form(path: Path, form: str | None) -> str:
    if form is not None and form not in _READERS:
        raise UsageError(f"The format '{form}' cannot hold scores.", f"Take one of {', '.join(_READERS)}.")
    if form is not None:
        return form
    if not path.exists():
        raise SourceError(f"{path} does not exist.", "Check the spelling.")
    name = next((n for n, file in _FILES.items() if (path / file).is_file()), _SUFFIXES.get(path.suffix.lower()))
    if name is None:
        raise UsageError(f"{path} looks like no results that are known.", f"Say --format: {', '.join(_READERS)}.")
    return name


def _check(found: _Found, video: Video, path: Path) -> None:
    for index in {*found.boxes, *found.listed}:
        if not 0 <= index < video.frame_count:
            raise FormatError(
                f"{path} has frame {index}, but {video.name} has {video.frame_count} frames.", "Is it of another video?"
            )
    for index, rows in found.boxes.items():
        for (x1, y1, x2, y2), score, _, _ in rows:
            wide = -_BORDER_PX <= x1 < x2 <= video.width + _BORDER_PX
            if not (wide and -_BORDER_PX <= y1 < y2 <= video.height + _BORDER_PX):
                raise FormatError(
                    f"{path}, frame {index}: the box {x1:g}, {y1:g}, {x2:g}, {y2:g} is not inside a picture of "
                    f"{video.width}x{video.height}.",
                    "Is it of another video?",
                )
            if not 0 <= score <= 1:
                raise FormatError(f"{path}, frame {index}: the score {score:g} is not between 0 and 1.")


def _write(out: Path, found: _Found, target: Target, video: Video, what: _Answering, whole_video: bool) -> None:
    base: Fraction = video.time_base
    head = ResultsHeader(
        model=what.model,
        software=f"imported by {SOFTWARE}",
        threshold=what.threshold,
        min_score=_MIN_SCORE,
        provider="unknown",
        time_base=base,
    )
    told = {**dict.fromkeys(found.boxes, "ok"), **found.listed}
    wanted = range(video.frame_count) if whole_video else frozenset(told)
    with ResultsWriter(out, head) as writer:
        for frame in decode_frames(target.video, wanted):
            rows = sorted(found.boxes.get(frame.index, ()), key=lambda r: -r[1])
            status: Any = told.get(frame.index, "ok")
            boxes = tuple(Box(box=b, score=s, class_=kind, track=track) for b, s, kind, track in rows)
            writer.write(
                FrameRow(
                    file=target.video.name,
                    index=frame.index,
                    pts=frame.pts,
                    time_s=frame.time_s,
                    width=video.width,
                    height=video.height,
                    status=status,
                    error=None if status == "ok" else "as the other tool said",
                    detections=boxes if status == "ok" else (),
                )
            )


# -- the formats ------------------------------------------------------------------------------------------------------


def _table(path: Path, suffix: str, read: Any) -> _Found:
    folder = path if path.is_dir() else path.parent
    boxes = path if path.is_file() else path / f"boxes{suffix}"
    found = _Found()
    for row in read(boxes, ("frame", "x1", "y1", "x2", "y2", "score")):
        box = tuple(number(row.get(k)) for k in ("x1", "y1", "x2", "y2"))
        track = whole(str(row.get("track") or ""))
        _add(found, row.get("frame"), box, number(row.get("score")), str(row.get("class") or KIND), track, boxes)
    if (folder / f"frames{suffix}").is_file():
        for row in read(folder / f"frames{suffix}", ("frame", "status")):
            index = whole(str(row["frame"]))
            if index is None or row["status"] not in ("ok", "undecodable", "failed"):
                raise FormatError(f"{folder / f'frames{suffix}'}: frame {row['frame']} has no status of ours.")
            found.listed[index] = row["status"]
    return found


def _csv(path: Path) -> _Found:
    return _table(path, ".csv", read_table)


def _parquet(path: Path) -> _Found:
    pa = require_pyarrow()

    def read(file: Path, needed: tuple[str, ...]) -> list[Mapping[str, Any]]:
        try:
            table = pa.parquet.read_table(file)
        except (OSError, pa.ArrowException) as error:
            raise FormatError(f"{file} is no Parquet file that can be read ({error}).") from error
        if missing := set(needed) - set(table.column_names):
            raise FormatError(f"{file} has no column '{sorted(missing)[0]}'.")
        return list(table.to_pylist())

    return _table(path, ".parquet", read)


def _coco(path: Path) -> _Found:
    results = path if path.is_file() else path / "results.json"
    images = read_json(results.with_name("images.json"))
    rows = read_json(results)
    try:
        frames = {i["id"]: (int(i["frame_id"]), i.get("status", "ok")) for i in images["images"]}
        kinds = {c["id"]: str(c["name"]) for c in images.get("categories", ())}
        found = _Found(listed=dict(frames.values()))
        for row in rows:
            x, y, w, h = (float(v) for v in row["bbox"])
            kind = kinds.get(row["category_id"], KIND)
            box = (x, y, x + w, y + h)
            _add(found, frames[row["image_id"]][0], box, row["score"], kind, row.get("track_id"), results)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{results} is no list of COCO results with frame_id ({error!r}).") from error
    return found


def _mot(path: Path) -> _Found:
    files = [path] if path.is_file() else sorted(path.rglob("det.txt"))
    if len(files) != 1:
        raise UsageError(f"{path} holds {len(files)} det.txt.", "Name one.")
    found = _Found()
    lines = [line.split(",") for line in files[0].read_text(encoding="utf-8").splitlines() if line.strip()]
    rows: list[MotRow | BrokenRow] = list(read_mot(files[0]).rows)
    for row, fields in zip(rows, lines, strict=True):
        if isinstance(row, BrokenRow) or len(fields) < 7:
            raise FormatError(f"{files[0]}, line {row.line} is not frame, id, left, top, width, height, score.")
        box = (row.left, row.top, row.left + row.width, row.top + row.height)
        _add(found, row.frame - 1, box, number(fields[6]), KIND, whole(row.lesion), files[0])
    return found


def _add(found: _Found, frame: Any, box: Any, score: float, kind: str, track: int | None, path: Path) -> None:
    index = whole(str(frame))
    if index is None:
        raise FormatError(f"{path}: the frame '{frame}' is no whole number.")
    found.boxes.setdefault(index, []).append((box, score, kind, track))


_READERS = {"csv": _csv, "parquet": _parquet, "coco": _coco, "mot": _mot}
_FILES = {"csv": "boxes.csv", "parquet": "boxes.parquet", "coco": "results.json"}
_SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".json": "coco", ".txt": "mot"}
