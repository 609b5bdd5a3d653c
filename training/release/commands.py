"""The subcommands export, release, rollback, history and adopt. Torch is imported inside, never above."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.geometry import Size
from detector.manifest import find_model, models_root

Sub = argparse._SubParsersAction
_DECODERS = ("yolov8", "yolo11", "yolox", "rtdetr", "dfine")


def add(sub: Sub[argparse.ArgumentParser]) -> None:
    """Add the subcommands."""
    _add_export(sub)
    _add_release(sub)
    _add_registry(sub)
    _add_adopt(sub)


def _add_export(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("export", help="make a candidate of a run: ONNX files, compared and measured, with a manifest")
    p.add_argument("--run", dest="run_folder", type=Path, required=True, metavar="RUN", help="folder of a training run")
    p.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder for the candidate")
    p.add_argument("--name", required=True, help="of the model")
    p.add_argument("--version", required=True)
    p.add_argument("--weights", type=Path, help="another checkpoint than the run's best.safetensors")
    p.add_argument(
        "--variants",
        default="fp32",
        metavar="LIST",
        help="fp32, fp16 (GPU), frame (GPU: FP16, takes whole frames; goes before the others there), int8 (CPU), in "
        "order of preference: the first that is meant for a provider serves it",
    )
    p.add_argument("--target", default="f1", help="of the thresholds on dev: f1, negatives=0.05 or sensitivity=0.9")
    p.add_argument("--margin", type=float, default=0.01, help="AP50 on dev that a file may lose (default 0.01)")
    p.add_argument(
        "--calibration-images", type=int, default=64, metavar="N", help="training images for int8 ranges (default 64)"
    )
    p.add_argument("--data", metavar="CATALOG|public", help="of a run from before 0.2: what it was trained on")
    p.add_argument("--start", metavar="FILE|imagenet", help="of a run from before 0.2: its starting weights")
    p.set_defaults(run=_export)


def _add_release(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("release", help="measure a candidate, and register it if it passes the gates")
    p.add_argument("--candidate", type=Path, required=True, metavar="FOLDER", help="from export or adopt")
    p.add_argument("--models", type=Path, default=models_root(), help="folder of all models (default: the bundled one)")
    p.add_argument("--as", dest="name", metavar="NAME", help="under which name (default: the candidate's)")
    p.add_argument("--target", help="f1, negatives=0.05 or sensitivity=0.9 (default: what it was exported with)")
    p.add_argument("--data", default="public", metavar="CATALOG|public", help="split into dev and named tests")
    p.add_argument("--trained-on", metavar="CATALOG|RUN", help="if that is not --data: for the leak check")
    p.add_argument("--against", metavar="NAME|FOLDER|none", help="model to compare with (default: the current version)")
    p.add_argument("--margin", type=float, help="how much worse than it would not matter (default: the gates' 0.02)")
    p.add_argument("--gates", metavar="NAME|FILE", help="default, public or a YAML file (default: by the data)")
    p.add_argument("--provider", default="cpu", choices=("cpu", "cuda", "tensorrt"))
    p.add_argument("--draws", type=int, default=2000, help="of the bootstrap (default 2000)")
    p.add_argument("--force", default="", metavar="REASON", help="register although gates fail; stands in the card")
    p.set_defaults(run=_release)


def _add_registry(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("history", help="every version of a model that was registered")
    p.add_argument("name")
    p.add_argument("--models", type=Path, default=models_root())
    p.set_defaults(run=_history)
    p = sub.add_parser("rollback", help="make an older version of a model current again")
    p.add_argument("name")
    p.add_argument("--to", metavar="VERSION", help="which (default: the one before the current one)")
    p.add_argument("--models", type=Path, default=models_root())
    p.set_defaults(run=_rollback)


def _add_adopt(sub: Sub[argparse.ArgumentParser]) -> None:
    p = sub.add_parser("adopt", help="make a model folder of somebody else's ONNX file")
    p.add_argument("model", type=Path, metavar="MODEL.onnx")
    p.add_argument("--decoder", required=True, choices=_DECODERS, help="family of the network")
    p.add_argument("--name", required=True)
    p.add_argument("--version", default="1", help="yours, of the model folder (default 1)")
    p.add_argument("--licence", required=True, help="of the weights, such as AGPL-3.0; 'unknown' if they came without")
    p.add_argument("--citation", required=True, help="where they come from")
    p.add_argument("--classes", metavar="A,B,..", help="every class it was trained with, in order (YOLO: read from it)")
    p.add_argument("--keep-class", action="append", default=[], metavar="NAME", help="keep this class only; repeatable")
    p.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    p.add_argument("--input-size", metavar="WxH", help="where the file leaves it open")
    p.add_argument("--raw-grid", action="store_true", help="yolox: exported without --decode_in_inference")
    p.add_argument("--nms-iou", type=float, help="overlap above which a box is dropped (default: as the family does)")
    p.add_argument("--data", metavar="CATALOG|public", help="choose the threshold on its dev split")
    p.add_argument("--target", default="f1", help="of that choice: f1, negatives=0.05 or sensitivity=0.9")
    p.set_defaults(run=_adopt)


def _export(args: argparse.Namespace) -> None:
    from training.network import load_network
    from training.release.export import Wanted, build_folder
    from training.release.operating import Target
    from training.release.runs import facts_of
    from training.release.variants import parse_kinds

    wanted = Wanted(
        parse_kinds(args.variants), Target.parse(args.target), args.margin, args.calibration_images, _command()
    )
    network = load_network(args.weights or args.run_folder / "best.safetensors")
    run = _old_run(args, network) if args.data or args.start else facts_of(args.run_folder, args.name, args.version)
    manifest = build_folder(network, run.dev, run.train, run.made, wanted, args.out)
    for v in manifest.variants:
        parity = v.parity.model_dump() if v.parity else {}
        dev = next(m.values for m in v.metrics if m.dataset == "dev")
        print(
            f"{v.name:<5} {v.file}  sha256 {v.sha256[:12]}  threshold {v.threshold:.2f}  for {', '.join(v.providers)}"
        )
        apart = f"{parity['max_box_px']} px, {parity['max_score']} in score"
        print(f"      against {parity['reference']}: {apart}, over {parity.get('boxes', 0)} boxes")
        if "cpu_ms" in (v.model_extra or {}):
            print(f"      one run on one CPU core: {(v.model_extra or {})['cpu_ms']} ms")
        print("      dev: " + ", ".join(f"{k} {dev[k]:.4f}" for k in ("ap50", "ap50_95", "ap50_loss") if k in dev))
    print(f"{args.out} is a candidate: polypwatch-train release --candidate {args.out}")


def _old_run(args: argparse.Namespace, network: Any) -> Any:
    from training.catalog import resolve
    from training.release.runs import facts_of_old

    if not (args.data and args.start):
        raise UsageError("--data and --start go together: they say what a run from before 0.2 does not.")
    return facts_of_old(args.run_folder, args.name, args.version, network, resolve(args.data), args.start)


def _release(args: argparse.Namespace) -> None:
    from detector.manifest import load_manifest
    from training.catalog import resolve
    from training.release.gating import read_rules
    from training.release.operating import Target
    from training.release.release import Plan, parts_of, release

    manifest = load_manifest(args.candidate)
    name = args.name or manifest.name
    rules = read_rules(args.gates or ("public" if args.data == "public" else "default"))
    if args.margin is not None:
        rules = rules.model_copy(update={"against": rules.against.model_copy(update={"margin": args.margin})})
    catalog = resolve(args.data)
    dev, tests = parts_of(catalog, args.data)
    told = (manifest.model_extra or {}).get("threshold_target", "f1")
    plan = Plan(
        name=name,
        target=Target.parse(args.target or told),
        rules=rules,
        dev=dev,
        tests=tests,
        catalog=catalog,
        trained_on=_trained_on(args.trained_on),
        current=_current(args.models, name, args.against),
        force=args.force.strip(),
        provider=args.provider,
        command=_command(),
        draws=args.draws,
    )
    outcome = release(args.candidate, args.models, plan)
    forced = " although gates failed" if not all(g.passed for g in outcome.gates) else ""
    print(f"{name} {outcome.manifest.version} is registered in {outcome.folder}{forced}.")


def _trained_on(data: str | None) -> tuple[Any, ...]:
    """The catalogs of a run's folder, or one catalog."""
    from training.catalog import resolve
    from training.loop.material import CATALOG, read_ingredients

    if data is None:
        return ()
    if (Path(data) / CATALOG).is_file():
        found = read_ingredients(Path(data))
        return (found.catalog, found.replay) if found.replay else (found.catalog,)
    return (resolve(data),)


