"""What each key does on the page on which differences are settled. Playing is as on the replay page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from app.gui.qa.keys import Act
from app.gui.setup_area import Part

if TYPE_CHECKING:
    from app.gui.qa.settle_page import SettlePage

Do = Callable[[], object]
_FAR = 10


def actions_of(page: SettlePage) -> dict[Act, Do]:
    """The actions of a page."""
    return {**_deciding(page), **_playing(page), **_seeing(page)}


def _deciding(page: SettlePage) -> dict[Act, Do]:
    return {
        Act.SETTLE_A: partial(page.take, "a"),
        Act.SETTLE_B: partial(page.take, "b"),
        Act.SETTLE_NEITHER: partial(page.take, "neither"),
        Act.SETTLE_OWN: page.take_own,
        Act.SETTLE_TAKE: lambda: _enter(page),
        Act.SETTLE_BACK: page.back,
        Act.SETTLE_NEXT: lambda: page.choose_beside(1),
        Act.SETTLE_BEFORE: lambda: page.choose_beside(-1),
        Act.SETTLE_PUBLISH: page.publish,
        Act.SETTLE_LEAVE: lambda: _leave(page),
    }


def _playing(page: SettlePage) -> dict[Act, Do]:
    going = page.going
    return {
        Act.PLAY: lambda: page.parts.question.confirm() if page.parts.question.isVisible() else going.toggle(),
        Act.FORWARDS: going.forwards,
        Act.PAUSE: going.pause,
        Act.BACKWARDS: going.backwards,
        Act.SLOWER: lambda: going.change_speed(-1),
        Act.FASTER: lambda: going.change_speed(1),
        Act.NORMAL_SPEED: going.normal_speed,
        Act.STEP_BACK: lambda: going.step(-1),
        Act.STEP_ON: lambda: going.step(1),
        Act.LEFT: lambda: _arrow(page, -1),
        Act.RIGHT: lambda: _arrow(page, 1),
        Act.LEFT_FAR: lambda: _arrow(page, -_FAR),
        Act.RIGHT_FAR: lambda: _arrow(page, _FAR),
        Act.SECOND_BACK: lambda: going.seconds(-1),
        Act.SECOND_ON: lambda: going.seconds(1),
        Act.TO_START: lambda: going.to(0),
        Act.TO_END: lambda: going.to(len(going.state.axis) - 1),
        Act.GO_TO: page.parts.transport.ask_place,
        Act.LOOP: going.toggle_loop,
    }


def _seeing(page: SettlePage) -> dict[Act, Do]:
    canvas, timeline = page.parts.canvas, page.parts.timeline
    return {
        Act.TIMELINE_IN: lambda: timeline.zoom(1),
        Act.TIMELINE_OUT: lambda: timeline.zoom(-1),
        Act.TIMELINE_FIT: lambda: _fit_timeline(page),
        Act.ZOOM_IN: lambda: canvas.zoom(1),
        Act.ZOOM_OUT: lambda: canvas.zoom(-1),
        Act.ZOOM_FIT: canvas.fit,
        Act.SHOW_NOTHING: page.hide_boxes,
    }


def _fit_timeline(page: SettlePage) -> None:
    timeline = page.parts.timeline
    whole = timeline.visible == (0, max(0, len(page.opened.axis) - 1))
    timeline.fit(page.going.range if whole else None)


def _arrow(page: SettlePage, by: int) -> None:
    """Move one's own box; without one go through frames."""
    if not page.parts.canvas.nudge(Part.WHOLE, by, 0):
        page.going.step(by)


def _enter(page: SettlePage) -> None:
    """Answer the question, take what was typed, or take the boxes that were drawn."""
    if page.parts.question.isVisible():
        page.parts.question.confirm()
    elif page.parts.transport.place.hasFocus():
        page.parts.transport.go()
    else:
        page.parts.canvas.finish_nudge()
        page.take_own()


def _leave(page: SettlePage) -> None:
    """Let go of one thing at a time: the question, a field, what was drawn; then of the page."""
    if page.parts.question.isVisible():
        page.parts.question.leave()
    elif not page.parts.canvas.hasFocus():
        page.entered()
    elif page.drawn:
        page.back()
    else:
        page.left_for_good.emit()
