"""What a model found (`polypwatch.detect/1`), for other tools: CSV, Parquet, COCO results and MOT detections. Streamed.

A frame that could not be decoded or analysed has no boxes either: only the list of frames beside the boxes says so, and
MOT, which has none, says in the notes how many such frames there are.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol

from app import SOFTWARE
from app.qa.exchange.exporting import Exported, grown
from app.qa.exchange.pictures import make_folder, write_text
from app.qa.exchange.tables import require_pyarrow
from app.qa.progress import Progress, Stop, go_on, never, quiet
from detector.errors import OutputError, UsageError
from detector.results import FrameRow, read_frames, read_header

BOX_COLUMNS = ("video", "frame", "time_s", "x1", "y1", "x2", "y2", "score", "class", "track")
FRAME_COLUMNS = ("video", "frame", "time_s", "width", "height", "status", "error")
_EVERY = 500
_CHUNK = 50_000
Row = Mapping[str, Any]


class Writer(Protocol):
    """One format, while it is written."""

    def frame(self, row: Row, boxes: Sequence[Row]) -> None:
        """Add a frame with its boxes, as the columns above name their fields."""

    def close(self) -> None:
        """Complete the files."""


def export_results(
    files: Sequence[Path], form: str, out: Path, *, progress: Progress = quiet, stop: Stop = never
) -> Exported:
    """Write results in another tool's format.

    Args:
        files: of schema `polypwatch.detect/1`.
        form: csv, parquet, coco or mot.
        out: the folder; it must not be there yet, or be empty.
        progress: told how far it is.
        stop: asked whether to end early.

    Raises:
        UsageError: the format cannot hold results, or needs a package that is missing.
        FormatError: a file is damaged or of another schema.
        OutputError: the folder cannot be written, or holds something.
        Stopped: the user stopped it.
    """
    if form not in _WRITERS:
        raise UsageError(f"The format '{form}' cannot hold scores.", f"Take one of {', '.join(_WRITERS)}.")
    heads = [{"file": f.name, **read_header(f).model_dump(mode="json", by_alias=True)} for f in files]
    count, failed, videos = 0, 0, set()
    with grown(out) as folder:
        write_text(folder / "models.json", json.dumps(heads, ensure_ascii=False, indent=1) + "\n")
        with ExitStack() as stack:
            writer = _WRITERS[form](folder, stack)
            for file in files:
                for n, row in enumerate(read_frames(file), start=1):
                    if n % _EVERY == 0:
                        go_on(stop, "The export")
                        progress(file.name, n, 0)
                    frame, boxes = _rows(row)
                    writer.frame(frame, boxes)
                    count, failed = count + len(boxes), failed + (row.status != "ok")
                    videos.add(row.file)
            writer.close()
    notes = []
    if failed:
        where = "the format cannot say so" if form == "mot" else "their status stands in the list of frames"
        notes.append(f"{failed} frames were not analysed and have no boxes for that reason: {where}")
    return Exported(out, len(videos), count, tuple(notes))


def _rows(row: FrameRow) -> tuple[Row, list[Row]]:
    place = {"video": row.file, "frame": row.index, "time_s": row.time_s}
    told = {"width": row.width, "height": row.height, "status": row.status, "error": row.error}
    boxes: list[Row] = [
        place
        | dict(zip(("x1", "y1", "x2", "y2"), b.box, strict=True))
        | {"score": b.score, "class": b.class_, "track": b.track}
        for b in row.detections
    ]
    return place | told, boxes


def _opened(path: Path, stack: ExitStack) -> IO[str]:
    try:
        return stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.", "Is the disk full or gone?") from error


class _Csv:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._boxes = csv.DictWriter(_opened(folder / "boxes.csv", stack), BOX_COLUMNS, lineterminator="\n")
        self._frames = csv.DictWriter(_opened(folder / "frames.csv", stack), FRAME_COLUMNS, lineterminator="\n")
        self._boxes.writeheader()
        self._frames.writeheader()

    def frame(self, row: Row, boxes: Sequence[Row]) -> None:
        self._frames.writerow(row)
        self._boxes.writerows(boxes)

    def close(self) -> None:
        pass


class _Parquet:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        pa = self._pa = require_pyarrow()
        whole, real, text = pa.int64(), pa.float64(), pa.string()
        boxes = (text, whole, real, real, real, real, real, real, text, whole)
        frames = (text, whole, real, whole, whole, text, text)
        self._parts = []
        for name, columns, kinds in (("boxes", BOX_COLUMNS, boxes), ("frames", FRAME_COLUMNS, frames)):
            schema = pa.schema(list(zip(columns, kinds, strict=True)))
            writer = stack.enter_context(pa.parquet.ParquetWriter(folder / f"{name}.parquet", schema))
            self._parts.append((writer, schema, list[Row]()))

    def frame(self, row: Row, boxes: Sequence[Row]) -> None:
        self._parts[0][2].extend(boxes)
        self._parts[1][2].append(row)
        for part in self._parts:
            if len(part[2]) >= _CHUNK:
                self._flush(*part)

    def close(self) -> None:
        for part in self._parts:
            self._flush(*part)

    def _flush(self, writer: Any, schema: Any, rows: list[Row]) -> None:
        writer.write_table(self._pa.Table.from_pylist(rows, schema=schema))
        rows.clear()


class _Coco:
    """COCO's list of results, and the images that its ids name."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._results = _opened(folder / "results.json", stack)
        self._images = _opened(folder / "images.json", stack)
        self._results.write("[")
        info = json.dumps({"contributor": SOFTWARE})
        self._images.write(f'{{"info": {info}, "annotations": [], "images": [')
        self._videos: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        self._count = self._boxes = 0

    def frame(self, row: Row, boxes: Sequence[Row]) -> None:
        self._count += 1
        image = {
            "id": self._count,
            "file_name": f"{row['video']}#{row['frame']:06d}",
            "width": row["width"],
            "height": row["height"],
            "video_id": self._videos.setdefault(row["video"], len(self._videos) + 1),
            "frame_id": row["frame"],
            "status": row["status"],
        }
        self._images.write(f"{',' if self._count > 1 else ''}\n{json.dumps(image, ensure_ascii=False)}")
        for b in boxes:
            found = {
                "image_id": self._count,
                "category_id": self._kinds.setdefault(b["class"], len(self._kinds) + 1),
                "bbox": [b["x1"], b["y1"], b["x2"] - b["x1"], b["y2"] - b["y1"]],
                "score": b["score"],
            }
            found |= {} if b["track"] is None else {"track_id": b["track"]}
            self._results.write(f"{',' if self._boxes else ''}\n{json.dumps(found)}")
            self._boxes += 1

    def close(self) -> None:
        self._results.write("\n]\n")
        videos = json.dumps([{"id": n, "name": name} for name, n in self._videos.items()], ensure_ascii=False)
        kinds = json.dumps([{"id": n, "name": name} for name, n in self._kinds.items()], ensure_ascii=False)
        self._images.write(f'\n], "videos": {videos}, "categories": {kinds}}}\n')


class _Mot:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._files: dict[str, IO[str]] = {}

    def frame(self, row: Row, boxes: Sequence[Row]) -> None:
        file = self._files.get(row["video"]) or self._begin(row["video"])
        for b in boxes:
            track = -1 if b["track"] is None else b["track"]
            numbers = (b["x1"], b["y1"], b["x2"] - b["x1"], b["y2"] - b["y1"], b["score"])
            file.write(f"{b['frame'] + 1},{track},{','.join(f'{v:.6g}' for v in numbers)},-1,-1,-1\n")

    def close(self) -> None:
        pass

    def _begin(self, video: str) -> IO[str]:
        stem = Path(video.replace("\\", "/")).stem or "video"
        folder = self._folder / f"{len(self._files) + 1:03d}-{stem}" / "det"
        make_folder(folder)
        file = self._files[video] = _opened(folder / "det.txt", self._stack)
        return file


_WRITERS: dict[str, Callable[[Path, ExitStack], Writer]] = {
    "csv": _Csv,
    "parquet": _Parquet,
    "coco": _Coco,
    "mot": _Mot,
}
