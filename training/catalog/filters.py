"""Which samples are meant: conditions such as ``source=kvasir-seg``, for recipes, `filter` and `sheet` alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from detector.errors import UsageError
from training.catalog.store import Catalog
from training.samples import Sample

FIELDS = ("name", "source", "centre", "patient", "sequence", "official", "split")
KEYS = (*FIELDS, "class", "lesion", "label", "licence", "commercial")
"""What can be asked for beside the set's own facts. `label` is ``polyp``, ``none``, ``ignored`` or ``unknown``."""


def label(sample: Sample) -> str:
    """What is known of an image: ``unknown``, ``polyp``, ``none``, or ``ignored``: it has ignored regions alone."""
    if not sample.known:
        return "unknown"
    if len(sample.boxes):
        return "polyp"
    return "none" if sample.negative else "ignored"


def matcher(catalog: Catalog, conditions: Mapping[str, Sequence[str]]) -> Callable[[Sample], bool]:
    """Whether a sample meets every condition: one of its patterns fits (``*`` and ``?`` are wild; case counts).

    Raises:
        UsageError: a condition asks for what is neither a field nor a fact of any sample.
    """
    facts = {key for s in catalog.samples for key in s.facts}
    for key in conditions:
        if key not in KEYS and key not in facts:
            known = ", ".join([*KEYS, *sorted(facts)])
            raise UsageError(f"No image has a field or fact '{key}'.", f"There are: {known}.")

    def keep(sample: Sample) -> bool:
        return all(
            any(fnmatchcase(value, pattern) for value in _values(catalog, sample, key) for pattern in patterns)
            for key, patterns in conditions.items()
        )

    return keep


def parse_conditions(words: Iterable[str]) -> dict[str, list[str]]:
    """``["centre=C1,C2", "split=train"]`` as conditions; a key given twice widens it.

    Raises:
        UsageError: a word is not KEY=VALUE.
    """
    found: dict[str, list[str]] = {}
    for word in words:
        key, equals, values = word.partition("=")
        if not key or not equals:
            raise UsageError(f"'{word}' is not KEY=VALUE.", f"For instance source=kvasir-seg. Keys: {', '.join(KEYS)}.")
        found.setdefault(key, []).extend(values.split(","))
    return found


def licence_filter(
    catalog: Catalog, commercial: bool = False, licence: str | None = None, without: Iterable[str] = ()
) -> Catalog:
    """The samples of those sources whose licence is wanted.

    Args:
        catalog: what to choose from.
        commercial: only sources whose licence is known to allow commercial use.
        licence: a pattern for the licence, such as ``CC BY*``; case does not count.
        without: sources to leave out.

    Raises:
        UsageError: a source in `without` does not exist: a misspelled one would stay in.
    """
    unwanted = set(without)
    for name in unwanted - set(catalog.sources):
        raise UsageError(f"There is no source '{name}' in the catalog.", f"It has {', '.join(catalog.sources)}.")
    names = {
        s.name
        for s in catalog.sources.values()
        if s.name not in unwanted
        and (s.commercial or not commercial)
        and (licence is None or fnmatchcase(s.licence.casefold(), licence.casefold()))
    }
    return catalog.where(lambda s: s.source in names)


def _values(catalog: Catalog, sample: Sample, key: str) -> Sequence[str]:
    if key in FIELDS:
        return (str(getattr(sample, key)),)
    if key == "class":
        return sample.classes
    if key == "lesion":
        return sample.lesions
    if key == "label":
        return (label(sample),)
    if key == "licence":
        return (catalog.sources[sample.source].licence,)
    if key == "commercial":
        return ("yes" if catalog.sources[sample.source].commercial else "no",)
    return (sample.facts.get(key, ""),)
