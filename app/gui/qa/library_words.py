"""How the library says things: dates, lengths, states of review, in the words and columns of the list."""

from __future__ import annotations

from PyQt6.QtCore import QLocale

from app.gui.language import mark, told, tr
from app.qa.library import Entry, Kind, ReviewState

KIND_WORDS: dict[Kind, str] = {
    "examination": mark("Examination"),
    "recording": mark("Recording"),
    "video": mark("Video"),
    "images": mark("Image sequence"),
    "dicom": mark("DICOM video"),
}
REVIEW_WORDS = {
    ReviewState.NOBODY: mark("Not reviewed"),
    ReviewState.IN_REVIEW: mark("In review"),
    ReviewState.COMMITTED: mark("Committed"),
    ReviewState.ADJUDICATED: mark("Adjudicated"),
}
REVIEW_SIGNS = {
    ReviewState.NOBODY: "○",
    ReviewState.IN_REVIEW: "◐",
    ReviewState.COMMITTED: "●",
    ReviewState.ADJUDICATED: "◆",
}


def whole(number: int) -> str:
    """A whole number with the language's groups of three."""
    return QLocale().toString(number)


def decimals(number: float, places: int) -> str:
    """A number with the language's decimal point."""
    return QLocale().toString(number, "f", places)


def kind_text(entry: Entry) -> str:
    """What it is, and its picture size."""
    kind = tr(KIND_WORDS[entry.kind])
    return f"{kind} · {entry.width}×{entry.height}" if entry.width and entry.height else kind


def title_text(entry: Entry) -> str:
    """Its name over what it is."""
    return f"{entry.title}\n{kind_text(entry)}"


def taken_text(entry: Entry) -> str:
    """Day over time; where only the file's date is known it says so."""
    day = entry.taken_utc.strftime("%Y-%m-%d")
    return f"{day}\n{entry.taken_utc:%H:%M}" if entry.taken_known else f"{day}\n{tr('file date')}"


def length_text(entry: Entry) -> str:
    """Time over frames; what only the container claims has a tilde."""
    about = "" if entry.counted else "~"
    time = "–" if entry.length_s is None else clock(entry.length_s)
    frames = "" if entry.frames is None else tr("{n} frames").format(n=whole(entry.frames))
    return f"{about if entry.length_s is not None else ''}{time}\n{about if frames else ''}{frames}".strip()


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, as a player shows them."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def models_text(entry: Entry) -> str:
    """What answered; two of them, and how many more."""
    shown = list(entry.models[:2])
    if len(entry.models) > 2:
        shown[1] = tr("and {n} more").format(n=len(entry.models) - 1)
    return "\n".join(shown) or "–"


def marks_text(entry: Entry) -> str:
    """What was marked during the examination; nobody marks anything in a plain video."""
    if entry.polyps_found is None:
        return "–"
    first = tr("{n} found").format(n=entry.polyps_found)
    return f"{first}\n" + tr("{n} removed").format(n=entry.polyps_removed or 0)


def review_text(entry: Entry) -> str:
    """The state over who and how much."""
    state = f"{REVIEW_SIGNS[entry.review]} {tr(REVIEW_WORDS[entry.review])}"
    return f"{state}\n{readers_text(entry)}".strip()


def readers_text(entry: Entry) -> str:
    """Who has looked at how much of it, in one line."""
    people = [reader for reader in entry.readers if not reader.settles]
    if not people:
        return "" if entry.labelled is None else tr("labels: {share} %").format(share=percent(entry.labelled))
    first = people[0]
    share = "?" if first.reviewed is None else percent(first.reviewed)
    words = f"{first.name} {share} %"
    return words if len(people) == 1 else tr("{first}, {n} more").format(first=words, n=len(people) - 1)


def percent(share: float) -> str:
    """In whole percent; 100 only if nothing is left, and 0 only if nothing was done."""
    number = round(100 * share)
    if share > 0:
        number = max(1, number)
    return str(99 if share < 1 and number == 100 else number)


def sensitivity_text(entry: Entry) -> str:
    """Per lesion; a dash is no zero."""
    return "–" if entry.sensitivity is None else f"{percent(entry.sensitivity)} %"


def false_text(entry: Entry) -> str:
    """False alarms a minute."""
    return "–" if entry.false_per_min is None else decimals(entry.false_per_min, 2)


def review_tip(entry: Entry) -> str:
    """Every reader in a line."""
    lines = [tr(REVIEW_WORDS[entry.review])]
    for reader in entry.readers:
        share = "?" if reader.reviewed is None else percent(reader.reviewed)
        line = tr("{name}: {share} % reviewed").format(name=reader.name, share=share)
        if reader.answers:
            line += ", " + tr("{n} clips answered").format(n=reader.answers)
        if reader.committed:
            line += ", " + tr("committed")
        lines.append(f"{line}. {told(reader.trouble)}".strip())
    if entry.labelled is not None:
        lines.append(tr("Published labels cover {share} % of the frames.").format(share=percent(entry.labelled)))
    return "\n".join(lines)


def size_text(size: int) -> str:
    """Bytes for people."""
    return QLocale().formattedDataSize(size, 1)


def title_tip(entry: Entry) -> str:
    """All there is to say of the file."""
    lines = [str(entry.path), f"{kind_text(entry)}, {size_text(entry.size_bytes)}"]
    if entry.indication:
        lines.append(tr("Indication: {text}").format(text=entry.indication))
    if entry.trouble:
        lines.append(told(entry.trouble))
    return "\n".join(lines)
