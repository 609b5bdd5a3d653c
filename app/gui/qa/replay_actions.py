"""What each key of the replay page does: one function from the table's actions to calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from app.gui.language import tr
from app.gui.qa.keys import Act
from app.gui.qa.replay_commit import ask_commit
from app.gui.qa.replay_jumps import before, beyond
from app.gui.qa.replay_words import range_words
from app.gui.qa.review_canvas import ReviewCanvas
from app.gui.qa.review_canvas_layers import LOOKS, Layer
from app.gui.setup_area import Part

if TYPE_CHECKING:
    from app.gui.qa.replay_page import ReplayPage

Do = Callable[[], object]

_CARRIED_S = 2.0
_FAR = 10
_ARROWS = {
    (Act.LEFT, Act.LEFT_FAR): (-1, 0),
    (Act.RIGHT, Act.RIGHT_FAR): (1, 0),
    (Act.UP, Act.UP_FAR): (0, -1),
    (Act.DOWN, Act.DOWN_FAR): (0, 1),
}
_STRETCHES = {
    (Act.BOX_LEFT, Act.BOX_LEFT_FAR): (-1, 0),
    (Act.BOX_RIGHT, Act.BOX_RIGHT_FAR): (1, 0),
    (Act.BOX_UP, Act.BOX_UP_FAR): (0, -1),
    (Act.BOX_DOWN, Act.BOX_DOWN_FAR): (0, 1),
}


def actions_of(page: ReplayPage) -> dict[Act, Do]:
    """The actions of a page."""
    return {**_playing(page), **_jumps(page), **_ranges(page), **_boxes(page), **_seeing(page)}


def _playing(page: ReplayPage) -> dict[Act, Do]:
    going = page.going
    made: dict[Act, Do] = {
        Act.PLAY: lambda: _space(page),
        Act.FORWARDS: going.forwards,
        Act.PAUSE: going.pause,
        Act.BACKWARDS: going.backwards,
        Act.SLOWER: lambda: going.change_speed(-1),
        Act.FASTER: lambda: going.change_speed(1),
        Act.NORMAL_SPEED: going.normal_speed,
        Act.STEP_BACK: lambda: going.step(-1),
        Act.STEP_ON: lambda: going.step(1),
        Act.SECOND_BACK: lambda: going.seconds(-1),
        Act.SECOND_ON: lambda: going.seconds(1),
        Act.TO_START: lambda: going.to(0),
        Act.TO_END: lambda: going.to(len(going.state.axis) - 1),
        Act.GO_TO: page.parts.transport.ask_place,
    }
    for (near, far), (dx, dy) in _ARROWS.items():
        made[near] = partial(_arrow, page, dx, dy, 1)
        made[far] = partial(_arrow, page, dx, dy, _FAR)
    return made


def _space(page: ReplayPage) -> None:
    """Play or pause; in a question, press the button that has the keyboard."""
    if page.parts.question.isVisible():
        page.parts.question.confirm()
    else:
        page.going.toggle()


def _arrow(page: ReplayPage, dx: int, dy: int, far: int) -> None:
    """Move the chosen box; without one go through frames, or through the list of lesions."""
    if _canvas(page).nudge(Part.WHOLE, dx * far, dy * far):
        return
    if dx:
        page.going.step(dx * far)
    elif far == 1:
        page.edits.choose_beside(dy)


def _canvas(page: ReplayPage) -> ReviewCanvas:
    """The view that has the keyboard, else the first."""
    second = page.parts.second
    return second if second.hasFocus() and not second.isHidden() else page.parts.canvas


def _jumps(page: ReplayPage) -> dict[Act, Do]:
    def both(name: str, nothing: str) -> tuple[Do, Do]:
        return partial(_jump, page, name, True, nothing), partial(_jump, page, name, False, nothing)

    made: dict[Act, Do] = {}
    for name, next_one, last_one, nothing in (
        ("detections", Act.NEXT_DETECTION, Act.LAST_DETECTION, tr("No further detection in this direction.")),
        ("false_alarms", Act.NEXT_FALSE, Act.LAST_FALSE, tr("No further false alarm in what is reviewed.")),
        ("misses", Act.NEXT_MISS, Act.LAST_MISS, tr("No further miss in what is reviewed.")),
        ("marks", Act.NEXT_MARK, Act.LAST_MARK, tr("No further mark in this direction.")),
        ("unreviewed", Act.NEXT_UNREVIEWED, Act.LAST_UNREVIEWED, tr("Nothing unreviewed in this direction.")),
        ("differences", Act.NEXT_DIFFERENCE, Act.LAST_DIFFERENCE, tr("No further difference of A and B.")),
    ):
        made[next_one], made[last_one] = both(name, nothing)
    made[Act.NEXT_KEY_FRAME] = lambda: _key_frame(page, forwards=True)
    made[Act.LAST_KEY_FRAME] = lambda: _key_frame(page, forwards=False)
    return made


def _jump(page: ReplayPage, name: str, forwards: bool, nothing: str) -> None:
    """Go there, and say what it is."""
    found = page.going.jump(getattr(page.lists, name), forwards, nothing)
    if found is not None:
        page.say(page.learning.words_at(found))


def _key_frame(page: ReplayPage, *, forwards: bool) -> None:
    lesion, here = page.edits.lesion, page.going.here
    if lesion is None or not page.edits.document.has(lesion):
        page.say(tr("Choose a lesion first: click its box, or press its number."))
        return
    keys = page.edits.document.key_positions(lesion)
    found = beyond(keys, here) if forwards else before(keys, here)
    if found is None:
        page.say(tr("Lesion {n} has no further key frame.").format(n=lesion))
    else:
        page.going.to(found)


def _ranges(page: ReplayPage) -> dict[Act, Do]:
    timeline = page.parts.timeline
    return {
        Act.RANGE_BEGIN: page.going.begin_range,
        Act.RANGE_END: page.going.end_range,
        Act.LOOP: page.going.toggle_loop,
        Act.REVIEWED: lambda: _reviewed(page),
        Act.UNREVIEWED: lambda: _unreviewed(page),
        Act.TIMELINE_IN: lambda: timeline.zoom(1),
        Act.TIMELINE_OUT: lambda: timeline.zoom(-1),
        Act.TIMELINE_FIT: lambda: _fit_timeline(page),
    }


def _fit_timeline(page: ReplayPage) -> None:
    timeline, chosen = page.parts.timeline, page.going.range
    whole = timeline.visible == (0, max(0, len(page.going.state.axis) - 1))
    timeline.fit(chosen if whole else None)


def _reviewed(page: ReplayPage) -> None:
    chosen = page.going.reviewable()
    if chosen is None:
        page.say(tr("Choose a range, or play it at up to 2\N{MULTIPLICATION SIGN}: then R says that it was reviewed."))
        return
    page.edits.review(chosen, reviewed=True)
    page.say(tr("Reviewed: {range}").format(range=range_words(page.going.state.axis, chosen)))
    page.going.choose_range(None)


def _unreviewed(page: ReplayPage) -> None:
    chosen = page.going.range
    if chosen is None:
        page.say(tr("Choose a range first: drag over the timeline, or press I and O."))
        return
    page.edits.review(chosen, reviewed=False)
    page.say(tr("Not reviewed: {range}").format(range=range_words(page.going.state.axis, chosen)))


def _boxes(page: ReplayPage) -> dict[Act, Do]:
    edits = page.edits

    def kept_first(then: Do) -> Do:
        def run() -> None:
            for canvas in page.parts.canvases:
                canvas.finish_nudge()
            then()

        return run

    made: dict[Act, Do] = {
        Act.NEW_LESION: edits.begin_new,
        Act.NEXT_BOX: lambda: _next_box(page),
        Act.ERASE: lambda: edits.erase(page.position),
        Act.ERASE_LESION: edits.erase_lesion,
        Act.PROPAGATE: lambda: _propagate(page),
        Act.CLEAR: lambda: edits.set_state("clear", page.position, page.going.range),
        Act.MARGINAL: lambda: edits.set_state("marginal", page.position, page.going.range),
        Act.OCCLUDED: lambda: edits.set_state("occluded", page.position, page.going.range),
        Act.OUT_OF_VIEW: lambda: edits.set_state("out_of_view", page.position, page.going.range),
        Act.MERGE: edits.begin_merge,
        Act.SPLIT: lambda: edits.split(page.position),
        Act.DESCRIBE: lambda: _enter(page),
        Act.TAKE_OVER: lambda: edits.take_over(page.position, page.parts.canvas.boxes),
        Act.UNDO: edits.undo,
        Act.REDO: edits.redo,
        Act.COMMIT: lambda: ask_commit(page),
        Act.SETTLE: page.settle,
        Act.LEAVE: lambda: _leave(page),
    }
    made = {act: kept_first(then) for act, then in made.items()}
    for (near, far), (dx, dy) in _STRETCHES.items():
        made[near] = partial(_stretch, page, dx, dy)
        made[far] = partial(_stretch, page, dx * _FAR, dy * _FAR)
    return made


def _stretch(page: ReplayPage, dx: int, dy: int) -> None:
    if not _canvas(page).nudge(Part.RIGHT if dx else Part.BOTTOM, dx, dy):
        page.say(tr("Choose a lesion first: click its box, or press its number."))


def _next_box(page: ReplayPage) -> None:
    here = [mark.lesion for mark in page.edits.document.marks_at(page.position)]
    if not here:
        page.say(tr("There is no box of your own in this frame."))
        return
    at = here.index(page.edits.lesion) + 1 if page.edits.lesion in here else 0
    page.edits.choose(here[at % len(here)])


def _propagate(page: ReplayPage) -> None:
    axis, here, chosen = page.going.state.axis, page.position, page.going.range
    last = (
        chosen[1]
        if chosen is not None and chosen[0] <= here < chosen[1]
        else axis.at(float(axis.times_s[here]) + _CARRIED_S)
    )
    page.edits.propagate(here, last, page.pictures)
    page.going.choose_range(None)  # a forgotten range would take the next change of state


def _enter(page: ReplayPage) -> None:
    """Answer the question, take what was typed, or begin to describe: Return is one key for all of them."""
    parts = page.parts
    if parts.question.isVisible():
        parts.question.confirm()
    elif parts.transport.place.hasFocus():
        parts.transport.go()
    elif parts.lesions.is_typed_in():
        page.entered()  # leaving a field keeps what it says
    elif page.edits.lesion is None:
        page.say(tr("Choose a lesion first: click its box, or press its number."))
    else:
        parts.lesions.describe()


def _leave(page: ReplayPage) -> None:
    """Let go of one thing at a time: the question, a field, what is going on, the range."""
    if page.parts.question.isVisible():
        page.parts.question.leave()
    elif not page.parts.canvas.hasFocus() and not page.parts.second.hasFocus():
        page.entered()
    elif not page.edits.leave():
        page.going.choose_range(None)


def _seeing(page: ReplayPage) -> dict[Act, Do]:
    made: dict[Act, Do] = {
        Act.ZOOM_IN: lambda: page.parts.canvas.zoom(1),
        Act.ZOOM_OUT: lambda: page.parts.canvas.zoom(-1),
        Act.ZOOM_FIT: page.parts.canvas.fit,
        Act.SIDE_BY_SIDE: page.side_by_side,
        Act.SHOW_NOTHING: page.hide_boxes,
    }
    for layer in Layer:
        made[LOOKS[layer].act] = partial(page.switch, layer)
    return made
