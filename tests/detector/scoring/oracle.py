"""A second implementation of every figure of `docs/scoring.md`: slow, plain loops, written from that page alone.

Here: boxes on stills, and lesions in recordings; events and FROC are in `oracle_events`, intervals and readers in
`oracle_statistics`.

It shares no code with `detector.scoring` but the types that it is given. Figures come out as dictionaries from the
page's names to numbers; what would divide by nothing is None.

Arithmetic is Python's float64: boxes are float32, so that differences, areas and unions of plain coordinates are exact,
and one rounded division decides a comparison as the exact fraction would. Seconds are added with `math.fsum`, which
rounds once.
"""

from collections import defaultdict

import numpy as np

STEPS = [n / 100 for n in range(95, 4, -1)]


def share(part, whole):
    return part / whole if whole else None


# --- boxes ---------------------------------------------------------------------------------------------------------


def rows(boxes):
    return [tuple(float(v) for v in box) for box in boxes]


def area(box):
    x1, y1, x2, y2 = box
    return max(x2 - x1, 0.0) * max(y2 - y1, 0.0)


def overlap(a, b):
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou_of(a, b):
    union = area(a) + area(b) - overlap(a, b)
    return overlap(a, b) / union if union > 0 else 0.0


def centre_inside(box, region):
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return region[0] <= x < region[2] and region[1] <= y < region[3]


def counting(answer, threshold):
    """The boxes of an answer with a score that counts."""
    scored = zip(rows(answer.boxes), answer.scores, strict=True)
    return [box for box, score in scored if np.float32(score) >= np.float32(threshold)]


def is_negative(truth, answer):
    silent = answer.status == "failed" and len(answer.boxes) == 0
    return len(truth.boxes) == 0 and len(truth.ignored) == 0 and not silent


def in_a_region(box, ignored):
    """Whether at least half of the box lies in one ignored region."""
    return any(area(box) > 0 and overlap(box, region) / area(box) >= 0.5 for region in ignored)


def frame_counts(pairs):
    """Of the frames that count, given as (truth, answer): how many, failed, skipped."""
    statuses = [answer.status for truth, answer in pairs if truth.reviewed]
    return {
        "frames": len(statuses),
        "frames_failed": statuses.count("failed"),
        "frames_skipped": statuses.count("skipped"),
    }


# --- stills --------------------------------------------------------------------------------------------------------


def judge(still, iou, threshold):
    """Of one image, per box that counts: (score, verdict, index of the lesion box or None), best score first."""
    lesions, ignored = rows(still.truth.boxes), rows(still.truth.ignored)
    found = [
        (np.float32(score), box)
        for box, score in zip(rows(still.answer.boxes), still.answer.scores, strict=True)
        if np.float32(score) >= np.float32(threshold)
    ]
    found.sort(key=lambda pair: -pair[0])  # stable: of equals the first in the answer comes first
    taken = set()
    out = []
    for score, box in found:
        best, best_iou = None, -1.0
        for index, lesion in enumerate(lesions):
            if index not in taken and iou_of(box, lesion) > best_iou:
                best, best_iou = index, iou_of(box, lesion)
        if best is not None and best_iou >= iou:
            taken.add(best)
            out.append((score, "hit", best))
        elif in_a_region(box, ignored):
            out.append((score, "neutral", None))
        else:
            out.append((score, "false", None))
    return out


def box_figures(stills, threshold, iou=0.5):
    seen = [s for s in stills if s.truth.reviewed]
    verdicts = [[v for _, v, _ in judge(s, iou, threshold)] for s in seen]
    everything = [v for of_still in verdicts for v in of_still]
    hits, false, neutral = (everything.count(kind) for kind in ("hit", "false", "neutral"))
    lesions = sum(len(s.truth.boxes) for s in seen)
    positive = [v for s, v in zip(seen, verdicts, strict=True) if len(s.truth.boxes) > 0]
    negative = [v for s, v in zip(seen, verdicts, strict=True) if is_negative(s.truth, s.answer)]
    with_false = sum("false" in v for v in negative)
    return {
        "hits": hits,
        "false_boxes": false,
        "neutral_boxes": neutral,
        "lesions": lesions,
        "recall": share(hits, lesions),
        "precision": share(hits, hits + false) if lesions else None,
        "f1": share(2 * hits, lesions + hits + false) if lesions else None,
        **frame_counts([(s.truth, s.answer) for s in stills]),
        "positive_frames": len(positive),
        "positive_frames_hit": sum("hit" in v for v in positive),
        "negative_frames": len(negative),
        "negative_frames_clean": len(negative) - with_false,
        "false_boxes_on_negatives": sum(v.count("false") for v in negative),
        "frame_sensitivity": share(sum("hit" in v for v in positive), len(positive)),
        "frame_specificity": share(len(negative) - with_false, len(negative)),
        "false_boxes_per_negative_frame": share(sum(v.count("false") for v in negative), len(negative)),
        "negatives_with_false_box": share(with_false, len(negative)),
    }


