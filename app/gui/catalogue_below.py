"""The texts that are composed below Qt and reach the screen, as templates: collected from the source.

``f"Cannot write {path}: {why}."`` becomes ``Cannot write {0}: {1}.``; ``language.told`` finds it again from the
finished text. Errors tell who they are: both texts of every ``PolypwatchError`` count, but for modules whose errors
only the command line meets. Other texts count in the modules of ``TOLD``, and the words of ``WORDS``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import app

_ROOT = Path(app.__file__).resolve().parent.parent

COMMAND_LINE = (
    "app/bench/",
    "app/cli.py",
    "app/day/command.py",
    "app/day/recordings.py",
    "app/detect.py",
    "app/devices/command.py",
    "app/dicom/command.py",
    "app/gui/bench_paint.py",
    "app/gui/loopback_window.py",
    "app/gui/offscreen.py",
    "app/gui/qa/command.py",
    "app/gui/qa/report_command.py",
    "app/gui/report_command.py",
    "app/phantom/film.py",
    "app/phantom/rendering.py",
    "app/qa/agreement_command.py",
    "app/qa/audit_command.py",
    "app/qa/deidentify_command.py",
    "app/qa/exchange/coco.py",
    "app/qa/exchange/cvat.py",
    "app/qa/exchange/identity.py",
    "app/qa/exchange/importing.py",
    "app/qa/exchange/joining.py",
    "app/qa/exchange/mot.py",
    "app/qa/exchange/results.py",
    "app/qa/exchange/results_in.py",
    "app/qa/exchange/stills.py",
    "app/qa/exchange/voc.py",
    "app/qa/exchange/yolo.py",
    "app/qa/handover_command.py",
    "app/qa/jobs/finding.py",
    "app/qa/jobs/headless.py",
    "app/qa/labels_command.py",
    "app/qa/review/audit.py",
    "app/qa/review/pairs.py",
    "app/qa/score_command.py",
    "app/report.py",
    "app/settings/command.py",
    "detector/handover.py",
    "detector/labels/",
    "detector/parity.py",
    "detector/scoring/",
)
"""What has errors for the terminal only, in English."""

TOLD = (
    "app/candidate.py",
    "app/capture/camera.py",
    "app/capture/camera_named.py",
    "app/capture/decode.py",
    "app/capture/file.py",
    "app/capture/gstreamer.py",
    "app/capture/gstreamer_runtime.py",
    "app/capture/images.py",
    "app/capture/live.py",
    "app/capture/stream.py",
    "app/capture/troubles.py",
    "app/day/supervise.py",
    "app/devices/choice.py",
    "app/devices/desktop.py",
    "app/devices/formats.py",
    "app/devices/linux.py",
    "app/devices/listing.py",
    "app/devices/v4l2.py",
    "app/dicom/export.py",
    "app/dicom/video.py",
    "app/examination/record.py",
    "app/examination/report.py",
    "app/examination/store.py",
    "app/feed.py",
    "app/gui/qa/newest.py",
    "app/gui/qa/replay_heard.py",
    "app/gui/qa/replay_scribe.py",
    "app/picture/source.py",
    "app/picture/words.py",
    "app/qa/checking.py",
    "app/qa/comparing.py",
    "app/qa/deidentify/copy.py",
    "app/qa/deidentify/journal.py",
    "app/qa/deidentify/records.py",
    "app/qa/exchange/coco.py",
    "app/qa/exchange/cvat.py",
    "app/qa/exchange/exporting.py",
    "app/qa/exchange/mot.py",
    "app/qa/exchange/tables.py",
    "app/qa/exchange/voc.py",
    "app/qa/exchange/yolo.py",
    "app/qa/figures.py",
    "app/qa/groups.py",
    "app/qa/handover.py",
    "app/qa/jobs/child.py",
    "app/qa/jobs/queue.py",
    "app/qa/jobs/worker.py",
    "app/qa/library/database.py",
    "app/qa/library/facts.py",
    "app/qa/library/media.py",
    "app/qa/library/reviews.py",
    "app/qa/library/scanner.py",
    "app/qa/live_log.py",
    "app/qa/loading.py",
    "app/qa/opened.py",
    "app/qa/playback/index.py",
    "app/qa/playback/player.py",
    "app/qa/playback/reel.py",
    "app/qa/playback/shelf.py",
    "app/qa/preferences.py",
    "app/qa/rates.py",
    "app/qa/review/labels.py",
    "app/qa/review/ledger.py",
    "app/qa/review/log.py",
    "app/qa/review/opening.py",
    "app/qa/review/places.py",
    "app/qa/review/propagate.py",
    "app/qa/review/session.py",
    "app/qa/review/settling.py",
    "app/qa/scored.py",
    "app/qa/verdicts.py",
    "app/qa/worklist/audit.py",
    "app/qa/worklist/planning.py",
    "app/qa/worklist/ranking.py",
    "app/qa/worklist/rules.py",
    "app/recording/copying.py",
    "app/recording/losses.py",
    "app/recording/pace.py",
    "app/recording/recorder.py",
    "app/recording/recover.py",
    "app/recording/repair.py",
    "app/recording/space.py",
    "app/recording/writer.py",
    "app/selftest.py",
    "app/selftest_checks.py",
    "app/settings/effective.py",
    "app/settings/keymap.py",
    "app/settings/store.py",
    "app/snapshot.py",
    "app/synchrony.py",
    "app/watch.py",
    "detector/frame.py",
    "detector/picture/area.py",
    "detector/picture/interlace.py",
    "detector/procedure.py",
    "detector/schema.py",
    "detector/scoring/clinical.py",
    "detector/scoring/words.py",
    "detector/sidecar.py",
    "detector/watchdog.py",
    "detector/worker.py",
    "detector/worker_child.py",
    "detector/worker_link.py",
)
"""Modules whose words reach the screen other than in errors."""

WORDS = (
    # One word each, in a row of reasons or as a state.
    "uncompressed",
    "opening",
    "playing",
    "paused",
    "ended",
    "off",
    "starting",
    "behind",
    "stalled",
    "restarting",
    "failed",
    "was there already",
    # Around and within what an error says.
    "{0}, line {1}",
    "The change",
    "The room '{0}'",
    "the preset of room '{0}'",
    "the preset of room '{0}' in {1}",
    "The default settings are used.",
    "{0} could not be read and was put aside.",
    # What was stopped, and what cannot be taken back.
    "The copy",
    "The export",
    "The report",
    "Scoring",
    "undo",
    "redo",
    # What figures and their groups are called.
    ", per minute",
    ", per procedure",
    "unknown",
    "6 to 9 mm",
    "{0} (live)",
    "{0} (live, unseen)",
    "{0} (live, second model)",
    "{0} (re-analysis)",
    "Sensitivity {0} % ({1} to {2}).",
    # What the system says of files and networks (strerror).
    "Address already in use",
    "Connection refused",
    "Connection timed out",
    "Device or resource busy",
    "File exists",
    "Input/output error",
    "Invalid argument",
    "Is a directory",
    "Name or service not known",
    "Network is unreachable",
    "No route to host",
    "No space left on device",
    "No such device",
    "No such file or directory",
    "Not a directory",
    "Operation not permitted",
    "Permission denied",
    "Read-only file system",
    # What pydantic says of a value.
    "Input should be {0}",
    "Input should be a valid boolean",
    "Input should be a valid integer",
    "Input should be a valid number",
    "Input should be a valid string",
    "Input should be greater than {0}",
    "Input should be greater than or equal to {0}",
    "Input should be less than {0}",
    "Input should be less than or equal to {0}",
    "Value error, {0}",
)
"""What is told as well and stands in no literal of its own, or in one of a single word."""

# Names, recipes and patterns that look like words; what only the terminal shows.
_NO_WORDS = (
    "\nCREATE ",
    ", or set ai.threshold",
    ", pixels ",
    " of room '",
    "; the nearest is",
    "# Frames of",
    "BEGIN ",
    "CREATE ",
    "Capture screen",
    "DELETE ",
    "DROP ",
    "Media ",
    "PRAGMA ",
    "SELECT ",
    "Volume ",
    "(?:",
    "a recording of the QA room has columns",
    "capture {0}",
    "cudart64",
    "decklinkvideosrc",
    "frames.jsonl",
    "libcudart",
    "malformed: {0}",
    "manifest.json",
    "no such ",
    "numbers of windows ",
    "polypwatch: ",
    "python3-gi",
    "recorder disk",
    "videoconvert",
    "{0} about {1} is no answer",
    "{0}: found <= answered",
)
_LOGGERS = ("_log", "_LOG", "_logger")
_LEAST_LETTERS = 5


def collected_below() -> Iterator[str]:
    """Every text and template."""
    yield from WORDS
    texts = {path.relative_to(_ROOT).as_posix(): path.read_text("utf-8") for path in _sources()}
    trees = {name: ast.parse(text) for name, text in texts.items() if name in TOLD or "Error" in text}
    errors = _error_names(trees)
    for name, tree in trees.items():
        if not name.startswith(COMMAND_LINE):
            yield from _error_texts(tree, errors, _assigned(tree) if "Error(" in texts[name] else {})
        if name in TOLD:
            yield from _words_of(tree, errors)


def _error_texts(tree: ast.Module, errors: set[str], named: dict[str, list[ast.expr]]) -> Iterator[str]:
    """Both texts of every error that a module makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in errors:
            for argument in node.args[:2]:
                yield from filter(_is_text, _texts(argument, named))


