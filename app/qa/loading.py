"""What models said of a procedure, by position: from the log of the live session, and from re-analyses beside it.

Reading an hour takes seconds, so what was read is kept in the cache as arrays, by the file's size and time of change.
A file that cannot be used becomes a sentence in `Results.problems`; the others are there all the same.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.qa.answers import Candidates, Origin, Shown
from app.qa.axis import FrameAxis
from app.qa.cache import Kept
from app.qa.gathering import Gathered, Gathering
from app.qa.live_log import read_live
from app.qa.opened import Opened
from app.recording.mark import RESULTS_NAME
from detector.errors import FormatError, PolypwatchError
from detector.geometry import as_boxes
from detector.results import ModelRef, is_whole, read_header
from detector.scoring.joining import quick_rows, segment_of

_CACHE_VERSION = 1
_BEYOND = -1
"""A frame that an axis lacks whose frames are not counted yet."""


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """All that is known of what models said of a procedure.

    Attributes:
        candidates: live ones first (shown, shadow, candidate), then re-analyses by file name.
        shown: what stood on the screen in the examination; empty where nothing was recorded of it.
        problems: files that are left out, or are not whole, and why; each a sentence or two.
    """

    candidates: tuple[Candidates, ...]
    shown: tuple[Shown, ...]
    problems: tuple[str, ...]

    def named(self, name: str) -> Candidates | None:
        """The candidates whose label, model, file name or origin is `name` (the newest file of several)."""
        wanted = name.casefold()
        found = [
            c
            for c in self.candidates
            if wanted in (c.label.casefold(), c.model.name.casefold(), c.file.name.casefold(), c.file.stem.casefold())
            or wanted == c.origin
        ]
        return max(found, key=lambda c: changed_ns(c.file)) if found else None


def changed_ns(path: Path) -> int:
    """When a file was changed last; 0 if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def load_results(opened: Opened, cache: Path | None = None) -> Results:
    """Everything that was said of a procedure. May take seconds; never in the window's thread.

    Args:
        opened: the procedure.
        cache: the folder of the cache; None: this user's.
    """
    kept = Kept(cache)
    candidates: list[Candidates] = []
    shown: list[Shown] = []
    problems: list[str] = []
    log = opened.path / RESULTS_NAME
    if opened.kind in ("recording", "examination") and log.is_file():
        found = _read(log, opened, kept, live=True)
        candidates += found.candidates
        shown += found.shown
        problems += found.problems
    for path in sorted(opened.procedure.results):
        found = _read(path, opened, kept, live=False)
        candidates += found.candidates
        problems += found.problems
    return Results(tuple(candidates), tuple(shown), tuple(problems))


def _read(path: Path, opened: Opened, kept: Kept, *, live: bool) -> Results:
    """One file: from the cache, else read and kept."""
    try:
        place = kept.file("answers", path, ".npz", _CACHE_VERSION, path.stat().st_ino, _identity(opened.axis))
        stored = kept.arrays(place)
        if stored is not None and (known := _decoded(stored, path)) is not None:
            return known
        gathered = read_live(path, opened) if live else _read_detect(path, opened)
    except (OSError, PolypwatchError) as error:
        return Results((), (), (f"{path.name} is left out: {error}",))
    if opened.axis.whole:
        kept.keep_arrays(place, _encoded(gathered))
    return _results(gathered, path)


def _identity(axis: FrameAxis) -> int:
    """Changes with the places of frames: an axis that is counted anew may be another."""
    found = len(axis)
    for column in (axis.segment, axis.record_index, axis.session, axis.capture_index):
        found = zlib.crc32(column.tobytes(), found)
    return zlib.crc32(axis.times_s.tobytes(), found)


# -- polypwatch.detect/1 ----------------------------------------------------------------------------------------------


def _read_detect(path: Path, opened: Opened) -> Gathered:
    """A results file of `detect` or of a re-analysis.

    Raises:
        FormatError: damaged, of an unknown schema, or of another video.
    """
    header = read_header(path)
    said = Gathering(len(opened.axis), "analysis", header.model, header.threshold, header.min_score)
    others: set[str] = set()
    for number, row in enumerate(quick_rows(path)):
        try:
            position = _position(row, opened, path)
            if position is None:
                others.add(str(row["file"]))
            elif position != _BEYOND:
                _take(row, position, said)
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise FormatError(
                f"{path}, frame row {number} is damaged: {error!r}.", "Analyse the video again."
            ) from error
    if not said.frames and others:
        raise FormatError(
            f"{path} is of another video: {', '.join(sorted(others)[:3])}.",
            "Analyse this one: polypwatch detect VIDEO --json FILE.",
        )
    problems = []
    if others:
        problems.append(f"{path.name} also has frames of another video ({', '.join(sorted(others)[:3])}): left out")
    if opened.axis.whole and (said.frames < len(opened.axis) or not is_whole(path)):
        problems.append(
            f"{path.name} is not whole: it covers {said.frames} of {len(opened.axis)} frames; the others count as not "
            "analysed"
        )
    return Gathered((said.done(),), None, tuple(problems))


