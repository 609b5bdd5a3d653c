"""What the window says of an examination: marks, answers, refusals, names in the details sheet. No Qt widgets."""

from __future__ import annotations

from app.examination.events import (
    Bookmark,
    CaecumReached,
    InterventionEnd,
    InterventionStart,
    Lesion,
    Note,
    Payload,
    Photo,
    PolypFound,
    PolypRemoved,
    ScopeIn,
    ScopeOut,
    Snapshot,
    Wash,
)
from app.examination.quality import WithdrawalHint
from app.examination.state import DeskSnapshot, Phase
from app.gui.keys import Action, Key
from app.gui.language import decimal, mark, told, tr
from app.gui.report_words import METHODS, SEGMENTS, Words
from detector.errors import PolypwatchError

_PHASES = {
    Phase.BEFORE: mark("Begun"),
    Phase.INSERTION: mark("Insertion"),
    Phase.WITHDRAWAL: mark("Withdrawal"),
    Phase.OUT: mark("Scope out"),
    Phase.ENDED: mark("Ended"),
}
_BUTTONS = {
    Action.SCOPE_IN: mark("Scope in"),
    Action.CAECUM: mark("Caecum"),
    Action.POLYP_FOUND: mark("Polyp"),
    Action.POLYP_REMOVED: mark("Removed"),
    Action.WASH: mark("Wash"),
    Action.SCOPE_OUT: mark("Scope out"),
    Action.PHOTO_VALVE: mark("Valve"),
    Action.PHOTO_ORIFICE: mark("Orifice"),
    Action.DETAILS: mark("Details"),
    Action.UNDO_MARK: mark("Undo"),
}
# What ``app.examination.record`` says where a mark makes no sense.
_REFUSALS = (
    mark("the endoscope is in already."),
    mark("the endoscope is out already."),
    mark("the endoscope is out."),
    mark("the caecum was reached already; withdraw the earlier mark if it was wrong."),
    mark("an intervention is running already."),
    mark("no intervention is running."),
    mark("the examination is over."),
    mark("No examination runs."),
)


def clock(seconds: float) -> str:
    """As ``07:42`` or ``1:07:42``; whole seconds, rounded down."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def phase_words(phase: Phase) -> str:
    """Where the examination stands."""
    return tr(_PHASES[phase])


def button_words(action: Action, state: DeskSnapshot, ending: bool) -> str:
    """What a button of the strip says now."""
    if action is Action.INTERVENTION:
        return tr("End interv.") if state.intervention else tr("Intervention")
    if action is Action.EXAMINATION:
        return tr("End? again") if ending else tr("End exam")
    return tr(_BUTTONS[action])


def mark_words(what: Payload) -> str:
    """A mark in two or three words."""
    match what:
        case ScopeIn():
            return tr("Scope in")
        case CaecumReached():
            return tr("Caecum reached")
        case Photo(of="valve"):
            return tr("Photograph of the valve")
        case Photo():
            return tr("Photograph of the orifice")
        case PolypFound(lesion=lesion):
            return tr("Polyp {n} found").format(n=lesion)
        case PolypRemoved(lesion=None):
            return tr("Polyp removed")
        case PolypRemoved(lesion=lesion):
            return tr("Polyp {n} removed").format(n=lesion)
        case Wash():
            return tr("Wash")
        case InterventionStart():
            return tr("Intervention begun")
        case InterventionEnd():
            return tr("Intervention ended")
        case ScopeOut():
            return tr("Scope out")
        case Snapshot(lesion=None):
            return tr("Picture kept")
        case Snapshot(lesion=lesion):
            return tr("Picture of polyp {n}").format(n=lesion)
        case Bookmark():
            return tr("Bookmark")
        case Note():
            return tr("Note")
    return what.kind.replace("_", " ")


def answer(what: Payload, t_s: float, state: DeskSnapshot) -> str:
    """What the strip says at once when something was marked."""
    said = f"{mark_words(what)} {clock(t_s)}"
    if isinstance(what, CaecumReached):
        return tr("{mark}, withdrawal runs").format(mark=said)
    if isinstance(what, InterventionStart) and state.withdrawal is not None:
        return tr("{mark}, the withdrawal clock waits").format(mark=said)
    if isinstance(what, ScopeOut) and state.withdrawal is not None:
        net = clock(state.withdrawal.net_s)
        return tr("{mark}, withdrawal {net} without interventions").format(mark=said, net=net)
    return said


def taken_back(what: Payload) -> str:
    """What the strip says when a mark was withdrawn."""
    return tr("Taken back: {mark}").format(mark=mark_words(what))


def refusal(error: PolypwatchError) -> str:
    """Why nothing was marked, in the window's language where it is known."""
    for words in _REFUSALS:
        if error.what.endswith(words):
            said = tr(words)
            return tr("Not marked: {why}").format(why=said[:1].lower() + said[1:])
    return told(error.what)


def hint_words(hint: WithdrawalHint) -> str:
    """The quiet hint."""
    return tr("Withdrawal {time}; the target is {target} on average").format(
        time=clock(hint.elapsed_s), target=clock(hint.target_s)
    )


def ended_words(state: DeskSnapshot) -> str:
    """An examination that is over, in a line."""
    parts = [tr("Duration {time}").format(time=clock(state.elapsed_s))]
    if state.withdrawal is not None:
        parts.append(tr("withdrawal without interventions {time}").format(time=clock(state.withdrawal.net_s)))
    parts.append(tr("lesions: {n}").format(n=len(state.lesions)))
    said = ", ".join(parts) + "."
    return said if state.hint is None else f"{said} {hint_words(state.hint)}"


def key_of(action: Action, keys: tuple[Key, ...]) -> str:
    """The first key of an action; empty if it has none."""
    return next((key.keys[0] for key in keys if key.action is action and key.keys), "")


def lesion_words(lesion: Lesion, words: Words) -> str:
    """What is known of a lesion, in one line."""
    parts = [
        decimal(f"{lesion.size_mm:g} mm") if lesion.size_mm is not None else "",
        words(SEGMENTS[lesion.segment]) if lesion.segment else "",
        lesion.paris or "",
        lesion.lst or "",
        words(METHODS[lesion.method]) if lesion.method else "",
    ]
    return ", ".join(part for part in parts if part) or tr("not described yet")
