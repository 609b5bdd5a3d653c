"""Label Studio: JSON export of video projects (`videorectangle`).

What the format means (label-studio's editor, `VideoRegion`, and `label_studio_tools/postprocessing/video.py`):

- A region is one lesion. Its `sequence` holds key frames: `frame` from 1, box in per cent of the picture, `enabled`.
- Between an enabled key frame and the next one the box is interpolated linearly; behind the last enabled one it stands
  still to the end of the video. At a key frame with `enabled: false` the box is visible for the last time.
- An export with interpolated key frames marks those as `auto`, and no longer says where a lesion was switched off: in
  such an annotation exactly the listed frames have a box.
- The editor is a browser: it numbers frames by *time* and the frame rate that the project was given (24 or 25 if nobody
  said one), not by what the video holds. So the numbers are right only if that rate is the video's, and constant; this
  is checked on every frame. Otherwise `--option frames=time` finds each frame's box by its time.
"""

from __future__ import annotations

import mmap
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from detector.errors import FormatError, SourceError
from detector.geometry import Size
from detector.labels.text import number, read_json
from training.importers.clip_files import VIDEO_OPTIONS, clip_name, find_video, is_ignored, yes
from training.importers.clips import OPTIONS, REPORTED, Clip, FrameLabel, import_clips
from training.importers.context import Context, Layout
from training.importers.intake import Intake, Mark, files_below, whole
from training.samples import Sample

_TYPE = "videorectangle"
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
_MOST_DRIFT_FRAMES = 0.75
"""Rounding of `framesCount` moves the last frame by up to half a frame; three quarters are another rate."""
_SAME_FRAME = 0.5


@dataclass(frozen=True, slots=True)
class _Key:
    frame: int
    enabled: bool
    box: tuple[float, float, float, float]  # x, y, width, height in per cent


@dataclass(frozen=True, slots=True)
class _Region:
    """One lesion: key frames in order; `listed_only`: nothing lies between them; `turned`: some boxes are rotated."""

    lesion: str
    kind: str
    keys: tuple[_Key, ...]
    listed_only: bool
    turned: bool

    def at(self, position: float, last: float) -> tuple[float, float, float, float] | None:
        """The box in per cent at a frame position from 1 (a fraction lies between frames), or None."""
        before = bisect_right(self.keys, position, key=lambda k: k.frame) - 1
        if before < 0 or position >= last + _SAME_FRAME:
            return None
        key = self.keys[before]
        if self.listed_only:
            return key.box if position - key.frame < 2 * _SAME_FRAME else None
        if not key.enabled:
            return key.box if position - key.frame < _SAME_FRAME else None
        if before + 1 == len(self.keys):
            return key.box
        after = self.keys[before + 1]
        share = (position - key.frame) / (after.frame - key.frame)
        a, b = key.box, after.box
        return (
            a[0] + (b[0] - a[0]) * share,
            a[1] + (b[1] - a[1]) * share,
            a[2] + (b[2] - a[2]) * share,
            a[3] + (b[3] - a[3]) * share,
        )


@dataclass(slots=True)
class _Task:
    """One video of the project; `frames` and `duration_s` as the editor counted them, None if no region says so."""

    number: int
    url: str
    regions: list[_Region] = field(default_factory=list)
    frames: int | None = None
    duration_s: float | None = None
    annotated: bool = False


def _read(root: Path, context: Context) -> Iterator[Sample]:
    intake = Intake.of(root, context)
    by_time = intake.option("frames", ("number", "time"), "number") == "time"
    reviewed = yes(context, "reviewed")
    files = [root] if root.is_file() else sorted(p for p in files_below(root, {".json"}) if _is_export(p))
    if not files:
        raise SourceError(f"{root} holds no JSON export of Label Studio.", "Export the project as JSON.")
    clips: list[Clip] = []
    tasks = [(file, task) for file in files for task in _tasks(file, intake)]
    for file, task in tasks:
        if not task.annotated:
            intake.tally["tasks have no submitted annotation and were left out"] += 1
            continue
        try:
            clips.append(_clip(root, file, task, context, reviewed, by_time))
            if task.regions and not (task.frames and task.duration_s):
                intake.tally["tasks give no framesCount or duration: their frame rate could not be checked"] += 1
        except (SourceError, FormatError) as error:
            if len(tasks) == 1:
                raise
            intake.bad(file, "unusable clip", f"Task {task.number}: {error}")
    intake.close()
    yield from import_clips(root, context, clips)


def _clip(root: Path, file: Path, task: _Task, context: Context, reviewed: bool, by_time: bool) -> Clip:
    names = _names(task.url)
    video = find_video(file, names, context)
    name = "/".join(p for p in (clip_name(root, file.parent / "labels", ""), video.stem) if p)
    rate = task.frames / task.duration_s if task.frames and task.duration_s else None
    first: list[float] = []

    def label(index: int, time_s: float, size: Size) -> FrameLabel | None:
        first.append(time_s) if not first else None
        since_s = time_s - first[0]
        position: float = index + 1
        if by_time:
            if rate is None:
                raise FormatError(f"{file}, task {task.number} does not give framesCount and duration, so no rate.")
            position = since_s * rate + 1
        elif rate is not None and abs(since_s * rate - index) > _MOST_DRIFT_FRAMES:
            raise FormatError(
                f"{file}, task {task.number} was labelled at {rate:.3f} frames/s: its frame "
                f"{round(since_s * rate) + 1} is frame {index + 1} of {video} (both from 1).",
                "Say --option frames=time to find the frames by their time.",
            )
        last = float(task.frames) if task.frames else float("inf")
        found = [(r, r.at(position, last)) for r in task.regions]
        if any(r.turned and box is not None for r, box in found):
            return REPORTED
        marks = tuple(_mark(r, box, size, context) for r, box in found if box is not None)
        return FrameLabel(marks) if marks or reviewed else None

    def check(count: int) -> None:
        if not by_time and task.frames is not None and abs(task.frames - count) > 1:
            raise FormatError(
                f"{file}, task {task.number} labels {task.frames} frames, but {video} has {count}.",
                "Use the video that was labelled; if it is, say --option frames=time to find the frames by their time.",
            )

    return Clip(name, file, label, video, check=check)


