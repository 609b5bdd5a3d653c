"""Writing labels that training and scoring read; what lay there before is kept aside, never written over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.qa.aside import kept_aside
from app.qa.review.labels import annotation_of
from app.recording.mark import sync_folder
from detector.annotation import Annotation, save_annotation
from detector.errors import UsageError

if TYPE_CHECKING:
    from app.qa.opened import Opened
    from app.qa.review.session import ReviewSession


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """Labels of one video that were written.

    Attributes:
        path: of the file.
        kept_aside: where the labels are that lay there before; None if there were none, or the same.
        lesions: how many lesions they name.
        marked: in how many frames something is marked.
        reviewed: how many frames somebody looked at.
    """

    path: Path
    kept_aside: Path | None
    lesions: int
    marked: int
    reviewed: int


def publish(session: ReviewSession, opened: Opened, *, folder: Path | None = None) -> tuple[PublishedFile, ...]:
    """Write the labels of every video of which something was said. Reads whole videos for their hash: takes a while.

    A recording gets `video-001.annotation.json`..., a plain video `NAME.annotation.json`; where labels lie already,
    under whatever name, they are replaced there, because a video can have one file only. The old ones stay as
    `NAME.json.DATE.replaced`, which nobody takes for labels.

    Args:
        session: the review.
        opened: the procedure, as it is known now.
        folder: where the labels go instead, such as from a read-only drive; nobody finds them beside the video then.

    Raises:
        UsageError: nothing was said, a blinded reader has not committed, or the review cannot be edited.
        SourceError: a video cannot be read.
        OutputError: a file cannot be written; those that were written before stay.
    """
    if session.blinded and not session.committed:
        raise UsageError("A blinded review is published once its reader has committed.", "Commit first.")
    if session.read_only:
        raise UsageError(session.read_only)
    if opened.procedure.unproven:
        raise UsageError("The labels that lie beside the videos are still being checked.", "Publish when that is done.")
    session.save()
    document = session.document
    origin = f"reviewed by {session.reviewer}{', blinded' if session.blinded else ''}"
    made: list[tuple[Path, Annotation]] = []
    for segment in opened.procedure.segments:
        first, behind = opened.axis.of_segment(segment.number)
        said = any(a < behind and b >= first for a, b in document.reviewed) or any(
            a < behind and b >= first for lesion in document.lesions for a, b in lesion.stretches
        )
        if said or segment.annotation is not None:
            annotation = annotation_of(document, opened, segment.number, origin=origin)
            new = (folder or segment.video.parent) / f"{segment.video.stem}.annotation.json"
            path = segment.annotation_file if segment.annotation_file is not None and folder is None else new
            made.append((path, _traced(annotation, session)))
    if not made:
        raise UsageError("Nothing was said of this procedure yet.", "Draw a box, or mark a range as reviewed.")
    written = tuple(_written(path, annotation) for path, annotation in made)
    session.published({f.path.name: hashlib.sha256(f.path.read_bytes()).hexdigest() for f in written})
    return written


def _traced(annotation: Annotation, session: ReviewSession) -> Annotation:
    """With the line of the log that it was made from: whoever cuts the log's end off contradicts it."""
    number, sha256 = session.last_line
    trace = {"log": session.path.name, "operations": number, "sha256": sha256}
    return Annotation.model_validate({**annotation.__dict__, "review": trace})


def _written(path: Path, annotation: Annotation) -> PublishedFile:
    aside = kept_aside(path)
    save_annotation(path, annotation)
    sync_folder(path.parent)
    reviewed = sum(annotation.is_reviewed(i) for i in range(annotation.video.frame_count))
    return PublishedFile(path, aside, len(annotation.lesions), len(annotation.frames), reviewed)
