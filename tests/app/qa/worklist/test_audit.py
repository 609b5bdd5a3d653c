"""The miss audit's statistics: estimates against their definition, intervals against simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.qa.worklist.audit import (
    Stratum,
    allocate,
    draw,
    estimate,
    minutes_for,
    sensitivity,
    sentence,
    strata_of,
)
from detector.scoring import exact_interval


def made(strata: int, windows: int, seed: int, share: float, spread: str) -> tuple[np.ndarray, np.ndarray]:
    """How many windows each procedure has, and how many of them hold a missed lesion.

    Args:
        spread: ``even``: every procedure alike; ``few``: all in a tenth of the procedures.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.integers(windows // 2, windows * 3 // 2, strata)
    total = round(share * sizes.sum())
    chances = np.ones(strata)
    if spread == "few":
        chances = np.where(rng.permutation(strata) < max(1, strata // 10), 1.0, 1e-9)
    missed = np.zeros(strata, np.int64)
    for _ in range(total):
        left = chances * (sizes - missed)
        missed[rng.choice(strata, p=left / left.sum())] += 1
    return sizes, missed


def simulated(sizes: np.ndarray, missed: np.ndarray, answers: int, draws: int, seed: int) -> list:
    rng = np.random.default_rng(seed)
    plan = allocate({str(n): int(size) for n, size in enumerate(sizes)}, answers)
    counts = np.array([plan[str(n)] for n in range(len(sizes))])
    found = rng.hypergeometric(missed[None], (sizes - missed)[None], counts[None], size=(draws, len(sizes)))
    kinds, which = np.unique(found, axis=0, return_inverse=True)
    totals = [
        estimate([Stratum(str(n), int(sizes[n]), int(counts[n]), int(y[n])) for n in range(len(sizes))]) for y in kinds
    ]
    return [totals[k] for k in which.reshape(-1)]


GRID = list(itertools.product([10, 40], [100, 400], [0.002, 0.01, 0.05], ["even", "few"]))


@pytest.mark.parametrize(("strata", "answers", "share", "spread"), GRID)
def test_the_interval_holds_what_is_true_in_at_least_93_of_100_audits(strata, answers, share, spread):
    sizes, missed = made(strata, 120, seed=7, share=share, spread=spread)
    missed = np.minimum(missed, sizes)
    totals = simulated(sizes, missed, answers, draws=250, seed=11)
    true = missed.sum()
    covered = np.mean([t.low <= true <= t.high for t in totals])
    assert covered >= 0.93


@pytest.mark.parametrize("spread", ["even", "few"])
def test_the_estimate_is_unbiased(spread):
    sizes, missed = made(20, 100, seed=3, share=0.05, spread=spread)
    values = [t.value for t in simulated(sizes, missed, 200, draws=1500, seed=5)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - missed.sum()) < 4 * error
    assert not any(t.pooled for t in simulated(sizes, missed, 200, draws=3, seed=5))


def test_the_sensitivitys_interval_holds_what_is_true_in_at_least_93_of_100_audits():
    for share, marked, known in itertools.product([0.004, 0.03], [60, 200], [0, 15]):
        sizes, missed = made(40, 200, seed=2, share=share, spread="even")
        true = marked / (marked + known + missed.sum())
        found = [sensitivity(marked, t, known) for t in simulated(sizes, missed, 400, draws=250, seed=9)]
        assert np.mean([s.low <= true <= s.high for s in found]) >= 0.93


def test_a_marked_part_that_is_itself_a_sample_widens_the_interval_and_it_holds():
    sizes, missed = made(40, 200, seed=2, share=0.01, spread="even")
    shown_sizes, shown = made(40, 40, seed=4, share=0.3, spread="even")
    true = shown.sum() / (shown.sum() + missed.sum())
    lost = simulated(sizes, missed, 400, draws=250, seed=9)
    right = simulated(shown_sizes, shown, 200, draws=250, seed=10)
    found = [sensitivity(m, t) for m, t in zip(right, lost, strict=True)]
    assert np.mean([s.low <= true <= s.high for s in found]) >= 0.93
    assert found[0].half_width > sensitivity(round(right[0].value), lost[0]).half_width


def test_with_one_procedure_and_few_answers_of_many_windows_it_is_clopper_and_pearsons_interval():
    total = estimate([Stratum("a", 10**9, 50, 3)])
    exact = exact_interval(3, 50)
    assert total.value == pytest.approx(0.06e9)
    assert total.low == pytest.approx(exact.low * 1e9, rel=1e-4)
    assert total.high == pytest.approx(exact.high * 1e9, rel=1e-4)


def test_whoever_has_looked_at_everything_knows_it():
    total = estimate([Stratum("a", 30, 30, 2), Stratum("b", 12, 12, 0)])
    assert (total.value, total.low, total.high) == (2, 2, 2)
    assert sensitivity(18, total).low == sensitivity(18, total).high == pytest.approx(0.9)


def test_nothing_answered_is_nothing_known_and_no_zero():
    assert estimate([Stratum("a", 100, 0, 0)]) is None
    assert estimate([]) is None
    assert "Nothing is answered" in sentence(5, [Stratum("a", 100, 0, 0, unsure=2)], 8)


def test_a_procedure_without_an_answer_is_stood_for_by_the_others_and_that_is_said():
    total = estimate([Stratum("a", 100, 10, 1), Stratum("b", 300, 0, 0)])
    assert total.pooled
    assert total.value == pytest.approx(40)
    assert total.windows == 400


def test_windows_that_nobody_could_tell_are_left_out_and_counted():
    strata = strata_of({"a": 100}, [("a", "missed"), ("a", "nothing"), ("a", "unsure"), ("a", "nothing")])
    assert strata == [Stratum("a", 100, 3, 1, 1)]
    with pytest.raises(ValueError, match="no answer of this audit"):
        strata_of({"a": 100}, [("a", "right")])


def test_the_sentence_gives_the_sensitivity_and_what_more_minutes_bring():
    strata = [Stratum("a", 4000, 200, 4)]
    words = sentence(300, strata, 10)
    found = sensitivity(300, estimate(strata))
    assert words.startswith(f"Sensitivity {found.value * 100:.0f} % ({found.low * 100:.0f} to {found.high * 100:.0f})")
    minutes = minutes_for(300, strata, 10, 0.05)
    assert minutes % 5 == 0
    assert f"; {minutes} more minutes give about ±5." in words
    narrow = [Stratum("a", 4000, 200 + 10 * minutes, round((200 + 10 * minutes) * 0.02))]
    assert sensitivity(300, estimate(narrow)).half_width <= 0.055
    assert "more minutes" not in sentence(300, [Stratum("a", 4000, 4000, 80)], 10)
    assert "more hours give" in sentence(2, [Stratum("a", 20, 5, 1)], 0.01)
    assert "more procedures are needed" in sentence(estimate([Stratum("a", 90, 5, 2)]), [Stratum("a", 20, 5, 1)], 9)
    assert "A sensitivity cannot be given" in sentence(0, [Stratum("a", 50, 10, 0)], 10)


@given(
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=40),
    total=st.integers(0, 900),
    seed=st.integers(0, 5),
)
def test_windows_are_shared_out_in_proportion_and_never_more_than_there_are(sizes, total, seed):
    windows = {str(n): size for n, size in enumerate(sizes)}
    given_ = allocate(windows, total, seed)
    everything = sum(sizes)
    assert sum(given_.values()) == min(total, everything)
    more = allocate(windows, total + 7, seed)
    for name, count in given_.items():
        exact = min(total, everything) * windows[name] / max(1, everything)
        assert count <= windows[name]
        # Webster's method may miss the quota by more than one, but never by much with claims of this kind.
        assert abs(count - exact) < 2
        assert count <= more[name], "a longer plan takes nothing from anybody"


def test_every_window_has_the_same_chance_and_a_plan_can_be_drawn_again():
    counts = np.zeros(20)
    for seed in range(3000):
        chosen = draw(20, 5, "a", seed)
        assert len(set(chosen)) == 5
        counts[list(chosen)] += 1
    # 3000 draws with a chance of 1/4 each: a standard deviation of 24.
    assert np.abs(counts - 750).max() < 100
    assert draw(20, 5, "a", 1) == draw(20, 5, "a", 1) != draw(20, 5, "b", 1)
    assert draw(20, 9, "a", 1)[:5] == draw(20, 5, "a", 1), "a longer plan goes on where a shorter one ended"
