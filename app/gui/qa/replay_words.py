"""What the replay page says of picture, review and saving. Words only."""

from __future__ import annotations

from collections.abc import Sequence

from app.gui.language import decimal, told, tr
from app.gui.qa.replay_edits import ReplayEdits
from app.gui.qa.replay_heard import Heard
from app.gui.qa.replay_jumps import Range
from app.gui.qa.replay_scribe import Saving
from app.gui.qa.review_canvas_layers import Layer
from app.gui.qa.timeline_ruler import clock
from app.gui.sign_kinds import Tone
from app.qa.axis import FrameAxis
from app.qa.opened import Opened
from app.qa.playback.state import PlayState
from app.qa.review import Document, ReviewSession


def picture_sign(state: PlayState) -> tuple[str, Tone]:
    """What must be known of the picture on the screen; empty if it is the one that was asked for, and sound."""
    if state.fault:
        return told(state.fault), Tone.FAULT
    if not state.exact and state.picture is not None:
        return tr("SEEKING: this is the nearest key frame"), Tone.CAUTION
    if len(state.axis) and state.position < len(state.axis) and state.axis.blanked[state.position]:
        return tr("Recorded as black: it may not have been of the inside of a body"), Tone.QUIET
    return "", Tone.QUIET


def banner_lines(state: PlayState, session: ReviewSession, problems: Sequence[str], opened: Opened) -> tuple[str, ...]:
    """What must be known while it lasts: an estimate, labels that are checked, why nothing can be changed, notes."""
    lines = []
    done = f"{state.checked:.0%}"
    if not state.axis.whole:
        lines.append(
            tr("Times and frame numbers are estimates until all frames are counted: {done}.").format(done=done)
        )
    elif not opened.checked and state.checked < 1:
        lines.append(tr("Pictures and labels are still being checked: {done}.").format(done=done))
    if session.read_only:
        lines.append(tr("Nothing can be changed here.") + " " + told(session.read_only))
    if session.blinded and not session.committed:
        return (*lines, *_sentences(session.notes))
    return (*lines, *_sentences((*opened.notes, *session.notes)), *problems)


def hint_words(edits: ReplayEdits) -> str:
    """What the next click or key does, where that is not plain."""
    if edits.carrying is not None:
        done, frames = edits.carrying
        return tr("Carrying the box on: {done} of {frames} frames. Esc stops.").format(done=done, frames=frames)
    if edits.merging:
        return tr("Merge lesion {n} with: click it or press its number. Esc: not.").format(n=edits.lesion)
    if edits.new:
        return tr("The next box is a new lesion.")
    if edits.lesion is not None:
        return tr("Lesion {n} is chosen.").format(n=edits.lesion)
    return ""


def reader_words(session: ReviewSession) -> tuple[str, str]:
    """Who reviews; and, of a blinded reader, what that means now."""
    who = tr("Reviewer: {name}").format(name=session.reviewer)
    if session.blinded and not session.committed:
        return who, tr("BLINDED: AI, marks and other readers are hidden until you commit.")
    return (who + ", " + tr("begun blinded, committed") if session.blinded else who), ""


def saved_words(state: Saving, session: ReviewSession) -> str:
    """How things stand with the disk."""
    if session.read_only:
        return tr("Read only")
    if state is Saving.WRITING:
        return tr("Saving ...")
    return tr("NOT SAVED: the last edit was refused") if state is Saving.FAILED else tr("All saved")


def share_words(document: Document, axis: FrameAxis) -> str:
    """How much is reviewed, in seconds and as a share."""
    if not len(axis):
        return ""
    seconds = sum(_seconds(axis, each) for each in document.reviewed)
    share = decimal(f"{100 * seconds / axis.end_s:.0f}") if axis.end_s else "0"
    return tr("Reviewed {time} of {whole} ({share} %)").format(
        time=clock(seconds), whole=clock(axis.end_s), share=share
    )


def range_words(axis: FrameAxis, chosen: Range) -> str:
    """As ``00:12 to 00:48``."""
    first, last = (min(end, len(axis) - 1) for end in chosen)
    return tr("{first} to {last}").format(first=clock(float(axis.times_s[first]), 1), last=clock(axis.until_s(last), 1))


def whose(heard: Heard) -> dict[Layer, str]:
    """Whose boxes a layer holds."""
    found = {}
    if heard.live is not None:
        found[Layer.LIVE] = heard.live.label
    if heard.a is not None:
        found[Layer.A] = heard.a.candidates.label
    if heard.b is not None:
        found[Layer.B] = heard.b.candidates.label
    if heard.raw is not None:
        found[Layer.RAW] = heard.raw.label
    if heard.others:
        found[Layer.OTHERS] = ", ".join(name for name, _ in heard.others)
    return found


def _sentences(notes: Sequence[str]) -> tuple[str, ...]:
    """Notes are parts of sentences."""
    return tuple(
        f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}" for note in notes if (words := told(note))
    )


def _seconds(axis: FrameAxis, each: Range) -> float:
    first, last = (min(end, len(axis) - 1) for end in each)
    return axis.until_s(last) - float(axis.times_s[first])
