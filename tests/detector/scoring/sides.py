"""The two implementations side by side: the product's results as dictionaries, like the oracle's."""

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import pytest

from detector import scoring
from tests.detector.scoring import oracle, oracle_events, oracle_statistics


def plain(value):
    """Results as dictionaries, tuples as lists, all the way down."""
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def same(ours, theirs, path=""):
    """Where two plain results differ, counting only what the oracle has; numbers of seconds and shares to 1e-9."""
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        return [d for key, item in theirs.items() for d in same(ours[key], item, f"{path}.{key}")]
    if isinstance(theirs, list) and isinstance(ours, list):
        if len(ours) != len(theirs):
            return [f"{path}: {len(ours)} entries, oracle {len(theirs)}: {ours} / {theirs}"]
        return [d for n, pair in enumerate(zip(ours, theirs, strict=True)) for d in same(*pair, f"{path}[{n}]")]
    if isinstance(theirs, float) and isinstance(ours, float):
        return [] if ours == pytest.approx(theirs, rel=1e-9, abs=1e-9) else [f"{path}: {ours}, oracle {theirs}"]
    return [] if ours == theirs and (ours is None) == (theirs is None) else [f"{path}: {ours}, oracle {theirs}"]


def outcome(ask, items):
    """What a side says, or that it refuses."""
    try:
        return ask(items)
    except ValueError:
        return "ValueError"


def agree(items, ours, theirs):
    """Fail if two sides differ on these stills or recordings, and show the smallest part of them that does it."""

    def differ(x):
        return same(outcome(ours, x), outcome(theirs, x))

    if not differ(items):
        return
    smallest = shrunk(items, differ)
    pytest.fail("\n".join([*differ(smallest), *(line for item in smallest for line in told(item))]), pytrace=False)


def shrunk(items, differ):
    """Fewer stills or recordings, and of recordings fewer frames, that still differ."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in cuts(items):
            if differ(candidate):
                items, smaller = candidate, True
                break
    return items


def cuts(items):
    """All that is one piece smaller."""
    for n in range(len(items)):
        yield items[:n] + items[n + 1 :]
    for n, item in enumerate(items):
        count = len(item.truth) if isinstance(item, scoring.Recording) else 0
        for keep in (slice(0, count // 2), slice(count // 2, count), slice(0, count - 1), slice(1, count)):
            if count > 1:
                end = item.times_s[keep.stop] if keep.stop < count else item.end_s
                parts = {"times_s": item.times_s[keep], "truth": item.truth[keep], "answers": item.answers[keep]}
                yield [*items[:n], dataclasses.replace(item, end_s=float(end), **parts), *items[n + 1 :]]


def told(item):
    """A still or recording in words."""
    if isinstance(item, scoring.Still):
        yield f"{item.truth}\n    {item.answer}"
        return
    yield f"{item.name}, ends at {item.end_s}"
    for time, truth, answer in zip(item.times_s, item.truth, item.answers, strict=True):
        yield f"  {time!r}: {truth}\n    {answer}"


def product():
    """The product's functions by the oracle's names, with plain results."""

    def plainly(function):
        return lambda *args, **more: plain(function(*args, **more))

    functions = {name: plainly(f) for name, f in vars(scoring).items() if inspect.isfunction(f)}
    functions["best_f1_threshold"] = lambda stills, iou=0.5: scoring.best_f1_threshold(scoring.match_boxes(stills, iou))
    return SimpleNamespace(**functions)


def the_oracle():
    """The oracle's functions in one place."""
    return SimpleNamespace(**{**vars(oracle), **vars(oracle_events), **vars(oracle_statistics)})
