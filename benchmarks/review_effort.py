"""What it takes to annotate the phantom, whose truth is exactly known, with and without propagation.

    python -m benchmarks.review_effort [--quick] [--choose] [--json FILE] [--markdown]

A scripted reader works through `ReviewSession` as a person would through the window, lesion by lesion, sight by sight
(a run of frames in which the lesion is clear). A box is drawn as the true one, rounded to whole pixels, each side 3 px
off in a direction that is drawn at random once and for all: a hand's error. Looking at the frames in order, the reader
draws again in the first frame in which the box that is shown has an overlap of less than .8 with the lesion, or in
which none is shown; but not where the hand's own error would leave it no better (by .05): of a lesion of 30 px three
pixels are a third. *By hand* what is shown behind the last box is that box; between two boxes the tool draws the line,
and the worst frame below .8 is corrected until there is none. *With propagation* every box that the reader draws is
carried on by up to two seconds, and what it leaves behind after the lesion has gone is marked as out of view.

Actions are edits: a box drawn or moved, one key for propagation, one for a state. Going to a frame is none. The overlap
is that of the finished review with the truth, over all clear frames; a missing box is an overlap of 0. Constants of the
propagation were chosen on the first half of the film (`--choose` prints how it does there by limits), and the second
half is what is to be quoted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.phantom.bundled import bundled
from app.qa.checking import settle
from app.qa.opened import Opened, open_for_review
from app.qa.playback.pictures import Pictures
from app.qa.review import ReviewSession
from app.qa.review.propagate import LIMITS, Limits, carry
from app.qa.review.tracks import Box
from benchmarks.tables import busy, machine, table
from detector.annotation import Annotation, load_annotation

GOOD_IOU = 0.8
WORTH_IOU = 0.05
JITTER_PX = 3
PROPAGATED_S = 2.0
LONGEST_GAP = 2  # frames that are marginal for a moment do not end a sight


@dataclass(frozen=True, slots=True)
class Sight:
    """A lesion in view: true boxes of its clear frames by position."""

    lesion: int
    boxes: dict[int, Box]

    @property
    def first(self) -> int:
        """Its first clear frame."""
        return min(self.boxes)

    @property
    def last(self) -> int:
        """Its last clear frame."""
        return max(self.boxes)


@dataclass(frozen=True, slots=True)
class Effort:
    """What one way of annotating took, and gave.

    Attributes:
        part: of the film.
        way: by hand, or with propagation.
        frames: clear lesion frames.
        boxes: boxes drawn or moved.
        propagations: keys pressed for it.
        states: states set.
        per_100: actions per 100 clear lesion frames.
        mean_iou: with the truth.
        median_iou: likewise.
        below_half: share of the frames with an overlap below .5.
        stray: boxes in frames in which the truth has nothing of the lesion, per 100 clear lesion frames.
        edit_ms: median time of an edit, on the disk.
        log_bytes: size of the review's log.
    """

    part: str
    way: str
    frames: int
    boxes: int
    propagations: int
    states: int
    per_100: float
    mean_iou: float
    median_iou: float
    below_half: float
    stray: float
    edit_ms: float
    log_bytes: int


def sights(truth: Annotation) -> list[Sight]:
    """Every lesion in view, in the order of the film."""
    boxes = {(f.index, m.lesion): m.box for f in truth.frames for m in f.marks if m.state == "clear"}
    found = []
    for lesion in truth.lesions:
        for first, last in truth.visible_ranges(lesion.id, LONGEST_GAP):
            own = {p: boxes[p, lesion.id] for p in range(first, last + 1) if (p, lesion.id) in boxes}
            found.append(Sight(lesion.id, own))
    return sorted(found, key=lambda s: (s.first, s.lesion))


def iou(a: Box | None, b: Box) -> float:
    """Overlap of two boxes; 0 with none."""
    if a is None:
        return 0.0
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


class Reader:
    """Annotates through a session, and counts what it does."""

    def __init__(self, session: ReviewSession, opened: Opened, pictures: Pictures | None) -> None:
        self.session = session
        self.lesions: dict[int, int] = {}
        self.boxes = self.propagations = self.states = 0
        self.times_ms: list[float] = []
        self._pictures = pictures
        self._size = opened.size
        self._reach = round(PROPAGATED_S * len(opened.axis) / opened.axis.end_s)

    def annotate(self, sight: Sight) -> None:
        """One sight of a lesion."""
        if self._pictures is None:
            self._by_hand(sight)
        else:
            self._with_propagation(sight)

    def shown(self, sight: Sight, position: int) -> Box | None:
        """What the tool shows of a lesion."""
        own = self.lesions.get(sight.lesion)
        if own is None or not self.session.document.has(own):
            return None
        mark = self.session.document.lesion(own).mark_at(position)
        return mark.box if mark else None

    def _by_hand(self, sight: Sight) -> None:
        last = sight.first
        self._draw(sight, last)
        for position in sorted(sight.boxes):
            if position != last and (position == sight.last or self._is_bad(sight, position, self.shown(sight, last))):
                self._draw(sight, position)
                self._correct(sight, last, position)
                last = position

    def _correct(self, sight: Sight, first: int, last: int) -> None:
        """Draw the worst frame between two boxes until all are good."""
        between = [p for p in sight.boxes if first < p < last]
        if not between:
            return
        worst = min(between, key=lambda p: iou(self.shown(sight, p), sight.boxes[p]))
        if self._is_bad(sight, worst, self.shown(sight, worst)):
            self._draw(sight, worst)
            self._correct(sight, first, worst)
            self._correct(sight, worst, last)

    def _with_propagation(self, sight: Sight) -> None:
        drawn: set[int] = set()
        for position in sorted(sight.boxes):
            if position in drawn or not self._is_bad(sight, position, self.shown(sight, position)):
                continue
            self._draw(sight, position)
            drawn.add(position)
            if position < sight.last:
                own = self.lesions[sight.lesion]
                assert self._pictures is not None
                self.session.propagate(own, position, self._reach, self._pictures)
                self.propagations += 1
        behind = [p for p in range(sight.last + 1, sight.last + self._reach + 1) if self.shown(sight, p)]
        if behind:
            self._timed(
                lambda: self.session.set_state(self.lesions[sight.lesion], behind[0], behind[-1], "out_of_view")
            )
            self.states += 1

    def _is_bad(self, sight: Sight, position: int, shown: Box | None) -> bool:
        """Whether the reader would draw the box anew."""
        now = iou(shown, sight.boxes[position])
        return now < GOOD_IOU and iou(self._by_hand_of(sight, position), sight.boxes[position]) >= now + WORTH_IOU

    def _draw(self, sight: Sight, position: int) -> None:
        box = self._by_hand_of(sight, position)
        known = self.lesions.get(sight.lesion)
        made = self._timed(lambda: self.session.draw(position, box, known))
        self.lesions[sight.lesion] = made
        self.boxes += 1

    def _by_hand_of(self, sight: Sight, position: int) -> Box:
        rng = np.random.default_rng([sight.lesion, position])
        off = rng.choice([-JITTER_PX, JITTER_PX], 4)
        x1, y1, x2, y2 = np.round(sight.boxes[position]) + off
        width, height = self._size
        x1, y1 = max(0.0, min(x1, x2 - 4)), max(0.0, min(y1, y2 - 4))
        return float(x1), float(y1), float(min(x2, width)), float(min(y2, height))

    def _timed(self, edit: Any) -> Any:
        began = time.perf_counter()
        result = edit()
        self.times_ms.append(1000 * (time.perf_counter() - began))
        return result


def measure(opened: Opened, truth: Annotation, part: str, wanted: Sequence[Sight], propagate: bool) -> Effort:
    """Annotate some sights in one way."""
    pictures = Pictures(opened) if propagate else None
    with tempfile.TemporaryDirectory() as folder:
        session = ReviewSession.open(opened, "scripted reader", folder=Path(folder), from_labels=False)
        reader = Reader(session, opened, pictures)
        for sight in wanted:
            reader.annotate(sight)
        size = session.path.stat().st_size
        session.close()
    if pictures is not None:
        pictures.close()
    ious = np.array([iou(reader.shown(s, p), box) for s in wanted for p, box in s.boxes.items()])
    actions = reader.boxes + reader.propagations + reader.states
    return Effort(
        part=part,
        way="with propagation" if propagate else "by hand",
        frames=len(ious),
        boxes=reader.boxes,
        propagations=reader.propagations,
        states=reader.states,
        per_100=100 * actions / len(ious),
        mean_iou=float(ious.mean()),
        median_iou=float(np.median(ious)),
        below_half=float((ious < 0.5).mean()),
        stray=100 * _stray(reader, truth) / len(ious),
        edit_ms=float(np.median(reader.times_ms)),
        log_bytes=size,
    )


def _stray(reader: Reader, truth: Annotation) -> int:
    marked = {(f.index, m.lesion) for f in truth.frames for m in f.marks}
    document = reader.session.document
    return sum(
        (position, lesion) not in marked
        for lesion, own in reader.lesions.items()
        if document.has(own)
        for first, last in document.lesion(own).stretches
        for position in range(first, last + 1)
    )


# -- choosing the limits ----------------------------------------------------------------------------------------------


class _Held:
    """Decoded pictures in memory: each is looked at many times."""

    def __init__(self, pictures: Pictures, positions: Sequence[int]) -> None:
        self._held = dict(pictures.pictures(positions[0], positions[-1]))

    def picture(self, position: int) -> npt.NDArray[np.uint8]:
        return self._held[position]

    def pictures(self, first: int, last: int) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        for position in range(first, last + 1):
            if position not in self._held:
                return
            yield position, self._held[position]


def choose(opened: Opened, wanted: Sequence[Sight], every: int = 25) -> list[dict[str, float]]:
    """How far true boxes are carried of two seconds, and how well, by limits."""
    grid = {"least_alike": (0.6, 0.75, 0.85), "least_alike_begin": (0.2, 0.35, 0.5), "back_px": (0.5, 1.0, 2.0)}
    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    counts = np.zeros((len(settings), 3))
    with Pictures(opened) as pictures:
        for sight in wanted:
            positions = list(range(sight.first, min(sight.last + 1, sight.first + 150)))
            held = _Held(pictures, positions)
            for begin in positions[::every]:
                if begin in sight.boxes:
                    for row, changed in enumerate(settings):
                        counts[row] += _carried(held, sight, begin, positions[-1], replace(LIMITS, **changed))
    return [
        {**changed, "carried": reached / possible, "good of carried": good / reached, "good": good / possible}
        for changed, (reached, good, possible) in zip(settings, counts, strict=True)
    ]


def _carried(held: _Held, sight: Sight, begin: int, last: int, limits: Limits) -> tuple[int, int, int]:
    """Clear frames that were reached, those of them with a good box, and all that could be."""
    reach = min(50, last - begin)
    carried = carry(held, begin, sight.boxes[begin], reach, last + 1, limits=limits)
    found = dict(zip(carried.positions[1:], carried.boxes[1:].tolist(), strict=True))
    ious = [iou(tuple(found[p]), sight.boxes[p]) for p in found if p in sight.boxes]
    return (
        len(ious),
        sum(x >= GOOD_IOU for x in ious),
        sum(p in sight.boxes for p in range(begin + 1, begin + reach + 1)),
    )


# -- the command ------------------------------------------------------------------------------------------------------


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one lesion only")
    parser.add_argument("--choose", action="store_true", help="the limits of the propagation on the first half")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    found = machine()
    opened = settle(open_for_review(bundled().video))
    truth = load_annotation(bundled().annotation)
    everything = sights(truth)
    half = truth.video.frame_count // 2
    parts = {
        "second half": [s for s in everything if s.first >= half],
        "first half": [s for s in everything if s.first < half],
    }
    if args.choose:
        rows = choose(opened, parts["first half"])
        print(table(list(rows[0]), [[f"{v:.3g}" for v in row.values()] for row in rows], args.markdown))
        return
    if args.quick:
        longest = max(parts["second half"], key=lambda s: len(s.boxes))
        parts = {"one lesion": [longest]}
    efforts = []
    for name, some in parts.items():
        for propagate in (False, True):
            efforts.append(measure(opened, truth, name, some, propagate))
            print(f"{name}, {efforts[-1].way}: {efforts[-1].per_100:.1f} actions per 100 frames", file=sys.stderr)
    rows = [
        [
            e.part, e.way, str(e.frames), str(e.boxes), str(e.propagations), str(e.states), f"{e.per_100:.1f}",
            f"{e.mean_iou:.3f}", f"{e.median_iou:.3f}", f"{e.below_half:.1%}", f"{e.stray:.1f}", f"{e.edit_ms:.1f}",
        ]
        for e in efforts
    ]  # fmt: skip
    columns = ["part", "way", "frames", "boxes", "propagations", "states", "actions/100", "mean IoU", "median IoU",
               "IoU < .5", "stray/100", "edit ms"]  # fmt: skip
    print(table(columns, rows, args.markdown))
    for warning in busy(found):
        print(warning)
    if args.json:
        args.json.write_text(json.dumps({"machine": found, "efforts": [asdict(e) for e in efforts]}, indent=1))


if __name__ == "__main__":
    main()
