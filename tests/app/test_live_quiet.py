"""When no box is shown although the AI works: what the user asked for, and what the picture is."""

import functools
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from app.live import LiveSession, LiveSettings
from app.snapshot import Quiet, ViewSnapshot
from app.synchrony import SyncState
from app.watch import PictureWatch
from detector.detections import DetectorInfo
from detector.errors import UsageError
from detector.frame import Frame, FrameTime
from detector.geometry import Size
from detector.picture.glance import glance
from detector.picture.light import Light
from detector.picture.quality import View
from tests.app import test_live
from tests.app.test_live import INFO, MS, Room, ScriptedAi, ScriptedSource

S = 1000 * MS


class ScriptedWatch(PictureWatch):
    """Says of the picture what the test says."""

    def __init__(self, newest, on_change, clock_ns) -> None:
        super().__init__(newest, on_change, clock_ns)
        self.changed = on_change
        self.now = ViewSnapshot(inside=True)

    def start(self) -> None: ...

    def snapshot(self, now_ns: int) -> ViewSnapshot:
        return self.now

    def say(self, **what) -> None:
        self.now = replace(ViewSnapshot(inside=True), **what)
        self.changed()


class QuietRoom(Room):
    def __init__(self, **settings) -> None:
        super().__init__(watch=True, parts={"make_watch": self._make_watch}, **settings)
        self.session.start()

    def _make_watch(self, *parts) -> ScriptedWatch:
        self.watch = ScriptedWatch(*parts)
        return self.watch

    def kept_back(self) -> Frame:
        """Capture one frame and answer it, in the synchronised mode."""
        self.clock.now_ns += 40 * MS
        image = np.full((48, 64, 3), self.next_index % 250, np.uint8)
        frame = Frame(self.next_index, FrameTime(self.next_index, Fraction(1, 25)), self.clock.now_ns, image)
        self.next_index += 1
        self.source.put(frame)
        self.until(lambda: frame in self.ai.submitted)
        self.ai.answer()
        return frame

    @property
    def quiet(self) -> Quiet | None:
        return self.session.snapshot().quiet

    @property
    def markers(self) -> int:
        return len(self.session.snapshot().markers)

    @property
    def alerts(self) -> int:
        return self.session.snapshot().new_alerts


@pytest.fixture
def room():
    rooms: list[Room] = []

    def make(**settings) -> QuietRoom:
        rooms.append(QuietRoom(**settings))
        return rooms[-1]

    yield make
    for each in rooms:
        each.source.end()
        each.session.stop()


def keep_showing(r: Room, seconds: float) -> None:
    r.found(round(seconds * 25))


def test_hidden_boxes_come_back_after_the_time_and_not_before(room):
    r = room(hide_s=3.0)
    r.marked()
    r.session.hide_boxes()
    until_ns = r.clock.now_ns + 3 * S
    assert (r.quiet, r.markers) == (Quiet.HIDDEN, 0)
    assert r.session.snapshot().hidden_until_ns == until_ns
    keep_showing(r, 2.96)
    assert r.clock.now_ns == until_ns - 40 * MS
    assert (r.quiet, r.markers) == (Quiet.HIDDEN, 0)
    r.found(1)
    assert (r.quiet, r.markers) == (None, 1)
    assert r.session.snapshot().hidden_until_ns is None


def test_hiding_again_hides_for_the_whole_time_from_then_on(room):
    r = room(hide_s=3.0)
    r.marked()
    r.session.hide_boxes()
    keep_showing(r, 2)
    r.session.hide_boxes()
    keep_showing(r, 2)
    assert r.quiet is Quiet.HIDDEN
    r.session.show_boxes()
    assert (r.quiet, r.markers) == (None, 1)


def test_the_window_is_woken_when_hidden_boxes_come_back(room):
    r = room(hide_s=3.0)
    r.marked()
    r.session.hide_boxes()
    wakes = r.wakes
    r.clock.now_ns += 3 * S
    r.session._waker.at(r.clock.now_ns)  # the manual clock does not wake anyone
    r.until(lambda: r.wakes > wakes)


