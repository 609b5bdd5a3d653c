"""The oracle's false-positive events, both definitions, and FROC. See `oracle`."""

import math

from tests.detector.scoring.oracle import (
    about,
    box_figures,
    centre_inside,
    counting,
    frames_of_lesions,
    iou_of,
    is_negative,
    lesion_boxes,
    lesion_figures,
    need_time,
    procedures,
    rows,
    share,
)

FROC_THRESHOLDS = [n / 100 for n in range(5, 100, 5)]
SLACK_S = 1e-9

# --- shown --------------------------------------------------------------------------------------------------------


def display_s(recording, k):
    """How long frame k stood on the screen."""
    times = [*(float(t) for t in recording.times_s), float(recording.end_s)]
    return times[k + 1] - times[k]


def marker_events(recording):
    """Every maximal run of consecutive frames with one marker id on the screen: (marker, {frame: its box})."""
    events, running = [], {}
    for k, answer in enumerate(recording.answers):
        if len(answer.markers) != len(answer.boxes) or len(set(answer.markers)) != len(answer.markers):
            raise ValueError(f"frame {k} of {recording.name}: markers {answer.markers} of {len(answer.boxes)} boxes")
        shown = dict(zip(answer.markers, rows(answer.boxes), strict=True))
        running = {marker: run for marker, run in running.items() if marker in shown}
        for marker, box in shown.items():
            if marker not in running:
                running[marker] = {}
                events.append((marker, running[marker]))
            running[marker][k] = box
    return events


def is_false(recording, run):
    for k, box in run.items():
        truth = recording.truth[k]
        for lesion in rows(truth.boxes):
            if iou_of(box, lesion) >= 0.2 or centre_inside(box, lesion):
                return False
        if any(centre_inside(box, region) for region in rows(truth.ignored)):
            return False
    return True


def shown_events(recordings, durations_s=(0, 0.2, 0.5, 1, 2)):
    need_time(recordings)
    false_events, reviewed, false_shown, markers = [], [], [], 0
    for recording in recordings:
        in_review = {k for k, truth in enumerate(recording.truth) if truth.reviewed}
        reviewed += [display_s(recording, k) for k in in_review]
        false_frames = set()
        for marker, run in marker_events(recording):
            counted = run.keys() & in_review
            markers += len(counted) > 0
            if counted and is_false(recording, run):
                duration = math.fsum(display_s(recording, k) for k in counted)
                false_events.append(
                    {
                        "recording": recording.name,
                        "marker": marker,
                        "first_frame": min(run),
                        "last_frame": max(run),
                        "duration_s": duration,
                    }
                )
                false_frames |= counted
        false_shown += [display_s(recording, k) for k in false_frames]
    reviewed_s, false_s = math.fsum(reviewed), math.fsum(false_shown)
    events = {d: sum(event["duration_s"] >= d - SLACK_S for event in false_events) for d in durations_s}
    return {
        **about(recordings),
        "marker_events": markers,
        "events": events,
        "per_procedure": {d: share(n, len(procedures(recordings))) for d, n in events.items()},
        "per_minute": {d: share(n, reviewed_s / 60) for d, n in events.items()},
        "reviewed_s": reviewed_s,
        "false_s": false_s,
        "false_time_share": share(false_s, reviewed_s),
        "false_events": false_events,
    }


# --- realcolon-compat ----------------------------------------------------------------------------------------------


def persists(recording, lesion, frames, threshold, tau_s, sigma_s):
    """Whether boxes on this lesion persist for tau within sigma of its first frame."""
    start = float(recording.times_s[frames[0]])
    end = start + sigma_s
    run = []
    for k in range(frames[0], len(recording.truth)):
        begins = float(recording.times_s[k])
        if not begins < end:
            break
        found = counting(recording.answers[k], threshold)
        boxes = lesion_boxes(recording, k).get(lesion, []) if recording.truth[k].reviewed else []
        if any(iou_of(box, mark) > 0.2 for box in boxes for mark in found):
            run.append(min(begins + display_s(recording, k), end) - begins)
            if math.fsum(run) >= tau_s - SLACK_S:
                return True
        else:
            run = []
    return False


def realcolon_figures(recordings, threshold, tau_s=2.0, sigma_s=3.0):
    lesions = hit = false_positives = 0
    free = []
    need_time(recordings)
    for recording in recordings:
        for k in range(len(recording.truth)):
            lesion_boxes(recording, k)  # raises for a wrong number of ids, also where nobody reviewed
        for lesion, frames in frames_of_lesions(recording).items():
            lesions += 1
            hit += persists(recording, lesion, frames, threshold, tau_s, sigma_s)
        run = []
        for k, truth in enumerate(recording.truth):
            without = truth.reviewed and len(truth.boxes) == 0
            if without:
                free.append(display_s(recording, k))
            if without and counting(recording.answers[k], threshold):
                run.append(display_s(recording, k))
                if math.fsum(run) >= tau_s - SLACK_S:
                    false_positives += 1
                    run = []
            else:
                run = []
    return {
        **about(recordings),
        "lesions": lesions,
        "lesions_hit": hit,
        "sensitivity": share(hit, lesions),
        "false_positives": false_positives,
        "negative_s": math.fsum(free),
        "per_procedure": share(false_positives, len(procedures(recordings))),
        "per_minute": share(false_positives, math.fsum(free) / 60),
    }


# --- FROC ----------------------------------------------------------------------------------------------------------


def point(threshold, sensitivity, false_per_unit):
    return {"threshold": threshold, "sensitivity": sensitivity, "false_per_unit": false_per_unit}


def froc_stills(stills, thresholds=None):
    out = []
    for t in FROC_THRESHOLDS if thresholds is None else thresholds:
        figures = box_figures(stills, t)
        out.append(point(t, figures["recall"], share(figures["false_boxes"], figures["frames"])))
    return out


def froc_realcolon(recordings, thresholds=None, tau_s=2.0, sigma_s=3.0):
    out = []
    for t in FROC_THRESHOLDS if thresholds is None else thresholds:
        figures = realcolon_figures(recordings, t, tau_s, sigma_s)
        out.append(point(t, figures["sensitivity"], figures["per_procedure"]))
    return out


def froc_lesions(recordings, thresholds=None):
    out = []
    for t in FROC_THRESHOLDS if thresholds is None else thresholds:
        boxes = frames = 0
        for recording in recordings:
            for truth, answer in zip(recording.truth, recording.answers, strict=True):
                if truth.reviewed and is_negative(truth, answer):
                    frames += 1
                    boxes += len(counting(answer, t))
        out.append(point(t, lesion_figures(recordings, t, 0.2)["lesion_sensitivity"], share(boxes, frames)))
    return out


def froc_shown(rerun, thresholds=None, duration_s=0.0):
    out = []
    for t in FROC_THRESHOLDS if thresholds is None else thresholds:
        shown = rerun(t)
        events = shown_events(shown, [duration_s])
        out.append(point(t, lesion_figures(shown, 0, 0.2)["lesion_sensitivity"], events["per_procedure"][duration_s]))
    return out
