import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.examination import Examination, read_journal
from app.examination.aftercare import end_examination, open_examinations
from app.examination.desk import Desk, DeskSettings
from app.examination.events import AiStatistics, Audit, Event, ModelUsed, PolypFound, Resumed, SettingsChanged, Snapshot
from app.examination.quality import Hint
from app.examination.state import Phase
from app.snapshot import LiveSnapshot, Quiet, SourceSnapshot, SourceStatus
from detector.errors import UsageError
from detector.watchdog import AiState
from tests.app.examination.rig import Clocks
from tests.app.examination.session import NOTHING, ScriptedSession, marker, picture


class Rig:
    """A desk whose thread is the test."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.clocks, self.session = Clocks(), ScriptedSession()
        self.settings = DeskSettings(folder, **settings)  # type: ignore[arg-type]
        self.desk = self.new_desk()

    def new_desk(self) -> Desk:
        clocks = {"now_ns": lambda: self.clocks.now_ns, "utc_now": lambda: self.clocks.wall}
        return Desk(self.session, self.settings, every_s=None, **clocks)

    def at(self, seconds: float) -> None:
        self.clocks.at(seconds)
        self.session.say(taken_ns=self.clocks.now_ns)
        self.desk.turn()

    def events(self) -> list[Event]:
        state = self.desk.examination
        assert state is not None
        return list(state.events)

    def kinds(self) -> list[str]:
        return [e.what.kind for e in self.events()]

    def audits(self) -> list[str]:
        return [e.what.what for e in self.events() if isinstance(e.what, Audit)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, audit={"ai.sensitivity": {"value": "normal", "from": "default"}}, room="Room 2")
    yield made
    made.desk.close()


def test_an_examination_begins_and_ends_in_one_action_each_and_needs_nothing_else(rig: Rig) -> None:
    begun = rig.desk.begin()
    assert begun.phase is Phase.BEFORE
    rig.desk.turn()
    assert rig.desk.end().phase is Phase.ENDED
    assert rig.kinds() == ["start", "settings", "model", "ai_statistics", "end"]
    assert rig.events()[0].what.room == "Room 2"  # type: ignore[union-attr]
    rig.desk.close()
    assert Examination.replay(read_journal(begun.folder).events).ended


def test_marks_name_the_newest_picture(rig: Rig) -> None:
    rig.desk.begin()
    rig.session.say(frame=picture(4711))
    assert rig.desk.scope_in().capture_index == 4711
    rig.session.say(frame=None)
    assert rig.desk.wash().capture_index is None


def test_it_records_from_scope_in_to_scope_out_and_goes_on_in_the_same_folder(rig: Rig) -> None:
    folder = rig.desk.begin().folder
    rig.desk.turn()
    assert rig.session.recorded == []
    rig.desk.scope_in()
    rig.desk.turn()
    assert rig.session.recorded == [folder]
    rig.desk.scope_out()
    rig.desk.turn()
    assert rig.session.now.recording is None
    rig.desk.scope_in()
    rig.desk.turn()
    rig.desk.end()
    rig.desk.turn()
    assert rig.session.recorded == [folder, folder]
    assert rig.session.now.recording is None
    assert [a for a in rig.audits() if a.startswith("recording")] == [
        "recording_started", "recording_stopped", "recording_started",
    ]  # fmt: skip


def test_the_caecum_without_scope_in_begins_the_recording_too(rig: Rig) -> None:
    folder = rig.desk.begin().folder
    rig.desk.caecum_reached()
    rig.desk.turn()
    assert rig.session.recorded == [folder]


def test_taking_scope_in_back_ends_the_recording(rig: Rig) -> None:
    rig.desk.begin()
    rig.desk.scope_in()
    rig.desk.turn()
    rig.desk.undo()
    rig.desk.turn()
    assert rig.session.now.recording is None


def test_a_recording_that_runs_elsewhere_moves_into_the_examination(rig: Rig) -> None:
    rig.session.start_recording()
    folder = rig.desk.begin().folder
    rig.desk.scope_in()
    rig.desk.turn()
    assert rig.session.now.recording == str(folder)
    assert "recording_moved" in rig.audits()


def test_a_recorder_that_fails_is_a_fault_and_an_event_but_the_mark_stands(rig: Rig) -> None:
    rig.session.record_error = "The disk is full."
    rig.desk.begin()
    rig.desk.scope_in()
    rig.desk.turn()
    found = rig.desk.snapshot()
    assert found is not None
    assert (found.phase, found.recording_fault) == (Phase.INSERTION, "The disk is full.")
    assert rig.audits() == ["recording_failed"]
    rig.desk.caecum_reached()
    assert rig.desk.snapshot().phase is Phase.WITHDRAWAL  # type: ignore[union-attr]


def test_a_recording_that_could_not_be_begun_is_tried_again_without_filling_the_journal(rig: Rig) -> None:
    rig.session.record_error = "The disk is full."
    folder = rig.desk.begin().folder
    rig.desk.scope_in()
    rig.at(1)
    rig.at(12)
    rig.at(23)
    assert rig.audits() == ["recording_failed"]
    rig.session.record_error = ""
    rig.at(24)
    assert rig.session.recorded == []
    rig.at(34)
    assert rig.session.recorded == [folder]
    assert rig.desk.snapshot().recording_fault == ""  # type: ignore[union-attr]


def test_what_must_be_recorded_by_hand_is_left_alone(tmp_path: Path) -> None:
    rig = Rig(tmp_path, from_scope_in=False)
    rig.desk.begin()
    rig.session.start_recording()
    rig.desk.scope_in()
    rig.desk.turn()
    rig.desk.end()
    rig.desk.turn()
    assert rig.session.now.recording is not None
    rig.desk.close()


def test_a_second_examination_waits_for_the_end_of_the_first(rig: Rig) -> None:
    first = rig.desk.begin()
    with pytest.raises(UsageError, match="runs already"):
        rig.desk.begin()
    rig.desk.end()
    assert rig.desk.begin().id != first.id


def test_without_an_examination_or_a_folder_marks_say_why_not(rig: Rig) -> None:
    with pytest.raises(UsageError, match="No examination runs"):
        rig.desk.scope_in()
    rig.desk.begin()
    rig.desk.end()
    with pytest.raises(UsageError, match="No examination runs"):
        rig.desk.undo()
    homeless = Desk(rig.session, DeskSettings(None), every_s=None)
    with pytest.raises(UsageError, match="no folder"):
        homeless.begin()
    homeless.close()


def test_the_withdrawal_clock_waits_during_interventions(rig: Rig) -> None:
    rig.desk.begin()
    rig.desk.caecum_reached()
    rig.at(60)
    rig.desk.intervention()
    rig.at(100)
    found = rig.desk.snapshot()
    assert found is not None
    assert found.intervention
    assert found.withdrawal is not None
    assert (found.withdrawal.net_s, found.withdrawal.total_s) == (60.0, 100.0)
    rig.desk.intervention()
    rig.at(130)
    assert rig.desk.snapshot().withdrawal.net_s == 90.0  # type: ignore[union-attr]


def test_the_hint_is_given_once_at_scope_out_and_goes_by_itself(rig: Rig) -> None:
    rig.desk.begin()
    rig.desk.caecum_reached()
    rig.at(300)
    assert rig.desk.snapshot().hint is None  # type: ignore[union-attr]
    rig.desk.scope_out()
    hint = rig.desk.snapshot().hint  # type: ignore[union-attr]
    assert hint is not None
    assert (hint.hint, hint.elapsed_s, hint.target_s) == (Hint.SHORT, 300.0, 480.0)
    rig.at(331)
    assert rig.desk.snapshot().hint is None  # type: ignore[union-attr]
    rig.desk.undo()
    rig.desk.scope_out()
    assert rig.desk.snapshot().hint is None  # type: ignore[union-attr]


def test_a_picture_from_outside_during_the_withdrawal_gives_the_hint_too_but_not_at_once(rig: Rig) -> None:
    rig.desk.begin()
    rig.desk.caecum_reached()
    rig.session.say(quiet=Quiet.OUTSIDE)
    rig.at(200)
    assert rig.desk.snapshot().hint is None  # type: ignore[union-attr]
    rig.at(203)
    assert rig.desk.snapshot().hint is not None  # type: ignore[union-attr]


@pytest.mark.parametrize("after_s", [None, 480.0])
def test_there_is_no_hint_after_an_intervention_or_where_none_is_wanted(tmp_path: Path, after_s: float | None) -> None:
    rig = Rig(tmp_path, hint_after_s=after_s)
    rig.desk.begin()
    rig.desk.caecum_reached()
    if after_s is not None:
        rig.desk.intervention()
        rig.desk.intervention()
    rig.at(100)
    rig.desk.scope_out()
    assert rig.desk.snapshot().hint is None  # type: ignore[union-attr]
    rig.desk.close()


def test_the_program_notes_its_model_and_every_change_once(rig: Rig) -> None:
    rig.desk.begin()
    rig.desk.turn()
    rig.desk.turn()
    assert rig.kinds() == ["start", "settings", "model"]
    assert isinstance(rig.events()[1].what, SettingsChanged)
    ai = rig.session.now.ai
    rig.session.ai_enabled = False
    rig.desk.turn()
    rig.session.ai_enabled = True
    rig.session.say(ai=replace(ai, state=AiState.FAILED, detail="killed"), hidden_until_ns=1)
    rig.desk.turn()
    rig.session.say(ai=replace(ai, restarts=1), hidden_until_ns=None, sensitivity="high", recorder_fault="disk full")
    rig.session.light_override = True
    rig.desk.turn()
    lost = SourceSnapshot(SourceStatus.LOST, "camera 0", "unplugged")
    view = replace(rig.session.now.view, frozen_since_ns=1)
    rig.session.say(source=lost, view=view)
    rig.session.shadow = True
    rig.desk.turn()
    rig.session.say(source=replace(lost, status=SourceStatus.PLAYING), view=replace(view, frozen_since_ns=None))
    rig.desk.turn()
    assert rig.audits() == [
        "ai_off",
        "ai_on", "ai_failed", "boxes_hidden",
        "ai_back", "ai_restarted", "boxes_back", "light_override_on", "sensitivity", "recorder_fault",
        "shadow_on", "source_lost", "picture_frozen",
        "source_back", "picture_moves",
    ]  # fmt: skip
    roles = [e.what.role for e in rig.events() if isinstance(e.what, ModelUsed)]
    assert roles == ["shown", "shadow"]


def test_a_candidate_model_is_noted_as_recorded_only(rig: Rig) -> None:
    ai = rig.session.now.ai
    assert ai.info is not None
    rig.session.say(candidate=replace(ai, info=replace(ai.info, model="next")))
    rig.desk.begin()
    rig.desk.turn()
    models = [(e.what.name, e.what.role) for e in rig.events() if isinstance(e.what, ModelUsed)]
    assert models == [("scripted", "shown"), ("next", "shadow")]


def test_statistics_are_noted_every_minute_and_count_from_the_start_of_the_examination(rig: Rig) -> None:
    rig.session.figures = replace(
        NOTHING, active_s=500.0, suppressed_s={"hidden": 30.0}, markers_shown=9, analysed=1000
    )
    rig.desk.begin()
    rig.session.figures = replace(
        NOTHING,
        active_s=555.0,
        suppressed_s={"hidden": 30.0, "frozen": 4.0},
        markers_shown=10,
        analysed=2500,
        latency_p50_ms=31.0,
    )  # fmt: skip
    rig.at(59)
    assert "ai_statistics" not in rig.kinds()
    rig.at(61)
    state = rig.desk.examination
    assert state is not None
    assert state.ai == AiStatistics(
        active_s=55.0, suppressed_s={"frozen": 4.0}, markers_shown=1, marker_s=0.0, analysed=1500, skipped=0, failed=0,
        restarts=0, latency_p50_ms=31.0, threshold=0.4, preset="normal",
    )  # fmt: skip


def test_a_recording_that_was_begun_by_hand_ends_with_the_examination(rig: Rig) -> None:
    folder = rig.desk.begin().folder
    rig.session.start_recording(folder)
    rig.desk.end()
    rig.desk.turn()
    assert rig.session.snapshot().recording is None
    rig.session.start_recording(elsewhere := folder.parent / "by-hand")
    rig.desk.turn()
    assert rig.session.snapshot().recording == str(elsewhere)


def test_the_next_examination_begins_when_the_recording_of_the_one_before_has_ended(rig: Rig) -> None:
    rig.desk.begin()
    rig.desk.scope_in()
    rig.desk.turn()
    rig.desk.end()
    rig.desk.begin()  # before the desk's thread had its turn
    assert rig.session.snapshot().recording is None


def test_after_a_crash_the_examination_its_recording_and_its_figures_go_on(rig: Rig) -> None:
    rig.session.figures = replace(NOTHING, active_s=10.0)
    folder = rig.desk.begin().folder
    rig.session.figures = replace(NOTHING, active_s=70.0, suppressed_s={"hidden": 5.0})
    rig.desk.scope_in()
    rig.desk.caecum_reached()
    rig.at(61)
    rig.desk.close()
    assert [found.folder for found in open_examinations(folder.parent)] == [folder]
    rig.session = ScriptedSession()
    rig.desk = rig.new_desk()
    rig.clocks.at(100)
    found = rig.desk.resume(folder)
    assert (found.phase, found.elapsed_s) == (Phase.WITHDRAWAL, 100.0)
    rig.desk.turn()
    assert rig.session.recorded == [folder]
    rig.session.figures = replace(NOTHING, active_s=20.0, suppressed_s={"hidden": 1.0})
    rig.desk.end()
    state = rig.desk.examination
    assert state is not None
    assert state.of(Resumed)
    assert state.ai is not None
    assert (state.ai.active_s, state.ai.suppressed_s) == (80.0, {"hidden": 6.0})


def test_an_examination_that_nobody_goes_on_with_ends_with_its_last_event(rig: Rig) -> None:
    folder = rig.desk.begin().folder
    rig.desk.caecum_reached()
    rig.at(200)
    rig.desk.wash()
    rig.desk.close()
    end_examination(folder)
    state = Examination.replay(read_journal(folder).events)
    assert state.ended
    assert state.problems == ()
    assert state.events[-1].t_s == 200.0
    assert open_examinations(folder.parent) == ()
    end_examination(folder)
    assert len(read_journal(folder).events) == len(state.events)


def test_undo_takes_a_polyp_back_with_its_picture_and_its_description_and_nothing_else(rig: Rig) -> None:
    folder = rig.desk.begin().folder
    rig.desk.wash()
    mark = rig.desk.polyp_found()
    rig.desk.picture(folder / "a.clean.png", folder / "a.png", 100, rig.clocks.now_ns, mark)
    rig.desk.describe(1, size_mm=4.0)
    rig.desk.bbps("left", 2)
    undone = rig.desk.undo()
    assert undone is not None
    assert undone.what == PolypFound(lesion=1)
    state = rig.desk.examination
    assert state is not None
    assert (state.lesions, state.of(Snapshot), state.bbps) == ((), (), {"left": 2})
    assert rig.desk.undo().what.kind == "wash"  # type: ignore[union-attr]
    assert rig.desk.undo() is None


def test_a_picture_soon_after_a_polyp_belongs_to_it_and_a_later_one_does_not(rig: Rig) -> None:
    folder = rig.desk.begin().folder
    rig.desk.polyp_found()
    rig.at(8)
    first = rig.desk.picture(folder / "a.clean.png", folder / "a.png", 100, rig.clocks.now_ns)
    rig.at(30)
    second = rig.desk.picture(folder / "b.clean.png", folder / "b.png", 200, rig.clocks.now_ns)
    assert isinstance(first.what, Snapshot)
    assert isinstance(second.what, Snapshot)
    assert (first.what.lesion, second.what.lesion) == (1, None)


def test_a_removal_names_the_only_lesion_that_is_left(rig: Rig) -> None:
    rig.desk.begin()
    rig.desk.polyp_found()
    rig.desk.polyp_found()
    assert rig.desk.polyp_removed().what.lesion is None  # type: ignore[union-attr]
    rig.desk.undo()
    rig.desk.undo()
    assert rig.desk.polyp_removed().what.lesion == 1  # type: ignore[union-attr]


def test_the_sharpest_pictures_around_a_polyp_are_handed_out_when_they_are_all_there(rig: Rig) -> None:
    handed: list[tuple[int, list[int]]] = []
    rig.desk.keep_pictures = lambda lesion, found: handed.append((lesion, [f.frame.index for f in found if f.frame]))
    rig.desk.begin()
    rig.session.say(frame=picture(1, sharp=False), markers=(marker(),))
    rig.at(20)
    rig.session.say(frame=picture(2))
    rig.at(21)
    rig.desk.polyp_found()
    rig.session.say(frame=picture(3), markers=())
    rig.at(22)
    assert handed == []
    rig.at(24.5)
    assert handed == [(1, [2, 1])]
    rig.at(30)
    assert len(handed) == 1


def test_details_said_later_take_the_place_of_those_at_the_start(rig: Rig) -> None:
    rig.desk.begin(indication="screening", endoscopist="E-1")
    rig.desk.end()
    rig.desk.details("FIT positive", "")
    rig.desk.conclude("Nothing more.")
    state = rig.desk.examination
    assert state is not None
    assert (state.indication, state.endoscopist, state.conclusion) == ("FIT positive", None, "Nothing more.")
    with pytest.raises(UsageError, match="Not noted"):
        rig.desk.bbps("left", 7)


def test_its_own_thread_does_all_that_too_and_outlives_a_session_that_stumbles(tmp_path: Path, caplog) -> None:
    class Stumbling(ScriptedSession):
        fails = True

        def snapshot(self) -> LiveSnapshot:
            if self.fails:
                raise RuntimeError("not now")
            return self.now

    session = Stumbling()
    session.fails = False
    desk = Desk(session, DeskSettings(tmp_path), every_s=0.005)
    folder = desk.begin().folder
    session.fails = True
    _until(lambda: "stumbled" in caplog.text)
    session.fails = False
    desk.scope_in()
    _until(lambda: bool(session.recorded))
    desk.close()
    assert session.recorded == [folder]


def _until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)
