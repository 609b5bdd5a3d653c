"""``polypwatch recordings``: what is kept, how old and how large it is, and deleting what was confirmed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import UsageError

if TYPE_CHECKING:
    from app.day.retention import Kept, Proposal

_SCHEMA = "polypwatch.recordings/1"


def add_recordings(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("recordings", help="list recordings and examinations; delete old ones")
    parser.add_argument("folder", nargs="?", type=Path, help="where they are (default: the settings' recording.folder)")
    parser.add_argument(
        "--older-than",
        type=_days,
        metavar="DAYS",
        help="what is older than that (default: the settings' recording.retention_days)",
    )
    parser.add_argument("--delete", action="store_true", help="delete what is older; asks first")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run_recordings)


def run_recordings(args: argparse.Namespace) -> int:
    """List, propose, and delete where that was asked for and confirmed.

    Raises:
        UsageError: no folder or no age is known, or nobody can be asked.
    """
    from app.day.retention import propose, survey

    folder, days = _settled(args)
    kept = survey(folder)
    proposal = propose(kept, days) if days is not None else None
    if args.json:
        print(json.dumps(as_json(folder, kept, proposal), indent=2))
    else:
        print(as_text(folder, kept, proposal))
    if args.delete:
        if proposal is None:
            raise UsageError("Nobody said how old is old.", "Write --older-than DAYS.")
        return _delete(folder, proposal, sure=args.yes)
    return 0


def as_text(folder: Path, kept: Sequence[Kept], proposal: Proposal | None) -> str:
    """A table, and what would be deleted."""
    if not kept:
        return f"{folder} holds no recording and no examination."
    now_s = time.time()
    old = {k.path for k in proposal.old} if proposal else set()
    rows = [("began (UTC)", "age", "size", "kind", "folder", "")]
    for k in kept:
        note = "old" if k.path in old else f"kept: {k.keep}" if k.keep else ""
        age = f"{max(0.0, k.age_days(now_s)):.0f} d"
        rows.append((f"{k.began:%Y-%m-%d %H:%M}", age, gigabytes(k.size), k.kind.value, k.path.name, note))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append(f"\n{len(kept)} in {folder}, {gigabytes(sum(k.size for k in kept))}.")
    if proposal is not None:
        would = f"Older than {proposal.days:g} days and complete: {len(proposal.old)}, {gigabytes(proposal.size)}."
        lines.append(f"{would} Nothing is deleted without --delete." if proposal.old else would)
    return "\n".join(lines)


def as_json(folder: Path, kept: Sequence[Kept], proposal: Proposal | None) -> dict[str, object]:
    """Schema ``polypwatch.recordings/1``."""
    now_s = time.time()
    old = {k.path for k in proposal.old} if proposal else set()
    rows = [
        {
            "folder": str(k.path),
            "kind": k.kind.value,
            "began": k.began.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "age_days": round(k.age_days(now_s), 2),
            "bytes": k.size,
            "old": k.path in old,
            "keep": k.keep or None,
        }
        for k in kept
    ]
    return {"schema": _SCHEMA, "folder": str(folder), "days": proposal.days if proposal else None, "recordings": rows}


def gigabytes(size: int) -> str:
    """A size that a person reads at a glance."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _settled(args: argparse.Namespace) -> tuple[Path, float | None]:
    """Folder and age, from the command line or the settings."""
    from app.settings.effective import effective
    from app.settings.store import load_settings

    told = effective(argparse.Namespace(), load_settings()).settings.recording
    folder = args.folder or told.folder
    if folder is None:
        raise UsageError("No folder was named.", "Name it, or set `polypwatch settings --set recording.folder=...`.")
    days = args.older_than if args.older_than is not None else told.retention_days
    return Path(folder).expanduser().absolute(), days


def _delete(folder: Path, proposal: Proposal, *, sure: bool) -> int:
    from app.day.retention import delete

    count = len(proposal.old)
    if not count:
        print("Nothing to delete.")
        return 0
    if not sure and not _confirmed(count, gigabytes(proposal.size)):
        print("Nothing was deleted.")
        return 0
    for kept in delete(folder, proposal.old, f"older than {proposal.days:g} days, confirmed by the user"):
        print(f"deleted: {kept.path.name} ({gigabytes(kept.size)})")
    return 0


def _confirmed(count: int, size: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Nobody can be asked here.", "Write --yes to delete without being asked.")
    word = f"delete {count}"
    answer = input(f"This cannot be undone. Type `{word}` to delete {count} ({size}): ")
    return answer.strip() == word


def _days(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 100_000:
        raise argparse.ArgumentTypeError("must be a number of days")
    return value