def template(node: ast.expr) -> str | None:
    """The text that an expression makes, with numbered places for what is put in; None if it makes none."""
    places = iter(range(100))

    def read(part: ast.expr) -> str:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            return part.value
        if isinstance(part, ast.JoinedStr):
            return "".join(read(value) for value in part.values)
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            return read(part.left) + read(part.right)
        return f"{{{next(places)}}}"

    made = isinstance(node, ast.JoinedStr | ast.BinOp) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return read(node) if made else None


def _sources() -> Iterator[Path]:
    for folder in ("app", "detector"):
        yield from sorted((_ROOT / folder).rglob("*.py"))


def _error_names(trees: dict[str, ast.Module]) -> set[str]:
    """``PolypwatchError`` and all that is made from it."""
    found, before = {"PolypwatchError"}, 0
    classes = [node for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)]
    while len(found) != before:
        before = len(found)
        found |= {c.name for c in classes if any(isinstance(b, ast.Name) and b.id in found for b in c.bases)}
    return found


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What is assigned to each name anywhere in a module, and what its functions of that name return."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for one, value in zip(target.elts, node.value.elts, strict=False):
                        if isinstance(one, ast.Name):
                            found.setdefault(one.id, []).append(value)
        elif isinstance(node, ast.FunctionDef):
            returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value]
            found.setdefault(f"{node.name}()", []).extend(returned)
    return found


