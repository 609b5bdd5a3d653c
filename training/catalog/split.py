"""From a recipe to a split: what its filters and lists claim, what belongs with that, and what may be said of it.

Nothing here depends on a random generator: the same catalog and recipe give the same split on every machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from detector.errors import FormatError, UsageError
from training.catalog.filters import matcher
from training.catalog.prints import Compared, Prints, looks_like_others, near_pairs
from training.catalog.recipe import Recipe, TestSet, read_list
from training.catalog.shares import DEV, TRAIN, share_out
from training.catalog.store import Catalog, SplitNote, with_split
from training.catalog.units import unit_ids
from training.samples import Sample

LEFT_OUT = "left-out"
OFFICIAL_TEST = "test:official"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A catalog that was split, and what must be said of it.

    Attributes:
        catalog: the whole catalog with its new splits.
        notes: sentences for the reader.
    """

    catalog: Catalog
    notes: list[str]


def split_by_lists(catalog: Catalog, recipe: Recipe) -> Outcome:
    """The split that the recipe's committed lists give: no image is opened.

    Raises:
        SourceError: a list is missing.
        FormatError: a list names a test image, or an image that a set which is there does not have.
        UsageError: the recipe has no lists, or asks for what no image has.
    """
    if recipe.dev_list is None or recipe.left_out_list is None:
        raise UsageError(f"The recipe {recipe.name} has no lists.", "Split by its rules.")
    dev, left_out = read_list(recipe.dev_list), read_list(recipe.left_out_list)
    samples = _in_scope(catalog, recipe)
    claims = _claims(catalog, recipe, samples)
    names = {s.name: claim for s, claim in zip(samples, claims, strict=True)}
    folders = {n.split("/")[0] for n in names}
    for name in sorted(dev | left_out):
        if name.split("/")[0] in folders and name not in names:
            raise FormatError(f"A split list of {recipe.name} names {name}, which the data does not have.")
        if names.get(name):
            raise FormatError(f"A split list of {recipe.name} names {name}, which is in {names[name]}.")
    for s in samples:
        if not s.known or s.name in left_out:
            names[s.name] = LEFT_OUT
        elif not names[s.name]:
            names[s.name] = DEV if s.name in dev else TRAIN
    return _finish(catalog, recipe, names, [], alone=len(samples) == len(catalog.samples))


def split_by_rules(
    catalog: Catalog, recipe: Recipe, prints: Prints, external: Prints | None = None, keep: bool = True
) -> Outcome:
    """The split that the recipe's rules give.

    Args:
        catalog: what to split.
        recipe: the rules; its lists are not looked at.
        prints: of all images of the catalog, in its order.
        external: of the images of the recipe's external sets.
        keep: what is in train, dev or a test already stays there, and new images of its patients join it, so that a
            catalog which grows never moves a test patient into training.

    Raises:
        SourceError: a list of a test is missing.
        UsageError: there are too few units to take a share of, or the recipe asks for what no image has.
    """
    samples = _in_scope(catalog, recipe)
    own = prints[np.array([i for i, s in enumerate(catalog.samples) if _wanted(s, recipe)], np.intp)]
    claims = _claims(catalog, recipe, samples)
    kept = [i for i, s in enumerate(samples) if keep and s.known and s.split not in ("", LEFT_OUT)]
    for i in kept:
        claims[i] = samples[i].split
    units: dict[int, list[int]] = {}
    for i, unit in enumerate(unit_ids(samples, own)):
        units.setdefault(unit, []).append(i)
    notes = [f"{len(kept)} images keep the split that they had."] if kept else []
    notes += _settle(recipe, claims, list(units.values()), _touched(samples, own, external))
    notes += share_out(catalog, recipe, samples, claims, list(units.values()))
    names = {s.name: claim if s.known else LEFT_OUT for s, claim in zip(samples, claims, strict=True)}
    return _finish(catalog, recipe, names, notes, alone=not kept and len(samples) == len(catalog.samples))


def _wanted(sample: Sample, recipe: Recipe) -> bool:
    return not recipe.sources or sample.source in recipe.sources


def _in_scope(catalog: Catalog, recipe: Recipe) -> list[Sample]:
    found = [s for s in catalog.samples if _wanted(s, recipe)]
    if not found:
        sources = ", ".join(catalog.sources) or "nothing"
        raise UsageError(f"The recipe {recipe.name} is for {', '.join(recipe.sources)}; the catalog has {sources}.")
    return found


