"""The oracle's confidence intervals, and the agreement of two readers. See `oracle`."""

import math
from collections import defaultdict

import numpy as np

from tests.detector.scoring.oracle import in_a_region, iou_of, rows, share

# --- confidence intervals ------------------------------------------------------------------------------------------


def by_unit(items, unit):
    grouped = defaultdict(list)
    for item in items:
        grouped[unit(item)].append(item)
    return grouped


def drawn(grouped, chosen):
    return [item for name in chosen for item in grouped[name]]


def bootstrap(items, unit, figure, draws=2000, seed=1):
    grouped = by_unit(items, unit)
    return percentiles(sorted(grouped), lambda chosen: figure(drawn(grouped, chosen)), draws, seed)


def paired_bootstrap(a, b, unit, figure, draws=2000, seed=1):
    of_a, of_b = by_unit(a, unit), by_unit(b, unit)
    if {name: len(items) for name, items in of_a.items()} != {name: len(items) for name, items in of_b.items()}:
        raise ValueError("other units")

    def difference(chosen):
        one, other = figure(drawn(of_a, chosen)), figure(drawn(of_b, chosen))
        return None if one is None or other is None else one - other

    out = percentiles(sorted(of_a), difference, draws, seed)
    if out is not None:
        out["mean_difference"] = out.pop("mean")
        out["difference"] = difference(sorted(of_a))
    return out


def percentiles(names, figure, draws, seed):
    if len(names) < 2:
        return None
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        value = figure([names[i] for i in rng.integers(len(names), size=len(names))])
        if value is not None:
            values.append(value)
    if not values:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return {
        "low": float(low),
        "high": float(high),
        "draws": len(values),
        "units": len(names),
        "mean": math.fsum(values) / len(values),
    }


def at_least(successes, of, p):
    """Binomial probability of at least so many successes."""
    return math.fsum(math.comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(successes, of + 1))


def exact_interval(successes, of, level=0.95):
    """Clopper-Pearson by its definition: the p at which so many, or so few, become as rare as (1 - level) / 2."""
    if of == 0:
        return {"low": 0.0, "high": 1.0, "units": 0}
    tail = (1 - level) / 2

    def solve(rises_past):
        low, high = 0.0, 1.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (low, middle) if rises_past(middle) else (middle, high)
        return (low + high) / 2

    low = 0.0 if successes == 0 else solve(lambda p: at_least(successes, of, p) >= tail)
    high = 1.0 if successes == of else solve(lambda p: 1 - at_least(successes + 1, of, p) <= tail)
    return {"low": low, "high": high, "units": of}


# --- agreement of readers ------------------------------------------------------------------------------------------


def pairings(left, right, agree):
    """Every way to pair some of `left` with some of `right` one to one, as sets of pairs."""
    if not left:
        return [frozenset()]
    first, rest = left[0], left[1:]
    out = pairings(rest, right, agree)
    for other in right:
        if agree(first, other):
            without = [r for r in right if r != other]
            out = out + [chosen | {(first, other)} for chosen in pairings(rest, without, agree)]
    return out


def box_agreement(a, b, iou=0.5):
    """Of several pairings with as many pairs the one that leaves most neutral boxes over: no box is held against one
    reader that the other has declared to be undecidable.
    """
    out = {"frames": 0, "boxes_a": 0, "boxes_b": 0, "neutral": 0, "pairs": 0}
    for one, other in zip(a, b, strict=True):
        if not (one.reviewed and other.reviewed):
            continue
        boxes_a, boxes_b = rows(one.boxes), rows(other.boxes)
        spare_a = {i for i, box in enumerate(boxes_a) if in_a_region(box, rows(other.ignored))}
        spare_b = {i for i, box in enumerate(boxes_b) if in_a_region(box, rows(one.ignored))}
        every = pairings(
            list(range(len(boxes_a))),
            list(range(len(boxes_b))),
            lambda i, j, boxes_a=boxes_a, boxes_b=boxes_b: iou_of(boxes_a[i], boxes_b[j]) >= iou,
        )

        def left_over(pairs, spare_a=spare_a, spare_b=spare_b):
            return len(spare_a - {i for i, _ in pairs}), len(spare_b - {j for _, j in pairs})

        best = max(every, key=lambda pairs: (len(pairs), sum(left_over(pairs))))
        neutral_a, neutral_b = left_over(best)
        out["frames"] += 1
        out["boxes_a"] += len(boxes_a) - neutral_a
        out["boxes_b"] += len(boxes_b) - neutral_b
        out["neutral"] += neutral_a + neutral_b
        out["pairs"] += len(best)
    return {**out, "f1": share(2 * out["pairs"], out["boxes_a"] + out["boxes_b"])}


def frame_agreement(a, b):
    def seen(truth):
        if len(truth.boxes) > 0:
            return True
        return False if len(truth.ignored) == 0 else None

    both_reviewed = [(seen(x), seen(y)) for x, y in zip(a, b, strict=True) if x.reviewed and y.reviewed]
    decided = [pair for pair in both_reviewed if None not in pair]
    n = len(decided)
    out = {
        "frames": n,
        "undecided": len(both_reviewed) - n,
        "both": decided.count((True, True)),
        "only_a": decided.count((True, False)),
        "only_b": decided.count((False, True)),
        "neither": decided.count((False, False)),
    }
    observed = share(out["both"] + out["neither"], n)
    kappa = None
    if n:
        share_a, share_b = sum(x for x, _ in decided) / n, sum(y for _, y in decided) / n
        chance = share_a * share_b + (1 - share_a) * (1 - share_b)
        kappa = share(observed - chance, 1 - chance)
    return {**out, "observed": observed, "kappa": kappa}
