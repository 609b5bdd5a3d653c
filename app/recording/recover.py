"""Recordings that a crash or a power cut has left without an end: found, made whole, and told of.

For a thread in the background, at the start of the program. Nothing is deleted whose content does not stand elsewhere:
a video is replaced once its repaired copy is on the disk, a line of a picture that is missing becomes that of a lost
one, and a file that cannot be read is put aside under another name.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from app.recording.lines import cut_torn_end
from app.recording.mark import (
    FRAMES_NAME,
    RECOVERED,
    RESULTS_NAME,
    is_unfinished,
    read_mark,
    release_lock,
    replace_file,
    take_lock,
    write_mark,
)
from app.recording.repair import NotRepaired, Repaired, Stopped, Unreadable, repaired
from detector.errors import OutputError

_LOG = logging.getLogger(__name__)
_FRAMES_HEAD = {"schema": "polypwatch.frames/1"}
_LOST_BY = "interrupted"
_ESTIMATED = "estimated"
_STOP_S = 3.0

_running: dict[Path, threading.Event] = {}
_running_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What became of a recording that had no end.

    Attributes:
        folder: of the recording.
        frames: pictures that can be seen again.
        seconds: how long they last.
        lost: pictures that are listed and not in a video. How many more came in the last second before the crash
            nobody knows.
        repaired: names of the videos that were made whole.
        put_aside: what could not be read and was renamed.
        trouble: why it is not whole yet, to be tried again; empty if it is.
    """

    folder: Path
    frames: int = 0
    seconds: float = 0.0
    lost: int = 0
    repaired: tuple[str, ...] = ()
    put_aside: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def words(self) -> str:
        """For a message."""
        if self.trouble:
            return f"The recording {self.folder.name} was interrupted and is not repaired yet: {self.trouble}."
        kept = f"{self.frames} pictures ({_minutes(self.seconds)}) are there"
        if self.lost:
            kept = f"{kept}, {self.lost} at the end are missing"
        said = f"The recording {self.folder.name} was interrupted and is repaired: {kept}."
        return f"{said} {', '.join(self.put_aside)} could not be read and was put aside." if self.put_aside else said


def unrecovered(root: Path) -> list[Path]:
    """Folders below ``root`` in which a recording has no end, and nobody is recording; oldest name first."""
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []
    return [folder for folder in folders if is_unfinished(folder)]


def recover(folder: Path) -> RecoveryReport:
    """Make an interrupted recording whole. May take as long as copying its last video; harmless if it is cut short.

    Raises:
        OutputError: the folder is in use, or cannot be read.
    """
    stop = threading.Event()
    key = folder.resolve()
    with _running_lock:
        if key in _running:
            raise OutputError(f"{folder} is being repaired already.")
        _running[key] = stop
    try:
        lock = take_lock(folder)
        if lock is None:
            raise OutputError(f"{folder} is being recorded into.", "Wait until that has ended.")
        try:
            return _recovered(folder, stop.is_set)
        finally:
            release_lock(folder, lock)
    except OSError as error:
        raise OutputError(f"The recording {folder} cannot be repaired: {error}.", "Look at the disk.") from error
    finally:
        with _running_lock:
            _running.pop(key, None)


def recover_later(folder: Path) -> None:
    """Recover in a thread of its own and log what came of it; what is cut short is found at the next start."""

    def run() -> None:
        try:
            _LOG.info("%s", recover(folder).words)
        except Exception as error:  # root of a thread
            _LOG.warning("%s was not repaired: %s", folder, error)

    threading.Thread(target=run, name="recovery", daemon=True).start()


def stop_recovering(folder: Path) -> None:
    """Let somebody have the folder who wants to record into it now; what was not done is done later."""
    key = folder.resolve()
    with _running_lock:
        stop = _running.get(key)
    if stop is None:
        return
    stop.set()
    deadline = time.monotonic() + _STOP_S
    while key in _running and time.monotonic() < deadline:
        time.sleep(0.01)


