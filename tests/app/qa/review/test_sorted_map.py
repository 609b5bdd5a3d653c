from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.qa.review.sorted_map import SortedMap
from app.qa.review.steps import runs, value_at, with_range

KEYS = st.integers(0, 400)


@given(st.lists(st.tuples(KEYS, st.one_of(st.none(), st.integers())), max_size=300))
def test_it_holds_what_a_dictionary_would(changes: list[tuple[int, int | None]]) -> None:
    plain: dict[int, int] = {}
    made: SortedMap[int] = SortedMap()
    for key, value in changes:
        if value is None:
            plain.pop(key, None)
            made = made.without(key)
        else:
            plain[key] = value
            made = made.with_item(key, value)
    assert list(made.items()) == sorted(plain.items())
    assert len(made) == len(plain)
    assert made == SortedMap(plain.items())
    for key in range(0, 401, 7):
        assert made.get(key) == plain.get(key)
        assert (key in made) == (key in plain)
        assert made.floor(key) == max(((k, v) for k, v in plain.items() if k <= key), default=None)
        assert made.ceiling(key) == min(((k, v) for k, v in plain.items() if k >= key), default=None)


@given(st.dictionaries(KEYS, st.integers(), max_size=200), KEYS, KEYS, st.sets(KEYS, max_size=50))
def test_a_range_is_replaced_and_the_rest_stays(plain: dict[int, int], a: int, b: int, new: set[int]) -> None:
    first, last = min(a, b), max(a, b)
    items = [(key, -1) for key in sorted(new) if first <= key <= last]
    made = SortedMap(plain.items()).replaced(first, last, items)
    expected = {k: v for k, v in plain.items() if not first <= k <= last} | dict(items)
    assert list(made.items()) == sorted(expected.items())
    assert list(made.items(first, last)) == items


def test_an_older_map_never_changes() -> None:
    before = SortedMap((n, n) for n in range(1000))
    after = before.with_item(500, -1).without(3)
    assert before.get(500) == 500
    assert len(before) == 1000
    assert after.get(500) == -1
    assert len(after) == 999


def test_entries_before_the_first_do_not_make_a_chunk_each() -> None:
    made: SortedMap[int] = SortedMap()
    for key in range(2000, 0, -1):
        made = made.with_item(key, key)
    assert len(made._chunks) < 2000 / 16


@given(st.lists(st.tuples(KEYS, KEYS, st.sampled_from("abc")), max_size=30))
def test_steps_say_what_an_array_would(ranges: list[tuple[int, int, str]]) -> None:
    plain = ["a"] * 402
    steps: SortedMap[str] = SortedMap()
    for a, b, value in ranges:
        first, last = min(a, b), max(a, b)
        plain[first : last + 1] = [value] * (last - first + 1)
        steps = with_range(steps, first, last, value, "a")
    assert [value_at(steps, p, "a") for p in range(402)] == plain
    tiled = [value for first, last, value in runs(steps, 0, 401, "a") for _ in range(first, last + 1)]
    assert tiled == plain
    found = [value for _, _, value in runs(steps, 0, 401, "a")]
    assert all(x != y for x, y in pairwise(found))  # no step repeats the one before
