"""The gate on the machine itself: a graphics card must give the CPU's boxes before it may serve.

Cards and drivers differ, and a release cannot try them all. So before a file runs on a card for the first time, its
boxes are compared with those of the FP32 file on the CPU, on frames of the bundled procedure. The verdict is kept, and
holds until model, card, driver or runtime change.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detector.decode import decode_frames
from detector.errors import ProviderError, SourceError
from detector.frame import Frame
from detector.geometry import Size
from detector.parity import Candidates, Limits, candidate_difference

SCHEMA = "polypwatch.parity/1"
FRAMES = (350, 400, 420, 480, 510)
"""Of the bundled procedure: lesions near and far, and early, as all before the last are decoded."""
_COMPARED_FROM = 0.3
"""Weaker boxes than those that are shown are compared, too: more evidence, and still no noise."""
_HINT = "Run with `--provider cpu`, or update the NVIDIA driver; a new driver is compared anew."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, as it is kept.

    Attributes:
        passed: whether the file may run.
        words: what was found.
    """

    passed: bool
    words: str


def require_parity(
    candidate: Candidates,
    reference: Callable[[], Candidates],
    limits: Limits,
    target: Size,
    kept: Path,
    frames: Callable[[], Sequence[Frame]],
) -> Verdict:
    """Let a detector through if it finds what the reference finds.

    Args:
        candidate: on the card.
        reference: opens the FP32 file on the CPU; asked only if there is no verdict yet.
        limits: of the candidate's kind.
        target: the network's input size.
        kept: where the verdict is or will be; its name is the key of everything that it depends on.
        frames: gives the frames, likewise asked only then.

    Raises:
        ProviderError: it does not; the message names the difference.
    """
    verdict = _read(kept)
    if verdict is None:
        verdict = compare(candidate, reference(), limits, target, frames())
        _keep(kept, verdict)
    if not verdict.passed:
        raise ProviderError(
            f"The {candidate.info.variant} file of {candidate.info.model} on {candidate.info.provider} does not give "
            f"the boxes of the CPU: {verdict.words}.",
            _HINT,
        )
    return verdict


def compare(
    candidate: Candidates, reference: Candidates, limits: Limits, target: Size, frames: Sequence[Frame]
) -> Verdict:
    """Compare box by box, before suppression; a model that hardly finds anything there in its better half."""
    best = max((float(s) for f in frames for s in reference.candidates(f, 0.0).scores), default=0.0)
    if best == 0.0:
        return Verdict(False, "nothing is found on the frames that are compared, which proves nothing")
    threshold = min(reference.info.threshold, _COMPARED_FROM, best / 2)
    found = candidate_difference(reference, candidate, frames, target, threshold, limits)
    said = f"{found.same} of {found.shown} boxes, at most {found.box_px:.2g} px and {found.score:.2g} in score apart"
    broken = found.broken(limits)
    return Verdict(not broken, "; ".join(broken) or said)


def bundled_frames(size: Size) -> list[Frame]:
    """The frames of the bundled procedure that are compared, scaled to ``size``.

    Raises:
        ProviderError: the procedure is not installed.
    """
    video = Path(__file__).resolve().parent.parent / "assets" / "phantom.mp4"
    try:
        decoded = list(decode_frames(video, FRAMES, whole=False))
    except SourceError as error:
        raise ProviderError(
            f"The graphics card cannot be compared with the CPU: {error.what}", "Reinstall Polypwatch."
        ) from error
    return [Frame(f.index, None, 0, np.asarray(cv2.resize(f.image, size), np.uint8)) for f in decoded]


def _read(kept: Path) -> Verdict | None:
    """The verdict that was kept; None if there is none that can be read: it is found anew."""
    try:
        data = json.loads(kept.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            return None
        return Verdict(bool(data["passed"]), str(data["words"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(kept: Path, verdict: Verdict) -> None:
    """Write a verdict; where that cannot be done, the next start compares again."""
    part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"schema": SCHEMA, "passed": verdict.passed, "words": verdict.words}) + "\n")
        os.replace(part, kept)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