def _mark(region: _Region, box: tuple[float, float, float, float], size: Size, context: Context) -> Mark:
    x, y, width, height = (v * side / 100 for v, side in zip(box, (*size, *size), strict=True))
    return Mark((x, y, x + width, y + height), region.kind, region.lesion, ignored=is_ignored(context, region.kind))


def _names(url: str) -> list[str]:
    """File names that a video may have, from its address: uploads have eight digits and a dash in front."""
    parts = urlsplit(url)
    local = parse_qs(parts.query).get("d")
    name = Path(unquote(local[0] if local else parts.path)).name
    return [name, _UPLOAD_PREFIX.sub("", name)]


# -- the JSON ---------------------------------------------------------------------------------------------------------


def _tasks(file: Path, intake: Intake) -> list[_Task]:
    data = read_json(file)
    if not isinstance(data, list) or not all(isinstance(t, dict) for t in data):
        raise FormatError(f"{file} is no JSON export of Label Studio: it is no list of tasks.")
    if any("annotations" not in t for t in data):
        raise FormatError(f"{file} is a short export (JSON-MIN) or no export.", "Export the project as plain JSON.")
    return [_task(number_, entry, file, intake) for number_, entry in enumerate(data, start=1)]


def _task(at: int, entry: Mapping[str, Any], file: Path, intake: Intake) -> _Task:
    given = entry.get("data")
    texts = [v for v in given.values() if isinstance(v, str)] if isinstance(given, dict) else []
    url = given.get("video") if isinstance(given, dict) and isinstance(given.get("video"), str) else None
    task = _Task(whole(entry.get("id", "")) or at, url or (texts[0] if texts else ""))
    annotation = _chosen(entry["annotations"], file, task, intake)
    if annotation is None:
        return task
    task.annotated = True
    results = [r for r in annotation.get("result", []) if isinstance(r, dict) and r.get("type") == _TYPE]
    values = [r["value"] for r in results if isinstance(r.get("value"), dict)]
    interpolated = any(isinstance(k, dict) and k.get("auto") for v in values for k in v.get("sequence", ()))
    for result in results:
        value = result.get("value")
        if not isinstance(value, dict):
            raise FormatError(f"{file}, task {task.number}: region {result.get('id')} has no value.")
        kind = ", ".join(str(v) for v in value.get("labels", ()))
        if not intake.wanted(kind):
            continue
        where = f"{file}, task {task.number}, region {result.get('id')}"
        keys = _keys(value.get("sequence"), where)
        turned = any(number(k.get("rotation", 0)) != 0 for k in value["sequence"])
        if turned:
            what = f"Task {task.number}, region {result.get('id')} has turned boxes; its frames are left out."
            intake.bad(file, "turned box", what)
        task.regions.append(_Region(str(result.get("id", "")), kind, keys, interpolated, turned))
    for value in values:
        task.frames = task.frames or whole(value.get("framesCount", ""))
        duration = number(value.get("duration"))
        task.duration_s = task.duration_s or (duration if duration > 0 else None)
    return task


def _chosen(annotations: Any, file: Path, task: _Task, intake: Intake) -> Mapping[str, Any] | None:
    """The annotation that counts: the one marked as ground truth, else the newest that was not cancelled."""
    if not isinstance(annotations, list) or not all(isinstance(a, dict) for a in annotations):
        raise FormatError(f"{file}, task {task.number}: 'annotations' is no list.")
    valid = [a for a in annotations if not a.get("was_cancelled")]
    if len(valid) > 1:
        intake.tally["tasks have several annotations; the ground truth, else the newest, was taken"] += 1
    ranked = sorted(valid, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at", "")), str(a.get("id"))))
    return ranked[-1] if ranked else None


def _keys(sequence: Any, where: str) -> tuple[_Key, ...]:
    if not isinstance(sequence, Sequence) or not all(isinstance(k, dict) for k in sequence):
        raise FormatError(f"{where} has no sequence of key frames.")
    keys: dict[int, _Key] = {}
    for entry in sequence:
        frame = whole(entry.get("frame", ""))
        if frame is None or frame < 1:
            raise FormatError(f"{where}: {entry.get('frame')!r} is no frame number from 1.")
        x, y, width, height = (number(entry.get(k)) for k in ("x", "y", "width", "height"))
        keys[frame] = _Key(frame, bool(entry.get("enabled", True)), (x, y, width, height))
    return tuple(keys[f] for f in sorted(keys))


def _is_export(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.read(1):
            return False
        # Mapped, not read: predictions may fill megabytes before the first region.
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return text.find(f'"{_TYPE}"'.encode()) >= 0


def _matches(root: Path) -> bool:
    files = [root] if root.is_file() else sorted(root.glob("*.json"))[:50]
    return any(p.suffix.lower() == ".json" and _is_export(p) for p in files)


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "label-studio",
        "Label Studio's JSON export of a video project, with its videos",
        _matches,
        _read,
        OPTIONS
        | VIDEO_OPTIONS
        | {
            "reviewed": "yes: frames of a submitted task without a box show no polyp (default no: left out as unknown)",
            "frames": "number (default): frame numbers are the video's; time: find frames by time, for projects with "
            "another frame rate and for videos with a variable one",
        },
    ),
)