def test_the_ai_goes_on_while_boxes_are_hidden(room):
    r = room()
    r.session.hide_boxes()
    keep_showing(r, 1)
    assert len(r.analysed) == 25
    assert r.analysed[-1].update.markers


def test_a_lesion_that_is_found_while_nothing_is_shown_counts_when_it_is_shown(room):
    r = room(hide_s=10.0)
    r.session.hide_boxes()
    keep_showing(r, 2)
    assert r.alerts == 0
    r.session.show_boxes()
    r.found(1)
    assert (r.alerts, r.markers) == (1, 1)
    r.session.hide_boxes()
    keep_showing(r, 1)
    r.session.show_boxes()
    keep_showing(r, 1)
    assert r.alerts == 1  # the same lesion


def test_the_shadow_mode_analyses_and_shows_nothing(room):
    r = room(shadow=True)
    keep_showing(r, 1)
    assert (r.quiet, r.markers, r.alerts) == (Quiet.SHADOW, 0, 0)
    assert r.session.shadow
    assert r.analysed[-1].update.markers
    r.session.set_shadow(False)
    assert (r.quiet, r.markers) == (None, 1)


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (View.OUTSIDE, Quiet.OUTSIDE),
        (View.BLURRED, Quiet.POOR_VIEW),
        (View.DARK, Quiet.POOR_VIEW),
        (View.WASHED_OUT, Quiet.POOR_VIEW),
    ],
)
def test_a_picture_that_is_not_worth_looking_at_shows_no_box(room, view, reason):
    r = room()
    r.marked()
    wakes = r.wakes
    r.watch.say(view=view)
    assert r.wakes > wakes
    assert (r.quiet, r.markers) == (reason, 0)
    r.watch.say(view=View.GOOD)
    assert (r.quiet, r.markers) == (None, 1)


def test_the_plainest_reason_is_said(room):
    r = room()
    r.watch.say(view=View.OUTSIDE, light=Light.ENHANCED, frozen_since_ns=0)
    r.session.hide_boxes()
    r.session.set_shadow(True)
    assert r.quiet is Quiet.SHADOW
    r.session.set_shadow(False)
    assert r.quiet is Quiet.HIDDEN
    r.session.show_boxes()
    assert r.quiet is Quiet.FROZEN
    r.watch.say(view=View.OUTSIDE, light=Light.ENHANCED)
    assert r.quiet is Quiet.OUTSIDE
    r.watch.say(view=View.DARK, light=Light.ENHANCED)
    assert r.quiet is Quiet.POOR_VIEW
    r.watch.say(light=Light.ENHANCED)
    assert r.quiet is Quiet.LIGHT


@pytest.mark.parametrize(
    ("light", "lights", "validated"),
    [
        (Light.UNKNOWN, ("white",), True),
        (Light.WHITE, ("white",), True),
        (Light.DYED, ("white",), True),
        (Light.ENHANCED, ("white",), False),
        (Light.ENHANCED, (), False),
        (Light.ENHANCED, ("white", "nbi"), True),
    ],
)
def test_boxes_are_off_in_a_light_that_the_model_was_not_validated_in(room, monkeypatch, light, lights, validated):
    info = DetectorInfo("fast", "1", "cpu", "0" * 64, 0.5, ("polyp",), "cpu", validated_light=lights)
    monkeypatch.setattr(test_live, "INFO", info)
    r = room()
    r.marked()
    r.watch.say(light=light)
    assert r.session.snapshot().view.validated is validated
    assert (r.quiet, r.markers) == ((None, 1) if validated else (Quiet.LIGHT, 0))
    r.session.set_light_override(True)
    assert (r.quiet, r.markers) == (None, 1)
    assert r.session.snapshot().view.validated is validated  # the user insists; the sign still says what is true


