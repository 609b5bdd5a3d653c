import subprocess
import sys

import numpy as np
import pytest

from detector.scoring import Interval, bootstrap, exact_interval, paired_bootstrap

ITEMS = [("b", 1.0), ("a", 2.0), ("a", 4.0), ("c", 9.0)]


def unit(item):
    return item[0]


def mean(items):
    return float(np.mean([value for _, value in items]))


@pytest.mark.parametrize("items", [[], ITEMS[:1], ITEMS[1:3]])
def test_fewer_than_two_units_have_no_interval(items):
    assert bootstrap(items, unit, mean) is None
    assert paired_bootstrap(items, items, unit, mean) is None


def test_a_figure_that_exists_in_no_draw_has_no_interval():
    assert bootstrap(ITEMS, unit, lambda items: None) is None
    assert paired_bootstrap(ITEMS, ITEMS, unit, lambda items: None) is None


def test_units_are_drawn_in_sorted_order_with_all_their_items():
    seen = []
    bootstrap(ITEMS, unit, lambda items: seen.append([v for _, v in items]) or 0.0, draws=5, seed=4)
    by_unit = [[2.0, 4.0], [1.0], [9.0]]
    rng = np.random.default_rng(4)
    assert seen == [[v for u in rng.integers(3, size=3) for v in by_unit[u]] for _ in range(5)]


def test_the_interval_is_that_of_the_percentiles():
    values = []

    def kept(items):
        values.append(mean(items))
        return values[-1]

    found = bootstrap(ITEMS, unit, kept)
    assert (found.low, found.high) == tuple(np.quantile(values, [0.025, 0.975]))
    assert (found.draws, found.units) == (2000, 3)


def test_draws_in_which_the_figure_does_not_exist_are_left_out():
    found = bootstrap(ITEMS, unit, lambda items: mean(items) if ("c", 9.0) in items else None, draws=50)
    assert 0 < found.draws < 50
    assert found.low > 2


def test_the_same_seed_gives_the_same_interval():
    assert bootstrap(ITEMS, unit, mean) == bootstrap(ITEMS[::-1], unit, mean)
    many = [(str(k), k**2) for k in range(20)]
    assert bootstrap(many, unit, mean, draws=50) != bootstrap(many, unit, mean, draws=50, seed=2)


def test_a_figure_against_itself_differs_by_nothing():
    found = paired_bootstrap(ITEMS, ITEMS, unit, mean)
    assert (found.low, found.high, found.difference, found.mean_difference) == (0, 0, 0, 0)
    assert (found.draws, found.units) == (2000, 3)


def test_both_sides_are_drawn_over_the_same_units():
    better = [(name, value + 0.5) for name, value in ITEMS][::-1]
    found = paired_bootstrap(better, ITEMS, unit, mean)
    assert (found.low, found.high, found.difference, found.mean_difference) == pytest.approx((0.5, 0.5, 0.5, 0.5))


def test_a_pair_without_a_figure_of_all_has_no_difference_but_draws():
    gone = paired_bootstrap(ITEMS, ITEMS, unit, lambda items: None if len(items) == len(ITEMS) else 1.0, draws=50)
    assert gone.difference is None
    assert gone.draws > 0


@pytest.mark.parametrize("other", [ITEMS[1:], [*ITEMS, ("d", 1.0)], [*ITEMS, ("a", 1.0)]])
def test_other_units_or_other_items_are_no_pair(other):
    with pytest.raises(ValueError, match="same units"):
        paired_bootstrap(ITEMS, other, unit, mean)


@pytest.mark.parametrize(
    ("successes", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.3084971),  # 1 - 0.025 ** 0.1
        (10, 10, 0.6915029, 1.0),
        (1, 1, 0.025, 1.0),
        (5, 10, 0.1870860, 0.8129140),  # from tables (Clopper and Pearson 1934)
        (0, 0, 0.0, 1.0),
    ],
)
def test_exact_intervals(successes, of, low, high):
    found = exact_interval(successes, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    assert (found.draws, found.units) == (0, of)


@pytest.mark.parametrize(("successes", "of", "level"), [(-1, 3, 0.95), (4, 3, 0.95), (1, 3, 0), (1, 3, 1)])
def test_what_is_no_share_is_refused(successes, of, level):
    with pytest.raises(ValueError, match="not a share"):
        exact_interval(successes, of, level)


def test_intervals_become_json():
    assert Interval(0.1, 0.2, 10, 3).as_dict() == {"low": 0.1, "high": 0.2, "draws": 10, "units": 3}


def test_importing_the_scoring_loads_nothing_heavy():
    code = (
        "import sys, detector.scoring; print([m for m in ('scipy', 'faster_coco_eval', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
