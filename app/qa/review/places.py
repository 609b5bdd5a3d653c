"""Whose review lies where, which videos it is of, and who has it open."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.qa.review.log import VideoId
from detector.errors import FormatError, UsageError
from detector.file_lock import FileLock

if TYPE_CHECKING:
    from app.qa.opened import Opened

_IN_FOLDER = re.compile(r"review-(?P<slug>[^/\\]+)\.jsonl")
_BESIDE = re.compile(r".+\.review-(?P<slug>[^/\\]+)\.jsonl")


def slug_of(reviewer: str) -> str:
    """A reader's name as a part of a file name: `Anna Rossi` becomes `anna-rossi`.

    Letters that ASCII has not are told apart by a hash behind the name, so that no two readers share a file.

    Raises:
        UsageError: the name has no letter or digit.
    """
    name = " ".join(reviewer.split())
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40]
    if not any(c.isalnum() for c in name):
        raise UsageError("A reviewer needs a name with letters or digits.", "Give the name under which you review.")
    if slug.replace("-", " ") != name.casefold():
        mark = hashlib.sha256(name.casefold().encode()).hexdigest()[:6]
        slug = f"{slug}-{mark}" if slug else mark
    return slug


def log_path(opened: Opened, reviewer: str, folder: Path | None = None) -> Path:
    """Where a reader's log of a procedure is: in a recording's folder, beside a plain video, or in a folder of reviews.

    Raises:
        UsageError: the name has no letter or digit.
    """
    name = f"review-{slug_of(reviewer)}.jsonl"
    if folder is not None:
        # Of two videos of one name in two folders: told apart by what they hold, which no move of a drive changes.
        videos = [(v.name, v.bytes) for v in videos_of(opened)]
        return folder / f"{opened.path.name}-{hashlib.sha256(repr(videos).encode()).hexdigest()[:8]}.{name}"
    if _is_single(opened):
        return opened.path.with_name(f"{opened.path.stem}.{name}")
    return opened.path / name


def _is_single(opened: Opened) -> bool:
    return not opened.path.is_dir()


def other_logs(path: Path) -> list[Path]:
    """The logs of the same procedure by other readers, sorted."""
    prefix = path.name[: path.name.rfind("review-")]
    found = path.parent.glob(f"{glob_safe(prefix)}review-*.jsonl")
    return sorted(p for p in found if p != path and is_log(p))


def is_log(path: Path) -> bool:
    """Whether a file is named like the log of a review."""
    return bool(_IN_FOLDER.fullmatch(path.name) or _BESIDE.fullmatch(path.name))


def glob_safe(text: str) -> str:
    """A name in which nothing is taken for a wildcard."""
    return re.sub(r"([\[\]*?])", r"[\1]", text)


def videos_of(opened: Opened) -> tuple[VideoId, ...]:
    """Which videos a procedure has, without reading them."""
    made = []
    for segment, size in zip(opened.procedure.segments, opened.sizes, strict=True):
        first, behind = opened.axis.of_segment(segment.number)
        labels = segment.annotation
        made.append(
            VideoId(
                name=segment.video.name,
                bytes=segment.video.stat().st_size if segment.video.is_file() else 0,
                frames=behind - first,
                width=size.width,
                height=size.height,
                sha256=labels.video.sha256 if labels is not None else None,
            )
        )
    return tuple(made)


def require_same(said: Sequence[VideoId], found: Sequence[VideoId], log: Path) -> None:
    """Refuse a log of another procedure: its boxes would lie on pictures that nobody saw.

    Raises:
        FormatError: the videos differ in number, size or length.
    """
    problem = ""
    if len(said) != len(found):
        problem = f"it was made of {len(said)} videos, and there are {len(found)}"
    for was, now in zip(said, found, strict=False):
        if was.bytes != now.bytes or (None not in (was.sha256, now.sha256) and was.sha256 != now.sha256):
            problem = problem or f"'{was.name}' held {was.bytes} bytes, and '{now.name}' holds {now.bytes}"
        elif was.frames != now.frames:
            problem = problem or f"'{was.name}' had {was.frames} frames, and now {now.frames} were counted"
    if problem:
        raise FormatError(
            f"{log} is the review of another video: {problem}.",
            "Put the reviewed video back, or move the review to another folder. Nothing was changed.",
        )


class Holding:
    """The right to write a log, and a word for others on who has it."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._path = path
        self._lock = lock

    @classmethod
    def take(cls, log: Path, reviewer: str) -> Holding | None:
        """The right to write; None if somebody else has it.

        Raises:
            OSError: the folder cannot be written.
        """
        path = _lock_path(log)
        for _ in range(3):
            lock = FileLock.take(path)
            if lock is None:
                return None
            # Who had it before may have deleted the file in between: then this is a lock on nothing.
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                    _say(lock, {"reviewer": reviewer, "process": os.getpid(), "utc": now_utc()})
                    return cls(path, lock)
            lock.release()
        return None

    def release(self) -> None:
        """Let others have it, and leave nothing behind."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._lock.release()
        with contextlib.suppress(OSError):
            if os.name == "nt":
                self._path.unlink()  # where an open file cannot be deleted


def holder_of(log: Path) -> str:
    """Who has a log open, in words."""
    said: Any = None
    with contextlib.suppress(OSError, ValueError), _lock_path(log).open("rb", buffering=0) as file:
        file.seek(1)  # the first byte is what is locked on Windows
        said = json.loads(file.read())
    if not isinstance(said, dict):
        return "Another window has this review open."
    return (
        f"{said.get('reviewer')} has this review open in another window "
        f"(since {said.get('utc')} UTC, process {said.get('process')})."
    )


def now_utc() -> str:
    """The wall clock, to the millisecond: `2026-03-01T07:30:00.000Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lock_path(log: Path) -> Path:
    return log.with_name(log.name + ".lock")


def _say(lock: FileLock, said: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.ftruncate(lock.fileno(), 0)
        os.lseek(lock.fileno(), 0, os.SEEK_SET)
        os.write(lock.fileno(), b" " + json.dumps(said).encode())
