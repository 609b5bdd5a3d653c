"""From what a foreign file says to labels of one of our videos: checked as a whole, and nothing of it half-taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from app import SOFTWARE
from app.qa.exchange.identity import lesion_numbers, named_marks
from app.qa.exchange.model import BoxTuple, ForeignMark, ForeignVideo
from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video
from detector.errors import FormatError

BORDER_PX = 2.0
"""A box may reach this far past the picture's border and is cut there: what label tools' rounding does."""
SAME_PX = 0.01
"""A box that differs by no more from the one that was exported was not moved: the exact one comes back."""
_SHOWN = 5
_ATTRIBUTES = ("paris", "size_mm", "site", "histology", "note", "lst")


@dataclass(frozen=True, slots=True)
class Rule:
    """What the user says about what a foreign file cannot.

    Attributes:
        source: where the labels come from, in words.
        reviewer: who looked.
        reviewed: the user vouches that every frame of which the file speaks was looked at for every lesion.
    """

    source: str
    reviewer: str = "imported"
    reviewed: bool = False


def to_annotation(
    foreign: ForeignVideo, video: Video, rule: Rule, before: Annotation | None = None
) -> tuple[Annotation, list[str]]:
    """Labels of a video.

    Args:
        foreign: what the file says.
        video: the video that it is about.
        rule: what the user says.
        before: the labels as we exported them, from the side file; None for a foreign tool's own file.

    Returns:
        The labels, and what was assumed, in words.

    Raises:
        FormatError: the file is of another video, or names frames or places that it does not have.
    """
    notes = list(foreign.notes)
    marks = _checked(foreign, video, notes)
    frames = named_marks(marks, before, notes)
    names = list(dict.fromkeys(name for rows in frames.values() for name, _ in rows))
    ids = lesion_numbers(names, before)
    old_frames = {f.index: f for f in before.frames} if before is not None else {}
    rows: dict[int, MarkedFrame] = {}
    if foreign.frames is not None:  # of the others the file does not speak
        rows |= {index: old for index, old in old_frames.items() if index not in foreign.frames}
    for index, found in frames.items():
        rows[index] = _frame(index, [(ids[name], m) for name, m in found], old_frames.get(index))
    lesions = _lesions(ids, foreign, before, notes)
    used = {m.lesion for frame in rows.values() for m in frame.marks}
    lesions += [Lesion(id=i, paris=None, size_mm=None, note="") for i in sorted(used - {x.id for x in lesions})]
    changes = {
        "video": video if before is None else before.video,
        "lesions": tuple(sorted(lesions, key=lambda x: x.id)) if before is None else tuple(lesions),
        "frames": tuple(rows[i] for i in sorted(rows)),
        "reviewed": _reviewed(foreign, video, rule, before, notes),
    }
    if before is not None:
        head = {name: getattr(before, name) for name in type(before).model_fields} | (before.model_extra or {})
    else:
        head = {"software": SOFTWARE, "source": rule.source}
    return Annotation(**(head | changes)), notes


# -- checks -----------------------------------------------------------------------------------------------------------


def _checked(foreign: ForeignVideo, video: Video, notes: list[str]) -> list[ForeignMark]:
    """The marks, cut at the border where they reach a little beyond it."""
    problems: list[str] = []
    if foreign.frame_count is not None and foreign.frame_count != video.frame_count:
        problems.append(f"it is for a video of {foreign.frame_count} frames, but this one has {video.frame_count}")
    if foreign.size is not None and tuple(foreign.size) != (video.width, video.height):
        told = f"{foreign.size.width}x{foreign.size.height}"
        problems.append(f"it is for pictures of {told}, but these are {video.width}x{video.height}")
    beyond = sorted({f for f in foreign.frames or () if not 0 <= f < video.frame_count})
    if beyond:
        problems.append(f"it speaks of frame {beyond[0]}, but the video has {video.frame_count}")
    kept, cut = [], 0
    for mark in foreign.marks:
        box, problem = _cut(mark, video)
        if problem:
            problems.append(problem)
        else:
            cut += box != mark.box
            kept.append(mark if box == mark.box else replace(mark, box=box))
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise FormatError(
            f"The labels of '{foreign.name}' do not fit {video.name}: {'; '.join(problems[:_SHOWN])}{more}.",
            "Nothing was imported. Is it the file of another video, or of a converted copy?",
        )
    if cut:
        notes.append(f"{cut} boxes reached at most {BORDER_PX:g} px past the picture's border and were cut there")
    return kept


def _cut(mark: ForeignMark, video: Video) -> tuple[BoxTuple, str]:
    x1, y1, x2, y2 = mark.box
    where = f"frame {mark.frame}: the box {', '.join(f'{v:g}' for v in mark.box)}"
    if not 0 <= mark.frame < video.frame_count:
        return mark.box, f"frame {mark.frame} has a box, but the video has {video.frame_count} frames"
    if not all(math.isfinite(v) for v in mark.box):
        return mark.box, f"{where} is not four numbers"
    if x2 <= x1 or y2 <= y1:
        return mark.box, f"{where} has no area"
    if mark.visibility is not None and not 0 <= mark.visibility <= 1:
        return mark.box, f"frame {mark.frame}: the visibility {mark.visibility:g} is not between 0 and 1"
    past = max(-x1, -y1, x2 - video.width, y2 - video.height)
    if past <= 0:
        return mark.box, ""
    box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(video.width)), min(y2, float(video.height)))
    if past > BORDER_PX or box[0] >= box[2] or box[1] >= box[3]:
        return mark.box, f"{where} is not inside a picture of {video.width}x{video.height}"
    return box, ""


# -- parts of the labels ----------------------------------------------------------------------------------------------


def _frame(index: int, found: list[tuple[int, ForeignMark]], before: MarkedFrame | None) -> MarkedFrame:
    old = {m.lesion: m for m in before.marks} if before is not None else {}
    order = {lesion: place for place, lesion in enumerate(old)}
    found = sorted(found, key=lambda pair: order.get(pair[0], len(order)))
    marks = tuple(_mark(lesion, mark, old.get(lesion)) for lesion, mark in found)
    if before is None:
        return MarkedFrame(index=index, pts=None, marks=marks)
    return before.model_copy(update={"marks": marks})


def _mark(lesion: int, new: ForeignMark, old: Mark | None) -> Mark:
    if old is None:
        return Mark(lesion=lesion, state=new.state or "clear", box=new.box, visibility=new.visibility)
    moved = max(abs(a - b) for a, b in zip(new.box, old.box, strict=True)) > SAME_PX
    seen = new.visibility
    if seen is None or (old.visibility is not None and abs(seen - old.visibility) < 1e-5):
        seen = old.visibility
    changes = {"box": new.box if moved else old.box, "state": new.state or old.state, "visibility": seen}
    return old.model_copy(update=changes)


def _lesions(
    ids: Mapping[str, int], foreign: ForeignVideo, before: Annotation | None, notes: list[str]
) -> list[Lesion]:
    found = list(before.lesions) if before is not None else []
    known = {x.id for x in found}
    for name, number in ids.items():
        if number not in known:
            found.append(_lesion(number, foreign.lesions.get(name, {}), notes))
    return found


def _lesion(number: int, told: Mapping[str, str], notes: list[str]) -> Lesion:
    fields: dict[str, object] = {"id": number, "paris": None, "size_mm": None, "note": told.get("note", "")}
    for name in _ATTRIBUTES:
        text = told.get(name, "").strip()
        if not text or name == "note":
            continue
        try:
            value: object = float(text) if name == "size_mm" else text
            Lesion.model_validate(fields | {name: value})
        except (ValueError, ValidationError):
            fields["note"] = f"{fields['note']} {name}: {text}".strip()
            notes.append(f"lesion {number}: '{text}' is no {name} of ours and stands in its note")
        else:
            fields[name] = value
    return Lesion.model_validate(fields)


def _reviewed(
    foreign: ForeignVideo, video: Video, rule: Rule, before: Annotation | None, notes: list[str]
) -> tuple[ReviewedRange, ...]:
    if before is not None:
        return before.reviewed
    if not rule.reviewed:
        notes.append("nobody says which frames were looked at: nothing counts as reviewed until somebody says so")
        return ()
    spoken = sorted(foreign.frames) if foreign.frames is not None else range(video.frame_count)
    what = "the frames of which it speaks" if foreign.frames is not None else "all frames"
    notes.append(f"{what} count as reviewed by {rule.reviewer}, as you said")
    return tuple(ReviewedRange(first=a, last=b, reviewer=rule.reviewer) for a, b in runs(spoken))


def runs(frames: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of every run of consecutive numbers; they come ascending."""
    found: list[tuple[int, int]] = []
    for frame in frames:
        if found and frame == found[-1][1] + 1:
            found[-1] = (found[-1][0], frame)
        else:
            found.append((frame, frame))
    return found