def _claims(catalog: Catalog, recipe: Recipe, samples: list[Sample]) -> list[str]:
    """Per sample the split that a filter, a list or its set's own split puts it in; empty: none does."""
    tests = [(name, *_claimer(catalog, test)) for name, test in recipe.tests.items() if test.share is None]
    with_val = {s.source for s in samples if s.official == "val"}
    claims = []
    for s in samples:
        claim = next((f"test:{name}" for name, where, names in tests if where(s) and _listed(s, names)), "")
        if not claim and recipe.official:
            own = {"test": OFFICIAL_TEST, "val": DEV, "train": TRAIN if s.source in with_val else ""}
            claim = own.get(s.official, "")
        claims.append(claim if s.known else "")
    return claims


def _claimer(catalog: Catalog, test: TestSet) -> tuple[Callable[[Sample], bool], set[str] | None]:
    return matcher(catalog, test.where), None if test.names is None else read_list(test.names)


def _listed(sample: Sample, names: set[str] | None) -> bool:
    return names is None or sample.name in names


def _touched(samples: list[Sample], prints: Prints, external: Prints | None) -> set[int]:
    """The samples that resemble an image of an external set."""
    if external is None or not len(external):
        return set()
    ours = Compared(prints, np.zeros(len(prints), np.int64), looks_like_others(samples))
    theirs = Compared(external, np.ones(len(external), np.int64), np.zeros(len(external), bool))
    return {i for i, _, _ in near_pairs(ours, theirs)}


def _settle(recipe: Recipe, claims: list[str], units: list[list[int]], touched: set[int]) -> list[str]:
    """Put every unit of which something is claimed where its first claim says; returns what must be said of it.

    Tests come before dev, dev before train. Whatever belongs with an image of a test, but was not asked for by that
    test itself, goes nowhere: the test stays what its recipe says.
    """
    shared = {f"test:{name}" for name, test in recipe.tests.items() if test.share is not None}
    rank = {f"test:{name}": k for k, name in enumerate(recipe.tests)}
    reasons: Counter[str] = Counter()

    def order(claim: str) -> tuple[int, int, str]:
        return (claim == TRAIN) * 2 + (claim == DEV), rank.get(claim, len(rank)), claim

    for members in units:
        is_touched = bool(touched.intersection(members))
        first = min({claims[i] for i in members} - {""}, key=order, default="")
        for i in members:
            if is_touched and not claims[i].startswith("test:"):
                claims[i] = LEFT_OUT
                reasons["resembles, or belongs with, an external image"] += 1
            elif first and claims[i] != first:
                joins = not claims[i] and (first in shared or not first.startswith("test:"))
                claims[i] = first if joins else LEFT_OUT
                reasons[f"belongs with an image of {first}"] += not joins
    return [f"{n} left out: {why}." for why, n in reasons.items() if n]


def _finish(catalog: Catalog, recipe: Recipe, names: dict[str, str], notes: list[str], alone: bool) -> Outcome:
    samples = [with_split(s, names.get(s.name, s.split)) for s in catalog.samples]
    unknown = sum(not s.known for s in samples if s.name in names)
    outside = Counter(s.source for s in samples if not s.split)
    if unknown:
        notes.append(f"{unknown} images left out: nobody has looked at them (no label).")
    for source, count in outside.items():
        notes.append(f"{count} images of {source} are not split: the recipe {recipe.name} does not cover them.")
    return Outcome(Catalog.of(catalog.sources.values(), samples, _note(catalog, recipe, samples, alone)), notes)


def _note(catalog: Catalog, recipe: Recipe, samples: Sequence[Sample], alone: bool) -> SplitNote:
    """What may be said of the split: patient-disjoint only if every image in it names its patient."""
    used = [s for s in samples if s.split and s.split != LEFT_OUT]
    nameless = Counter(s.source for s in used if not s.patient)
    before = catalog.how_split.recipe.split("+") if catalog.how_split and not alone else []
    name = "+".join(dict.fromkeys([*before, recipe.name]))
    if used and not nameless:
        return SplitNote(name, "patient-disjoint", f"All {len(used)} images name their patient.")
    why = f"{nameless.total()} of {len(used)} images name no patient ({', '.join(sorted(nameless))})."
    return SplitNote(name, "near-duplicate-checked", why)