def best_f1_threshold(stills, iou=0.5):
    best, best_f1 = None, -1.0
    for step in STEPS:  # from high to low, so that of equals the highest stays
        f1 = box_figures(stills, step, iou)["f1"]
        if f1 is not None and f1 > best_f1:
            best, best_f1 = step, f1
    if best is None:
        raise ValueError("no lesions")
    return best


def threshold_for_negatives(stills, at_most):
    fitting = []
    for step in STEPS:
        with_false = box_figures(stills, step)["negatives_with_false_box"]
        if with_false is not None and with_false <= at_most:
            fitting.append(step)
    return min(fitting, default=None)


# --- lesions in recordings -----------------------------------------------------------------------------------------


def lesion_boxes(recording, k):
    """Of frame k: lesion -> its boxes (usually one). A box without id is a lesion of its own: (frame, number)."""
    truth = recording.truth[k]
    if len(truth.lesions) not in (0, len(truth.boxes)):
        raise ValueError(f"{len(truth.lesions)} ids for {len(truth.boxes)} boxes")
    names = truth.lesions or [(k, n) for n in range(len(truth.boxes))]
    out = defaultdict(list)
    for lesion, box in zip(names, rows(truth.boxes), strict=True):
        out[lesion].append(box)
    return out


def procedures(recordings):
    """The recordings that count: those with a reviewed frame."""
    return [r for r in recordings if any(truth.reviewed for truth in r.truth)]


def about(recordings):
    """What every result on recordings says of them."""
    return {
        "recordings": len(procedures(recordings)),
        "nominal": any(r.time == "nominal" for r in procedures(recordings)),
        **frame_counts([pair for r in recordings for pair in zip(r.truth, r.answers, strict=True)]),
    }


def need_time(recordings):
    for recording in recordings:
        if recording.time == "none":
            raise ValueError(f"{recording.name} has no time")


def frames_of_lesions(recording):
    """lesion -> the reviewed frames in which it has a box, in time order; lesions by first frame, then by box."""
    out = defaultdict(list)
    for k, truth in enumerate(recording.truth):
        if truth.reviewed:
            for lesion in lesion_boxes(recording, k):
                out[lesion].append(k)
    return dict(out)


def lesion_figures(recordings, threshold, iou=0.2):
    def overlaps(a, b):
        return iou_of(a, b) > 0 if iou == "any" else iou_of(a, b) >= iou

    per_lesion = []
    positive = positive_hit = negative = clean = 0
    for recording in recordings:
        hit_in = defaultdict(set)  # frame -> lesions that are hit in it
        for k, truth in enumerate(recording.truth):
            here = lesion_boxes(recording, k)
            if not truth.reviewed:
                continue
            found = counting(recording.answers[k], threshold)
            for lesion, boxes in here.items():
                if any(overlaps(box, mark) for box in boxes for mark in found):
                    hit_in[k].add(lesion)
            if len(truth.boxes) > 0:
                positive += 1
                positive_hit += len(hit_in[k]) > 0
            elif is_negative(truth, recording.answers[k]):
                negative += 1
                clean += len(found) == 0
        for lesion, frames in frames_of_lesions(recording).items():
            hits = [k for k in frames if lesion in hit_in[k]]
            first, first_hit = frames[0], hits[0] if hits else None
            known = first_hit is not None and recording.time != "none"
            per_lesion.append(
                {
                    "recording": recording.name,
                    "lesion": lesion,
                    "frames": len(frames),
                    "frames_hit": len(hits),
                    "first_frame": first,
                    "first_hit_frame": first_hit,
                    "seconds_to_first_hit": recording.times_s[first_hit] - recording.times_s[first] if known else None,
                }
            )
    lesions = len(per_lesion)
    lesions_hit = sum(row["frames_hit"] > 0 for row in per_lesion)
    frames, frames_hit = sum(row["frames"] for row in per_lesion), sum(row["frames_hit"] for row in per_lesion)
    return {
        **about(recordings),
        "lesions": lesions,
        "lesions_hit": lesions_hit,
        "lesion_sensitivity": share(lesions_hit, lesions),
        "lesion_frames": frames,
        "lesion_frames_hit": frames_hit,
        "lesion_frame_sensitivity": share(frames_hit, frames),
        "positive_frames": positive,
        "positive_frames_hit": positive_hit,
        "frame_sensitivity": share(positive_hit, positive),
        "negative_frames": negative,
        "negative_frames_clean": clean,
        "frame_specificity": share(clean, negative),
        "median_seconds_to_first_hit": median(
            [row["seconds_to_first_hit"] for row in per_lesion if row["seconds_to_first_hit"] is not None]
        ),
        "per_lesion": per_lesion,
    }


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    if not values:
        return None
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