def _texts(node: ast.expr, named: dict[str, list[ast.expr]], depth: int = 3) -> Iterator[str]:
    """Every text that an argument can be, and the texts that are put into it."""
    if depth == 0:
        return
    if isinstance(node, ast.IfExp):
        for branch in (node.body, node.orelse):
            yield from _texts(branch, named, depth)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value, named, depth)
    elif isinstance(node, ast.Name):
        for value in named.get(node.id, ()):
            yield from _texts(value, named, depth - 1)
    elif isinstance(node, ast.Call):
        for value in named.get(f"{_called(node)}()", ()):
            yield from _texts(value, named, depth - 1)
    else:
        if (text := template(node)) is not None:
            yield text
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.FormattedValue):
                yield from _texts(inner.value, named, depth - 1)


def _words_of(tree: ast.Module, errors: set[str]) -> Iterator[str]:
    """Every text of a module that has more than one word; what is logged and explained in the source is left out."""
    skipped = set(_unsaid(tree, errors))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr | ast.Constant | ast.BinOp) and (text := template(node)) is not None:
            skipped |= {id(inner) for inner in _inside(node)}
            if " " in text.strip() and _is_text(text):
                yield text


def _inside(node: ast.expr) -> Iterator[ast.AST]:
    """The literal pieces of a text; what is put in has words of its own."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FormattedValue):
            yield child
            if isinstance(child, ast.expr):
                yield from _inside(child)


def _unsaid(tree: ast.Module, errors: set[str]) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
        logged = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in _LOGGERS
        )
        if logged or (isinstance(node, ast.Call) and _called(node) in errors):
            yield from (id(inner) for inner in ast.walk(node))


def _is_text(text: str) -> bool:
    """Whether it has words of its own."""
    bare = re.sub(r"\{\d+\}", "", text)
    return sum(c.isalpha() for c in bare) >= _LEAST_LETTERS and not text.startswith(_NO_WORDS)
