"""Shares of what nothing claims: whole units, of each stratum, in the order of a hash."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass

from detector.errors import UsageError
from training.catalog.filters import label, matcher
from training.catalog.recipe import DevRule, Recipe
from training.catalog.store import Catalog
from training.samples import Sample

TRAIN, DEV = "train", "dev"


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """Samples that stay together and that nothing claims.

    Attributes:
        members: indices into the samples of the split.
        samples: the same, in the order of their names.
        count: how many of them have a label.
        stratum: which part of the data it belongs to.
        order: its place in line: the hash of the name of its patient, sequence or first image.
    """

    members: list[int]
    samples: list[Sample]
    count: int
    stratum: tuple[str, ...]
    order: tuple[str, str]

    @classmethod
    def of(cls, recipe: Recipe, samples: list[Sample], members: list[int]) -> Unit:
        """Describe the unit of these members."""
        own = [samples[i] for i in members]
        first = own[0]
        has_polyp = any(label(s) == "polyp" for s in own)
        parts = {"source": first.source, "centre": first.centre, "label": "polyp" if has_polyp else "none"}
        key = first.patient or first.sequence or first.name
        place = hashlib.sha256(f"{recipe.salt} {key}".encode()).hexdigest()
        stratum = tuple(parts[k] for k in recipe.stratify)
        return cls(members, own, sum(s.known for s in own), stratum, (place, first.name))


def share_out(
    catalog: Catalog, recipe: Recipe, samples: list[Sample], claims: list[str], units: list[list[int]]
) -> list[str]:
    """Fill the empty ones of `claims`: the shares of tests first, then dev; the rest is training's.

    Args:
        catalog: to which the samples belong.
        recipe: the rules.
        samples: of the recipe's scope.
        claims: per sample its split, or empty; a unit is claimed as a whole.
        units: indices of the samples that stay together.

    Returns:
        What must be said of it: shares of which nothing came, though they were asked for.

    Raises:
        UsageError: there are too few units to choose from.
    """
    everything = [Unit.of(recipe, samples, members) for members in units if not claims[members[0]]]
    everything = [u for u in everything if u.count]
    with_val = {s.source for s in samples if recipe.official and s.official == "val"}
    # An official training image may be chosen for dev where its set has no official dev, but is never made a test.
    no_test = {u for u in everything if recipe.official and any(s.official for s in u.samples)}
    no_dev = {u for u in everything if any(s.source in with_val and s.official for s in u.samples)}
    rules = [
        (f"test:{name}", DevRule(where=test.where, share=test.share), no_test, 2)
        for name, test in recipe.tests.items()
        if test.share is not None
    ]
    rules += [(DEV, rule, no_dev, 1) for rule in recipe.dev]
    free, notes = everything, []
    for split, rule, closed, leave in rules:
        eligible = _eligible(catalog, rule, [u for u in free if u not in closed])
        totals = Counter[tuple[str, ...]]()
        for unit in _eligible(catalog, rule, everything):
            totals[unit.stratum] += unit.count
        taken = _take(split, rule, eligible, totals, leave)
        if not taken and rule.share and split not in claims:
            notes.append(f"{split} is empty: nothing is left for it that may be chosen (filters and official splits).")
        for i in (i for unit in taken for i in unit.members):
            claims[i] = split
        free = [u for u in free if u not in taken]
    claims[:] = [claim or TRAIN for claim in claims]
    return notes


def _take(split: str, rule: DevRule, eligible: list[Unit], totals: Counter[tuple[str, ...]], leave: int) -> set[Unit]:
    """Units for `split`: of each stratum about its share; `leave` units of it stay for what comes after."""
    if not eligible or rule.share == 0 or rule.units == 0:
        return set()
    line = sorted(eligible, key=lambda u: u.order)
    strata: dict[tuple[str, ...], list[Unit]] = defaultdict(list)
    for unit in line:
        strata[unit.stratum].append(unit)
    taken = {u for key, units in strata.items() for u in _pick(rule, units, totals[key], leave)}
    if not taken:  # many small strata, say one patient in each centre: take of all at once
        taken = set(_pick(rule, line, totals.total(), leave, at_least=1))
    if not taken:
        raise UsageError(
            f"There is too little to choose {split} from: {len(line)} units (patients, sequences or images).",
            "Import more, name the images in a recipe, or ask there for a share of 0.",
        )
    return taken


def _pick(rule: DevRule, line: list[Unit], total: int, leave: int, at_least: int = 0) -> list[Unit]:
    """The first units in line that fit into the share; if even the smallest is larger than that, the smallest."""
    if rule.units is not None:
        return line[: rule.units]
    wanted = max(at_least, round((rule.share or 0) * total))
    taken: list[Unit] = []
    count = 0
    for unit in line:
        if count + unit.count <= wanted and len(line) - len(taken) > leave:
            taken.append(unit)
            count += unit.count
    if not taken and wanted and len(line) > leave:
        return [min(line, key=lambda u: u.count)]
    return taken


def _eligible(catalog: Catalog, rule: DevRule, units: list[Unit]) -> list[Unit]:
    where, without = matcher(catalog, rule.where), matcher(catalog, rule.without)
    return [
        u
        for u in units
        if all(where(s) for s in u.samples) and not (rule.without and any(without(s) for s in u.samples))
    ]
