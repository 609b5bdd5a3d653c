"""Thousands of made procedures: folders with small sidecars as an examination leaves them, all with one short video.

Journals, marks, heads of results and review logs are of the real formats, so that the scanner's own code reads them;
the video is a hard link to the same few pictures, and the sidecar lists only its first frames.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.examination.events import (
    Clock,
    End,
    Event,
    ModelUsed,
    PolypFound,
    PolypRemoved,
    ScopeIn,
    ScopeOut,
    Start,
    encode,
)
from app.examination.store import JOURNAL_NAME
from app.qa.review.log import sealed
from app.recording.mark import COMPLETE, FRAMES_NAME, RESULTS_NAME, write_mark

_BEGUN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_RATE = 25
_MODELS = (("fast", "0.1.0"), ("fast", "0.2.0"), ("accurate", "0.1.0"))
_READERS = ("Anna Rossi", "Marco Bianchi", "Jo Kim")
_CODES = ("E01", "E02", "E03", "E04", "E05", "E07")
_WHY = ("screening", "FIT positive", "surveillance", "bleeding", "polyposis")


def make_library(folder: Path, count: int, video: Path, seed: int = 1) -> list[Path]:
    """Write ``count`` procedures below a folder; returns theirs.

    Args:
        folder: is made.
        count: how many; every ninth is a plain video, every twentieth an examination that was not ended.
        video: a short video of the recorder's kind (MKV).
        seed: what they hold.
    """
    chance = random.Random(seed)
    made = []
    for number in range(count):
        began = _BEGUN + timedelta(minutes=40 * number + chance.randrange(20))
        month = folder / f"{began:%Y-%m}"
        month.mkdir(parents=True, exist_ok=True)
        if number % 9 == 8:
            path = month / f"foreign-{number:05d}.mkv"
            _link(video, path)
        else:
            path = month / _name(chance)
            _procedure(path, video, began, chance, ended=number % 20 != 19)
        made.append(path)
    return made


def _procedure(path: Path, video: Path, began: datetime, chance: random.Random, *, ended: bool) -> None:
    path.mkdir()
    frames = chance.randrange(8, 40) * 60 * _RATE
    _link(video, path / "video-001.mkv")
    name, version = chance.choice(_MODELS)
    _journal(path, began, frames, (name, version), chance, ended=ended)
    session = {"session": 1, "started_utc": began.isoformat(timespec="milliseconds"), "software": "polypwatch 0.1.0"}
    segment = {"file": "video-001.mkv", "session": 1, "width": 1280, "height": 720, "frames": frames}
    segment |= {"blanked": 0, "seconds": frames / _RATE, "complete": True}
    write_mark(path, {"state": COMPLETE, "sessions": [session], "segments": [segment]}, sync=False)
    rows: list[dict[str, Any]] = [{"schema": "polypwatch.frames/1"}]
    rows += [
        {
            "capture_index": i,
            "segment": 1,
            "record_index": i,
            "pts": i,
            "time_base": "1/25",
            "captured_ns": i * 40_000_000,
        }
        for i in range(20)
    ]
    _lines(path / FRAMES_NAME, rows)
    head = {
        "schema": "polypwatch.live-results/1",
        "role": "shown",
        "model": name,
        "version": version,
        "variant": "fp32",
    }
    _lines(path / RESULTS_NAME, [head, {"role": "shown", "capture_index": 0, "candidates": [], "markers": []}])
    for reader in _READERS:
        if chance.random() < 0.2:
            _review(path, reader, frames, chance)


def _journal(
    path: Path, began: datetime, frames: int, model: tuple[str, str], chance: random.Random, *, ended: bool
) -> None:
    start = Start(
        id=path.name,
        started_utc=began,
        software="polypwatch 0.1.0",
        clock=Clock(monotonic_ns=0),
        endoscopist=chance.choice(_CODES),
        indication=chance.choice(_WHY),
    )
    used = ModelUsed(name=model[0], version=model[1], variant="fp32", sha256="0" * 64, threshold=0.4, provider="cpu")
    found = chance.choice((0, 0, 1, 1, 2, 3, 5))
    what: list[Any] = [start, used, ScopeIn(), *(PolypFound(lesion=n + 1) for n in range(found))]
    what += [PolypRemoved(lesion=n + 1) for n in range(chance.randrange(found + 1))]
    what += [ScopeOut(), End()] if ended else []
    step = frames / _RATE / max(1, len(what))
    with (path / JOURNAL_NAME).open("wb") as file:
        for number, payload in enumerate(what, start=1):
            file.write(encode(Event(number, (number - 1) * step, None, payload)))


def _review(path: Path, reader: str, frames: int, chance: random.Random) -> None:
    video = {"name": "video-001.mkv", "bytes": 1, "frames": frames, "width": 1280, "height": 720, "sha256": None}
    lines = [
        sealed(
            {
                "schema": "polypwatch.review/1",
                "software": "polypwatch 0.1.0",
                "utc": "2026-06-01T08:00:00Z",
                "reviewer": reader,
                "blinded": False,
                "videos": [video],
            }
        )
    ]
    last = frames - 1 if chance.random() < 0.5 else chance.randrange(frames)
    operations: list[dict[str, Any]] = [{"kind": "review", "first": 0, "last": last, "reviewer": reader}]
    operations += [{"kind": "commit"}] if chance.random() < 0.4 else []
    for number, operation in enumerate(operations, start=1):
        prev = hashlib.sha256(lines[-1]).hexdigest()
        lines.append(sealed({"n": number, "utc": "2026-06-01T09:00:00Z", "op": operation, "prev": prev}))
    name = f"review-{reader.casefold().replace(' ', '-')}.jsonl"
    (path / name).write_bytes(b"\n".join(lines) + b"\n")


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _link(video: Path, path: Path) -> None:
    try:
        os.link(video, path)
    except OSError:
        shutil.copyfile(video, path)


def _name(chance: random.Random) -> str:
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    part = lambda: "".join(chance.choice(letters) for _ in range(4))  # noqa: E731
    return f"EX-{part()}-{part()}"
