"""A labelled video with what a model said of its reviewed frames: from a results file, or run here. No torch.

Only frames that somebody looked at and that the model really analysed come in: of the others nothing can be learned.
"""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from detector.annotation import Annotation
from detector.cpu import find_cores, headless_threads
from detector.decode import decode_frames
from detector.detections import Detector
from detector.errors import FormatError, SourceError
from detector.frame import Frame
from detector.geometry import Size, as_boxes
from detector.pipeline import analyse, team
from detector.procedure import Procedure, Segment, open_procedure
from detector.results import FrameRow, read_frames, read_header
from detector.runtime import MIN_SCORE
from detector.scoring import Answer, Recording, Truth
from detector.scoring.joining import counts, frame_of, lesion_prefix, truth_of
from detector.scoring.timing import end_of


@dataclass(frozen=True, slots=True, eq=False)
class LabelledVideo:
    """One video of a procedure with its labels.

    Attributes:
        name: procedure, and video where it has several: first part of the samples' names.
        sequence: the procedure.
        segment: video and sidecar.
        annotation: the labels.
        prefix: before lesion ids, so that two videos of a procedure do not share them.
    """

    name: str
    sequence: str
    segment: Segment
    annotation: Annotation
    prefix: str = ""

    @property
    def video(self) -> Path:
        """The file."""
        return self.segment.video

    @property
    def size(self) -> Size:
        """Of its pictures, as labelled."""
        return Size(self.annotation.video.width, self.annotation.video.height)

    def place(self, index: int, time_s: float) -> tuple[int, float]:
        """Position and time of a frame in the whole examination, as the importer of procedures has them."""
        if index < len(self.segment.frames):
            row = self.segment.frames[index]
            return row.capture_index, row.time_s
        return index, time_s

    def counts(self, index: int) -> bool:
        """Whether somebody looked at a frame."""
        return counts(self.annotation, self.segment, index)

    def truth(self, index: int) -> Truth:
        """What is known of a frame: clear marks are lesions, marginal ones ignored."""
        return truth_of(self.annotation, index, self.prefix, self.segment)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredVideo:
    """A labelled video and the answers on its reviewed frames.

    Attributes:
        labelled: the video.
        index: int64 (T,): position of each of the recording's frames in the video.
        recording: truth and raw detections of the reviewed, analysed frames.
        threshold: the operating point of what answered.
        model: what answered, in words.
        notes: what the reader must be told.
    """

    labelled: LabelledVideo
    index: npt.NDArray[np.int64]
    recording: Recording
    threshold: float
    model: str
    notes: tuple[str, ...] = ()


def labelled_videos(path: Path) -> tuple[Procedure, list[LabelledVideo]]:
    """The labelled videos of a recording's folder or of a plain video.

    Raises:
        SourceError: it does not exist, or nothing of it is labelled and reviewed.
        FormatError: labels or sidecar are damaged or of another video.
    """
    procedure = open_procedure(path)
    stem = path.resolve().name if path.is_dir() else path.stem
    several = len(procedure.segments) > 1
    found = [
        LabelledVideo(
            f"{stem}/{s.video.stem}" if several else stem, stem, s, s.annotation, lesion_prefix(procedure, s.number)
        )
        for s in procedure.segments
        if s.annotation is not None and s.annotation.reviewed
    ]
    if not found:
        raise SourceError(
            f"{path} has no labels with a reviewed range beside it.",
            "Review it first: what nobody looked at is neither a false alarm nor a miss.",
        )
    return procedure, found


def run_model(labelled: LabelledVideo, detector: Detector, step: int = 1) -> ScoredVideo:
    """Run a model over the reviewed frames of a video, several at once (`detector.pipeline`).

    Args:
        labelled: the video.
        detector: what answers; with one thread, as every core gets a frame of its own.
        step: analyse every so many frames.

    Raises:
        SourceError: the video is damaged.
        FormatError: its times do not increase.
        ProviderError: the runtime failed.
    """
    rows: list[tuple[int, float, Answer]] = []
    known = labelled.counts
    decoded = decode_frames(labelled.video, lambda i, _: i % step == 0 and known(i))
    frames = ((frame.time_s, Frame(frame.index, None, 0, frame.image)) for frame in decoded)
    with closing(analyse(frames, team(detector, headless_threads(find_cores())), MIN_SCORE)) as analysed:
        for one in tqdm(analysed, labelled.name, unit="frame", disable=None, leave=False):
            found = one.detections
            rows.append((found.frame_index, one.key, Answer(found.boxes, found.scores)))
    info = detector.info
    return _scored(labelled, rows, info.threshold, f"{info.model} {info.version} ({info.variant})", ())


def read_results(labelled: LabelledVideo, path: Path) -> ScoredVideo:
    """Take the answers from a results file (`polypwatch.detect/1`) of `polypwatch detect` or of a live session.

    Rows belong to a video by its file name. Those of a live session are known by their capture index instead, if the
    results lie in the recording's folder.

    Raises:
        FormatError: it is damaged, or has nothing of this video.
    """
    header = read_header(path)
    # A live session counts captured frames, of which the sidecar says where they are in the video.
    in_folder = path.resolve().parent == labelled.video.resolve().parent
    captured = {f.capture_index: i for i, f in enumerate(labelled.segment.frames)} if in_folder else {}
    rows: list[tuple[int, float, Answer]] = []
    lost, others = 0, set()
    for row in read_frames(path):
        index = frame_of(row.file, row.index, labelled.video.name, captured)
        if index is None:
            others.add(row.file)
        elif labelled.counts(index):
            time_s = row.time_s if row.time_s is not None else labelled.place(index, math.nan)[1]
            if row.status == "ok" and math.isfinite(time_s):
                rows.append((index, time_s, _answer(row)))
            else:
                lost += 1
    if not rows:
        raise FormatError(
            f"{path} has no analysed, reviewed frame of {labelled.video.name}"
            + (f"; it is of {', '.join(sorted(others)[:3])}." if others else "."),
            "Analyse the labelled video: polypwatch detect VIDEO --json FILE.",
        )
    notes = [f"{lost} reviewed frames were not analysed, or have no time, and were left out"] if lost else []
    model = f"{header.model.name} {header.model.version} ({header.model.variant})"
    return _scored(labelled, sorted(rows, key=lambda r: r[0]), header.threshold, model, tuple(notes))


def _answer(row: FrameRow) -> Answer:
    boxes = sorted(row.detections, key=lambda b: -b.score)
    return Answer(as_boxes([b.box for b in boxes]), np.array([b.score for b in boxes], np.float32))


def _scored(
    labelled: LabelledVideo,
    rows: list[tuple[int, float, Answer]],
    threshold: float,
    model: str,
    notes: tuple[str, ...],
) -> ScoredVideo:
    if not rows:
        raise SourceError(f"{labelled.video} has no frame in its reviewed ranges.", "Does the video end early?")
    times = np.array([t for _, t, _ in rows], np.float64)
    if (np.diff(times) <= 0).any():
        raise FormatError(f"Two frames of {labelled.video} have the same time.", "Convert it with true time stamps.")
    recording = Recording(
        labelled.name,
        labelled.sequence,
        labelled.size,
        times,
        end_of(times),
        [labelled.truth(i) for i, _, _ in rows],
        [a for _, _, a in rows],
    )
    return ScoredVideo(labelled, np.array([i for i, _, _ in rows], np.int64), recording, threshold, model, notes)
