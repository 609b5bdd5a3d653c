"""What can happen in an examination: one type per kind of event, and the line of JSON that each becomes.

An event is an envelope (number, time, frame) around a payload that says what happened. Payloads are validated field by
field; fields and whole kinds that a newer version added are kept as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from detector.annotation import Lst
from detector.errors import FormatError
from detector.schema import describe_validation_error

SCHEMA = "polypwatch.examination/1"

ShortText = Annotated[str, Field(max_length=200)]
LongText = Annotated[str, Field(max_length=10_000)]
LesionId = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
FileName = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f.][^/\\\x00-\x1f]*(/[^/\\\x00-\x1f.][^/\\\x00-\x1f]*)*$")]
"""A file below the folder of the examination: no path that could lead out of it, on this system or on another."""

BbpsSegment = Literal["right", "transverse", "left"]
Segment = Literal[
    "terminal_ileum",
    "caecum",
    "ascending",
    "hepatic_flexure",
    "transverse",
    "splenic_flexure",
    "descending",
    "sigmoid",
    "rectum",
]
Method = Literal["none", "biopsy", "cold_forceps", "cold_snare", "hot_snare", "emr", "esd", "other"]

BBPS_SEGMENTS: Final[tuple[BbpsSegment, ...]] = ("right", "transverse", "left")
PARIS_CLASSES: Final = ("0-Ip", "0-Isp", "0-Is", "0-IIa", "0-IIb", "0-IIc", "0-III")
"""Paris endoscopic classification of superficial neoplastic lesions, Gastrointest Endosc 2003;58(6 Suppl):S3-43. Mixed
shapes are written with a plus, the larger part first: ``0-IIa+IIc``. The labels of a video use the same names without
``0-``."""
Paris = Annotated[str, Field(pattern=r"^0-(Ip|Isp|Is|IIa|IIb|IIc|III)(\+(Is|IIa|IIb|IIc|III))?$")]


class _Payload(BaseModel):
    """Frozen; keeps fields that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False, populate_by_name=True)


class Clock(_Payload):
    """What the times of the journal are counted with.

    Attributes:
        monotonic_ns: ``time.perf_counter_ns`` at ``t_s`` = 0.
        boot: names this run of the operating system; None where the system does not say. The monotonic clock goes on
            while it is the same.
    """

    monotonic_ns: int
    boot: str | None = None


class Start(_Payload):
    """The examination begins; always event 1.

    Attributes:
        id: made by Polypwatch at random: it says nothing of the patient, of the day or of the room.
        started_utc: the wall clock, read once; everything else is counted in seconds from here.
        software: what wrote the journal.
        clock: see :class:`Clock`.
        indication: free, None if nobody said.
        endoscopist: a code, not a name; None if nobody said.
        room: None if nobody said.
    """

    kind: Literal["start"] = "start"
    schema_: str = Field(default=SCHEMA, alias="schema")
    id: str = Field(pattern=r"^[A-Z0-9][A-Z0-9-]{3,39}$")
    started_utc: AwareDatetime
    software: ShortText
    clock: Clock
    indication: ShortText | None = None
    endoscopist: ShortText | None = None
    room: ShortText | None = None


class Resumed(_Payload):
    """Another run of the program goes on with the journal: ``capture_index`` counts anew from here on.

    Attributes:
        utc: the wall clock then.
        software: what writes from here on.
        estimated: True if the computer was started anew in between, so that the times from here on hang on the wall
            clock.
    """

    kind: Literal["resumed"] = "resumed"
    utc: AwareDatetime
    software: ShortText
    estimated: bool


class ScopeIn(_Payload):
    """The endoscope enters the body."""

    kind: Literal["scope_in"] = "scope_in"


class CaecumReached(_Payload):
    """The caecum is reached: withdrawal begins."""

    kind: Literal["caecum_reached"] = "caecum_reached"


class Photo(_Payload):
    """A photograph that proves the caecum: of the ileocaecal valve or of the appendiceal orifice."""

    kind: Literal["photo"] = "photo"
    of: Literal["valve", "orifice"]
    file: FileName | None = None


class PolypFound(_Payload):
    """A lesion is found; ``lesion`` is its number from now on."""

    kind: Literal["polyp_found"] = "polyp_found"
    lesion: LesionId


class PolypRemoved(_Payload):
    """A lesion is removed; ``lesion`` is None if nobody said which."""

    kind: Literal["polyp_removed"] = "polyp_removed"
    lesion: LesionId | None = None


