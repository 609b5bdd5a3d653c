import numpy as np
import pytest

from benchmarks.rounds import InProcess, Round, Together, figures, race
from benchmarks.tables import busy, table
from detector.frame import Frame


class Counted:
    def __init__(self, name, ns, calls_seen):
        self.name = name
        self._ns, self._seen = ns, calls_seen

    def round(self, calls):
        self._seen.append(self.name)
        return Round((self._ns,) * calls, 2 * self._ns * calls)


def test_everybody_takes_turns_at_being_first_and_the_first_round_does_not_count():
    seen = []
    results = race([Counted("a", 1, seen), Counted("b", 2, seen)], rounds=2, calls=3)

    assert seen == ["a", "b", "b", "a", "a", "b"]
    assert [len(rounds) for rounds in results.values()] == [2, 2]


def test_ratios_are_taken_within_a_round():
    # The machine is four times as slow in the second round, for both.
    ours = [Round((2_000_000,) * 4, 16_000_000), Round((8_000_000,) * 4, 16_000_000)]
    theirs = [Round((6_000_000,) * 4, 0), Round((32_000_000,) * 4, 0)]

    first, second = figures({"ours": ours, "theirs": theirs})

    assert (first.ratio, first.ratio_low, first.ratio_high) == (1, 1, 1)
    assert (second.ratio, second.ratio_low, second.ratio_high) == (3.5, 3, 4)
    assert (first.ms.p50, first.best_ms, first.frames_per_s, first.cpu_ms) == (5.0, 2.0, 200.0, 4.0)
    assert second.ms.p99 == 32.0


def test_frames_come_one_after_the_other_across_rounds():
    frames = [Frame(i, None, 0, np.zeros((2, 2, 3), np.uint8)) for i in range(3)]
    seen = []
    contestant = InProcess("c", lambda frame: seen.append(frame.index), frames)

    done = contestant.round(2)
    contestant.round(2)

    assert seen == [0, 1, 2, 0]
    assert len(done.wall_ns) == 2
    assert min(done.wall_ns) >= 0


def test_frames_done_together_share_their_time():
    frames = [Frame(i, None, 0, np.zeros((2, 2, 3), np.uint8)) for i in range(3)]
    seen = []

    done = Together("t", lambda some: seen.extend(f.index for f in some), frames).round(5)

    assert seen == [0, 1, 2, 0, 1]
    assert len(done.wall_ns) == 5
    assert len(set(done.wall_ns)) == 1


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [(True, "| a | bb |\n| --- | --- |\n| long | x |"), (False, "a     bb\nlong  x")],
)
def test_a_table_is_for_the_eye_or_for_a_page(markdown, expected):
    assert table(("a", "bb"), [("long", "x")], markdown) == expected


@pytest.mark.parametrize(("load", "lines"), [(None, 0), (0.2, 0), (1.6, 1)])
def test_figures_of_a_busy_machine_say_so(load, lines):
    assert len(busy({"load_before": load})) == lines
