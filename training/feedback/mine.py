"""From events to a catalog of hard examples: the chosen frames are cut out and become samples with all their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detector.decode import decode_frames
from detector.errors import SourceError
from detector.scoring.hard import Event, Limits, Pick, find_events, pick_frames
from training.catalog.importing import Incoming, complete
from training.feedback.scored import ScoredVideo
from training.importers.context import Report
from training.importers.frames import FrameStore
from training.samples import Sample, SourceInfo, corners


@dataclass(frozen=True, slots=True, eq=False)
class Mined:
    """What one video gave.

    Attributes:
        scored: the video.
        events: every event that was found.
        picks: the frames that were taken.
        samples: the same as samples, their images written.
    """

    scored: ScoredVideo
    events: Sequence[Event]
    picks: Sequence[Pick]
    samples: Sequence[Sample]

    def words(self) -> list[str]:
        """A line for the video and one for each event: when, what, and how many of its frames were taken."""
        count = {kind: sum(e.kind == kind for e in self.events) for kind in ("false-alarm", "miss")}
        lines = [
            f"{self.scored.labelled.name}: {len(self.scored.index)} reviewed frames, {count['false-alarm']} false "
            f"alarms, {count['miss']} misses, {len(self.samples)} frames taken"
        ]
        lines += [f"  note: {note}" for note in self.scored.notes]
        for k, e in enumerate(self.events):
            taken = sum(p.event == k for p in self.picks)
            if e.kind == "false-alarm":
                what = f"false alarm, score up to {max(e.scores):.2f}" + (", shown as a marker" if e.seen else "")
            else:
                what = f"miss of lesion {e.lesion}" + (", which was found in no frame" if e.seen else "")
            lines.append(f"  {e.start_s:8.2f} to {e.end_s:.2f} s  {what}: {taken} of {len(e.rows)} frames")
        return lines


def mine(
    scored: ScoredVideo,
    source: SourceInfo,
    work: Path,
    limits: Limits,
    min_score: float | None = None,
    patient: str = "",
    centre: str = "",
) -> Mined:
    """Take the hard frames of one video.

    Args:
        scored: labels and answers.
        source: which data set they become.
        work: folder for the images, one folder in it per video.
        limits: how many.
        min_score: score from which a box counts; None takes the operating point of what answered.
        patient: whose procedure it is, if known.
        centre: hospital, if known.

    Raises:
        SourceError: the video cannot be read.
        OutputError: the images cannot be written.
    """
    threshold = scored.threshold if min_score is None else min_score
    events = find_events(scored.recording, threshold, scored.threshold)
    picks = pick_frames(scored.recording, events, limits)
    samples = _cut(scored, events, picks, source, work) if picks else []
    samples = [replace(s, patient=patient, centre=centre) for s in samples]
    return Mined(scored, events, picks, samples)


def as_incoming(found: Sequence[Mined], source: SourceInfo) -> Incoming:
    """What was mined as a source for `training.catalog.importing.merge`, image hashes included."""
    report = Report(strict=True)
    return Incoming(source, complete([s for m in found for s in m.samples], report), report, "mined")


def _cut(
    scored: ScoredVideo, events: Sequence[Event], picks: Sequence[Pick], source: SourceInfo, work: Path
) -> list[Sample]:
    labelled = scored.labelled
    wanted = {int(scored.index[p.row]): p for p in picks}
    found: list[Sample] = []
    with FrameStore(work / labelled.name, labelled.video) as store:
        for frame in decode_frames(labelled.video, frozenset(wanted), whole=False):
            cut, pick = store.add(frame), wanted[frame.index]
            order, time_s = labelled.place(frame.index, frame.time_s)
            event, truth = events[pick.event], scored.recording.truth[pick.row]
            facts = {
                "hard": event.kind,
                "score": f"{pick.score:.3f}",
                "event": f"{event.kind} {event.start_s:.2f} s",
                "model": scored.model,
                "pixels_sha256": cut.pixels_sha256,
            }
            found.append(
                Sample(
                    name=f"{source.name}/{labelled.name}/{frame.index:06d}",
                    image=store.path(cut).absolute(),
                    source=source.name,
                    size=labelled.size,
                    boxes=truth.boxes,
                    outlines=corners(truth.boxes),
                    lesions=truth.lesions,
                    ignored=truth.ignored,
                    sequence=labelled.sequence,
                    order=order,
                    time_s=time_s,
                    facts=facts | ({"missed": event.lesion} if event.lesion else {}),
                )
            )
        if len(found) != len(wanted):
            raise SourceError(
                f"{labelled.video} has {len(found)} of the {len(wanted)} frames that were chosen.",
                "Were the results made of another file?",
            )
    return found