class Wash(_Payload):
    """The mucosa is washed."""

    kind: Literal["wash"] = "wash"


class InterventionStart(_Payload):
    """A biopsy, resection or other treatment begins."""

    kind: Literal["intervention_start"] = "intervention_start"


class InterventionEnd(_Payload):
    """It ends."""

    kind: Literal["intervention_end"] = "intervention_end"


class ScopeOut(_Payload):
    """The endoscope leaves the body."""

    kind: Literal["scope_out"] = "scope_out"


class Snapshot(_Payload):
    """A picture is kept.

    Attributes:
        file: the clean picture.
        shown: the picture with its marks, if that was kept too.
        lesion: which lesion it shows; None if nobody said.
    """

    kind: Literal["snapshot"] = "snapshot"
    file: FileName
    shown: FileName | None = None
    lesion: LesionId | None = None


class Bookmark(_Payload):
    """A moment to look at again."""

    kind: Literal["bookmark"] = "bookmark"
    text: ShortText = ""


class Note(_Payload):
    """A free remark at a moment."""

    kind: Literal["note"] = "note"
    text: LongText


class Conclusion(_Payload):
    """The free text of the clinical report; the last one counts."""

    kind: Literal["conclusion"] = "conclusion"
    text: LongText


class Bbps(_Payload):
    """How clean a segment is after washing; the last score of a segment counts.

    Boston Bowel Preparation Scale (Lai et al., Gastrointest Endosc 2009;69:620-5): 0 unprepared, mucosa not seen; 1
    part of the mucosa seen; 2 little staining, mucosa seen well; 3 entirely clean. Right: caecum and ascending colon;
    transverse: with both flexures; left: descending colon, sigmoid and rectum.
    """

    kind: Literal["bbps"] = "bbps"
    segment: BbpsSegment
    score: int = Field(ge=0, le=3)


class Lesion(_Payload):
    """What is known of a lesion; a later event with the same ``id`` takes the place of the earlier one.

    Attributes:
        id: the number that ``polyp_found`` gave it.
        size_mm: largest diameter, estimated; None if nobody said.
        segment: where it lies; None if nobody said.
        paris: see ``PARIS_CLASSES``; None if nobody said.
        lst: see ``Lst``; None if it is none or nobody said.
        method: how it was removed (``none``: left in place); None if nobody said.
        frames: capture indices in which it is seen best; names frames of the run that wrote the event. The desk keeps
            pictures instead, which mean the same after a restart.
        pictures: its best pictures, best first.
        note: free.
    """

    kind: Literal["lesion"] = "lesion"
    id: LesionId
    size_mm: float | None = Field(default=None, gt=0, le=300)
    segment: Segment | None = None
    paris: Paris | None = None
    lst: Lst | None = None
    method: Method | None = None
    frames: tuple[Count, ...] = ()
    pictures: tuple[FileName, ...] = ()
    note: LongText = ""


class Details(_Payload):
    """What was said later of the examination itself; the last event counts, in place of what ``start`` says.

    Attributes:
        indication: free; None if nobody said.
        endoscopist: a code, not a name; None if nobody said.
    """

    kind: Literal["details"] = "details"
    indication: ShortText | None = None
    endoscopist: ShortText | None = None


class Undo(_Payload):
    """Withdraws another event, which stays where it is; withdrawing an ``undo`` brings its event back."""

    kind: Literal["undo"] = "undo"
    event: int = Field(ge=1)


class SettingsChanged(_Payload):
    """Settings by name with their new values; at the start all that matter."""

    kind: Literal["settings"] = "settings"
    changed: dict[str, JsonValue]


class ModelUsed(_Payload):
    """Which model runs from now on.

    Attributes:
        name: of the model.
        version: of the model.
        variant: which of its files.
        sha256: of that file.
        threshold: the operating threshold.
        provider: what it runs on.
        role: ``shown``: its boxes are on the screen; ``shadow``: it is recorded only.
    """

    kind: Literal["model"] = "model"
    name: ShortText
    version: ShortText
    variant: ShortText
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    threshold: float = Field(gt=0, le=1)
    provider: ShortText
    role: Literal["shown", "shadow"] = "shown"