def _take(row: Mapping[str, Any], position: int, said: Gathering) -> None:
    if row["status"] != "ok":
        said.fail(position)
        return
    found = row["detections"]
    kinds = [said.kind_of(d["class"]) for d in found]
    said.add(position, [d["box"] for d in found], [d["score"] for d in found], kinds)


def _position(row: Mapping[str, Any], opened: Opened, path: Path) -> int | None:
    """Where a row of a results file belongs; None: to another video.

    Raises:
        FormatError: it counts frames that the video does not have.
    """
    index, axis = int(row["index"]), opened.axis
    if opened.kind == "images":
        return index if 0 <= index < len(axis) else None
    segment = segment_of(str(row["file"]), opened.procedure)
    if segment is None:
        # What a live session wrote into its recording's folder counts captured frames.
        inside = path.resolve().parent == opened.path.resolve()
        return axis.of_capture(1, index) if inside and opened.procedure.frames else None
    position = axis.of_record(segment, index)
    if position is None and axis.whole:
        raise FormatError(
            f"{path} is of another video: it has a frame {index} of {row['file']}, which this one does not have.",
            "Was the video cut or converted? Analyse this one again.",
        )
    return position if position is not None else _BEYOND


# -- arrays -----------------------------------------------------------------------------------------------------------


def _results(gathered: Gathered, file: Path) -> Results:
    return Results(tuple(_candidates(g, file) for g in gathered.models), _shown(gathered), gathered.problems)


def _candidates(g: Mapping[str, Any], file: Path) -> Candidates:
    model = ModelRef.model_validate(g["model"])
    label = f"{model.name} {model.version} {model.variant}"
    origin: Origin = g["origin"]
    arrays = (g["status"], g["offsets"], as_boxes(g["boxes"]), g["scores"], g["kinds"])
    return Candidates(label, origin, file, model, g["threshold"], g["min_score"], tuple(g["classes"]), *arrays)


def _shown(gathered: Gathered) -> tuple[Shown, ...]:
    g = gathered.shown
    if g is None:
        return ()
    origin: Origin = g["origin"]
    boxes = as_boxes(g["boxes"])
    return (Shown(g["label"], origin, g["status"], g["offsets"], boxes, g["scores"], g["tracks"]),)


def _encoded(gathered: Gathered) -> dict[str, npt.ArrayLike]:
    groups = [*gathered.models, *([gathered.shown] if gathered.shown is not None else [])]
    facts: dict[str, Any] = {"models": len(gathered.models), "problems": list(gathered.problems), "groups": []}
    arrays: dict[str, npt.ArrayLike] = {}
    for k, group in enumerate(groups):
        arrays |= {f"{name}_{k}": value for name, value in group.items() if isinstance(value, np.ndarray)}
        facts["groups"].append({name: v for name, v in group.items() if not isinstance(v, np.ndarray)})
    text = json.dumps(facts, ensure_ascii=False).encode()
    return arrays | {"facts": np.frombuffer(text, np.uint8)}


def _decoded(arrays: Mapping[str, npt.NDArray[Any]], file: Path) -> Results | None:
    """What was kept; None if it is not as it should be."""
    try:
        facts = json.loads(arrays["facts"].tobytes())
        groups = [dict(group) for group in facts["groups"]]
        for name, value in arrays.items():
            if name != "facts":
                key, _, number = name.rpartition("_")
                value.flags.writeable = False
                groups[int(number)][key] = value
        models = int(facts["models"])
        shown = groups[models] if len(groups) > models else None
        return _results(Gathered(tuple(groups[:models]), shown, tuple(facts["problems"])), file)
    except (KeyError, ValueError, TypeError, IndexError):
        return None


def origins(candidates: Iterable[Candidates]) -> tuple[str, ...]:
    """Labels of candidates, told apart where a model answered live and in a re-analysis."""
    words = {"live": "live", "shadow": "live, unseen", "candidate": "live, second model", "analysis": "re-analysis"}
    return tuple(f"{c.label} ({words[c.origin]})" for c in candidates)
