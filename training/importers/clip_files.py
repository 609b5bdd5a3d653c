"""Where the videos of label files are, and other small questions that every layout of clips asks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from detector.decode import VIDEO_SUFFIXES
from detector.errors import SourceError, UsageError
from training.importers.context import Context
from training.importers.intake import files_below

_EMPTY_NAMES = {"annotations", "annotation", "gt", "labels"}
VIDEO_OPTIONS: dict[str, str] = {
    "video": "the video file that a single label file belongs to",
    "videos": "folder of the videos (default: beside the labels)",
}


def clip_name(root: Path, labels: Path, stem: str) -> str:
    """A clip's name: its label file's path below the data set, without names that say nothing (`annotations`, `gt`).

    Args:
        root: the data set.
        labels: the label file, or the folder that holds it.
        stem: of the video, where nothing else is left.
    """
    base = root if root.is_dir() else root.parent
    below = labels.relative_to(base).with_suffix("") if labels.is_relative_to(base) else Path(labels.stem)
    parts = [p for p in below.parts if p.lower() not in _EMPTY_NAMES]
    return "/".join(parts) or stem


def of_frame(labels: Path, index: int) -> Path:
    """How a frame's label is named in a report."""
    return labels.with_name(f"{labels.name}, frame {index}")


def is_ignored(context: Context, kind: str) -> bool:
    """Whether boxes of a class are neither right nor wrong (`--option ignore`)."""
    return kind.strip().lower() in {
        k.strip().lower() for k in context.options.get("ignore", "").split(",") if k.strip()
    }


def yes(context: Context, name: str) -> bool:
    """A yes-or-no option, no by default.

    Raises:
        UsageError: it is neither.
    """
    value = context.options.get(name, "no")
    if value not in ("yes", "no"):
        raise UsageError(f"--option {name}={value} is not known.", "Say yes or no.")
    return value == "yes"


def find_video(labels: Path, names: Iterable[str], context: Context, folder: Path | None = None) -> Path:
    """The video that a label file belongs to: by option, by the names that the labels give, else by the file's name.

    Args:
        labels: the label file.
        names: file names that the labels give, the likeliest first.
        context: for the options.
        folder: where to look if no option says so; beside the labels by default.

    Raises:
        SourceError: there is none, or several fit; the message says what was looked for.
    """
    if chosen := context.options.get("video"):
        path = Path(chosen)
        if not path.is_file():
            raise SourceError(f"The video {path} does not exist.", "Check --option video.")
        return path
    folder = Path(context.options.get("videos", folder or labels.parent))
    known = sorted(files_below(folder, VIDEO_SUFFIXES)) if folder.is_dir() else []
    wanted = [Path(n.replace("\\", "/")).name for n in names if n]
    for name in wanted:
        found = [p for p in known if p.name == name] or [p for p in known if p.stem == Path(name).stem]
        if len(found) == 1:
            return found[0]
    found = [p for p in known if p.stem == labels.stem] or [p for p in known if p.parent == folder]
    if len(found) == 1 and not wanted:
        return found[0]
    sought = " or ".join(wanted) or labels.stem
    raise SourceError(
        f"{labels} labels a video ({sought}), of which {len(found)} were found in {folder}.",
        "Put it there, or say --option video=FILE or --option videos=FOLDER.",
    )
