"""What each edit does to a document: a pure function, so that a log gives the same document wherever it is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from app.qa.review.document import Document, Lesion
from app.qa.review.operations import (
    Answered,
    Attributes,
    Decide,
    Describe,
    Draw,
    Edit,
    Erase,
    EraseLesion,
    Import,
    Imported,
    Merge,
    Move,
    Propagate,
    ReadRange,
    Review,
    SetState,
    Split,
    StateRun,
    Unkey,
    Unreview,
)
from app.qa.review.tracks import HIDDEN, Track
from app.qa.worklist.answers import Answer
from detector.errors import UsageError
from detector.schema import describe_validation_error

_ANSWER = TypeAdapter(Answer)


def apply(document: Document, edit: Edit) -> Document:
    """The document after an edit.

    Raises:
        UsageError: the edit names a lesion that is not there or a position that the procedure does not have.
    """
    match edit:
        case Draw() | Move():
            return _set_box(document, edit)
        case Unkey():
            return _unkey(document, edit.lesion, edit.position)
        case Erase():
            return _set_states(document, edit.lesion, [(edit.position, edit.position, HIDDEN)])
        case EraseLesion():
            return document.without_lesion(document.lesion(edit.lesion).id)
        case SetState():
            return _set_states(document, edit.lesion, [(edit.first, edit.last, edit.state)])
        case Describe():
            return document.with_lesion(replace(document.lesion(edit.lesion), attributes=edit.attributes))
        case Merge():
            return _merge(document, edit.a, edit.b)
        case Split():
            return _split(document, edit)
        case Review():
            return document.with_reviewer(*_range(document, edit.first, edit.last), edit.reviewer)
        case Unreview():
            return document.without_review(*_range(document, edit.first, edit.last))
        case Answered():
            return document.with_answer(answer_of(edit))
        case Propagate():
            return _propagate(document, edit)
        case Import():
            return _read(_import(document, edit.lesions), edit.reviewed)
        case Decide():
            return _decide(document, edit)


def answer_of(edit: Answered) -> Answer:
    """The answer as the worklist has it.

    Raises:
        UsageError: it is not one that this version knows.
    """
    try:
        return _ANSWER.validate_python(edit.answer)
    except ValidationError as error:
        raise UsageError(f"An answer of the worklist is not valid: {describe_validation_error(error)}.") from error


def _range(document: Document, first: int, last: int) -> tuple[int, int]:
    if not 0 <= first <= last < document.length:
        raise UsageError(
            f"There are no frames {first} to {last} here: the procedure has {document.length}.",
            "Is it the review of another procedure?",
        )
    return first, last


def _set_box(document: Document, edit: Draw | Move) -> Document:
    _range(document, edit.position, edit.position)
    if isinstance(edit, Draw) and edit.new:
        if document.has(edit.lesion):
            raise UsageError(f"There is a lesion {edit.lesion} already.", "Draw it as the same lesion.")
        lesion = Lesion(edit.lesion)
    else:
        lesion = document.lesion(edit.lesion)
    track = _with_states(lesion.track.with_key(edit.position, edit.box), edit.states)
    return document.with_lesion(replace(lesion, track=track))


def _with_states(track: Track, states: Iterable[StateRun]) -> Track:
    for first, last, state in states:
        track = track.with_state(first, last, state)
    return track


def _set_states(document: Document, lesion: int, states: Iterable[StateRun]) -> Document:
    known = document.lesion(lesion)
    for first, last, _ in states:
        _range(document, first, last)
    return document.with_lesion(replace(known, track=_with_states(known.track, states)))


def _unkey(document: Document, lesion: int, position: int) -> Document:
    known = document.lesion(lesion)
    if position not in known.track.keys:
        raise UsageError(f"Frame {position} is no key frame of lesion {lesion}.", "Choose one of its key frames.")
    return document.with_lesion(replace(known, track=known.track.without_key(position)))


def _merge(document: Document, a: int, b: int) -> Document:
    """`b` is laid under `a`: where both are in the picture `a`'s box counts."""
    if a == b:
        raise UsageError(f"Lesion {a} cannot be merged with itself.", "Choose two lesions.")
    one, other = document.lesion(a), document.lesion(b)
    track = other.track
    for first, last in one.stretches:
        track = track.replaced(first, last, one.track)
    said = other.attributes.model_dump(exclude_defaults=True) | one.attributes.model_dump(exclude_defaults=True)
    notes = [x.attributes.note for x in (one, other) if x.attributes.note]
    said["note"] = "; ".join(dict.fromkeys(notes))[:10_000]
    merged = replace(one, track=track, attributes=Attributes.model_validate(said))
    return document.without_lesion(b).with_lesion(merged)


def _split(document: Document, edit: Split) -> Document:
    known = document.lesion(edit.lesion)
    stretches = known.stretches
    if not stretches[0][0] < edit.position <= stretches[-1][1]:
        raise UsageError(
            f"Lesion {edit.lesion} cannot be split at frame {edit.position}: one of the halves would have no box.",
            "Go to where the second lesion begins.",
        )
    if document.has(edit.new):
        raise UsageError(f"There is a lesion {edit.new} already.")
    before, behind = known.track.cut(0, edit.position - 1), known.track.cut(edit.position, document.length - 1)
    return document.with_lesion(replace(known, track=before)).with_lesion(Lesion(edit.new, track=behind))


def _propagate(document: Document, edit: Propagate) -> Document:
    known = document.lesion(edit.lesion)
    first, last = min(edit.position, edit.last), max(edit.position, edit.last)
    _range(document, first, last)
    return document.with_lesion(replace(known, track=known.track.replaced(first, last, edit.piece.track())))


def _import(document: Document, lesions: Iterable[Imported]) -> Document:
    for found in lesions:
        track = Track() if found.piece is None else found.piece.track()
        _within(document, track)
        document = document.with_lesion(Lesion(found.lesion, found.attributes, track))
    return document


def _decide(document: Document, edit: Decide) -> Document:
    first, last = _range(document, edit.first, edit.last)
    for lesion in edit.erased:
        if document.has(lesion):
            known = document.lesion(lesion)
            document = document.with_lesion(replace(known, track=known.track.replaced(first, last, Track())))
    for found in edit.lesions:
        known = document.lesion(found.lesion) if document.has(found.lesion) else Lesion(found.lesion)
        track = known.track
        if found.piece is not None:
            _within(document, found.piece.track())
            track = track.replaced(first, last, found.piece.track())
        document = document.with_lesion(replace(known, attributes=found.attributes, track=track))
    return _read(document.with_decision(edit.about), edit.reviewed)


def _within(document: Document, track: Track) -> None:
    if track.keys.last is not None:
        _range(document, track.keys.last[0], track.keys.last[0])


def _read(document: Document, ranges: Iterable[ReadRange]) -> Document:
    for found in ranges:
        document = document.with_reviewer(*_range(document, found.first, found.last), found.reviewer)
    return document
