"""Random recordings and stills that are small, and full of what goes wrong in scoring.

Most coordinates are quarters of a pixel and many boxes are cut to hit an IoU of exactly 0.2 or 0.5, an area share of
exactly a half, or a centre on an edge, so that every `>` that should be `>=` shows. Times are frames of 5 to 60 per
second, or irregular; runs often last exactly as long as a limit.
"""

import random

import numpy as np

from detector.geometry import Size, as_boxes
from detector.scoring.recording import Answer, Recording, Still, Truth

SIZE = Size(64, 48)
SCORES = (0.05, 0.15, 0.25, 0.3, 0.5, 0.5, 0.7, 0.9)
THRESHOLDS = (0.05, 0.25, 0.3, 0.5, 0.55, 0.7)
"""Some equal a score: 0.3 and 0.7 have a float32 that is larger than the decimal, or smaller."""
TIMES = ("true", "true", "true", "nominal")


def a_box(rng, smallest=0.0):
    """Anywhere, also partly outside; now and then without area."""
    if rng.random() < 0.03 and smallest == 0:
        x, y = rng.randrange(64), rng.randrange(48)
        return (x, y, x + rng.choice((0, 5)), y)
    if rng.random() < 0.1:  # coordinates that no grid holds
        x, y = np.float32(rng.uniform(-5, 55)), np.float32(rng.uniform(-5, 40))
        return (x, y, x + np.float32(rng.uniform(3, 25)), y + np.float32(rng.uniform(3, 20)))
    step = rng.choice((1, 1, 2, 4))
    x, y = rng.randrange(-5 * step, 55 * step) / step, rng.randrange(-5 * step, 40 * step) / step
    return (x, y, x + rng.randrange(3 * step, 25 * step) / step, y + rng.randrange(3 * step, 20 * step) / step)


def near(rng, box):
    """A box that has to do with `box`, often just so at a limit."""
    x1, y1, x2, y2 = (float(v) for v in box)
    w, h = x2 - x1, y2 - y1
    return rng.choice(
        (
            (x1, y1, x2, y2),
            (x1, y1, x2, y2),
            (x1, y1 + h / 8, x2, y2),
            (x1, y1, x1 + w / 2, y2),  # IoU 1/2
            (x1, y1, x2 + w, y2),  # IoU 1/2
            (x1, y1, x2 + 4 * w, y2),  # IoU 1/5; centre outside
            (x1, y1 - 4 * h, x2, y2),  # IoU 1/5; centre outside
            (x1 - 2 * w, y1, x2 + 2 * w, y2),  # IoU 1/5; centre inside
            (x1 - w / 2, y1, x1 + w / 2, y2),  # IoU 1/3; half of it outside; its centre on the left edge
            (x2 - w / 2, y1, x2 + w / 2, y2),  # IoU 1/3; its centre on the right edge
            (x1, y2 - h / 2, x2, y2 + h / 2),  # IoU 1/3; its centre on the lower edge
            (x2, y1, x2 + w, y2),  # touches
            (x1, y2, x2, y2 + h),  # touches
            (x1 + w / 4, y1 + h / 4, x1 + w / 2, y1 + h / 2),  # small and inside
            (x1 - w, y1 - h, x2 + 2 * w, y2 + 2 * h),  # around it
            (x1 + 1, y1 - 1, x2 + 1, y2 - 1),
            (x1 - 3, y1 + 2, x2 - 2, y2 + 3),
        )
    )


def an_answer(boxes_and_scores, markers=(), status="ok", sort=True):
    """An answer of (box, score) pairs; raw detections come best first."""
    pairs = sorted(boxes_and_scores, key=lambda pair: -np.float32(pair[1])) if sort else list(boxes_and_scores)
    return Answer(as_boxes([b for b, _ in pairs]), np.array([s for _, s in pairs], np.float32), tuple(markers), status)


# --- stills --------------------------------------------------------------------------------------------------------


