"""The files beside a video, written anew from the fields that are known to tell nothing of a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from app.qa.deidentify.plan import Clocks, Plan, preset, program
from app.qa.deidentify.video import CopiedVideo
from app.recording.mark import MARK_NAME, RESULTS_NAME, read_mark, write_mark
from app.results_log import SCHEMA as LIVE_SCHEMA
from app.results_log import LiveResult, read_live_results
from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video, save_annotation
from detector.errors import OutputError
from detector.geometry import as_boxes, clip
from detector.picture.area import Area
from detector.procedure import FRAMES_SCHEMA, SIDECAR, Procedure, RecordedFrame, file_sha256
from detector.results import Box, FrameRow, ResultsHeader, ResultsWriter, read_frames, read_header
from detector.scoring.joining import base_name

_SESSION_FIELDS = ("session", "software", "encoder", "rate")
_SEGMENT_FIELDS = ("file", "session", "frames", "blanked", "seconds", "complete")
_HEAD_FIELDS = (
    "role",
    "software",
    "model",
    "version",
    "variant",
    "sha256",
    "provider",
    "classes",
    "preset",
    "threshold",
    "keep_ratio",
    "min_seen_s",
    "min_display_s",
    "hold_s",
)
_LEAST_PX = 2.0

# -- boxes ------------------------------------------------------------------------------------------------------------


def moved_box(box: Iterable[float], area: Area | None) -> tuple[float, float, float, float] | None:
    """A box in the cropped picture; None if nothing of it is left there."""
    x1, y1, x2, y2 = box
    if area is None:
        return x1, y1, x2, y2
    shifted = as_boxes([[x1 - area.x, y1 - area.y, x2 - area.x, y2 - area.y]])
    a, b, c, d = (round(float(v), 3) for v in clip(shifted, area.size)[0])
    return (a, b, c, d) if c - a >= _LEAST_PX and d - b >= _LEAST_PX else None


# -- the recording ----------------------------------------------------------------------------------------------------


def write_sidecar(procedure: Procedure, folder: Path, clocks: Clocks) -> None:
    """`frames.jsonl`: which frame is which, on clocks that begin at 0.

    Raises:
        OutputError: the disk is full or gone.
    """
    rows = [f for s in procedure.segments for f in s.frames]
    lines = [{"schema": FRAMES_SCHEMA}, *(_frame(f, clocks) for f in (*rows, *procedure.lost))]
    write_lines(folder / SIDECAR, lines)


def _frame(frame: RecordedFrame, clocks: Clocks) -> dict[str, Any]:
    row: dict[str, Any] = {
        "capture_index": frame.capture_index,
        "segment": frame.segment,
        "record_index": frame.record_index,
        "pts": clocks.time(frame.session, frame.pts, frame.time_base),
        "time_base": _fraction(frame.time_base),
        "captured_ns": frame.captured_ns - clocks.captured_ns[frame.session],
        "session": frame.session,
    }
    return row | ({"blanked": True} if frame.blanked else {})


def _fraction(base: Fraction | None) -> str | None:
    return None if base is None else f"{base.numerator}/{base.denominator}"


def write_recording_mark(source: Path, folder: Path, plan: Plan, videos: Mapping[str, CopiedVideo]) -> None:
    """`recording.json`, if there is one: what it is made of, at shifted dates.

    Raises:
        OutputError: the disk is full or gone.
        FormatError: it is of a newer version.
    """
    mark = read_mark(source)
    if mark is None:
        return
    sessions = []
    for told in mark.get("sessions", ()):
        row = {k: told[k] for k in _SESSION_FIELDS if k in told}
        row |= {"software": program(told["software"])} if "software" in told else {}
        for name in ("started_utc", "ended_utc"):
            moved = plan.moved_text(told.get(name))
            row |= {name: moved} if moved else {}
        lost = told.get("lost")
        if isinstance(lost, dict):
            row["lost"] = {str(k): v for k, v in lost.items() if isinstance(v, int)}
        sessions.append(row)
    segments = []
    for told in mark.get("segments", ()):
        video = videos.get(str(told.get("file")))
        if video is not None:
            size = {"width": video.size.width, "height": video.size.height}
            segments.append({k: told[k] for k in _SEGMENT_FIELDS if k in told} | size)
    try:
        write_mark(folder, {"state": str(mark.get("state")), "sessions": sessions, "segments": segments})
    except OSError as error:
        raise OutputError(f"Cannot write {folder / MARK_NAME}: {error.strerror or error}.") from error


# -- what a model said ------------------------------------------------------------------------------------------------


def write_live_results(source: Path, folder: Path, plan: Plan, clocks: Clocks) -> None:
    """`results.jsonl`, if there is one.

    Raises:
        FormatError: it is damaged.
        OutputError: the disk is full or gone.
    """
    path = source / RESULTS_NAME
    if path.is_file():
        write_lines(folder / RESULTS_NAME, _live_lines(path, plan, clocks))


def _live_lines(path: Path, plan: Plan, clocks: Clocks) -> Iterable[dict[str, Any]]:
    heads: dict[str, dict[str, Any]] = {}
    session = 1
    last = -1
    for result in read_live_results(path):
        head = {"schema": LIVE_SCHEMA, **{k: result.head[k] for k in _HEAD_FIELDS if k in result.head}}
        head |= {"software": program(head.get("software")), "preset": preset(head.get("preset"))}
        second = "candidate" if result.role == "candidate" else "first"
        if heads.get(second) != head:
            heads[second] = head
            yield head
        index = int(result.row["capture_index"])
        found = clocks.sessions.get((index, int(result.row.get("captured_ns", -1))))
        session = found or (session + 1 if index < last - 100 and session + 1 in clocks.captured_ns else session)
        last = index
        yield _live_row(result, plan.crop, clocks, session)


def _live_row(result: LiveResult, area: Area | None, clocks: Clocks, session: int) -> dict[str, Any]:
    row = result.row
    place = {"role": result.role, "capture_index": row["capture_index"]}
    if result.failed:
        return place | {"failed": "the frame could not be analysed"}
    base = Fraction(str(row["time_base"])) if row.get("time_base") else None
    candidates = [[*box, c[4], c[5]] for c in row.get("candidates", ()) if (box := moved_box(c[:4], area))]
    markers = [
        {"track": m["track"], "box": list(box), "score": m["score"]}
        for m in row.get("markers", ())
        if (box := moved_box(m["box"], area))
    ]
    return place | {
        "captured_ns": int(row["captured_ns"]) - clocks.captured_ns.get(session, 0),
        "pts": clocks.time(session, row.get("pts"), base),
        "time_base": _fraction(base),
        "latency_ms": row.get("latency_ms"),
        "candidates": candidates,
        "markers": markers,
        "withheld": row.get("withheld"),
    }


def write_analysis(source: Path, target: Path, plan: Plan, videos: Mapping[str, CopiedVideo]) -> bool:
    """Results of a re-analysis; False if they are of another video.

    Args:
        source: of schema `polypwatch.detect/1`.
        target: where to.
        plan: of the copy.
        videos: the copied videos by the names of the originals.

    Raises:
        FormatError: they are damaged.
        OutputError: the disk is full or gone.
    """
    if any(base_name(row.file) not in videos for row in read_frames(source)):
        return False
    old = read_header(source)
    bases = {v.time_base for v in videos.values()}
    head = ResultsHeader(
        model=old.model.model_copy(),
        software=program(old.software),
        threshold=old.threshold,
        min_score=old.min_score,
        provider=old.provider,
        time_base=min(bases),
    )
    with ResultsWriter(target, head) as writer:
        for row in read_frames(source):
            writer.write(_result(row, plan.crop, videos[base_name(row.file)]))
    return True


def _result(row: FrameRow, area: Area | None, video: CopiedVideo) -> FrameRow:
    known = 0 <= row.index < len(video.pts)
    boxes = [
        Box(box=box, score=b.score, class_=b.class_, track=b.track)
        for b in row.detections
        if (box := moved_box(b.box, area)) is not None
    ]
    return FrameRow(
        file=video.path.name,
        index=row.index,
        pts=video.pts[row.index] if known else None,
        time_s=video.time_s(row.index) if known else None,
        width=None if row.width is None else video.size.width,
        height=None if row.height is None else video.size.height,
        status=row.status,
        error=None if row.error is None else "the frame could not be analysed",
        detections=tuple(boxes),
    )


# -- labels -----------------------------------------------------------------------------------------------------------


def write_labels(labels: Annotation, target: Path, plan: Plan, video: CopiedVideo) -> None:
    """Published labels, with readers' names replaced and free texts dropped.

    Raises:
        OutputError: the disk is full or gone.
    """
    frames: list[MarkedFrame] = []
    outside = 0
    for frame in labels.frames:
        marks = []
        for mark in frame.marks:
            box = moved_box(mark.box, plan.crop)
            outside += box is None
            if box is not None:
                marks.append(_mark(mark, box))
        if marks and frame.index < len(video.pts):
            frames.append(MarkedFrame(index=frame.index, pts=video.pts[frame.index], marks=tuple(marks)))
    if outside:
        plan.notes.append(f"{outside} boxes lie outside of the crop and were left out")
    last = len(video.pts) - 1
    copied = Annotation(
        software=program(labels.software),
        source="published labels, de-identified",
        video=Video(
            name=video.path.name,
            sha256=file_sha256(video.path),
            frame_count=len(video.pts),
            width=video.size.width,
            height=video.size.height,
            time_base=video.time_base,
        ),
        lesions=tuple(
            Lesion(id=x.id, paris=x.paris, size_mm=x.size_mm, note="", site=x.site, histology=x.histology, lst=x.lst)
            for x in labels.lesions
        ),
        reviewed=tuple(
            ReviewedRange(first=r.first, last=min(r.last, last), reviewer=plan.reader(r.reviewer))
            for r in labels.reviewed
            if r.first <= last
        ),
        frames=tuple(frames),
    )
    save_annotation(target, copied)


def _mark(mark: Mark, box: tuple[float, float, float, float]) -> Mark:
    extra = {"occluded": True} if (mark.model_extra or {}).get("occluded") is True else {}
    return Mark(lesion=mark.lesion, state=mark.state, box=box, visibility=mark.visibility, **extra)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines.

    Raises:
        OutputError: the disk is full or gone.
    """
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.", "Is the disk full or gone?") from error
