"""What a self-test saw, and what that says of each link of the chain. Nothing passes that was not seen to work."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av
import av.error

from app.phantom.bundled import Excerpt
from app.snapshot import AiSnapshot, SourceSnapshot, SourceStatus
from detector.annotation import Annotation
from detector.geometry import as_boxes, iou_matrix
from detector.watchdog import AiState

PICTURE, AI, BOX, SOUND, RECORDING = NAMES = ("picture", "AI", "box", "sound", "recording")
PAINTED_SHARE = 0.9
LEAST_IOU = 0.2

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Check:
    """One link of the chain.

    Attributes:
        name: one of ``NAMES``.
        passed: it was seen to work.
        words: what happened, and where it did not work what to do.
    """

    name: str
    passed: bool
    words: str


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """The checks, in the order of the chain."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Every link was tested and works."""
        return self._pass(NAMES)

    @property
    def passed_but_for_sound(self) -> bool:
        """Every link works that can be tested without a window."""
        return self._pass(tuple(name for name in NAMES if name != SOUND))

    @property
    def title(self) -> str:
        """The result in one line."""
        if self.passed:
            return "Self-test passed: all of the chain works"
        failed = [check.name for check in self.checks if not check.passed]
        return f"Self-test not passed: {', '.join(failed)}"

    def __str__(self) -> str:
        lines = [f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.words}" for check in self.checks]
        return "\n".join([*lines, self.title])

    def _pass(self, names: Sequence[str]) -> bool:
        passed = [check.name for check in self.checks if check.passed]
        return all(name in passed for name in names)


def nothing_tested(first: str, rest: str) -> SelfTestResult:
    """No check passed: ``first`` says why there was no picture, ``rest`` why the others were not tested."""
    return SelfTestResult(tuple(Check(name, False, first if name == PICTURE else rest) for name in NAMES))


@dataclass(slots=True)
class Evidence:
    """What happened while the phantom was shown.

    Attributes:
        painted: capture indices in the order in which their pictures were painted, repaints left out.
        boxes: painted markers, each with the capture time of the frame that the AI had found it in.
        analysed: capture index of every analysed frame by its capture time.
        chimes: how often the sound was due.
        muted: the user wanted no sound.
        sound_fault: why there can be no sound; empty if there can, None if nobody could listen.
    """

    painted: list[int] = field(default_factory=list)
    boxes: set[tuple[int, Box]] = field(default_factory=set)
    analysed: dict[int, int] = field(default_factory=dict)
    chimes: int = 0
    muted: bool = False
    sound_fault: str | None = None


def check_picture(evidence: Evidence, excerpt: Excerpt, source: SourceSnapshot) -> Check:
    """Nearly every frame was painted, each after the one before."""
    painted, wanted = evidence.painted, excerpt.last - excerpt.first + 1
    count = f"{len(painted)} of {wanted} pictures were painted"
    if source.status in (SourceStatus.FAILED, SourceStatus.LOST, SourceStatus.GONE):
        return Check(PICTURE, False, f"The phantom cannot be played: {source.detail or source.status.value}.")
    if source.undecodable:
        return Check(PICTURE, False, f"{source.undecodable} damaged pictures. Reinstall Polypwatch.")
    if any(after <= before for before, after in pairwise(painted)):
        return Check(PICTURE, False, f"{count}, but not in their order. Report this.")
    if len(painted) < PAINTED_SHARE * wanted:
        return Check(PICTURE, False, f"Only {count}. Close other programs, or use a faster computer.")
    return Check(PICTURE, True, f"{count}, in their order.")


def check_ai(ai: AiSnapshot) -> Check:
    """The AI came up, analysed, and was on at the end."""
    if ai.state is not AiState.ON:
        how = f"{ai.state.value}: {ai.detail.rstrip('.')}" if ai.detail else ai.state.value
        said = f"The AI was not on at the end but {how}."
        todo = "" if ai.state is AiState.FAILED else "Close other programs, and test again."
        return Check(AI, False, f"{said} {todo}".strip())
    if ai.info is None or not ai.analysed:
        return Check(AI, False, "The AI is on but analysed nothing. Start Polypwatch again.")
    where = f"{ai.info.model} {ai.info.version} on {ai.info.provider}"
    if ai.failed:
        return Check(AI, False, f"{where}: {ai.analysed} pictures analysed, {ai.failed} could not be analysed.")
    return Check(AI, True, f"{where}: {ai.analysed} pictures analysed.")


def check_box(evidence: Evidence, annotation: Annotation, ai: AiSnapshot) -> Check:
    """A painted box lay on a lesion that is clear in the frame that the box was found in."""
    if not evidence.boxes:
        if not ai.analysed:
            return Check(BOX, False, "No box was painted, as the AI analysed nothing.")
        late = ai.state is not AiState.ON or ai.expired
        why = "its answers came too late to be shown" if late else "it found no lesion"
        return Check(BOX, False, f"No box was painted: the AI analysed {ai.analysed} pictures, but {why}.")
    best = max(_overlap(evidence, annotation, captured_ns, box) for captured_ns, box in evidence.boxes)
    if best < LEAST_IOU:
        return Check(BOX, False, f"Boxes were painted, but none lay on a lesion (best overlap {best:.0%}).")
    return Check(BOX, True, f"A box was painted on a lesion of the phantom (overlap {best:.0%}).")


def check_sound(evidence: Evidence) -> Check:
    """The sound was due and could be played; nobody but the user knows whether it was heard."""
    if evidence.sound_fault is None:
        return Check(SOUND, False, "Not tested: without a window there is no sound.")
    if evidence.sound_fault:
        words = f"There can be no sound: {evidence.sound_fault}. Connect a loudspeaker; boxes appear as always."
        return Check(SOUND, False, words)
    if evidence.muted:
        return Check(SOUND, False, "The sound is muted. Press M, and test again.")
    if not evidence.chimes:
        return Check(SOUND, False, "Not tested: no sound was due, as no new box appeared.")
    return Check(SOUND, True, "The sound was played. Did you hear it?")


def check_recording(folder: Path | None, fault: str, offered: int) -> Check:
    """Every frame can be read back from the recording, and its sidecar has a row for each."""
    if fault or folder is None:
        return Check(RECORDING, False, f"The recording failed: {fault or 'it was not begun.'}")
    if not offered:
        return Check(RECORDING, False, "Not tested: there was no picture to record.")
    try:
        read = sum(_frames_in(video) for video in sorted(folder.glob("video-*.mkv")))
        rows = [json.loads(line) for line in (folder / "frames.jsonl").read_text(encoding="utf-8").splitlines()[1:]]
    except (OSError, av.error.FFmpegError, ValueError) as error:
        return Check(RECORDING, False, f"The recording cannot be read back: {error}. Check the disk.")
    kept = [row["capture_index"] for row in rows if row["record_index"] is not None]
    ascending = all(before < after for before, after in pairwise(kept))
    if not (read == len(kept) == len(rows) == offered and ascending):
        words = f"{offered} pictures were recorded, {read} can be read back, {len(kept)} are listed. Check the disk."
        return Check(RECORDING, False, words)
    return Check(RECORDING, True, f"{read} pictures were recorded and read back, every one listed.")


def _overlap(evidence: Evidence, annotation: Annotation, captured_ns: int, box: Box) -> float:
    index = evidence.analysed.get(captured_ns)
    clear = [mark.box for mark in annotation.marks(index) if mark.state == "clear"] if index is not None else []
    return float(iou_matrix(as_boxes([box]), as_boxes(clear)).max()) if clear else 0.0


def _frames_in(video: Path) -> int:
    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))
