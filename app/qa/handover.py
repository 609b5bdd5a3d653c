"""'Use for training': a selection of reviewed procedures, or the frames in which a model was wrong, for the trainer.

Nothing is copied: the file (schema `polypwatch.handover/1`, see `detector.handover`) names videos and labels by hash,
and `polypwatch-train import FILE --catalog C` reads it. Frames are picked by the code of `polypwatch-train mine`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app import SOFTWARE
from app.qa.answers import ANALYSED, Candidates
from app.qa.checking import settle
from app.qa.exchange.joining import runs
from app.qa.exchange.targets import free_name, procedures_at
from app.qa.loading import load_results
from app.qa.opened import Opened, open_for_review
from app.qa.progress import Progress, Stop, go_on, never, quiet
from detector.annotation import Annotation
from detector.errors import OutputError, SourceError, UsageError
from detector.handover import Consent, HandedProcedure, HandedVideo, Handover, HardFrame, Kind, Source, save_handover
from detector.procedure import Segment, open_procedure
from detector.scoring import Answer, Recording, Truth
from detector.scoring.hard import Event, Limits, Pick, find_events, pick_frames
from detector.scoring.joining import lesion_prefix, truth_of
from detector.scoring.timing import end_of


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which conditions procedures are handed over.

    Attributes:
        name: of the data set that they become.
        licence: what it may be used for; 'internal' is an answer.
        consent_by: who consents that they are trained on: a code, not a name.
        consent_words: what that rests on.
        commercial: the licence allows commercial use.
        citation: reference to be given.
        centre: hospital.
        patients: pseudonym by the procedure's name (folder or file without suffix).
    """

    name: str
    licence: str
    consent_by: str
    consent_words: str = ""
    commercial: bool = False
    citation: str = ""
    centre: str = ""
    patients: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What was handed over.

    Attributes:
        file: the handover.
        procedures: how many.
        frames: reviewed frames, or hard examples.
        notes: what was left out, and what must be said.
    """

    file: Path
    procedures: int
    frames: int
    notes: tuple[str, ...]


def hand_over(
    paths: Sequence[Path],
    out: Path,
    terms: Terms,
    *,
    kind: Kind = "labels",
    results: str | None = None,
    limits: Limits | None = None,
    min_score: float | None = None,
    progress: Progress = quiet,
    stop: Stop = never,
) -> HandedOver:
    """Write a handover of procedures. Their labels are those that are published, as training will read them.

    Args:
        paths: recordings, videos, or folders of them.
        out: the file, `.json`; one that is there is not replaced.
        terms: licence and consent.
        kind: all reviewed frames, or those in which a model was wrong.
        results: whose errors: a model's name or a results file's, as `app.qa.loading.Results.named` knows it; None:
            the newest re-analysis, else what was live.
        limits: how many hard frames of each video; None: those of `polypwatch-train mine`.
        min_score: score from which a box counts; None: the model's operating point.
        progress: told how far it is.
        stop: asked whether to end early.

    Raises:
        UsageError: nobody consents, or a licence or name is missing.
        SourceError: nothing of it is labelled and reviewed, or a model's answers are missing.
        FormatError: labels or results are damaged or of another video.
        OutputError: the file is there already, or cannot be written.
        Stopped: the user stopped it.
    """
    _require(terms, out)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    found = procedures_at(paths)
    picker = _Picker(results, limits or Limits(), min_score) if kind == "hard-examples" else None
    notes: list[str] = []
    handed: list[HandedProcedure] = []
    names: set[str] = set()
    for place, path in enumerate(found):
        go_on(stop, "The handover")
        progress("handing over", place, len(found))
        videos = _videos(path, picker, notes, stop)
        if videos:
            stem = path.resolve().name if path.is_dir() else path.stem
            name = free_name(stem, names)
            patient = terms.patients.get(stem, "")
            handed.append(HandedProcedure(path=_below(path, out), name=name, patient=patient, centre=terms.centre,
                                          videos=tuple(videos)))  # fmt: skip
    if not handed:
        what = "a model was wrong in none of their reviewed frames" if picker else "none is labelled and reviewed"
        raise SourceError(f"Nothing was handed over: {what}.", " ".join(notes))
    unknown = sum(not p.patient for p in handed)
    if unknown:
        notes.append(
            f"of {unknown} procedures nobody said whose they are: a split keeps each together, but not each patient"
        )
    source = Source(name=terms.name.strip(), licence=terms.licence.strip(), commercial=terms.commercial,
                    citation=terms.citation)  # fmt: skip
    consent = Consent(given=True, by=terms.consent_by.strip(), words=terms.consent_words.strip(), utc=now)
    model = " and ".join(sorted(picker.models)) if picker else ""
    made = Handover(software=SOFTWARE, utc=now, kind=kind, source=source, consent=consent, model=model,
                    procedures=tuple(handed))  # fmt: skip
    save_handover(out, made)
    progress("handing over", len(found), len(found))
    return HandedOver(out, len(handed), _count(made), tuple(notes))


def _require(terms: Terms, out: Path) -> None:
    if not terms.consent_by.strip():
        raise UsageError(
            "Nobody has consented that these procedures are trained on.", "Say who does (a code, not a name)."
        )
    if not terms.licence.strip() or not terms.name.strip():
        raise UsageError("A handover needs a name and a licence.", "'internal' is an answer for a licence.")
    if out.suffix.lower() != ".json":
        raise UsageError(f"{out.name} is no name for a handover.", "Let it end in .json.")
    if out.exists():
        raise OutputError(f"{out} exists already; nothing is written over.", "Choose another name.")
    if not out.parent.is_dir():
        raise OutputError(f"The folder {out.parent} does not exist.", "Make it, or choose another place.")


def _count(handover: Handover) -> int:
    videos = [v for p in handover.procedures for v in p.videos]
    if handover.kind == "hard-examples":
        return sum(len(v.hard) for v in videos)
    return sum(last - first + 1 for v in videos for first, last in v.ranges)


# -- one procedure ----------------------------------------------------------------------------------------------------


def _videos(path: Path, picker: _Picker | None, notes: list[str], stop: Stop) -> list[HandedVideo]:
    procedure = open_procedure(path)
    found: list[HandedVideo] = []
    for segment in procedure.segments:
        labels, file = segment.annotation, segment.annotation_file
        if labels is None or file is None:
            notes.append(f"{path.name}: {segment.video.name} has no labels and is left out")
        elif not labels.reviewed:
            notes.append(f"{path.name}: nobody reviewed {segment.video.name}; it is left out")
        else:
            found.append(
                HandedVideo(
                    file=segment.video.name,
                    sha256=labels.video.sha256,
                    labels=file.name,
                    labels_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
                    ranges=tuple(_merged(labels)),
                )
            )
    if picker is None or not found:
        return found
    hard = picker.frames(path, stop)
    return [v.model_copy(update={"hard": hard[v.file]}) for v in found if hard.get(v.file)]


def _merged(labels: Annotation) -> list[tuple[int, int]]:
    frames: set[int] = set()
    for known in labels.reviewed:
        frames.update(range(known.first, known.last + 1))
    return runs(sorted(frames))


def _below(path: Path, out: Path) -> str:
    """Relative to the handover where it lies below its folder, so that both can be moved together."""
    full, base = path.resolve(), out.parent.resolve()
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else str(full)


# -- hard examples ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Picker:
    """Picks the frames in which a model was wrong."""

    results: str | None
    limits: Limits
    min_score: float | None
    models: set[str] = field(default_factory=set)

    def frames(self, path: Path, stop: Stop) -> dict[str, tuple[HardFrame, ...]]:
        """The hard frames of each video of a procedure, by file name."""
        opened = settle(open_for_review(path), stop=stop)
        answers = self._answers(opened)
        ref = answers.model
        self.models.add(f"{ref.name} {ref.version} ({ref.variant})")
        return {s.video.name: self._of(opened, s, answers) for s in opened.procedure.segments if s.annotation}

    def _answers(self, opened: Opened) -> Candidates:
        known = load_results(opened)
        if self.results is not None:
            chosen = known.named(self.results)
        else:
            made = [c for c in known.candidates if c.origin == "analysis"]
            newest = max(made, key=lambda c: c.file.stat().st_mtime_ns, default=None)
            chosen = newest or next(iter(known.candidates), None)
        if chosen is None:
            there = ", ".join(c.label for c in known.candidates) or "none"
            raise SourceError(
                f"{opened.title} has no results{f' of {self.results}' if self.results else ''} (there are: {there}).",
                " ".join(known.problems) or "Analyse it first.",
            )
        return chosen

    def _of(self, opened: Opened, segment: Segment, answers: Candidates) -> tuple[HardFrame, ...]:
        made = _recording(opened, segment, answers)
        if made is None:
            return ()
        recording, index = made
        threshold = answers.threshold if self.min_score is None else self.min_score
        events = find_events(recording, threshold, answers.threshold)
        picks = pick_frames(recording, events, self.limits)
        return tuple(_frame(int(index[p.row]), p, events[p.event]) for p in picks)


def _frame(index: int, pick: Pick, event: Event) -> HardFrame:
    words = f"{event.kind} {event.start_s:.2f} s"
    return HardFrame(index=index, why=event.kind, score=round(pick.score, 3), event=words, lesion=event.lesion)


def _recording(opened: Opened, segment: Segment, answers: Candidates) -> tuple[Recording, np.ndarray] | None:
    """The reviewed, analysed frames of a video, as `polypwatch-train mine` sees them, and their indices in the file."""
    labels = segment.annotation
    first, end = opened.axis.of_segment(segment.number)
    if labels is None or end <= first:
        return None
    axis = opened.axis
    rows = [
        p
        for p in range(first, end)
        if answers.status[p] == ANALYSED and not axis.blanked[p] and labels.is_reviewed(int(axis.record_index[p]))
    ]
    if not rows:
        return None
    index = axis.record_index[rows]
    prefix = lesion_prefix(opened.procedure, segment.number)
    truth: list[Truth] = [truth_of(labels, int(i), prefix) for i in index]
    found = [Answer(answers.boxes[answers.rows(p)], answers.scores[answers.rows(p)]) for p in rows]
    times_s = axis.times_s[rows]
    name, size = opened.title, opened.size_of(first)
    return Recording(name, name, size, times_s, end_of(times_s), truth, found), index