class AiStatistics(_Payload):
    """What the AI did since the start; the last event counts, so that a crash loses little.

    Attributes:
        active_s: how long the AI was on and its boxes were allowed on the screen.
        suppressed_s: how long they were not, by reason (``off``, ``hidden``, ``poor_view``, ``light``, ``behind``,
            ``failed``, ...).
        markers_shown: how many markers appeared.
        marker_s: how long at least one was on the screen.
        analysed: frames analysed.
        skipped: frames that the AI never saw, because a newer one was there.
        failed: frames on which it reported an error.
        restarts: of the AI process.
        latency_p50_ms: capture to result, median; None if nothing was measured.
        latency_p95_ms: 95th percentile; likewise.
        threshold: the operating threshold at the end; None if no model came up.
        preset: name of the sensitivity preset at the end.
    """

    kind: Literal["ai_statistics"] = "ai_statistics"
    active_s: Seconds
    suppressed_s: dict[str, Seconds]
    markers_shown: Count
    marker_s: Seconds
    analysed: Count
    skipped: Count
    failed: Count
    restarts: Count
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    threshold: float | None = None
    preset: ShortText | None = None


class Audit(_Payload):
    """Something that was done with the program itself: AI switched off, boxes hidden, a fault.

    Attributes:
        what: a short name, such as ``ai_off``.
        detail: in words.
    """

    kind: Literal["audit"] = "audit"
    what: ShortText
    detail: LongText = ""


class End(_Payload):
    """The examination ends; only its documentation may still be completed.

    Attributes:
        reason: ``user``, ``source_ended`` or ``fault``.
    """

    kind: Literal["end"] = "end"
    reason: Literal["user", "source_ended", "fault"] = "user"


class Unknown(_Payload):
    """A kind of event that a newer version of Polypwatch wrote: kept, and without effect here."""

    kind: str


Known: TypeAlias = (
    Start
    | Resumed
    | ScopeIn
    | CaecumReached
    | Photo
    | PolypFound
    | PolypRemoved
    | Wash
    | InterventionStart
    | InterventionEnd
    | ScopeOut
    | Snapshot
    | Bookmark
    | Note
    | Conclusion
    | Bbps
    | Lesion
    | Details
    | Undo
    | SettingsChanged
    | ModelUsed
    | AiStatistics
    | Audit
    | End
)
Payload: TypeAlias = Known | Unknown

_KNOWN: TypeAdapter[Known] = TypeAdapter(Annotated[Known, Field(discriminator="kind")])
_ENVELOPE: Final = ("n", "t_s", "capture_index")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal.

    Attributes:
        n: 1, 2, 3, ... without gaps.
        t_s: seconds since the start by the monotonic clock: a change of the wall clock does not touch it.
        capture_index: the newest frame then, as in the recording's ``frames.jsonl``; None if there was none.
        what: what happened.
    """

    n: int
    t_s: float
    capture_index: int | None
    what: Payload


def encode(event: Event) -> bytes:
    """The event as one line of JSON in UTF-8, with its newline."""
    row: dict[str, Any] = {"n": event.n, "t_s": round(event.t_s, 3), "capture_index": event.capture_index}
    row |= event.what.model_dump(mode="json", by_alias=True)
    return (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def decode(data: Any, where: str) -> Event:
    """The event in a decoded line.

    Args:
        data: what ``json.loads`` made of it.
        where: file and line, for messages.

    Raises:
        FormatError: a field is missing or wrong; the message names it.
    """
    if not isinstance(data, dict):
        raise FormatError(f"{where} is not an event.", "Is it the right file?")
    n, t_s, index = data.get("n"), data.get("t_s"), data.get("capture_index")
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise FormatError(f"{where}: field 'n' must be the number of the event, not {n!r}.")
    if not isinstance(t_s, int | float) or isinstance(t_s, bool) or not 0 <= t_s < 1e9:
        raise FormatError(f"{where}: field 't_s' must be seconds since the start, not {t_s!r}.")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
        raise FormatError(f"{where}: field 'capture_index' must be the number of a frame or null, not {index!r}.")
    rest = {name: value for name, value in data.items() if name not in _ENVELOPE}
    return Event(n, float(t_s), index, _payload(rest, where))


def _payload(data: dict[str, Any], where: str) -> Payload:
    kind = data.get("kind")
    if not isinstance(kind, str):
        raise FormatError(f"{where}: field 'kind' must say what happened, not {kind!r}.")
    if kind not in KINDS:
        return Unknown.model_validate(data)
    try:
        return _KNOWN.validate_json(json.dumps(data))
    except ValidationError as error:
        raise FormatError(f"{where}: {describe_validation_error(error)}.") from error


KINDS: Final = frozenset(str(t.model_fields["kind"].default) for t in Known.__args__)
"""The kinds that this version knows."""
