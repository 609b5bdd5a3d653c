"""The subcommands mine, suspects, fine-tune and export-fiftyone. Torch is imported inside, never above."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from detector.errors import UsageError
from training.catalog import Catalog, read_catalog, resolve, write_catalog
from training.feedback.scored import LabelledVideo, ScoredVideo, labelled_videos, read_results, run_model
from training.samples import SourceInfo

Sub = argparse._SubParsersAction


def add(sub: Sub[argparse.ArgumentParser]) -> None:
    """Add the subcommands."""
    _add_mine(sub)
    _add_suspects(sub)
    _add_fine_tune(sub)
    _add_fiftyone(sub)


def _add_mine(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser(
        "mine",
        help="take false alarms and misses from reviewed procedures into a catalog of hard examples",
        description="Compare what a model says of reviewed procedures with their labels, and take the frames in which "
        "it is wrong. Frames that nobody reviewed are never taken. Do not mine procedures that are in a test set.",
    )
    p.add_argument("procedures", nargs="+", type=Path, metavar="PROCEDURE", help="recording, or video with labels")
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", metavar="NAME|FOLDER", help="run this model over them")
    what.add_argument("--results", type=Path, metavar="FILE", help="take its answers from a results file instead")
    p.add_argument("--out", type=Path, required=True, metavar="CATALOG", help="catalog (.jsonl) to make or to add to")
    p.add_argument("--name", required=True, help="of the source that the frames become; one of that name is replaced")
    p.add_argument("--licence", required=True, help="what the recordings may be used for; 'internal' is an answer")
    p.add_argument("--commercial", action="store_true", help="the licence allows commercial use")
    p.add_argument("--citation", default="", help="reference to be given")
    p.add_argument("--patient", default="", help="whose procedure it is, if there is only one")
    p.add_argument("--centre", default="", help="hospital")
    p.add_argument("--false-alarms", type=_count, default=50, metavar="N", help="most frames per video (default 50)")
    p.add_argument("--misses", type=_count, default=50, metavar="N", help="most frames per video (default 50)")
    p.add_argument("--per-event", type=_count, default=3, metavar="N", help="most frames per event (default 3)")
    p.add_argument(
        "--every-s", type=_seconds, default=0.5, metavar="S", help="between two frames of an event (default 0.5)"
    )
    p.add_argument("--min-score", type=_share, help="score from which a box counts (default: the operating threshold)")
    p.add_argument("--step", type=int, default=1, metavar="N", help="let the model see every Nth frame only")
    p.add_argument("--work", type=Path, help="where the frames go (default: CATALOG.frames/NAME)")
    p.add_argument("--variant", help="which file of the model")
    p.add_argument("--provider", default="auto", choices=("auto", "cpu", "cuda", "tensorrt"))
    p.set_defaults(run=_mine)


def _add_suspects(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser(
        "suspects",
        help="a queue of labels that the model confidently disagrees with; --apply takes the decisions back",
        description="Rank labels by how surely the model disagrees. It agrees with the errors that it learned by "
        "heart: look through what it was not trained on first.",
    )
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", metavar="NAME|FOLDER")
    what.add_argument("--apply", type=Path, metavar="REVIEWED", help="a suspects.jsonl whose decisions are filled in")
    p.add_argument("--data", required=True, metavar="CATALOG")
    p.add_argument("--split", help="only this split (default: all that is labelled)")
    p.add_argument("--out", type=Path, required=True, help="folder for the queue; with --apply the new catalog")
    p.add_argument("--top", type=_count, default=96, metavar="N", help="images in the queue (default 96)")
    p.add_argument("--min-score", type=_share, help="score of a confident box (default: the operating threshold)")
    p.add_argument("--variant", help="which file of the model")
    p.add_argument("--provider", default="auto", choices=("auto", "cpu", "cuda", "tensorrt"))
    p.set_defaults(run=_suspects)


def _add_fine_tune(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser(
        "fine-tune",
        help="go on learning from a model: new data, with a share of the old so that nothing is forgotten",
        description="A training run like any other (train --resume goes on with it; export takes it), with the "
        "model's weights, a third of the learning rate, and the dev images of both catalogs to choose by.",
    )
    p.add_argument(
        "--model", required=True, metavar="RUN|WEIGHTS|MODEL", help="run, .safetensors, or model folder with weights"
    )
    p.add_argument("--new", required=True, metavar="CATALOG", help="new data; unsplit, all of it is learned from")
    p.add_argument("--replay", required=True, metavar="CATALOG", help="what the model was trained on, or public")
    p.add_argument("--share", type=_share, default=0.7, help="of the draws that come from --replay (default 0.7)")
    p.add_argument("--out", type=Path, required=True, metavar="RUN")
    budget = p.add_mutually_exclusive_group()
    for unit, kind in (("minutes", float), ("epochs", float), ("steps", int)):
        budget.add_argument(f"--{unit}", type=kind, metavar="N", help=f"budget in {unit}")
    p.add_argument("--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="any key of train's")
    p.set_defaults(run=_fine_tune)


def _add_fiftyone(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser(
        "export-fiftyone",
        help="write a catalog, and a model's answers, in the layout that FiftyOne opens",
        description="In FiftyOne: fo.Dataset.from_dir(dataset_dir=FOLDER, "
        "dataset_type=fo.types.LegacyFiftyOneDataset). Images are referred to, not copied.",
    )
    p.add_argument("catalog", metavar="CATALOG")
    p.add_argument(
        "--predictions", type=Path, metavar="FILE", help="predictions.jsonl of evaluate --out, or its folder"
    )
    p.add_argument("--split", help="only this split")
    p.add_argument("--name", help="of the data set in FiftyOne (default: the catalog's)")
    p.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    p.set_defaults(run=_fiftyone)


def _mine(args: argparse.Namespace) -> None:
    from detector.scoring.hard import Limits
    from training.catalog.importing import merge, replaced
    from training.feedback.mine import Mined, as_incoming, mine

    if args.step < 1:
        raise UsageError("--step counts frames: 1 or more.")
    before = read_catalog(args.out) if args.out.exists() else None
    source = SourceInfo(args.name, args.licence, args.commercial, args.citation, bool(args.patient))
    work = args.work or args.out.with_name(f"{args.out.name}.frames") / args.name
    limits = Limits(args.false_alarms, args.misses, args.per_event, args.every_s)
    # All are opened before the first is analysed: a wrong path is found now and not after hours.
    opened = [labelled_videos(path) for path in args.procedures]
    names = [v.name for _, videos in opened for v in videos]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise UsageError(f"Two procedures are called {twice}.", "Mine them one by one, with different --name.")
    answer = _answerer(args)
    found: list[Mined] = []
    for procedure, videos in opened:
        for note in procedure.notes:
            print(f"note: {procedure.path}: {note}")
        for video in videos:
            mined = mine(answer(video), source, work, limits, args.min_score, args.patient, args.centre)
            print("\n".join(mined.words()))
            found.append(mined)
            if mined.samples:  # after every video: what was found is kept, whatever becomes of the next one
                incoming = [as_incoming(found, source)]
                catalog = merge(before, incoming)
                write_catalog(catalog, args.out)
    taken = [s for m in found for s in m.samples]
    if not taken:
        print(f"Nothing was wrong in these procedures: {args.out} is left as it was.")
        return
    for words in replaced(before, incoming):
        print(f"note: {words}")
    hard = [s.facts["hard"] for s in taken]
    print(
        f"{args.out}: {hard.count('false-alarm')} frames with a false alarm, {hard.count('miss')} with a miss; "
        f"{len(catalog.samples)} images in all, sha256 {catalog.sha256}"
    )


def _answerer(args: argparse.Namespace) -> Callable[[LabelledVideo], ScoredVideo]:
    if args.results is not None:
        return lambda video: read_results(video, args.results)
    from detector.manifest import find_model
    from training.evaluation.runtime import open_model

    detector = open_model(find_model(args.model), args.provider, args.variant)
    return lambda video: run_model(video, detector, args.step)


def _suspects(args: argparse.Namespace) -> None:
    catalog = resolve(args.data)
    if args.apply is not None:
        return _apply(args, catalog)
    from dataclasses import asdict

    from detector.manifest import find_model
    from training.evaluation.run import SOFTWARE
    from training.evaluation.runtime import open_model, predict_with_runtime
    from training.feedback.pictures import write_sheets
    from training.feedback.review import FILE, Origin, write_suspects
    from training.feedback.suspects import KINDS, find_suspects, worst_images

    part = _part(catalog, args.split, args.data)
    samples = [s for s in part.samples if s.known]
    if not samples:
        raise UsageError(f"{args.data} has no labelled image there.", "Choose another split.")
    detector = open_model(find_model(args.model), args.provider, args.variant)
    info = detector.info
    threshold = info.threshold if args.min_score is None else args.min_score
    found = find_suspects(samples, predict_with_runtime(detector, samples), threshold)
    queue = worst_images(found, args.top)
    named = {k: v for k, v in asdict(info).items() if k in ("model", "version", "variant", "sha256", "provider")}
    origin = Origin({**named, "threshold": threshold}, catalog.sha256, args.split or "", SOFTWARE)
    write_suspects(queue, samples, origin, args.out / FILE)
    sheets = write_sheets(queue, samples, args.out)
    for kind in KINDS:
        print(f"{kind:<18} {sum(s.kind == kind for s in found):5} found, {sum(s.kind == kind for s in queue):5} queued")
    print(f"{args.out / FILE}: {len(queue)} labels of {len({s.sample for s in queue})} images, of {len(samples)}")
    print(f"{len(sheets)} sheets beside it show images of patients: keep them local.")


def _apply(args: argparse.Namespace, catalog: Catalog) -> None:
    from training.feedback.review import apply_review, read_suspects

    if args.out.exists():
        raise UsageError(f"{args.out} exists.", "A corrected catalog never overwrites one: choose another --out.")
    done = apply_review(catalog, read_suspects(args.apply))
    write_catalog(done.catalog, args.out)
    words = {
        "keep": "kept",
        "boxes": "given other boxes",
        "unknown": "made unknown",
        "drop": "dropped",
        "": "undecided",
    }
    print("; ".join(f"{done.counts[key]} {word}" for key, word in words.items()))
    print(f"{args.out}: {len(done.catalog.samples)} images, sha256 {done.catalog.sha256}")


def _fine_tune(args: argparse.Namespace) -> None:
    from training.feedback.fine_tune import fine_tune
    from training.loop.config import parse_sets

    settings = parse_sets(args.sets)
    for unit in ("minutes", "epochs", "steps"):
        if getattr(args, unit) is not None:
            settings.setdefault("budget", f"{getattr(args, unit)} {unit}")
    fine_tune(args.model, args.new, args.replay, args.share, args.out, settings)


def _fiftyone(args: argparse.Namespace) -> None:
    from training.evaluation.store import read_predictions
    from training.feedback.fiftyone import export_fiftyone

    part = _part(resolve(args.catalog), args.split, args.catalog)
    answers = {}
    if args.predictions is not None:
        answers = {row.name: row.answer for row in read_predictions(args.predictions).rows}
    with_answers = export_fiftyone(part, args.out, answers, args.name or Path(args.catalog).stem)
    print(f"{args.out}: {len(part.samples)} images, {with_answers} with predictions")


def _part(catalog: Catalog, split: str | None, data: str) -> Catalog:
    if split is None:
        return catalog
    name = split if split in catalog.splits else f"test:{split}"
    if name not in catalog.splits:
        raise UsageError(f"{data} has no split '{split}'.", f"It has: {', '.join(catalog.splits) or 'none'}.")
    return catalog.split(name)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError("must be a number of seconds")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value
