"""The subcommands import, split, leaks, filter, sheet and show. No torch."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

from detector.errors import FormatError, OutputError, UsageError
from detector.handover import is_handover
from training.catalog.filters import licence_filter, matcher, parse_conditions
from training.catalog.importing import Incoming, import_paths, merge, replaced, write_problems
from training.catalog.leaks import Leak, find_leaks, images_of
from training.catalog.opening import import_public
from training.catalog.prints import fingerprints
from training.catalog.recipe import Recipe, read_list, read_recipe
from training.catalog.sheet import contact_sheet, write_sheet
from training.catalog.split import LEFT_OUT, Outcome, split_by_lists, split_by_rules
from training.catalog.store import Catalog, read_catalog, write_catalog
from training.catalog.tables import counts, import_table, source_table, split_table
from training.importers.handover import only_one, source_of
from training.importers.public import PUBLIC
from training.importers.registry import layouts
from training.places import data_root
from training.samples import SourceInfo

_SHOWN = 10
Sub = argparse._SubParsersAction


def add(sub: Sub[argparse.ArgumentParser]) -> None:
    """Add the subcommands."""
    _add_import(sub)
    _add_split(sub)
    _add_leaks(sub)
    _add_filter(sub)
    _add_sheet(sub)
    p = sub.add_parser("show", help="what a catalog holds: counts, licences, hash")
    p.add_argument("catalog", type=Path)
    p.set_defaults(run=_show)


def _add_import(sub: Sub[argparse.ArgumentParser]) -> None:
    lines = [f"  {layout.name:<16}{layout.describe}" for layout in layouts().values()]
    p = sub.add_parser(
        "import",
        help="read annotated images or clips into a catalog",
        description="Append a source to a catalog, or make one. A source that is there already is replaced.",
        epilog="layouts:\n" + "\n".join(lines) + "\nThe options of one layout: import --layout NAME --options",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="folders or label files of one layout")
    p.add_argument("--catalog", type=Path, help="catalog file (.jsonl) to write or to append to")
    p.add_argument("--public", nargs="*", metavar="NAME", help=f"the public sets instead: {', '.join(PUBLIC)}")
    p.add_argument("--layout", help="how the data lies on disk (default: found out)")
    p.add_argument("--options", action="store_true", help="list the options of --layout, and end")
    p.add_argument(
        "--name", help="name of the source, in the place of one that has it already (default: the first folder's)"
    )
    p.add_argument("--licence", help="what the data may be used for, as its owner words it, or an SPDX identifier")
    p.add_argument("--commercial", action=argparse.BooleanOptionalAction, help="the licence allows commercial use")
    p.add_argument("--citation", default="", help="reference to be given")
    p.add_argument("--patients-known", action="store_true", help="every image names its patient (checked)")
    p.add_argument("--centre", default="", help="hospital, for images of which the layout knows none")
    p.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="setting of the layout")
    p.add_argument("--prefix", help="first part of the images' names (default: the folder's name)")
    p.add_argument("--strict", action="store_true", help="refuse the source at its first bad record")
    p.add_argument("--work", type=Path, help="where frames of videos go (default: CATALOG.frames/NAME)")
    p.set_defaults(run=_import)


def _add_split(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("split", help="divide a catalog into train, dev and tests by a recipe")
    p.add_argument("catalog", type=Path)
    p.add_argument("--recipe", default="own", help="YAML file, or 'own' (default) or 'public'")
    p.add_argument("--afresh", action="store_true", help="move images that have a split already, too")
    p.add_argument("--check", action="store_true", help="check the recipe's committed lists against its rules")
    p.add_argument("--write-lists", action="store_true", help="write the recipe's lists from its rules")
    p.set_defaults(run=_split)


def _add_leaks(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser(
        "leaks", help="look for what is in two splits, or resembles an external set; fails if there is any"
    )
    p.add_argument("catalog", type=Path)
    p.add_argument("--against", nargs="+", type=Path, default=[], help="other catalogs or image folders")
    p.add_argument("--out", type=Path, help="write every pair as JSON lines")
    p.set_defaults(run=_leaks)


def _add_filter(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("filter", help="a catalog of a part of another, by licence or by anything else")
    p.add_argument("catalog", type=Path)
    p.add_argument("--out", type=Path, required=True, help="catalog to write")
    p.add_argument("--commercial", action="store_true", help="only sources whose licence allows commercial use")
    p.add_argument("--licence", metavar="PATTERN", help="only sources with such a licence, for instance 'CC BY*'")
    p.add_argument("--without", action="append", default=[], metavar="SOURCE", help="leave a source out")
    _add_where(p)
    p.set_defaults(run=_filter)


def _add_sheet(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("sheet", help="a contact sheet of any slice, with boxes (never commit one)")
    p.add_argument("catalog", type=Path)
    p.add_argument("--out", type=Path, required=True, help=".png or .jpg")
    p.add_argument("--split", help="only this split, for instance train or test:own")
    _add_where(p)
    p.add_argument("--count", type=_positive, default=48)
    p.add_argument("--seed", type=int, default=1)
    p.set_defaults(run=_sheet)


def _add_where(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only such images, e.g. centre=C1,C2 or label=none; * is wild, another key narrows further",
    )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _import(args: argparse.Namespace) -> None:
    if args.options:
        return _list_options(args.layout)
    if args.catalog is None:
        raise UsageError("Which catalog? Say --catalog FILE.")
    before = read_catalog(args.catalog) if args.catalog.exists() else None
    if args.public is not None:
        if args.paths:
            raise UsageError("--public and PATH do not go together.", "Import them one after the other.")
        incoming = [import_public(name, data_root(), args.strict) for name in args.public or PUBLIC]
    else:
        incoming = [_import_own(args, before)]
    lost = replaced(before, incoming)
    catalog = merge(before, incoming)
    write_catalog(catalog, args.catalog)
    listed = write_problems(args.catalog, incoming)
    print(import_table(incoming))
    for words in lost:
        print(f"note: {words}")
    for new in incoming:
        for note in new.report.notes:
            print(f"note: {new.source.name}: {note}")
        for problem in new.report.problems[:_SHOWN]:
            print(f"skipped: {problem.file}: {problem.reason}")
        if len(new.report.problems) > _SHOWN:
            print(f"skipped: and {len(new.report.problems) - _SHOWN} more of {new.source.name}")
    if listed is not None:
        print(f"All skipped records: {listed}")
    print(f"{args.catalog}: {len(catalog.samples)} images, sha256 {catalog.sha256}")


def _import_own(args: argparse.Namespace, before: Catalog | None) -> Incoming:
    if not args.paths:
        raise UsageError("What is to be imported? Name folders or label files, or say --public.")
    options = {}
    for word in args.option:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise UsageError(f"--option {word} is not KEY=VALUE.")
        options[key] = value
    if args.prefix:
        options["prefix"] = args.prefix
    source = _source_of(args)
    name = source.name
    if before is not None and name in before.sources and args.name is None:  # two hospitals may both have a 'polyps'
        raise UsageError(
            f"{args.catalog} has a source '{name}' already.",
            f"To replace it, say --name {name}; to add this one to it, another --name and --prefix.",
        )
    work = args.work or args.catalog.with_name(f"{args.catalog.name}.frames") / name
    return import_paths(
        args.paths, source, work, layout=args.layout, options=options, strict=args.strict, centre=args.centre
    )


def _source_of(args: argparse.Namespace) -> SourceInfo:
    """What the files say themselves if they are a handover, else what the user says."""
    if args.layout in (None, "handover") and any(is_handover(path) for path in args.paths):
        told = source_of(only_one(args.paths))
        if args.licence not in (None, told.licence) or args.commercial not in (None, told.commercial):
            raise UsageError(
                f"{args.paths[0]} says its licence itself: {told.licence}.", "Leave --licence and --commercial out."
            )
        return replace(told, name=args.name or told.name, citation=args.citation or told.citation)
    if not args.licence:
        raise UsageError(
            "Under which licence is this data? Say --licence.",
            "A model's manifest names the licence of everything that it was trained on; 'internal' is an answer.",
        )
    name = args.name or args.paths[0].resolve().stem
    return SourceInfo(name, args.licence, bool(args.commercial), args.citation, args.patients_known)


def _list_options(layout: str | None) -> None:
    if layout not in layouts():
        raise UsageError("Options of which layout? Say --layout.", f"Known: {', '.join(layouts())}.")
    for key, line in layouts()[layout].options.items():
        print(f"{key:<12}{line}")


def _split(args: argparse.Namespace) -> None:
    catalog, recipe = read_catalog(args.catalog), read_recipe(args.recipe)
    lists = recipe.dev_list is not None
    if (args.check or args.write_lists) and not lists:
        raise UsageError(f"The recipe {recipe.name} has no lists to check or to write.")
    if args.check or args.write_lists or not lists:
        outcome = _by_rules(catalog, recipe, keep=not lists and not args.afresh)
        if args.write_lists:
            _write_lists(outcome.catalog, recipe)
        elif args.check:
            _check_lists(outcome.catalog, recipe)
    if lists:
        outcome = split_by_lists(catalog, recipe)
    write_catalog(outcome.catalog, args.catalog)
    print(split_table(outcome.catalog))
    for note in outcome.notes:
        print(f"note: {note}")
    made = outcome.catalog.how_split
    assert made is not None
    print(f"This split is {made.words}. {made.why}")
    print(f"{args.catalog}: recipe {made.recipe}, sha256 {outcome.catalog.sha256}")


def _by_rules(catalog: Catalog, recipe: Recipe, keep: bool) -> Outcome:
    prints = fingerprints(catalog.samples)
    theirs = [s for path in recipe.external for s in images_of(path)]
    return split_by_rules(catalog, recipe, prints, fingerprints(theirs, "external") if theirs else None, keep)


def _lists_of(catalog: Catalog, recipe: Recipe) -> dict[Path, list[str]]:
    assert recipe.dev_list is not None
    assert recipe.left_out_list is not None
    known = [s for s in catalog.samples if s.known]
    return {
        path: [s.name for s in known if s.split == split]
        for path, split in ((recipe.dev_list, "dev"), (recipe.left_out_list, LEFT_OUT))
    }


def _check_lists(catalog: Catalog, recipe: Recipe) -> None:
    folders = {s.name.split("/")[0] for s in catalog.samples}
    for path, names in _lists_of(catalog, recipe).items():
        # Of a source that was filtered out the lists say nothing wrong.
        listed = {name for name in read_list(path) if name.split("/")[0] in folders}
        if different := listed.symmetric_difference(names):
            raise FormatError(
                f"{path} is not what the data and the rules give: {len(different)} names differ ({min(different)}).",
                "Write it anew with split --write-lists, and train anew.",
            )


def _write_lists(catalog: Catalog, recipe: Recipe) -> None:
    for path, names in _lists_of(catalog, recipe).items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{n}\n" for n in names), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path} cannot be written ({error}).") from error


def _leaks(args: argparse.Namespace) -> None:
    catalog = read_catalog(args.catalog)
    against = {str(path): images_of(path) for path in args.against}
    leaks = find_leaks(catalog, against)
    if args.out is not None:
        _write_leaks(leaks, args.out)
    for leak in leaks:
        print(leak)
    compared = sum(s.split not in ("", LEFT_OUT) for s in catalog.samples) or len(catalog.samples)
    others = "".join(f", {len(samples)} of {name}" for name, samples in against.items())
    if leaks:
        raise FormatError(
            f"{len(leaks)} leaks among {compared} images{others}.",
            "Split anew (--afresh), or leave those images out: figures on such a test would be too good.",
        )
    print(f"No leak among {compared} images{others}.")


def _write_leaks(leaks: list[Leak], path: Path) -> None:
    try:
        path.write_text("".join(json.dumps(asdict(leak)) + "\n" for leak in leaks), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}).", "Choose another place.") from error


def _filter(args: argparse.Namespace) -> None:
    catalog = read_catalog(args.catalog)
    kept = licence_filter(catalog, args.commercial, args.licence, args.without)
    kept = kept.where(matcher(catalog, parse_conditions(args.where)))
    if not kept.samples:
        raise UsageError(f"Nothing of {args.catalog} is left.", "Widen the conditions.")
    write_catalog(kept, args.out)
    print(source_table(kept))
    print(f"{args.out}: {len(kept.samples)} of {len(catalog.samples)} images, sha256 {kept.sha256}")


def _sheet(args: argparse.Namespace) -> None:
    catalog = read_catalog(args.catalog)
    if args.split is not None and args.split not in catalog.splits:
        raise UsageError(f"There is no split '{args.split}'.", f"It has: {', '.join(catalog.splits) or 'none'}.")
    part = catalog if args.split is None else catalog.split(args.split)
    part = part.where(matcher(catalog, parse_conditions(args.where)))
    write_sheet(contact_sheet(part.samples, args.count, args.seed), args.out)
    print(f"{args.out}: {min(args.count, len(part.samples))} of {len(part.samples)} images")


def _show(args: argparse.Namespace) -> None:
    catalog = read_catalog(args.catalog)
    print(source_table(catalog))
    print()
    print(split_table(catalog))
    print()
    images, boxes, negative, unknown = counts(catalog.samples)
    print(f"{images} images, {boxes} boxes, {negative} without a polyp, {unknown} of which nothing is known")
    if catalog.how_split is not None:
        print(f"split by recipe {catalog.how_split.recipe}: {catalog.how_split.words}. {catalog.how_split.why}")
    print(f"sha256 {catalog.sha256}")