def _recovered(folder: Path, stop: Callable[[], bool]) -> RecoveryReport:
    mark = read_mark(folder) or {}
    for name in (FRAMES_NAME, RESULTS_NAME):
        if (folder / name).exists():
            cut_torn_end(folder / name)
    videos: dict[int, Repaired] = {}
    aside: list[str] = []
    for number, video in _videos(folder):
        try:
            videos[number] = repaired(video, stop)
        except Unreadable as error:
            aside.append(_put_aside(video))
            _LOG.warning("%s", error)
        except NotRepaired as error:
            trouble = "it is being recorded into" if isinstance(error, Stopped) else str(error)
            return RecoveryReport(folder, trouble=trouble)
    lost = _reconcile(folder / FRAMES_NAME, videos)
    report = RecoveryReport(
        folder,
        sum(len(video.times_s) for video in videos.values()),
        round(sum(video.times_s[-1] for video in videos.values()), 3),
        lost,
        tuple(f"video-{n:03d}.mkv" for n, video in videos.items() if video.was_cut),
        tuple(aside),
    )
    write_mark(folder, _mark(mark, videos, report))
    return report


def _videos(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in sorted(folder.glob("video-*.mkv")):
        number = path.stem.removeprefix("video-")
        if number.isdecimal():
            yield int(number), path


def _put_aside(video: Path) -> str:
    aside = video.with_name(f"{video.stem}.unreadable.mkv")
    video.rename(aside)
    return aside.name


def _reconcile(sidecar: Path, videos: dict[int, Repaired]) -> int:
    """Make the lines those of the pictures that are there; returns how many pictures are missing."""
    seen: Counter[int] = Counter()
    last: dict[int, dict[str, Any]] = {}
    missing = 0
    for row in _rows(sidecar):
        segment = row.get("segment")
        if segment is None:
            missing += row.get("lost") == _LOST_BY
            continue
        seen[segment] += 1
        last[segment] = row
        missing += segment not in videos or row["record_index"] >= len(videos[segment].times_s)
    as_seen = all(seen[n] == len(video.times_s) for n, video in videos.items()) and set(seen) <= set(videos)
    if not as_seen or not sidecar.exists() or not sidecar.stat().st_size:
        replace_file(sidecar, _mended(sidecar, videos, seen, last))
    return missing


def _mended(
    sidecar: Path, videos: dict[int, Repaired], seen: Counter[int], last: dict[int, dict[str, Any]]
) -> Iterator[bytes]:
    yield _line(_FRAMES_HEAD)
    for row in _rows(sidecar):
        segment = row.get("segment")
        if segment is not None and (segment not in videos or row["record_index"] >= len(videos[segment].times_s)):
            row |= {"segment": None, "record_index": None, "lost": _LOST_BY}
            row.pop("blanked", None)
        yield _line(row)
    for number, video in videos.items():
        for position in range(seen[number], len(video.times_s)):
            yield _line(_estimated(number, position, video, last.get(number)))


def _estimated(number: int, position: int, video: Repaired, last: dict[str, Any] | None) -> dict[str, Any]:
    """A line for a picture whose own was lost with the power: the disk takes files in any order."""
    before = last["record_index"] if last else -1
    ahead_ns = round((video.times_s[position] - (video.times_s[before] if last else 0.0)) * 1e9)
    unread = last is not None and last["capture_index"] < 0
    pts = None
    if last and last["pts"] is not None:
        pts = last["pts"] + round(ahead_ns / (Fraction(last["time_base"]) * 1_000_000_000))
    row = {
        "capture_index": -1 if unread else (last["capture_index"] if last else -1) + position - before,
        "record_index": position,
        "segment": number,
        "pts": pts,
        "time_base": last["time_base"] if last else None,
        "captured_ns": (last["captured_ns"] if last else 0) + ahead_ns,
        _ESTIMATED: True,
    }
    if last and "session" in last:
        row["session"] = last["session"]
    return row


def _rows(sidecar: Path) -> Iterator[dict[str, Any]]:
    try:
        file = sidecar.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue  # torn in the middle: a disk that lost a page
            if isinstance(row, dict) and "capture_index" in row:
                yield row


def _mark(mark: dict[str, Any], videos: dict[int, Repaired], report: RecoveryReport) -> dict[str, Any]:
    known = {s.get("file"): s for s in mark.get("segments", ()) if isinstance(s, dict)}
    segments = []
    for number, video in videos.items():
        name = f"video-{number:03d}.mkv"
        facts = {"file": name, **known.get(name, {})}
        segments.append(facts | {"frames": len(video.times_s), "seconds": video.times_s[-1], "complete": True})
    return {
        "state": RECOVERED,
        "sessions": mark.get("sessions", []),
        "segments": segments,
        "recovery": {"frames": report.frames, "lost": report.lost, "put_aside": list(report.put_aside)},
    }


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d} min"
