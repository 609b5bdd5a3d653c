"""A folder of copies of the phantom for `benchmarks.screens_qa`: labelled, new, cut short; answers of two models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from app.phantom import bundled
from app.qa.jobs import ModelChoice
from app.qa.jobs.headless import detect_below

LABELLED = 8
NEW = "2026-03-12-room-2"


def make_library(folder: Path, against: str) -> None:
    """Copies of the phantom: labelled and analysed ones, one that is new, one that is cut short.

    Args:
        folder: is made; analyses that are there already are kept.
        against: the second model; empty: one is made up, which is the first with weaker scores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.jsonl"), *folder.glob(f"{NEW}*"), *folder.glob("handover*")):
        old.unlink(missing_ok=True)
    phantom, first = bundled(), folder / "2026-03-01-room-1.mp4"
    shutil.copyfile(phantom.video, first)
    for model in ("fast", against) if against else ("fast",):
        detect_below([first], None, ModelChoice(model), quiet=True)
    if not against:
        _make_weaker(next(folder.glob(f"{first.stem}.analysis-fast-*.json")))
    for number in range(1, LABELLED + 1):
        video = folder / f"2026-03-{number:02}-room-1.mp4"
        if number > 1:
            shutil.copyfile(phantom.video, video)
            for results in folder.glob(f"{first.stem}.analysis-*.json"):
                text = results.read_text("utf-8").replace(first.name, video.name)
                video.with_name(results.name.replace(first.stem, video.stem)).write_text(text, "utf-8")
        shutil.copyfile(phantom.annotation, video.with_name(f"{video.stem}.annotation.json"))
    shutil.copyfile(phantom.video, folder / f"{NEW}.mp4")
    (folder / "2026-03-11-cut-short.mp4").write_bytes(phantom.video.read_bytes()[:5_000_000])


def _make_weaker(results: Path) -> None:
    """A made-up model: every score is worth four fifths."""
    lines = results.read_text("utf-8").splitlines()
    head = json.loads(lines[0].removesuffix('"frames": [').rstrip().rstrip(",") + "}")
    head["model"] |= {"name": "made-up", "version": "1", "sha256": "0" * 64}
    made = [json.dumps(head)[:-1] + ', "frames": [']
    for line in lines[1:]:
        if not line.startswith('{"file"'):
            made.append(line)
            continue
        row = json.loads(line.rstrip(","))
        for found in row["detections"]:
            found["score"] = round(found["score"] * 0.8, 4)
        row["detections"] = [found for found in row["detections"] if found["score"] >= 0.01]
        made.append(json.dumps(row) + ("," if line.endswith(",") else ""))
    name = results.name.split(".analysis-")[0] + ".analysis-made-up-1-fp32.json"
    results.with_name(name).write_text("\n".join(made) + "\n", "utf-8")
