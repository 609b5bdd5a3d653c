"""The watchdog on a manual clock: every limit exact to the nanosecond."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.watchdog import Action, AiState, Decision, Watchdog, WatchdogSettings

MS = 1_000_000
S = 1000 * MS
SETTINGS = WatchdogSettings()


def switched_on(now: int = 0) -> Watchdog:
    dog = Watchdog(SETTINGS)
    dog.enable(now)
    return dog


def launched(now: int = 0) -> Watchdog:
    dog = switched_on(now)
    dog.started(now)
    return dog


def ready(now: int = 0, p99: int = 20 * MS) -> Watchdog:
    dog = launched(now)
    dog.ready(p99, now)
    return dog


def working(now: int = 0, p99: int = 20 * MS) -> Watchdog:
    """Ready at ``now`` and with a frame captured and sent at ``now``."""
    dog = ready(now, p99)
    dog.submitted(now)
    dog.sent(now)
    return dog


def state(dog: Watchdog, now: int) -> AiState:
    return dog.verdict(now)[0]


def test_it_begins_switched_off_and_wants_nothing() -> None:
    dog = Watchdog()
    assert dog.verdict(5 * S) == (AiState.OFF, "")
    assert dog.decide(5 * S) == Decision(Action.NONE)


def test_switched_on_it_starts_at_once() -> None:
    dog = switched_on(7)
    assert state(dog, 7) is AiState.STARTING
    assert dog.decide(7) == Decision(Action.START)
    assert dog.started(7) == 1
    assert state(dog, 7) is AiState.STARTING
    assert dog.decide(7) == Decision(Action.NONE, 7 + 60 * S)


def test_ready_without_any_frame_is_on_for_ever() -> None:
    dog = ready()
    assert dog.idle
    assert dog.verdict(3600 * S) == (AiState.ON, "")
    assert dog.decide(3600 * S) == Decision(Action.NONE)


def test_results_are_late_at_250_ms_after_capture_exactly() -> None:
    dog = working()
    dog.result(captured_ns=0, now_ns=30 * MS)
    dog.submitted(33 * MS)
    dog.sent(34 * MS)
    assert dog.decide(40 * MS) == Decision(Action.NONE, 250 * MS)
    assert state(dog, 250 * MS - 1) is AiState.ON
    assert dog.verdict(250 * MS) == (AiState.LATE, "results are older than 250 ms")


def test_before_a_first_result_the_oldest_waiting_frame_counts() -> None:
    dog = ready()
    for i in range(20):
        dog.submitted(10 * MS + i * 16 * MS)
    assert state(dog, 260 * MS - 1) is AiState.ON
    assert state(dog, 260 * MS) is AiState.LATE


def test_a_result_that_was_old_when_it_came_is_late_at_once() -> None:
    dog = working()
    dog.result(captured_ns=0, now_ns=500 * MS)
    assert state(dog, 500 * MS) is AiState.LATE
    dog.submitted(500 * MS)
    dog.sent(500 * MS)
    dog.result(captured_ns=500 * MS, now_ns=520 * MS)
    assert state(dog, 520 * MS) is AiState.ON


def test_an_old_frame_does_not_make_the_newest_result_older() -> None:
    dog = working()
    dog.result(captured_ns=100 * MS, now_ns=110 * MS)
    dog.result(captured_ns=50 * MS, now_ns=120 * MS)
    assert dog.newest_captured_ns == 100 * MS


@pytest.mark.parametrize(("p99_ms", "limit_ms"), [(0, 1000), (20, 1000), (100, 1000), (101, 1010), (400, 4000)])
def test_stalled_exactly_at_its_own_limit(p99_ms: int, limit_ms: int) -> None:
    dog = working(now=5 * S, p99=p99_ms * MS)
    limit = 5 * S + limit_ms * MS
    assert state(dog, limit - 1) is AiState.LATE
    assert dog.decide(limit - 1) == Decision(Action.NONE, limit)
    assert dog.verdict(limit) == (AiState.STALLED, f"no result for {limit_ms / 1000:.1f} s")
    assert dog.decide(limit).action is Action.KILL


def test_without_frames_nothing_stalls() -> None:
    dog = working()
    dog.result(0, 30 * MS)
    assert dog.verdict(3600 * S) == (AiState.LATE, "no new picture")
    assert dog.idle
    assert dog.decide(3600 * S) == Decision(Action.NONE)


def test_stall_counts_from_the_hand_over_not_from_the_last_result() -> None:
    dog = working()
    dog.result(0, 30 * MS)
    dog.submitted(100 * S)
    dog.sent(100 * S)
    assert state(dog, 100 * S) is AiState.LATE
    assert dog.decide(101 * S - 1).action is Action.NONE
    assert dog.decide(101 * S).action is Action.KILL


def test_a_start_has_its_own_limit() -> None:
    dog = launched(2 * S)
    dog.submitted(2 * S)
    assert state(dog, 62 * S - 1) is AiState.STARTING
    assert dog.verdict(62 * S) == (AiState.STALLED, "not ready after 60 s")
    assert dog.decide(62 * S).action is Action.KILL


def test_getting_ready_for_another_size_has_the_limit_of_a_start() -> None:
    dog = working(now=5 * S)
    dog.preparing(5 * S)
    late, limit = 5 * S + 250 * MS, 65 * S
    assert dog.verdict(late - 1) == (AiState.ON, ""), "results are fresh: nothing to tell"
    assert dog.decide(late - 1) == Decision(Action.NONE, late)
    assert dog.verdict(late) == (AiState.STARTING, "getting ready for pictures of this size")
    assert dog.decide(late) == Decision(Action.NONE, limit)
    assert state(dog, limit - 1) is AiState.STARTING
    assert dog.verdict(limit) == (AiState.STALLED, "not ready for this size after 60 s")
    assert dog.decide(limit).action is Action.KILL


@pytest.mark.parametrize("failed", [False, True])
def test_once_ready_for_a_size_a_stall_is_judged_as_before(failed: bool) -> None:
    dog = working()
    dog.preparing(0)
    if failed:
        dog.failed("no memory on the card", 8 * S)
        assert dog.verdict(8 * S) == (AiState.LATE, "no memory on the card")
    else:
        dog.result(0, 8 * S)
        assert state(dog, 8 * S) is AiState.LATE
    dog.submitted(8 * S)
    dog.sent(8 * S)
    assert dog.decide(9 * S - 1).action is Action.NONE
    assert dog.decide(9 * S).action is Action.KILL


def test_a_restarted_process_that_gets_ready_is_still_restarting() -> None:
    dog = working()
    dog.died("gone", S)
    dog.started(2 * S)
    dog.ready(20 * MS, 3 * S)
    dog.submitted(3 * S)
    dog.sent(3 * S)
    dog.preparing(3 * S)
    assert dog.verdict(5 * S) == (AiState.RESTARTING, "gone")
    dog.result(3 * S, 6 * S)
    dog.sent(6 * S)
    dog.preparing(6 * S)
    assert state(dog, 8 * S) is AiState.STARTING


def test_a_process_without_a_frame_has_nothing_to_get_ready_for() -> None:
    dog = ready()
    dog.preparing(0)
    dog.submitted(S)
    dog.sent(S)
    assert dog.decide(2 * S).action is Action.KILL


def test_a_dead_process_is_restarted_and_says_why() -> None:
    dog = working()
    dog.died("killed by SIGKILL", 3 * S)
    assert dog.verdict(3 * S) == (AiState.RESTARTING, "killed by SIGKILL")
    assert dog.decide(3 * S) == Decision(Action.NONE, 3 * S + 200 * MS)
    assert dog.decide(3 * S + 200 * MS) == Decision(Action.START)
    assert dog.started(3 * S + 200 * MS) == 2
    assert state(dog, 4 * S) is AiState.RESTARTING
    assert dog.restarts == 1
    dog.ready(20 * MS, 4 * S)
    dog.submitted(4 * S)
    dog.sent(4 * S)
    dog.result(4 * S, 4 * S + 30 * MS)
    assert dog.verdict(4 * S + 30 * MS) == (AiState.ON, "")


def test_the_frame_lost_with_a_process_does_not_stall_the_next_one() -> None:
    dog = working()
    dog.died("gone", S)
    dog.started(2 * S)
    dog.ready(20 * MS, 3 * S)
    assert dog.decide(1000 * S).action is Action.NONE


def end_again(dog: Watchdog, now: int) -> int:
    """Let the process that runs end at ``now``, launch the next and return how long that took."""
    dog.died("gone", now)
    wake = dog.decide(now).wake_ns
    assert wake is not None
    dog.started(wake)
    return wake - now


def test_back_off_doubles_to_ten_seconds() -> None:
    dog = launched()
    delays = [end_again(dog, n * 100 * S) for n in range(1, 10)]
    assert [d / S for d in delays] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]


def test_back_off_begins_anew_after_ten_seconds_of_results() -> None:
    dog = launched()
    assert [end_again(dog, n * 100 * S) for n in range(1, 4)][-1] == 800 * MS
    dog.ready(20 * MS, 400 * S)
    dog.result(409 * S, 410 * S - 1)
    assert end_again(dog, 499 * S) == 1600 * MS, "a moment short of healthy, however long it lived"
    dog.ready(20 * MS, 600 * S)
    dog.result(609 * S, 610 * S)
    assert end_again(dog, 610 * S) == 200 * MS


def test_many_restarts_do_not_overflow() -> None:
    dog = launched()
    assert {end_again(dog, n * 100 * S) for n in range(1, 2000)} >= {10 * S}


def test_one_failed_frame_is_told_and_forgotten() -> None:
    dog = working()
    dog.result(0, 20 * MS)
    dog.sent(33 * MS)
    dog.failed("bad picture", 40 * MS)
    assert dog.verdict(41 * MS) == (AiState.ON, "bad picture")
    assert dog.verdict(250 * MS) == (AiState.LATE, "bad picture")
    dog.sent(250 * MS)
    dog.result(250 * MS, 260 * MS)
    assert dog.verdict(260 * MS) == (AiState.ON, "")


def test_failures_only_are_late_after_250_ms_and_restarted_after_one_second() -> None:
    dog = ready()
    now = 0
    while dog.decide(now).action is Action.NONE:
        dog.submitted(now)
        dog.sent(now)
        dog.failed("raised", now)
        expected = AiState.ON if now < 250 * MS else AiState.LATE if now < S else AiState.RESTARTING
        assert dog.verdict(now) == (expected, "raised")
        now += 50 * MS
    assert dog.decide(now) == Decision(Action.KILL, reason="raised")
    assert now == S + 50 * MS


def test_a_slow_detector_may_fail_five_times() -> None:
    dog = ready(p99=S)
    for n in range(5):
        assert dog.decide(n * 2 * S).action is Action.NONE
        dog.sent(n * 2 * S)
        dog.failed("raised", n * 2 * S)
    assert dog.decide(8 * S).action is Action.KILL


def test_a_short_burst_of_failures_is_no_reason() -> None:
    dog = ready()
    for n in range(20):
        dog.failed("raised", n * 10 * MS)
    assert dog.decide(200 * MS).action is Action.NONE


def test_permanent_errors_are_final_until_the_user_switches_off_and_on() -> None:
    dog = launched()
    dog.fatal("model.onnx does not match its hash")
    dog.died("the same, as the process ended", S)
    assert dog.verdict(3600 * S) == (AiState.FAILED, "model.onnx does not match its hash")
    assert dog.decide(3600 * S) == Decision(Action.NONE)
    dog.enable(3601 * S)
    assert state(dog, 3601 * S) is AiState.FAILED, "it was on all the time"
    dog.disable()
    assert state(dog, 3602 * S) is AiState.OFF
    dog.enable(3603 * S)
    assert state(dog, 3603 * S) is AiState.STARTING
    assert dog.decide(3603 * S).action is Action.START


def test_switching_on_ends_the_back_off() -> None:
    dog = launched()
    for n in range(1, 8):
        end_again(dog, n * 100 * S)
    dog.died("gone", 1000 * S)
    dog.disable()
    dog.enable(1000 * S + 1)
    assert dog.decide(1000 * S + 1).action is Action.START


def test_off_and_on_keeps_a_living_process_and_gives_it_its_full_time() -> None:
    dog = working()
    dog.disable()
    assert state(dog, 100 * S) is AiState.OFF
    assert dog.decide(100 * S) == Decision(Action.NONE)
    dog.enable(200 * S)
    assert state(dog, 200 * S + 250 * MS - 1) is AiState.ON
    assert state(dog, 200 * S + 250 * MS) is AiState.LATE
    assert dog.decide(201 * S - 1).action is Action.NONE
    assert dog.decide(201 * S).action is Action.KILL
    assert dog.generation == 1


def test_a_start_interrupted_by_off_and_on_gets_its_full_time() -> None:
    dog = launched()
    dog.disable()
    dog.enable(100 * S)
    assert state(dog, 160 * S - 1) is AiState.STARTING
    assert state(dog, 160 * S) is AiState.STALLED


def test_messages_of_a_process_that_is_gone_change_nothing() -> None:
    dog = working()
    dog.died("gone", S)
    dog.result(S, S)
    dog.failed("late", S)
    dog.sent(S)
    dog.ready(1, S)
    dog.died("gone twice", 2 * S)
    assert dog.verdict(S) == (AiState.RESTARTING, "gone")
    assert dog.newest_captured_ns is None


EVENTS = ("frame", "send", "prepare", "result", "fail", "ready", "die", "fatal", "on", "off", "obey")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(EVENTS),
        st.one_of(st.integers(0, 400 * MS), st.sampled_from([0, 1, 250 * MS, S, 60 * S])),
        st.booleans(),
    ),
    max_size=80,
)


class Owner:
    """Plays the supervisor: reports what an AI process could do, and checks after each step what must always hold."""

    def __init__(self) -> None:
        self.dog = Watchdog(SETTINGS)
        self.now = 10 * S
        self.on = self.alive = self.is_ready = self.failed = False
        self.prepares = False
        self.pending: int | None = None
        self.in_worker: int | None = None
        self.sent_at = self.on_at = 0
        self.newest: int | None = None
        self.generations = [0]
        self.ended_at: int | None = None
        self.last_delay = 0
        self.results_since: int | None = None
        self.last_result = 0

    def step(self, event: str, wait: int) -> None:
        self.sleep(wait)
        getattr(self, f"do_{event}")()
        self.check()

    def sleep(self, wait: int) -> None:
        """Let time pass; up to the announced instant nothing may change by itself."""
        before = self.dog.verdict(self.now)
        decision = self.dog.decide(self.now)
        assert decision.wake_ns is None or decision.wake_ns > self.now
        until = self.now + wait
        quiet = until if decision.wake_ns is None else min(until, decision.wake_ns - 1)
        assert self.dog.verdict(quiet) == before
        assert self.dog.decide(quiet) == decision
        self.now = until

    def do_frame(self) -> None:
        if self.on:
            self.pending = self.now
            self.dog.submitted(self.now)

    def do_send(self) -> None:
        assert self.dog.takes_frames == (self.alive and self.is_ready and self.in_worker is None)
        if self.dog.takes_frames and self.pending is not None:
            self.in_worker, self.pending, self.sent_at = self.pending, None, self.now
            self.prepares = False
            self.dog.sent(self.now)

    def do_prepare(self) -> None:
        if self.in_worker is not None and not self.prepares:
            self.prepares = True
            self.dog.preparing(self.now)

    def do_result(self) -> None:
        if self.in_worker is not None:
            self.newest = max(self.newest or 0, self.in_worker)
            self.in_worker, self.last_result = None, self.now
            self.dog.result(self.newest, self.now)

    def do_fail(self) -> None:
        if self.in_worker is not None:
            self.in_worker = None
            self.dog.failed("raised", self.now)

    def do_ready(self) -> None:
        if self.alive and not self.is_ready:
            self.is_ready, self.results_since, self.last_result = True, self.now, 0
            self.dog.ready(30 * MS, self.now)

    def do_die(self) -> None:
        if self.alive:
            self.end()
            self.dog.died("gone", self.now)

    def do_fatal(self) -> None:
        if self.alive:
            self.end()
            self.failed, self.ended_at = True, None
            self.dog.fatal("damaged")

    def do_on(self) -> None:
        if not self.on:
            self.on, self.failed, self.ended_at, self.last_delay = True, False, None, 0
            self.on_at = self.now
            self.dog.enable(self.now)

    def do_off(self) -> None:
        self.on, self.pending = False, None
        self.dog.disable()

    def do_obey(self) -> None:
        decision = self.dog.decide(self.now)
        if decision.action is Action.START:
            self.check_start()
            self.alive, self.is_ready = True, False
            self.generations.append(self.dog.started(self.now))
        elif decision.action is Action.KILL:
            assert self.on, "never kills while switched off"
            assert self.alive
            assert decision.reason
            self.end()
            self.dog.died(decision.reason, self.now)

    def check_start(self) -> None:
        assert self.on
        assert not self.alive
        assert not self.failed, "a permanent error is never retried silently"
        if self.ended_at is not None:
            assert self.now >= self.ended_at + self.last_delay

    def end(self) -> None:
        healthy = self.is_ready and self.last_result - (self.results_since or 0) >= 10 * S
        previous = 0 if healthy else self.last_delay
        self.alive, self.in_worker = False, None
        if self.on:
            self.ended_at = self.now
            self.last_delay = min(10 * S, max(200 * MS, 2 * previous))

    def check(self) -> None:
        state, detail = self.dog.verdict(self.now)
        decision = self.dog.decide(self.now)
        assert (state is AiState.OFF) == (not self.on)
        assert (state is AiState.FAILED) == (self.on and self.failed)
        if state is AiState.ON:
            assert self.alive
            assert self.is_ready
            assert self.newest is None or self.now - self.newest < 250 * MS, "ON with boxes that are too old"
            if self.in_worker is not None and self.newest is None:
                assert self.now - max(self.in_worker, self.on_at) < 250 * MS
        elif self.on:
            assert detail, "whatever is wrong is told in words"
        if decision.action is Action.KILL:
            assert state in (AiState.STALLED, AiState.RESTARTING)
        if state is AiState.STALLED:
            assert decision.action is Action.KILL
            limit = 60 * S if self.prepares else S
            assert not self.is_ready or (self.in_worker is not None and self.now - self.sent_at >= limit)
        if self.on and self.in_worker is not None and self.now - self.sent_at < (60 * S if self.prepares else S):
            assert state is not AiState.STALLED
        if self.on and not self.alive and not self.failed and decision.action is Action.NONE:
            assert self.ended_at is not None
            assert decision.wake_ns == self.ended_at + self.last_delay, "back-off: doubling, or anew after health"
        assert self.generations == list(range(len(self.generations))), "generations strictly grow"
        assert self.dog.newest_captured_ns == self.newest


@settings(max_examples=500)
@given(STEPS)
def test_what_must_always_hold(steps: list[tuple[str, int, bool]]) -> None:
    owner = Owner()
    owner.do_on()
    for event, wait, obey in steps:
        owner.step(event, wait)
        if obey:
            owner.step("obey", 0)
            owner.step("send", 0)