def a_still(rng, number=0):
    lesions = [a_box(rng) for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))]
    ignored = [a_box(rng) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
    if lesions and rng.random() < 0.15:
        lesions.append(near(rng, rng.choice(lesions)))
    found = []
    for _ in range(rng.choice((0, 1, 2, 3, 5))):
        known = lesions + ignored
        box = near(rng, rng.choice(known)) if known and rng.random() < 0.8 else a_box(rng)
        found.append((box, rng.choice(SCORES)))
    status = rng.choices(("ok", "skipped", "failed"), (20, 1, 1))[0]
    return Still(
        name=f"image {number}",
        unit=f"patient {rng.randrange(5)}",
        size=SIZE,
        truth=Truth(rng.random() < 0.85, as_boxes(lesions), ignored=as_boxes(ignored)),
        answer=an_answer(found if status == "ok" else [], status=status),
    )


def some_stills(seed):
    """0 to 8 images."""
    return stills_of(random.Random(f"stills {seed}"))


def stills_of(rng):
    """The same from a given `random.Random`."""
    return [a_still(rng, n) for n in range(rng.randrange(9))]


# --- recordings ----------------------------------------------------------------------------------------------------


def some_times(rng, count):
    """`count` times and the end: a steady rate, a changing one, or none at all; not always from 0."""
    kind = rng.choice(("steady", "steady", "changing", "irregular", "binary", "binary"))
    rate = rng.choice((5, 10, 20, 25, 30, 30000 / 1001, 50, 60))
    start = rng.choice((0.0, 0.0, 7.4, 3600.04))
    if kind == "steady":
        marks = [start + k / rate for k in range(count + 1)]
    else:
        if kind == "changing":
            steps = [1 / rng.choice((rate, 10, 25, 5)) for _ in range(count)]
        elif kind == "irregular":
            steps = [rng.uniform(0.01, 0.8) for _ in range(count)]
        else:  # exact in binary
            start = 0.0
            steps = [rng.choice((0.125, 0.25, 0.5, 1.0)) for _ in range(count)]
        marks = [start]
        for step in steps:
            marks.append(marks[-1] + step)
    return np.array(marks[:-1], np.float64), float(marks[-1])


def stretches(rng, count, present, usual=12):
    """A flag per frame that holds for stretches; `present` is the share of time at which it is up, roughly."""
    flags = []
    while len(flags) < count:
        flags += [rng.random() < present] * rng.randrange(1, usual)
    return flags[:count]


def some_truths(rng, count):
    """Lesions that drift, leave and come back; ignored regions; stretches that nobody reviewed."""
    style = rng.choice(("none", "one", "one", "several", "several"))
    names = {"none": [], "one": ["a"], "several": ["a", "b", "c"][: rng.randrange(2, 4)]}[style]
    tracks = {name: (a_box(rng, 1), stretches(rng, count, 0.5, usual=25)) for name in names}
    regions = (a_box(rng, 1), stretches(rng, count, rng.choice((0, 0, 0.4))))
    reviewed = stretches(rng, count, rng.choice((1, 1, 0.8, 0.5)))
    labelled_unseen = rng.random() < 0.5  # boxes in stretches that nobody reviewed in full
    truths = []
    for k in range(count):
        here = [(name, box) for name, (box, there) in tracks.items() if there[k]]
        if not reviewed[k] and not labelled_unseen:
            here = []
        if here and rng.random() < 0.03:  # an instrument cuts a lesion in two
            here.append((here[0][0], near(rng, here[0][1])))
        rng.shuffle(here)
        truths.append(
            Truth(
                reviewed[k],
                as_boxes([box for _, box in here]),
                tuple(name for name, _ in here),
                as_boxes([regions[0]] if regions[1][k] else []),
            )
        )
        if rng.random() < 0.1:
            tracks = {name: (near(rng, box) if area_left(box) else box, flags) for name, (box, flags) in tracks.items()}
    return truths


def area_left(box):
    """Whether drifting has neither blown a box up nor shrunk it to nothing."""
    return 2 <= box[2] - box[0] <= 30 and 2 <= box[3] - box[1] <= 30


def a_place(rng, truths, k, count):
    """Where something is found: at a lesion or region of this or another frame, or anywhere."""
    at = truths[k if rng.random() < 0.8 else rng.randrange(count)]
    known = [*at.boxes.tolist(), *at.ignored.tolist()]
    return near(rng, rng.choice(known)) if known and rng.random() < 0.8 else a_box(rng)


def raw_answers(rng, truths):
    """Detections of single frames, in stretches, with frames that were skipped or failed."""
    count = len(truths)
    finding = stretches(rng, count, rng.choice((0.3, 0.7, 1)), usual=20)
    steady = rng.random() < 0.5
    trouble = rng.choice((0, 0, 0.05))
    place = None
    answers = []
    for k in range(count):
        if rng.random() < trouble:
            answers.append(an_answer([], status=rng.choice(("skipped", "failed"))))
            continue
        if place is None or not steady or rng.random() < 0.08:
            place = a_place(rng, truths, k, count)
        found = []
        if finding[k]:
            if steady and len(truths[k].boxes) and rng.random() < 0.9:  # stays on a lesion that is there
                found.append((truths[k].boxes[0].tolist(), 0.7))
            found.append((place, rng.choice(SCORES)))
            found += [(a_place(rng, truths, k, count), rng.choice(SCORES)) for _ in range(rng.choice((0, 0, 1)))]
        answers.append(an_answer(found))
    return answers


def marker_answers(rng, truths):
    """Displayed markers: they hold, follow, vanish for a frame, change ids and come back; ids in any order."""
    count = len(truths)
    next_id, live, gone, answers = 1, {}, [], []
    appears, ends = rng.choice((0.1, 0.3)), rng.choice((0.02, 0.15))
    trouble = rng.choice((0, 0, 0.1))
    for k in range(count):
        skipped = rng.random() < trouble
        if not skipped:  # a skipped frame leaves on the screen what stood there
            if rng.random() < appears and len(live) < 3:
                if gone and rng.random() < 0.3:
                    marker = gone.pop()  # after a gap it is another event
                else:
                    marker, next_id = next_id, next_id + 1
                live[marker] = a_place(rng, truths, k, count)
            for marker in list(live):
                if rng.random() < ends:
                    box = live.pop(marker)
                    if rng.random() < 0.4:  # the same box goes on under another id
                        live[next_id] = box
                        next_id += 1
                    else:
                        gone.append(marker)
                elif rng.random() < 0.1:
                    live[marker] = a_place(rng, truths, k, count)
        markers = list(live)
        rng.shuffle(markers)
        pairs = [(live[m], rng.choice(SCORES)) for m in markers]
        answers.append(an_answer(pairs, markers, "skipped" if skipped else "ok", sort=False))
    return answers


def without_ids(rng, truths):
    """Some frames lose their lesion ids: each of their boxes is a lesion of its own then."""
    return [Truth(t.reviewed, t.boxes, (), t.ignored) if rng.random() < 0.3 else t for t in truths]


def a_recording(rng, number=0, markers=False, times=TIMES, least=3, most=60):
    """One recording, now and then without a frame.

    Args:
        rng: a `random.Random`.
        number: for its name.
        markers: displayed markers, or raw detections.
        times: kinds of time to choose from.
        least: frames at least.
        most: and at most.
    """
    count = rng.randrange(least, most + 1) if rng.random() > 0.04 else 0
    marks, end = some_times(rng, count)
    truths = some_truths(rng, count)
    if rng.random() < 0.05:
        truths = without_ids(rng, truths)
    return Recording(
        name=f"procedure {number}",
        unit=f"patient {rng.randrange(4)}",
        size=SIZE,
        times_s=marks,
        end_s=end,
        truth=truths,
        answers=marker_answers(rng, truths) if markers else raw_answers(rng, truths),
        time=rng.choice(times),
    )


def some_recordings(seed, markers=False, times=TIMES):
    """0 to 3 recordings, mostly one, so that a disagreement is easily found."""
    return recordings_of(random.Random(f"recordings {seed} {markers}"), markers, times)


def recordings_of(rng, markers=False, times=TIMES, most=60):
    """The same from a given `random.Random`, so that Hypothesis can shrink what it draws."""
    return [a_recording(rng, n, markers, times, most=most) for n in range(rng.choice((0, 1, 1, 1, 1, 1, 1, 2, 2, 3)))]


# --- two readers ---------------------------------------------------------------------------------------------------


def two_readers(seed):
    """Truths of the same frames by two readers who mostly agree; few boxes, as all pairings are tried."""
    rng = random.Random(f"readers {seed}")
    one, other = [], []
    for _ in range(rng.randrange(8)):
        boxes = [a_box(rng) for _ in range(rng.choice((0, 1, 1, 1, 2)))]
        for reader in (one, other):
            kept = [near(rng, box) if rng.random() < 0.6 else box for box in boxes if rng.random() < 0.85]
            kept += [near(rng, box) for box in boxes if rng.random() < 0.25]  # two that compete for one of the other's
            rng.shuffle(kept)
            regions = [near(rng, rng.choice(boxes)) for _ in range(2) if boxes and rng.random() < 0.3]
            reader.append(Truth(rng.random() < 0.9, as_boxes(kept), (), as_boxes(regions)))
        if rng.random() < 0.1:
            one[-1], other[-1] = rng.sample(competing(rng, a_box(rng, 1)), 2)
    return one, other


def competing(rng, box):
    """Two boxes of one reader fit the only one of the other, who left the place of one of them open."""
    x1, y1, x2, y2 = (float(v) for v in box)
    w = x2 - x1
    pair = [(x1, y1, x2, y2), (x1 + w / 4, y1, x2 + w / 4, y2)]
    rng.shuffle(pair)
    region = (x1 + 3 * w / 4, y1, x2 + 2 * w, y2)
    return [Truth(True, as_boxes(pair)), Truth(True, as_boxes([(x1, y1, x2, y2)]), (), as_boxes([region]))]
