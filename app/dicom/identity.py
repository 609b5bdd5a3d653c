"""Who an export belongs to: a pseudonym, a study, and identifiers that are the same in every repeated export.

No name, no file name and no folder name ever enters an instance: people name files after patients.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from detector.errors import UsageError

# Name space of our identifiers (RFC 9562, name-based UUID); a random one, drawn once.
_SPACE = uuid.UUID("6c1f2d0e-5d8b-4b0e-9a53-0c1d5f6b7a21")
_LONGEST_PATIENT_ID, _LONGEST_STUDY_ID = 64, 16  # LO and SH, PS3.5 table 6.2-1
_FORBIDDEN = re.compile(r"[\\\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose pictures these are, as far as Polypwatch knows.

    Attributes:
        study_id: of the examination, at most 16 characters.
        patient_id: a pseudonym, at most 64 characters. Its key is kept elsewhere, by whoever gave it.
        taken: when the examination began, with a time zone; None if nobody knows.
        no_text: somebody looked and vouches that no picture holds text that tells who the patient is. False means
            that nobody did; the instances then leave the question open.

    Raises:
        UsageError: an id is empty, too long, or holds a backslash or a control character; or a time without zone.
    """

    study_id: str
    patient_id: str
    taken: datetime | None = None
    no_text: bool = False

    def __post_init__(self) -> None:
        _require_text("study id", self.study_id, _LONGEST_STUDY_ID)
        _require_text("patient id", self.patient_id, _LONGEST_PATIENT_ID)
        if self.taken is not None and self.taken.tzinfo is None:
            raise UsageError("The time of the examination has no time zone.", "Write it as 2026-03-01T08:30:00+01:00.")

    @property
    def study_uid(self) -> str:
        """Study Instance UID; the same for the same two ids."""
        return make_uid("study", self.study_id, self.patient_id)

    def series_uid(self, kind: str, content: str = "") -> str:
        """Series Instance UID of a kind of instances, and of one content where it has a series of its own."""
        return make_uid("series", self.study_uid, kind, content)

    def instance_uid(self, series_uid: str, *content: str) -> str:
        """SOP Instance UID; another time or another word on text makes another instance."""
        taken = self.taken.astimezone(UTC).isoformat() if self.taken else ""
        return make_uid("instance", series_uid, taken, str(self.no_text), *content)


def identity_of(
    contents: list[str],
    study_id: str | None = None,
    patient_id: str | None = None,
    taken: datetime | None = None,
    no_text: bool = False,
) -> Identity:
    """An identity; ids that are not given are derived from the SHA-256 of what is exported, in any order."""
    together = hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()
    study = f"PW{together[:12].upper()}" if study_id is None else study_id
    return Identity(study, study if patient_id is None else patient_id, taken, no_text)


def make_uid(*names: str) -> str:
    """A UID under 2.25, the arc for UUIDs (PS3.5 B.2), from names: the same names give the same UID on any machine."""
    # Lengths keep ("ab", "c") apart from ("a", "bc").
    joined = "".join(f"{len(name)}:{name}" for name in names)
    return f"2.25.{uuid.uuid5(_SPACE, joined).int}"


def _require_text(what: str, text: str, longest: int) -> None:
    if not text.strip() or text != text.strip() or len(text) > longest or _FORBIDDEN.search(text):
        raise UsageError(
            f"The {what} '{text}' cannot be written into a DICOM file.",
            f"It is 1 to {longest} characters long, without backslash, line break or blanks around it.",
        )
