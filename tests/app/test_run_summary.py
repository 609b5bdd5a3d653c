"""The summary of a live run: what the synchronised mode came to stands in it, and nothing where it was off."""

import json
from pathlib import Path

import pytest

from app.report import RunLog
from app.snapshot import AiSnapshot, LiveSnapshot, SourceSnapshot, SourceStatus
from app.synchrony import TOO_SLOW, SyncSnapshot, SyncState
from detector.watchdog import AiState


@pytest.mark.parametrize(
    ("sync", "words"),
    [
        (SyncSnapshot(), ""),
        (SyncSnapshot(SyncState.ON, 38.0, "", 90, 10), "90 pictures with their own boxes, 10 without"),
        (
            SyncSnapshot(SyncState.ENDED, None, TOO_SLOW, 12, 8),
            f"12 pictures with their own boxes, 8 without; {TOO_SLOW}",
        ),
    ],
)
def test_the_summary_says_what_the_synchronised_mode_came_to(sync: SyncSnapshot, words: str, tmp_path: Path) -> None:
    source, ai = SourceSnapshot(SourceStatus.ENDED, "a.mp4"), AiSnapshot(AiState.ON)
    last = LiveSnapshot(None, source, ai, (), 0, None, "", 0, sync)
    summary = RunLog(tmp_path, lambda: None).finish(last)
    said = [line for line in summary.as_text().splitlines() if line.startswith("Synchronised")]
    assert said == ([f"{'Synchronised:':<19}{words}"] if words else [])
    kept = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["synchronised"]
    assert kept == (
        {"with_own_boxes": sync.with_boxes, "without_own_boxes": sync.without_boxes, "ended": sync.detail}
        if words
        else None
    )
