"""A catalog by what the user names: a catalog file, the word ``public``, a folder or label file in a known layout."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from detector.errors import SourceError, UsageError
from training.catalog.importing import Incoming, complete, import_paths, merge
from training.catalog.recipe import read_recipe
from training.catalog.split import split_by_lists
from training.catalog.store import Catalog, read_catalog
from training.importers.context import Report
from training.importers.public import PUBLIC, read_public
from training.places import data_root
from training.samples import SourceInfo

PUBLIC_NAME = "public"
UNKNOWN_LICENCE = "unknown"


def import_public(name: str, root: Path, strict: bool = False) -> Incoming:
    """One public set from the folder that holds them all.

    Raises:
        UsageError: there is no such set.
        SourceError: the set is missing or incomplete.
        FormatError: a record is bad and the import strict.
    """
    if not root.is_dir():
        raise SourceError(f"No data at {root}.", "Set POLYPWATCH_DATA to the folder that holds the data sets.")
    report = Report(strict)
    samples = complete(read_public(name, root, report), report)
    return Incoming(PUBLIC[name].source, samples, report, PUBLIC[name].layout)


def public_catalog(root: Path | None = None, only: Collection[str] = ()) -> Catalog:
    """The public sets, imported and split as the released models were trained: train, dev, and four test sets.

    Every mask is read anew (4830 images: some 20 s of one core), so that it can never be out of date; who needs it
    often writes it to a file once (`polypwatch-train import --public`) and reads that in less than a second.

    Args:
        root: the folder that holds the sets; None: `training.places.data_root`.
        only: names of sets; empty: all.

    Raises:
        UsageError: there is no such set.
        SourceError: a set is missing.
        FormatError: a record of a set is bad, or the committed split lists do not fit the data.
    """
    folder = data_root() if root is None else root
    catalog = merge(None, [import_public(name, folder, strict=True) for name in only or PUBLIC])
    return split_by_lists(catalog, read_recipe(PUBLIC_NAME)).catalog


def resolve(data: str | Path) -> Catalog:
    """The catalog that `data` names.

    Args:
        data: a catalog file (``.jsonl``), the word ``public``, or a folder or label file in one of the known layouts
            (`images/` and `masks/`, COCO JSON, ...), which becomes one source that is not split. A bad record is an
            error.

    Raises:
        SourceError: it does not exist.
        FormatError: it is damaged.
        UsageError: it looks like no known layout, or only frames of videos could be made of it.
    """
    if data == PUBLIC_NAME:
        return public_catalog()
    path = Path(data)
    if not path.exists():
        raise SourceError(f"There is no {path}.", "Name a catalog, a folder, a COCO JSON file, or the word public.")
    if path.suffix == ".jsonl":
        return read_catalog(path)
    source = SourceInfo(path.resolve().stem, UNKNOWN_LICENCE, False, "")
    with tempfile.TemporaryDirectory(prefix="polypwatch-") as work:
        incoming = import_paths([path], source, Path(work) / "frames", strict=True)
        if (Path(work) / "frames").exists():
            raise UsageError(f"{path} holds videos.", "Make a catalog of it first: polypwatch-train import.")
    return merge(None, [incoming])
