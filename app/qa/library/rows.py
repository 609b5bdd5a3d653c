"""Between what was read of a procedure and its row in the index, and from a wish to SQL."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from app.qa.library.entries import Entry, Filters, Reader, ReviewState, Sort
from app.qa.library.facts import Facts
from app.qa.library.reviews import state_of
from app.qa.library.walk import Found

_DIGITS: Final = re.compile(r"\d+")
_TRIGRAM: Final = 3

_ORDER: Final = {
    Sort.DATE: "taken",
    Sort.TITLE: "title_key",
    Sort.KIND: "kind",
    Sort.LENGTH: "length_s",
    Sort.MODELS: "NULLIF(models, '')",
    Sort.MARKS: "found",
    Sort.ENDOSCOPIST: "NULLIF(endoscopist, '')",
    Sort.REVIEW: "CASE review WHEN 'nobody' THEN 0 WHEN 'in_review' THEN 1 WHEN 'committed' THEN 2 ELSE 3 END "
    "+ reviewed * 0.99",
    Sort.SENSITIVITY: "sensitivity",
    Sort.FALSE_ALARMS: "false_per_min",
    Sort.TROUBLE: "NULLIF(trouble, '')",
}


def row_of(found: Found, facts: Facts, readers: tuple[Reader, ...]) -> dict[str, Any]:
    """The row of a procedure."""
    models = sorted(facts.models)
    state = state_of(readers)
    troubles = [*facts.troubles, *(r.trouble for r in readers if r.trouble)]
    row = {
        "path": key_of(found.path),
        "fingerprint": found.fingerprint,
        "listed": facts.listed,
        "kind": found.kind,
        "title": _text(facts.title),
        "title_key": _DIGITS.sub(lambda m: m[0].zfill(12), folded(facts.title)),
        "taken": facts.taken_utc.timestamp(),
        "taken_known": facts.taken_known,
        "length_s": facts.length_s,
        "frames": facts.frames,
        "counted": facts.counted,
        "width": facts.width,
        "height": facts.height,
        "size_bytes": found.size_bytes,
        "models": "".join(f"\n{_text(m)}" for m in models) + ("\n" if models else ""),
        "found": facts.polyps_found,
        "removed": facts.polyps_removed,
        "marks": facts.marks,
        "endoscopist": _text(facts.endoscopist),
        "indication": _text(facts.indication),
        "review": state.value,
        "reviewed": max((r.reviewed or 0.0 for r in readers), default=0.0),
        "readers": json.dumps([asdict(r) for r in readers]),
        "labelled": facts.labelled,
        "trouble": _text(" ".join(dict.fromkeys(troubles))),
    }
    row["words"] = _words(found, facts, readers)
    return row


def upsert(row: dict[str, Any]) -> str:
    """The statement that writes it; figures of what was there before hold no longer."""
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    changed = ", ".join(f"{name} = excluded.{name}" for name in row if name != "path")
    return (
        f"INSERT INTO entries ({names}) VALUES ({marks}) ON CONFLICT(path) DO UPDATE SET {changed}, "
        "sensitivity = NULL, false_per_min = NULL"
    )


def entry_of(row: sqlite3.Row) -> Entry:
    """A row as it is handed out."""
    return Entry(
        id=row["id"],
        path=path_of(row["path"]),
        kind=row["kind"],
        title=row["title"],
        taken_utc=datetime.fromtimestamp(row["taken"], UTC),
        taken_known=bool(row["taken_known"]),
        length_s=row["length_s"],
        frames=row["frames"],
        counted=bool(row["counted"]),
        width=row["width"],
        height=row["height"],
        size_bytes=row["size_bytes"],
        models=tuple(row["models"].split("\n")[1:-1]),
        polyps_found=row["found"],
        polyps_removed=row["removed"],
        marks=row["marks"],
        endoscopist=row["endoscopist"],
        indication=row["indication"],
        review=ReviewState(row["review"]),
        readers=tuple(Reader(**reader) for reader in json.loads(row["readers"])),
        labelled=row["labelled"],
        sensitivity=row["sensitivity"],
        false_per_min=row["false_per_min"],
        trouble=row["trouble"],
    )


def where(roots: Sequence[Path], text: str, filters: Filters, indexed_words: bool) -> tuple[str, list[Any]]:
    """The condition of a query and its values."""
    scope, values = below(roots)
    parts = ["listed", scope]
    for condition, more in (*_of_text(text, indexed_words), *_of_filters(filters)):
        parts.append(condition)
        values += more
    return " AND ".join(parts), values


def order_by(sort: Sort, descending: bool) -> str:
    """What is not known comes last, whichever way; equal ones stay where they are."""
    term = _ORDER[sort]
    way = "DESC" if descending else "ASC"
    return f"{term} IS NULL, {term} {way}, taken DESC, id"


def below(roots: Sequence[Path]) -> tuple[str, list[Any]]:
    """The condition that a path is one of these or lies below one."""
    values: list[Any] = []
    for root in roots:
        key = key_of(root)
        inside = key if key.endswith(_SEPARATOR) else key + _SEPARATOR
        values += [key, inside, inside[:-1] + bytes([inside[-1] + 1])]
    return "(" + " OR ".join(["(path = ? OR (path >= ? AND path < ?))"] * len(roots) or ["0"]) + ")", values


def key_of(path: Path) -> bytes:
    """A path as the index has it."""
    return os.fsencode(path)


def path_of(key: bytes) -> Path:
    """And back."""
    return Path(os.fsdecode(key))


def folded(text: str) -> str:
    """Without case and accents: what is typed in a hurry must be found."""
    plain = unicodedata.normalize("NFKD", _text(text).casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).replace("\0", " ")


_SEPARATOR: Final = os.fsencode(os.sep)


def _of_text(text: str, indexed_words: bool) -> list[tuple[str, list[Any]]]:
    """Every word must occur somewhere."""
    found: list[tuple[str, list[Any]]] = []
    for word in folded(text).split():
        if indexed_words and len(word) >= _TRIGRAM:
            quoted = '"' + word.replace('"', '""') + '"'
            found.append(("id IN (SELECT rowid FROM found_words WHERE found_words MATCH ?)", [quoted]))
        else:
            found.append(("instr(words, ?) > 0", [word]))
    return found


def _of_filters(filters: Filters) -> list[tuple[str, list[Any]]]:
    found: list[tuple[str, list[Any]]] = []
    for column, wanted in (
        ("review", sorted(state.value for state in filters.review)),
        ("kind", sorted(filters.kinds)),
        ("endoscopist", sorted(filters.endoscopists)),
    ):
        if wanted:
            found.append((f"{column} IN ({', '.join('?' * len(wanted))})", list(wanted)))
    if filters.models:
        one = " OR ".join(["instr(models, ?) > 0"] * len(filters.models))
        found.append((f"({one})", [f"\n{name}\n" for name in sorted(filters.models)]))
    if filters.marks is not None:
        found.append(("found > 0" if filters.marks else "COALESCE(found, 0) = 0", []))
    if filters.trouble is not None:
        found.append(("trouble <> ''" if filters.trouble else "trouble = ''", []))
    if filters.since is not None:
        found.append(("taken >= ?", [_begin(filters.since)]))
    if filters.until is not None:
        found.append(("taken < ?", [_begin(filters.until + timedelta(days=1))]))
    return found


def _words(found: Found, facts: Facts, readers: tuple[Reader, ...]) -> str:
    """What the search looks at: nothing of a patient but what stands in journal and file name already."""
    said = [
        facts.title,
        found.path.name,
        found.path.parent.name,
        found.kind,
        facts.taken_utc.strftime("%Y-%m-%d"),
        facts.endoscopist,
        facts.indication,
        *facts.models,
        *(reader.name for reader in readers),
    ]
    return folded(" ".join(dict.fromkeys(word for word in said if word)))


def _begin(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()


def _text(text: str) -> str:
    """Names of files need not be text; SQLite wants some."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
