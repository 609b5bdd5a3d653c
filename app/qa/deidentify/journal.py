"""The journal of an examination for a copy: what happened and when, without free texts, files, codes and dates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from app.examination import events
from app.examination.events import Event, Payload, encode
from app.examination.store import JOURNAL_NAME, read_journal
from app.qa.deidentify.plan import Plan, preset, program
from detector.errors import OutputError

T = TypeVar("T", bound=events._Payload)
_NAMING_FOLDERS = ("recording_started", "recording_stopped")


def write_journal(source: Path, folder: Path, plan: Plan) -> None:
    """Write the journal anew, if there is one: event by event, with the same numbers.

    Raises:
        FormatError: it is damaged or of a newer version.
        OutputError: the disk is full or gone.
    """
    if not (source / JOURNAL_NAME).is_file():
        return
    journal = read_journal(source)
    lines = b"".join(encode(disguised(event, plan)) for event in journal.events)
    if journal.notes:
        plan.notes.append(f"of the journal something could not be read and is left out ({len(journal.notes)} places)")
    try:
        (folder / JOURNAL_NAME).write_bytes(lines)
    except OSError as error:
        raise OutputError(f"Cannot write {folder / JOURNAL_NAME}: {error.strerror or error}.") from error


def disguised(event: Event, plan: Plan) -> Event:
    """An event that tells nothing of a person; what it is of and when in the examination it was stays."""
    return replace(event, what=_payload(event.what, plan))


def _payload(what: Payload, plan: Plan) -> Payload:
    match what:
        case events.Start():
            return _known(
                what,
                id=plan.pseudonym.upper(),
                started_utc=plan.moved(what.started_utc),
                clock=events.Clock(monotonic_ns=0, boot=None),
                indication=what.indication if plan.keep_indication else None,
                software=program(what.software),
                endoscopist=plan.endoscopist(what.endoscopist),
                room=None,
            )
        case events.Resumed():
            return _known(what, utc=plan.moved(what.utc), software=program(what.software))
        case events.Photo():
            return _known(what, file=None)
        case events.Snapshot() | events.Unknown():
            return events.Bookmark()
        case events.Bookmark() | events.Note() | events.Conclusion():
            return _known(what, text="")
        case events.Lesion():
            return _known(what, pictures=(), note="")
        case events.Details():
            kept = what.indication if plan.keep_indication else None
            return _known(what, indication=kept, endoscopist=plan.endoscopist(what.endoscopist))
        case events.AiStatistics():
            return _known(what, preset=preset(what.preset) if what.preset is not None else None)
        case events.SettingsChanged():
            return _known(what, changed={})
        case events.Audit():
            return _known(what, detail=plan.pseudonym if what.what in _NAMING_FOLDERS else "")
        case _:
            return _known(what)


def _known(what: T, **changes: Any) -> T:
    """The fields that this version knows, some of them changed: nobody knows what the others tell."""
    fields = {name: getattr(what, name) for name in type(what).model_fields}
    return type(what)(**(fields | changes))
