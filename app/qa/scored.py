"""One procedure, ready for figures: its labels and a model's answers as recordings of `detector.scoring`. No files.

Only what somebody reviewed counts. A frame that was not analysed counts as what was on the screen; a picture that was
written as black was seen by nobody, and never counts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.qa.answers import ANALYSED, FAILED, NOT_ANALYSED, Candidates, Shown
from app.qa.cache import Kept
from app.qa.facts import ProcedureFacts, facts_of, journal_trouble
from app.qa.marking import Marking
from app.qa.opened import Opened
from detector.alerts import AlertSettings
from detector.annotation import Annotation, Lesion
from detector.errors import FormatError, SourceError
from detector.scoring import AnswerColumns, Recording, TruthColumns
from detector.scoring.columns import FAILED as ANSWER_FAILED
from detector.scoring.columns import OK, SKIPPED
from detector.scoring.joining import Labelled, lesion_prefix, truth_columns
from detector.scoring.timing import end_of, from_start

Annotations = Mapping[int, Annotation]
"""Labels by number of the video file."""

_WHOLE = 0.99  # of the frames: who marks ranges by hand leaves one at the end
STATUS_OF = np.zeros(3, np.uint8)
"""From the status of a frame of candidates to that of an answer."""
STATUS_OF[NOT_ANALYSED], STATUS_OF[ANALYSED], STATUS_OF[FAILED] = SKIPPED, OK, ANSWER_FAILED


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A procedure with what is known of it and what was answered. Frames of recordings are positions of the axis.

    Attributes:
        path: as it was opened.
        name: unique among the procedures of a set; figures are summed in the order of names.
        raw: labels and raw detections.
        shown: labels and displayed markers: as recorded live, or what the alert code makes of `raw`; None for pictures
            without true time.
        threshold: the operating point, of raw boxes and of alerts.
        settings: of the alerts behind `shown`; None: they are as they were recorded live.
        model: what answered, for people.
        sha256: its file.
        lesions: what was said of each lesion, by its name in the recordings.
        facts: from the examination's journal.
        marking: what other settings would have shown; None for pictures without true time.
        notes: what is to be said, sentences without full stop.
        whole: it was reviewed from end to end: no lesion in the labels means that nobody saw one.
    """

    path: Path
    name: str
    raw: Recording
    shown: Recording | None
    threshold: float
    settings: AlertSettings | None
    model: str
    sha256: str
    lesions: Mapping[str, Lesion]
    facts: ProcedureFacts
    marking: Marking | None
    notes: tuple[str, ...] = ()
    whole: bool = False

    @property
    def reviewed(self) -> bool:
        """Whether a frame of it counts."""
        return bool(_reviewed(self.raw).any())

    @property
    def standing(self) -> Recording:
        """What markers are scored on: `shown`, else without true time the raw boxes that count."""
        return self.shown if self.shown is not None else self.raw


def score_ready(
    opened: Opened,
    candidates: Candidates,
    shown: Shown | None = None,
    *,
    annotations: Annotations | None = None,
    settings: AlertSettings | None = None,
    threshold: float | None = None,
    name: str = "",
    kept: Kept | None = None,
) -> Scored:
    """Join a procedure's labels with a model's answers.

    Args:
        opened: the procedure; its axis must be whole.
        candidates: raw boxes of a model.
        shown: what stood on the screen, if these figures are of the live session; None: `candidates` go through the
            alert code.
        annotations: labels by segment, as of a review that is not published; None: those beside the videos.
        settings: of the alerts where `shown` is None; None: the defaults at the operating point.
        threshold: the operating point; None: the model's own.
        name: see `Scored`; empty: the name of folder or file without suffix.
        kept: where markers are kept between two runs; None: in this user's cache.

    Raises:
        SourceError: the frames of the video are not counted yet.
        FormatError: labels or answers are of another video.
    """
    if not opened.axis.whole:
        raise SourceError(f"The frames of {opened.path} are not counted yet.", "Wait until they are.")
    limit = threshold if threshold is not None else settings.threshold if settings else candidates.threshold
    labels = own_labels(opened) if annotations is None else annotations
    raw = recording_of(opened, labels, candidates, name)
    limits: AlertSettings | None = None
    markers: Recording | None = None
    marking = Marking(raw, kept or Kept()) if raw.time == "true" else None
    if marking is not None and shown is not None:
        markers = recording_of(opened, labels, shown, name)
    elif marking is not None:
        limits = settings or AlertSettings(limit)
        markers = marking.shown(limits)
    return Scored(
        path=opened.path,
        name=raw.name,
        raw=raw,
        shown=markers,
        threshold=limit,
        settings=limits,
        model=candidates.label,
        sha256=candidates.model.sha256,
        lesions=_lesions(opened, labels),
        facts=facts_of(opened),
        marking=marking,
        notes=(*_notes(opened, candidates), *_beyond(opened, labels)),
        whole=bool(np.mean(_reviewed(raw) | opened.axis.blanked) >= _WHOLE),
    )


def own_labels(opened: Opened) -> Annotations:
    """The published labels beside the videos; of some there may be none."""
    return {s.number: s.annotation for s in opened.procedure.segments if s.annotation is not None}