def _current(models: Path, name: str, against: str | None) -> Path | None:
    """The model to compare with: the one that was named, else the current version."""
    if against == "none":
        return None
    if against:
        return models / against if (models / against / "manifest.json").is_file() else find_model(against)
    return models / name if (models / name / "manifest.json").is_file() else None


def _history(args: argparse.Namespace) -> None:
    from training.release.registry import history

    for v in history(args.models, args.name):
        forced = f"  forced: {v.forced}" if v.forced else ""
        print(f"{'*' if v.current else ' '} {v.version:<12} {v.registered or 'no date':<21}{forced}")


def _rollback(args: argparse.Namespace) -> None:
    from training.release.registry import rollback

    version = rollback(args.models, args.name, args.to)
    print(f"{args.name} is {version.version} again.")


def _adopt(args: argparse.Namespace) -> None:
    from training.release.adopt import DEFAULT_THRESHOLD, Foreign, adopt_model, choose_on, told_classes
    from training.release.operating import Target

    target = Target.parse(args.target)
    classes = tuple(c.strip() for c in args.classes.split(",")) if args.classes else told_classes(args.model)
    if not classes:
        raise UsageError("The file does not say its classes.", "Give --classes with all of them, in their order.")
    foreign = Foreign(
        decoder=args.decoder,
        name=args.name,
        version=args.version,
        licence=args.licence,
        citation=args.citation,
        classes=classes,
        keep=tuple(args.keep_class),
        raw_grid=args.raw_grid,
        size=_size(args.input_size) if args.input_size else None,
        nms_iou=args.nms_iou,
    )
    manifest = adopt_model(args.model, foreign, args.out)
    adopted = (manifest.model_extra or {})["adopted"]
    print(f"{args.out}: {adopted['family']}, {', '.join(manifest.classes)}. {adopted['letterbox']}")
    if args.data:
        from training.catalog import resolve
        from training.evaluation.data import part_of

        dev = part_of(resolve(args.data), args.data, "dev")
        print(f"threshold {choose_on(args.out, dev.samples, target, _command()):.2f} ({target.words} on dev)")
    else:
        print(f"threshold {DEFAULT_THRESHOLD}: nobody chose it for polyps; give --data to do so.")


def _size(text: str) -> Size:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or not all(int(n) for n in match.groups()):
        raise UsageError(f"'{text}' is no size.", "Write it as 640x640 (width x height).")
    return Size(int(match[1]), int(match[2]))


def _command() -> str:
    """What was typed, for manifest and card; of absolute paths the last part alone, since a model travels."""
    shown = [Path(a).name if Path(a).is_absolute() else a for a in sys.argv[1:]]
    return shlex.join(["polypwatch-train", *shown])
