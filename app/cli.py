"""The command ``polypwatch``: parses arguments, says errors in one message, and hands over to the rooms below.

Nothing heavy is imported before it is needed: ``polypwatch --help`` answers at once, and ``detect`` does not need Qt.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app import RESEARCH_USE, SOFTWARE
from app.day.command import add_supervisor_option
from app.day.recordings import add_recordings
from app.devices.command import add_devices, add_format_option, with_format
from app.dicom.command import add_dicom
from app.gui.qa.command import add_qa
from app.gui.qa.report_command import add_qa_report, check_without_qa, examination_of, run_qa_report
from app.picture.options import add_picture_options
from app.qa.agreement_command import add_agreement
from app.qa.audit_command import add_audit
from app.qa.deidentify_command import add_deidentify
from app.qa.handover_command import add_handover
from app.qa.labels_command import add_labels
from app.qa.score_command import add_score
from app.settings.options import add_settings, note_given
from detector.errors import ModelError, PolypwatchError, UsageError

if TYPE_CHECKING:
    from detector.manifest import ModelManifest

_PARTIAL = 9  # some frames were not analysed, or a record has gaps: the output says which
_INTERRUPTED = 130
_LIVE_THREADS = "CPU threads for the model (default: the cores that the picture and the recording leave)"
_POLICIES = ("auto", "cuda", "tensorrt", "cpu")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = _parser().parse_args(argv)
    args.argv = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(args.run(args))
    except PolypwatchError as error:
        print(f"polypwatch: {error.what}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("polypwatch: interrupted.", file=sys.stderr)
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="polypwatch", description=f"Polyp detection in colonoscopy video. {RESEARCH_USE}."
    )
    parser.add_argument("--version", action="version", version=SOFTWARE)
    parser.add_argument("--verbose", action="store_true", help="log what happens, to stderr")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_live(commands)
    _add_selftest(commands)
    _add_bench(commands)
    _add_detect(commands)
    _add_models(commands)
    _add_phantom(commands)
    _add_report(commands)
    add_dicom(commands)
    add_devices(commands)
    add_settings(commands)
    add_recordings(commands)
    add_qa(commands)
    add_score(commands)
    add_audit(commands)
    add_agreement(commands)
    add_labels(commands)
    add_deidentify(commands)
    add_handover(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="run the live pipeline on the bundled procedure, or on any source")
    demo.add_argument("--source", help="video, folder of images, camera or stream (default: the bundled procedure)")
    demo.add_argument("--offscreen", action="store_true", help="no window: run to the end and leave a folder")
    demo.add_argument("--out", type=Path, default=Path("polypwatch-out"), help="where the folder goes (%(default)s)")
    demo.add_argument("--seconds", type=_positive, help="stop an offscreen run after this long")
    add_picture_options(demo)
    _add_synchronised(demo)
    _add_model_options(demo)
    demo.set_defaults(run=_demo)


def _add_live(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    live = commands.add_parser("live", help="open the window on a camera, a stream, a video or a folder of images")
    note_given(live)
    live.epilog = "What is not given here is as `polypwatch settings` says."
    live.add_argument(
        "source",
        nargs="?",
        help="camera:0, /dev/video0, rtsp://..., udp://..., a video or a folder (default: the settings' source)",
    )
    live.add_argument("--loop", action="store_true", help="begin a file anew at its end")
    live.add_argument("--record", type=Path, metavar="FOLDER", help="where recordings go (key R)")
    live.add_argument(
        "--snapshots",
        type=Path,
        default=Path("polypwatch-out"),
        metavar="FOLDER",
        help="where snapshots go (%(default)s)",
    )
    add_format_option(live)
    add_picture_options(live)
    _add_synchronised(live)
    add_supervisor_option(live)
    _add_model_options(live)
    live.set_defaults(run=_live)


def _add_selftest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    selftest = commands.add_parser(
        "selftest", help="test the whole chain but the sound on ten seconds of the phantom (in the window: key T)"
    )
    _add_model_options(selftest)
    selftest.set_defaults(run=_selftest)


def _add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    bench = commands.add_parser("bench", help="measure in a minute what this machine can hold, or its delay in a loop")
    bench.add_argument("--model", nargs="+", metavar="NAME", help="names or folders (default: every installed model)")
    bench.add_argument("--provider", default="auto", choices=_POLICIES, help="what runs the models (%(default)s)")
    bench.add_argument("--threads", type=_threads, help="CPU threads for the model")
    bench.add_argument("--seconds", type=_positive, help="how long it may take, about (60; in a loop 20)")
    bench.add_argument("--quick", action="store_true", help="in a third of the time, 1080p only, two trials a model")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the figures and the verdict, too")
    bench.add_argument("--offscreen", action="store_true", help="open no window, even where there is a screen")
    bench.add_argument(
        "--loopback",
        nargs="?",
        const="camera:0",
        metavar="SOURCE",
        help="show a time code in full screen and read it back through a camera or stream (camera:0): the true delay",
    )
    bench.add_argument("--screen", type=int, metavar="N", help="which screen shows the time code, counted from 0")
    bench.set_defaults(run=_bench)


def _add_detect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    detect = commands.add_parser(
        "detect",
        help="analyse every frame of videos, folders and images: into one JSON file, or one for each procedure below",
        epilog="With --out or --beside what is whole for this model is left as it is, and what was broken off goes on.",
    )
    detect.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    where = detect.add_mutually_exclusive_group(required=True)
    where.add_argument("--json", type=Path, metavar="OUT", help="one results file for all")
    where.add_argument(
        "--out", type=Path, metavar="DIR", help="a results file for every recording and video below PATH, in there"
    )
    where.add_argument("--beside", action="store_true", help="the same beside each of them, where the QA room looks")
    detect.add_argument(
        "--min-score", type=_score, help="lowest score to list with --json, 0.01 to 1 (default: the threshold)"
    )
    detect.add_argument(
        "--processes", type=_threads, metavar="N", help="procedures at once, not with --json (default: by the cores)"
    )
    detect.add_argument("--quiet", action="store_true", help="no progress bar")
    _add_model_options(detect, "frames that are analysed at once on the CPU, one thread each (default: one per core)")
    detect.set_defaults(run=_detect)


def _add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    models = commands.add_parser("models", help="list the installed models with their figures")
    models.add_argument("--json", action="store_true", help="as JSON")
    models.set_defaults(run=_models)


def _add_phantom(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    phantom = commands.add_parser("phantom", help="render another phantom procedure, with its exact truth")
    phantom.add_argument("out", type=Path, metavar="OUT", help="writes OUT.mp4 and OUT.json")
    phantom.add_argument("--seed", type=int, default=1, help="which patient and which hand (%(default)s)")
    phantom.add_argument("--seconds", type=_positive, default=92.0, help="length of the film (%(default)s)")
    phantom.add_argument("--workers", type=_threads, help="how many processes draw (default: one per core)")
    phantom.add_argument("--quiet", action="store_true", help="no progress bar")
    phantom.set_defaults(run=_phantom)


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    report = commands.add_parser(
        "report",
        help="write the clinical page and the technical report of an examination, or with --qa how good the AI was",
        description="Without --qa: the clinical page and the technical report of one examination. With --qa: figures, "
        "curves and the worst misses and false alarms of all reviewed recordings and videos below PATH, for one model "
        "or two; as HTML, PDF and JSON.",
        epilog="With --qa a run that was broken off goes on where it was.",
    )
    report.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="the folder of an examination; see --qa")
    report.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the reports go")
    report.add_argument("--language", choices=("en", "it"), help="of an examination's PDFs (en)")
    report.add_argument("--qa", action="store_true", help="how good the AI was, of everything below PATH")
    add_qa_report(report)
    report.set_defaults(run=_report)


def _add_model_options(parser: argparse.ArgumentParser, threads: str = _LIVE_THREADS) -> None:
    parser.add_argument("--model", default="fast", help="a model's name or folder (%(default)s)")
    parser.add_argument("--variant", help="one of the model's files (default: the one for the provider)")
    parser.add_argument("--provider", default="auto", choices=_POLICIES, help="what runs the model (%(default)s)")
    parser.add_argument("--threads", type=_threads, help=threads)


def _add_synchronised(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--synchronised",
        action="store_true",
        help="keep each picture back (100 ms at most) until its own boxes are there; key Y",
    )


def _score(text: str) -> float:
    value = _number(text)
    if not 0.01 <= value <= 1:
        raise argparse.ArgumentTypeError("must lie between 0.01 and 1")
    return value


def _positive(text: str) -> float:
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("must be greater than 0, and not infinite")
    return value


def _threads(text: str) -> int:
    value = _number(text)
    if not (value >= 1 and value.is_integer()):
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return int(value)


def _number(text: str) -> float:
    """A number; argparse's own message would name the function that did not understand it."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def _demo(args: argparse.Namespace) -> int:
    from app.main import demo

    return demo(args)