def recording_of(opened: Opened, labels: Annotations, answers: Candidates | Shown, name: str = "") -> Recording:
    """Labels and answers of all videos of a procedure as one recording; frame k is position k.

    Raises:
        FormatError: labels or answers are of another video.
    """
    axis = opened.axis
    if len(answers) != len(axis):
        raise FormatError(
            f"The answers of {answers.label} are of {len(answers)} frames, {opened.path} has {len(axis)}.",
            "Load them again.",
        )
    times_s = from_start(axis.times_s)
    name = name or (opened.path if opened.path.is_dir() else opened.path.with_suffix("")).name
    return Recording(
        name=name,
        unit=name,
        size=opened.size,
        times_s=times_s,
        end_s=end_of(times_s),
        truth=truth_of_procedure(opened, labels),
        answers=AnswerColumns(
            answers.offsets,
            answers.boxes,
            answers.scores,
            answers.tracks if isinstance(answers, Shown) else None,
            STATUS_OF[answers.status],
        ),
        time="nominal" if opened.kind == "images" else "true",
        breaks=breaks_of(opened),
    )


def truth_of_procedure(opened: Opened, labels: Annotations) -> TruthColumns:
    """What is known of every frame.

    Raises:
        FormatError: a video was labelled with more frames than it has.
    """
    parts = []
    for segment in opened.procedure.segments:
        annotation = labels.get(segment.number)
        if annotation is None:
            continue
        first, end = opened.axis.of_segment(segment.number)
        # A recording that was killed may lack its last pictures; more of them were never there.
        if annotation.video.frame_count < end - first:
            raise FormatError(
                f"The labels of {segment.video} are of {annotation.video.frame_count} frames, it has {end - first}.",
                "Labels of a cut or converted copy would be off by frames; put the labelled file there.",
            )
        parts.append(Labelled(annotation, first, end - first, lesion_prefix(opened.procedure, segment.number)))
    return truth_columns(len(opened.axis), parts, opened.axis.blanked)


def breaks_of(opened: Opened) -> tuple[int, ...]:
    """Positions at which tracking begins anew: pictures of another size, another run of the recorder."""
    axis = opened.axis
    width = {s.number: size for s, size in zip(opened.procedure.segments, opened.sizes, strict=True)}
    at = np.flatnonzero((np.diff(axis.segment) != 0) | (np.diff(axis.session) != 0)) + 1
    return tuple(
        k
        for k in at.tolist()
        if axis.session[k] != axis.session[k - 1] or width[int(axis.segment[k])] != width[int(axis.segment[k - 1])]
    )


def with_settings(scored: Scored, settings: AlertSettings, *, keep: bool = True) -> Scored:
    """The same answers with other alert settings; `keep` as for `Marking.shown`."""
    shown = scored.marking.shown(settings, keep=keep) if scored.marking is not None else None
    return replace(scored, shown=shown, threshold=settings.threshold, settings=settings)


def names_of(paths: Sequence[Path]) -> list[str]:
    """What procedures are called: their path below the folder that they have in common, without the file's suffix.

    Raises:
        FormatError: two would have one name, as two videos with one stem in one folder.
    """
    bare = [(p if p.is_dir() else p.with_suffix("")).absolute() for p in paths]
    if not bare:
        return []
    common = Path(os.path.commonpath([p.parent for p in bare]))
    names = [p.relative_to(common).as_posix() for p in bare]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise FormatError(f"Two procedures are called {twice}.", "Rename one of them, or score them one by one.")
    return names


def renamed(scored: Scored, name: str) -> Scored:
    """The same procedure under another name."""
    shown = replace(scored.shown, name=name, unit=name) if scored.shown is not None else None
    marking = scored.marking.renamed(name) if scored.marking is not None else None
    return replace(scored, name=name, raw=replace(scored.raw, name=name, unit=name), shown=shown, marking=marking)


def noted(scored: Scored, notes: Sequence[str]) -> Scored:
    """The same with more to be said."""
    return replace(scored, notes=(*scored.notes, *notes))


def _lesions(opened: Opened, labels: Annotations) -> dict[str, Lesion]:
    return {
        f"{lesion_prefix(opened.procedure, number)}{lesion.id}": lesion
        for number, annotation in labels.items()
        for lesion in annotation.lesions
    }


def _notes(opened: Opened, candidates: Candidates) -> tuple[str, ...]:
    notes = [f"{opened.title}: {note}" for note in opened.notes]
    if trouble := journal_trouble(opened):
        notes.append(f"{opened.title}: {trouble}")
    if opened.procedure.unproven:
        notes.append(f"{opened.title}: labels are still being compared with their video and are left out")
    skipped = int(np.count_nonzero(candidates.status == NOT_ANALYSED))
    failed = int(np.count_nonzero(candidates.status == FAILED))
    if skipped or failed:
        notes.append(
            f"{opened.title}: of {len(candidates)} frames {skipped} were not analysed and {failed} could not be"
        )
    return tuple(notes)


def _beyond(opened: Opened, labels: Annotations) -> list[str]:
    """Boxes that no model can hit, and that count as they stand."""
    beyond = 0
    for segment, size in zip(opened.procedure.segments, opened.sizes, strict=True):
        frames = labels[segment.number].frames if segment.number in labels else ()
        boxes = np.array([mark.box for frame in frames for mark in frame.marks], np.float64).reshape(-1, 4)
        corner = np.array([size.width, size.height])
        beyond += int(((boxes[:, :2] < -1).any(axis=1) | (boxes[:, 2:] > corner + 1).any(axis=1)).sum())
    if not beyond:
        return []
    return [f"{opened.title}: {beyond} labelled boxes reach beyond the picture: open it in Replay and correct them"]


def _reviewed(recording: Recording) -> npt.NDArray[np.bool_]:
    truth = recording.truth
    return truth.reviewed if isinstance(truth, TruthColumns) else np.array([t.reviewed for t in truth], bool)
