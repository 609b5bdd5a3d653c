"""The order of the clips on the bundled phantom, with what the bundled model really said of it.

`phantom_fast_0_2_1.npz` holds its candidates from a score of .1 up (offsets, boxes, scores by frame), made once with
``polypwatch detect assets/phantom.mp4 --out ...``. A model that misses a lesion is made of it: all it says on that one
is damped to scores below its threshold, so that the lesion is never shown.
"""

from pathlib import Path

import numpy as np
import pytest

from app.phantom import bundled
from app.qa.answers import ANALYSED, Candidates
from app.qa.axis import plain_axis
from app.qa.whatif import shown_of
from app.qa.worklist.clips import Clip, Corners
from app.qa.worklist.evidence import Evidence, Found
from app.qa.worklist.ranking import ranked
from app.qa.worklist.runs import overlaps
from detector.alerts import AlertSettings
from detector.annotation import Annotation, load_annotation
from detector.geometry import as_boxes
from detector.results import ModelRef

THRESHOLD = 0.57
FRAMES = 2300
AXIS = plain_axis(np.arange(FRAMES) / 25, FRAMES / 25)
MODEL = ModelRef(name="fast", version="0.2.1", variant="fp32", sha256="0" * 64)


@pytest.fixture(scope="module")
def truth() -> Annotation:
    return load_annotation(bundled().annotation)


@pytest.fixture(scope="module")
def said() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(Path(__file__).with_name("phantom_fast_0_2_1.npz")) as data:
        return data["offsets"].astype(np.int64), data["boxes"].astype(np.float32), data["scores"].astype(np.float32)


def places(truth: Annotation, lesion: int) -> dict[int, Corners]:
    return {f.index: m.box for f in truth.frames for m in f.marks if m.lesion == lesion}


def without(said, where: dict[int, Corners]) -> Candidates:
    """What a model says that is not sure enough of one lesion."""
    offsets, boxes, scores = (x.copy() for x in said)
    for frame, place in where.items():
        for row in range(offsets[frame], offsets[frame + 1]):
            x1, y1, x2, y2 = boxes[row].tolist()
            if overlaps((x1, y1, x2, y2), [place]):
                scores[row] = min(0.55 * scores[row], 0.5)
    for frame in range(FRAMES):
        here = slice(offsets[frame], offsets[frame + 1])
        order = np.argsort(-scores[here], kind="stable")
        boxes[here], scores[here] = boxes[here][order], scores[here][order]
    status = np.full(FRAMES, ANALYSED, np.uint8)
    kinds = np.zeros(len(scores), np.uint8)
    arrays = (status, offsets, as_boxes(boxes), scores, kinds)
    file = Path("phantom.json")
    return Candidates("fast 0.2.1", "analysis", file, MODEL, THRESHOLD, 0.1, ("polyp",), *arrays)


def rank(clips: tuple[Clip, ...], where: dict[int, Corners]) -> tuple[int, float]:
    """Which clip is the first about the lesion, and which would be on average if their order were chance."""
    about = [c.box is not None and c.focus in where and overlaps(c.box, [where[c.focus]]) for c in clips]
    assert any(about), "a lesion that was followed below the threshold is among the clips"
    # Of k among n in random order the first comes at (n + 1) / (k + 1) on average.
    return about.index(True) + 1, (len(clips) + 1) / (sum(about) + 1)


def test_clips_about_a_missed_lesion_come_before_chance(truth, said):
    lesions = [lesion.id for lesion in truth.lesions]
    assert len(lesions) == 7
    firsts: dict[bool, list[int]] = {True: [], False: []}
    chances: dict[bool, list[float]] = {True: [], False: []}
    for missed in lesions:
        where = places(truth, missed)
        candidates = without(said, where)
        shown = shown_of(candidates, AXIS, AlertSettings(THRESHOLD))
        on_it = [overlaps(tuple(box), [p]) for n, p in where.items() for box in shown.boxes[shown.rows(n)].tolist()]
        assert not any(on_it), "it is never shown"
        # With a journal the doctor has marked every other lesion while it was to be seen.
        others = [sorted(places(truth, other)) for other in lesions if other != missed]
        marks = tuple(Found(p[len(p) // 2], n + 1) for n, p in enumerate(others))
        for journal in (True, False):
            found = marks if journal else None
            inside = np.ones(FRAMES, np.bool_)
            evidence = Evidence(bundled().video, AXIS, (candidates,), (shown,), found, inside)
            first, chance = rank(ranked(evidence, limit=40), where)
            firsts[journal].append(first)
            chances[journal].append(chance)
    assert 2.0 * np.mean(firsts[False]) < np.mean(chances[False])
    assert 1.25 * np.mean(firsts[True]) < np.mean(chances[True])
    assert np.mean([*firsts[True], *firsts[False]]) <= 5
