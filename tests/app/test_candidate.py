"""A second model beside the first: never shown, always noted, and the first to give way."""

import pytest

from app.candidate import PAUSED, WAITS, Rest
from app.results_log import CANDIDATE, SHOWN, read_live_results
from detector.watchdog import AiState
from tests.app.test_live import MS, Room, ScriptedAi

S = 1000 * MS


class TwoModels(Room):
    def __init__(self, **settings) -> None:
        super().__init__(parts={"make_candidate": self._make_second}, **settings)
        self.session.start()

    def _make_second(self, *callbacks) -> ScriptedAi:
        self.second = ScriptedAi(*callbacks)
        return self.second


@pytest.fixture
def room(tmp_path):
    made = TwoModels(recordings=tmp_path)
    yield made
    made.source.end()
    made.session.stop()
    assert made.second.stopped


def test_it_gets_the_same_pictures_and_is_never_shown(room):
    for _ in range(10):
        frame = room.show()
        room.ai.submitted.clear()
        room.until(lambda f=frame: f in room.second.submitted)
        room.second.answer()
    snapshot = room.session.snapshot()
    assert snapshot.markers == ()
    assert snapshot.new_alerts == 0
    assert snapshot.candidate.state is AiState.ON
    assert room.analysed == []


def test_its_results_are_noted_beside_those_of_the_first(room, tmp_path):
    room.session.start_recording()
    for _ in range(3):
        frame = room.show()
        room.until(lambda f=frame: f in room.second.submitted)
        room.ai.answer()
        room.second.answer(score=0.3)
    room.show()
    failed = room.second.submitted.pop()
    room.second.on_failure(failed.index, "broken")
    room.session.stop_recording()
    rows = list(read_live_results(next(tmp_path.iterdir()) / "results.jsonl"))
    assert [r.role for r in rows] == [SHOWN, CANDIDATE] * 3 + [CANDIDATE]
    assert rows[1].row["withheld"] == "candidate"
    assert rows[1].row["markers"] == []
    assert rows[-1].failed


def test_it_rests_when_the_first_falls_behind_and_is_tried_again_later(room):
    room.show()
    room.ai.submitted.clear()
    room.ai.state, room.ai.idle = AiState.LATE, False
    given = len(room.second.submitted)
    room.show()
    assert room.session.snapshot().candidate.state is AiState.OFF
    assert room.session.snapshot().candidate.detail == PAUSED
    room.ai.state = AiState.ON
    room.show()
    assert len(room.second.submitted) == given
    room.show(advance_ms=10_000)
    room.until(lambda: len(room.second.submitted) == given + 1)
    assert room.session.snapshot().candidate.state is AiState.ON


class TestRest:
    def test_each_rest_is_twice_as_long_as_the_one_before(self):
        rest, now_ns, lengths = Rest(), 0, []
        for _ in range(8):
            assert rest.room(AiState.ON, now_ns)
            begin_ns = now_ns
            assert not rest.room(AiState.LATE, now_ns)
            while not rest.room(AiState.ON, now_ns):
                now_ns += S
            lengths.append((now_ns - begin_ns) // S)
        assert lengths == [10, 20, 40, 80, 160, 320, 320, 320]

    @pytest.mark.parametrize("first", [AiState.OFF, AiState.STARTING, AiState.RESTARTING, AiState.FAILED])
    def test_without_a_working_first_model_it_waits_and_that_costs_no_rest(self, first):
        rest = Rest()
        assert rest.room(AiState.ON, 0)
        assert not rest.room(first, S)
        assert rest.reason == WAITS
        assert rest.room(AiState.ON, 2 * S)

    def test_a_first_model_that_is_behind_without_it_is_not_its_fault(self):
        rest = Rest()
        assert not rest.room(AiState.LATE, 0)
        assert rest.room(AiState.ON, S)
