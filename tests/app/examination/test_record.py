"""The state of an examination: what counts, what was withdrawn, what makes no sense."""

import pytest

from app.examination.events import (
    AiStatistics,
    Bbps,
    CaecumReached,
    Conclusion,
    End,
    InterventionEnd,
    InterventionStart,
    Lesion,
    ModelUsed,
    Note,
    PolypFound,
    PolypRemoved,
    ScopeIn,
    ScopeOut,
    Undo,
    Wash,
)
from app.examination.record import Examination, unfinished
from detector.errors import FormatError, UsageError
from tests.app.examination.rig import Clocks, examination, replayed

MODEL = ModelUsed(name="fast", version="0.2.0", variant="cpu", sha256="ab" * 32, threshold=0.4, provider="cpu")


def test_an_examination_without_events_is_refused():
    with pytest.raises(FormatError, match="does not begin with its start"):
        Examination.replay(())


def test_a_fresh_examination_knows_nothing():
    state = replayed()
    assert (state.lesions, state.bbps, state.models, state.ai, state.conclusion) == ((), {}, (), None, "")
    assert not state.scope_is_in
    assert not state.ended
    assert state.last_mark is None


def test_an_undo_takes_back_the_newest_mark_and_the_mark_stays_in_the_journal(tmp_path):
    with examination(tmp_path, Clocks()) as keeper:
        keeper.record(ScopeIn())
        keeper.record(CaecumReached())
        undo = keeper.undo()
        assert undo.what == Undo(event=3)
        state = keeper.examination
        assert state.of(CaecumReached) == ()
        assert state.withdrawn == {3}
        assert [e.n for e in state.events] == [1, 2, 3, 4]
        keeper.undo()
        assert not keeper.examination.scope_is_in
        assert keeper.undo() is None


def test_withdrawing_an_undo_brings_its_event_back():
    state = replayed((1, Wash()), (2, Undo(event=2)), (3, Undo(event=3)))
    assert len(state.of(Wash)) == 1
    assert state.withdrawn == {3}


def test_a_mark_after_an_undo_may_be_made_anew(tmp_path):
    with examination(tmp_path, Clocks()) as keeper:
        keeper.record(CaecumReached())
        with pytest.raises(UsageError, match="reached already"):
            keeper.record(CaecumReached())
        keeper.undo()
        keeper.record(CaecumReached())
        assert keeper.examination.first_s(CaecumReached) is not None


@pytest.mark.parametrize(
    ("before", "mark", "words"),
    [
        ((ScopeIn(),), ScopeIn(), "is in already"),
        ((ScopeIn(), ScopeOut()), ScopeOut(), "is out already"),
        ((ScopeIn(), ScopeOut()), CaecumReached(), "endoscope is out"),
        ((ScopeIn(), ScopeOut()), InterventionStart(), "endoscope is out"),
        ((), InterventionEnd(), "no intervention is running"),
        ((InterventionStart(),), InterventionStart(), "running already"),
        ((PolypFound(lesion=1),), PolypFound(lesion=1), "found already"),
        ((), PolypRemoved(lesion=3), "no lesion 3"),
        ((End(),), Wash(), "is over"),
        ((End(),), ScopeOut(), "is over"),
        ((), Undo(event=1), "cannot be withdrawn"),
        ((MODEL,), Undo(event=2), "cannot be withdrawn"),
        ((), Undo(event=9), "no event 9"),
        ((InterventionStart(), InterventionEnd()), Undo(event=2), "no intervention is running"),
        ((Wash(), Undo(event=2)), Undo(event=2), "withdrawn already"),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused_and_leaves_no_trace(tmp_path, before, mark, words):
    with examination(tmp_path, Clocks()) as keeper:
        for what in before:
            keeper.record(what)
        state = keeper.examination
        with pytest.raises(UsageError, match=words):
            keeper.record(mark)
        assert keeper.examination == state


def test_marks_are_taken_where_nobody_marked_the_way_in(tmp_path):
    with examination(tmp_path, Clocks()) as keeper:
        keeper.record(CaecumReached())
        assert keeper.examination.scope_is_in
        keeper.record(ScopeOut())
        assert not keeper.examination.scope_is_in


def test_a_file_with_a_senseless_mark_is_read_and_the_mark_named():
    state = replayed((1, InterventionEnd()), (2, Wash()))
    assert state.problems == ("Event 2 (intervention end): no intervention is running.",)
    assert len(state.of(Wash)) == 1
    assert state.of(InterventionEnd) == ()


def test_times_that_run_backwards_are_named():
    assert replayed((5, Wash()), (4, Wash())).problems == ("Event 3: its time lies before that of the event before.",)


def test_every_found_lesion_gets_a_number_that_none_ever_had(tmp_path):
    with examination(tmp_path, Clocks()) as keeper:
        keeper.found()
        keeper.found()
        keeper.undo()
        keeper.found()
        assert [x.id for x in keeper.examination.lesions] == [1, 3]


def test_what_is_said_of_a_lesion_adds_to_what_was_said(tmp_path):
    with examination(tmp_path, Clocks()) as keeper:
        keeper.found()
        keeper.describe(1, size_mm=6, segment="sigmoid")
        keeper.describe(1, paris="0-Is")
        assert keeper.examination.lesions == (Lesion(id=1, size_mm=6, segment="sigmoid", paris="0-Is"),)
        keeper.undo()
        assert keeper.examination.lesions == (Lesion(id=1, size_mm=6, segment="sigmoid"),)
        with pytest.raises(UsageError, match="field 'paris'"):
            keeper.describe(1, paris="flat")
        with pytest.raises(UsageError, match="no lesion 2"):
            keeper.describe(2, size_mm=3)


def test_the_documentation_may_be_completed_after_the_end(tmp_path):
    with examination(tmp_path, Clocks()) as keeper:
        keeper.found()
        keeper.end()
        keeper.end()
        keeper.describe(1, method="cold_snare")
        keeper.record(Bbps(segment="left", score=3))
        keeper.record(Note(text="late"))
        keeper.record(Conclusion(text="first"))
        keeper.record(Conclusion(text="second"))
        state = keeper.examination
    assert len(state.of(End)) == 1
    assert state.lesions[0].method == "cold_snare"
    assert state.bbps == {"left": 3}
    assert state.conclusion == "second"
    with pytest.raises(UsageError, match="closed"):
        keeper.record(Note(text="too late"))


def test_the_newest_figures_of_the_ai_count():
    def figures(active_s: float) -> AiStatistics:
        return AiStatistics(
            active_s=active_s, suppressed_s={"off": 1.0}, markers_shown=0, marker_s=0.0, analysed=0, skipped=0,
            failed=0, restarts=0,
        )  # fmt: skip

    state = replayed((1, MODEL), (2, figures(1)), (3, figures(2)), (4, End()), (4, figures(3)))
    assert state.ai == figures(3)
    assert state.models == (MODEL,)


def test_examinations_that_were_not_ended_are_found_at_the_next_start(tmp_path):
    clocks = Clocks()
    with examination(tmp_path, clocks) as ended:
        ended.end()
    folders = []
    for second in (1, 2):
        clocks.at(second)
        with examination(tmp_path, clocks) as keeper:
            keeper.record(ScopeIn())
        folders.append(keeper.folder)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "examination.jsonl").write_bytes(b"{")
    assert unfinished(tmp_path) == tuple(folders)
    assert unfinished(tmp_path / "nowhere") == ()