def _live(args: argparse.Namespace) -> int:
    from app.day.command import run_live

    return run_live(args, args.argv, _live_here)


def _live_here(args: argparse.Namespace) -> int:
    from app.live_room import live

    args.source = with_format(args.source, args.format)
    return live(args)


def _selftest(args: argparse.Namespace) -> int:
    from app.main import selftest

    return selftest(args)


def _bench(args: argparse.Namespace) -> int:
    if args.loopback is not None:
        from app.bench.loopback import loopback

        return loopback(args)
    from app.bench.command import bench

    return bench(args)


def _detect(args: argparse.Namespace) -> int:
    if args.json is None:
        return _detect_below(args)
    if args.processes is not None:
        raise UsageError("--processes goes with --out and --beside.", "With --json, --threads says how many at once.")
    from app.detect import run_detect
    from detector.cpu import find_cores, headless_threads
    from detector.runtime import load_detector

    workers = args.threads or headless_threads(find_cores())
    detector = load_detector(args.model, args.provider, args.variant, threads=1)
    info = detector.info
    reason = f" ({info.provider_reason})" if info.provider_reason else ""
    several = f", {workers} frames at once" if info.provider == "cpu" and workers > 1 else ""
    print(f"{info.model} {info.version}, {info.variant}, on {info.provider}{reason}{several}", file=sys.stderr)
    counts = run_detect(args.paths, args.json, detector, args.min_score, progress=not args.quiet, workers=workers)
    print(f"{counts.frames} frames, {counts.detections} boxes: {args.json}", file=sys.stderr)
    if counts.not_analysed:
        print(
            f"polypwatch: {counts.not_analysed} of {counts.frames} frames could not be analysed; "
            "their status in the results says why.",
            file=sys.stderr,
        )
        return _PARTIAL
    return 0