def test_frames_of_a_frozen_picture_are_no_evidence_and_what_comes_after_is_new(room):
    r = room()
    r.marked()
    first = r.session.snapshot().markers[0].track_id
    r.watch.say(frozen_since_ns=r.clock.now_ns)
    assert (r.quiet, r.markers) == (Quiet.FROZEN, 0)
    keep_showing(r, 2)
    assert all(not item.update.tracking.tracks for item in r.analysed[-50:])
    r.watch.say()
    r.found(1)
    assert (r.quiet, r.markers) == (None, 0)  # followed anew, for as long as any other
    keep_showing(r, 0.2)
    assert r.session.snapshot().markers[0].track_id > first
    assert r.alerts == 2


def test_in_the_synchronised_mode_nothing_is_shown_either(room):
    r = room(synchronised=True)
    for _ in range(10):
        frame = r.kept_back()
    assert r.session.snapshot().sync.state is SyncState.ON
    assert (r.session.snapshot().frame, r.markers) == (frame, 1)
    r.watch.say(view=View.BLURRED)
    assert (r.session.snapshot().frame, r.markers) == (frame, 0)


def test_a_result_that_comes_too_late_to_be_shown_counts_no_alert(room):
    r = room()
    for _ in range(8):
        r.show()
        r.clock.now_ns += 300 * MS
        r.ai.answer()
    assert (r.alerts, r.markers) == (0, 0)


def test_pictures_of_another_size_begin_anew(room):
    r = room()
    r.marked()
    r.show(image=np.zeros((96, 128, 3), np.uint8))
    assert r.markers == 0, "the boxes are in pixels of another picture"
    r.ai.answer()
    assert r.analysed[-1].size == Size(128, 96)
    assert r.markers == 0


class TestSensitivity:
    def test_another_preset_holds_from_the_next_result_on_and_keeps_what_is_tracked(self, room):
        r = room()
        r.found(score=0.45)  # below the operating threshold of .5, above that of `high`
        assert r.markers == 0
        r.session.set_sensitivity("high")
        assert r.session.snapshot().sensitivity == "high"
        r.found(3, score=0.45)
        assert r.markers == 1
        track = r.session.snapshot().markers[0].track_id
        r.session.set_sensitivity("low")
        r.found(3, score=0.45)  # above the keep score of `low`
        assert [m.track_id for m in r.session.snapshot().markers] == [track]
        assert [p.name for p in r.session.snapshot().presets] == ["high", "normal", "low"]

    def test_limits_of_the_users_own_are_a_preset_of_their_own(self, room):
        r = room(threshold=0.3)
        assert r.session.sensitivity == "expert"
        r.found(score=0.35)
        assert r.markers == 1
        r.session.set_sensitivity("normal")
        assert r.session.sensitivity == "normal"
        r.session.set_sensitivity("expert")
        assert r.session.sensitivity == "expert"

    @pytest.mark.parametrize("name", ["expert", "highest", ""])
    def test_a_preset_that_there_is_not_is_refused(self, room, name):
        r = room()
        with pytest.raises(UsageError, match="There is no sensitivity"):
            r.session.set_sensitivity(name)
        assert r.session.sensitivity == "normal"


def test_a_hanging_watch_never_stops_the_picture_and_is_said(room):
    hang, entered = threading.Event(), threading.Event()

    def measure(image):
        entered.set()
        hang.wait(30)
        return glance(image)

    r = Room(watch=True, parts={"make_watch": functools.partial(PictureWatch, measure=measure)})
    r.session.start()
    try:
        r.show()
        assert entered.wait(5)
        r.marked()  # pictures, results and boxes go on
        assert r.session.snapshot().view.fault == ""
        r.clock.now_ns += 2 * S
        snapshot = r.session.snapshot()
        assert "not noticed" in snapshot.view.fault
        assert (snapshot.quiet, snapshot.view.inside) == (None, False)
        r.marked()
    finally:
        hang.set()
        r.source.end()
        r.session.stop()


def test_without_a_watch_nothing_is_suppressed_and_nothing_is_claimed():
    session = LiveSession(ScriptedSource(), "label", ScriptedAi, LiveSettings())
    assert session.snapshot().view == ViewSnapshot()
    assert INFO.validated_light == ()