def _detect_below(args: argparse.Namespace) -> int:
    from app.qa.jobs import ModelChoice
    from app.qa.jobs.headless import detect_below

    if args.min_score is not None:
        raise UsageError("--min-score goes with --json.", "--out and --beside list every box from a score of .01 up.")
    choice = ModelChoice(args.model, args.provider, args.variant, args.threads)
    return detect_below(args.paths, args.out, choice, processes=args.processes, quiet=args.quiet)


def _phantom(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from app.phantom import render

    with tqdm(unit="frame", file=sys.stderr, disable=args.quiet) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        made = render(args.seed, args.seconds, args.out, progress=progress, workers=args.workers)
    print(f"{made.frames} frames, {made.lesions} lesions: {made.video}, {made.annotation}", file=sys.stderr)
    return 0


def _report(args: argparse.Namespace) -> int:
    if args.qa:
        return run_qa_report(args)
    check_without_qa(args)
    from app.gui.report_command import run_report

    written = run_report(examination_of(args), args.out, args.language or "en")
    for path in (written.clinical, written.technical, written.record):
        print(path)
    for gap in written.gaps:
        print(f"polypwatch: {gap}", file=sys.stderr)
    return _PARTIAL if written.gaps else 0


def _models(args: argparse.Namespace) -> int:
    from detector.manifest import load_manifest, model_folders, verified_model_bytes

    manifests: list[ModelManifest] = []
    damaged: list[PolypwatchError] = []
    for folder in model_folders():
        try:
            manifest = load_manifest(folder)
            for variant in manifest.variants:
                verified_model_bytes(folder, variant)
            manifests.append(manifest)
        except ModelError as error:
            damaged.append(error)
    if args.json:
        print(json.dumps([m.model_dump(mode="json", by_alias=True) for m in manifests], indent=2))
    elif manifests:
        print("\n\n".join(_model_text(m) for m in manifests))
    for problem in damaged:
        print(f"polypwatch: {problem}", file=sys.stderr)
    if not manifests and not damaged:
        raise UsageError("No model is installed.", "Reinstall Polypwatch: its models come with it.")
    return ModelError.exit_status if damaged else 0


def _model_text(manifest: ModelManifest) -> str:
    light = ", ".join(manifest.validated_light)
    lines = [f"{manifest.name} {manifest.version}: finds {', '.join(manifest.classes)}; validated in {light} light"]
    for variant in manifest.variants:
        size = f"{variant.input.width}x{variant.input.height}"
        lines.append(
            f"  {variant.name}: {variant.precision}, {size}, for {', '.join(variant.providers)}, "
            f"threshold {variant.threshold:.3f}, sha256 {variant.sha256[:12]}"
        )
        for metric in variant.metrics:
            values = ", ".join(f"{name} {value:.3f}" for name, value in metric.values.items())
            lines.append(f"    {metric.dataset} ({metric.images} images): {values}")
    return "\n".join(lines)
