"""How well the picture area is found on screens whose truth is known, and what preparing a picture costs.

    python -m benchmarks.picture_area [--quick] [--json FILE]

Frames of the bundled phantom are cut to their octagon, laid into made-up processor screens (text, a clock, a green
scope-position inset, a second small picture), given noise and JPEG's blocks, and searched. The truth is exact. Real
sequences (POLYPWATCH_DATA) have none: for them it is listed what was found, to be looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom import bundled
from benchmarks.tables import machine, table
from detector.decode import decode_frames
from detector.geometry import Size
from detector.picture.area import Area, AreaFinder, FoundArea
from detector.picture.glance import glance
from detector.picture.interlace import InterlaceDetector, bob, field_evidence

Image = npt.NDArray[np.uint8]
Timed = Iterator[tuple[Image, float]]

# Screen size and where the picture lies on it: as the common processors arrange theirs.
_SCREENS = {
    "1080p, picture right": (Size(1920, 1080), Area(640, 20, 1244, 1040)),
    "1080p, picture in the middle": (Size(1920, 1080), Area(350, 4, 1220, 1070)),
    "1280 x 1024": (Size(1280, 1024), Area(240, 40, 1000, 940)),
    "PAL": (Size(720, 576), Area(140, 20, 560, 530)),
    "720p, small picture": (Size(1280, 720), Area(420, 120, 560, 480)),
}
_SAMPLES = 60
_STARTS_S = (8.0, 25.0, 45.0, 65.0)
_BLACK = 24


def main(argv: Sequence[str] | None = None) -> None:
    """Search, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="one beginning instead of four, fewer repeats, no real sequences"
    )
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    before = machine()
    made = [_searched(start) for start in _STARTS_S[: 1 if args.quick else None]]
    screens = [_summary(name, [m[name] for m in made]) for name in _SCREENS]
    real = [] if args.quick else [_real(name, frames) for name, frames in _sequences()]
    costs = _costs(20 if args.quick else 100)
    print(table(("screen", "found", "IoU mean", "IoU least", "seconds"), [_row(s) for s in screens], args.markdown))
    for item in real:
        print(f"{item['name']}: {item['area'] or item['reason']}, confidence {item['confidence']}")
    print("; ".join(f"{name} {ms:.2f} ms" for name, ms in costs.items()))
    if args.json:
        result = {"machine": before, "screens": screens, "real": real, "costs_1080p_ms": costs}
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _searched(start_s: float) -> dict[str, tuple[float, float]]:
    """Per screen the IoU (0 if refused) and the seconds of film that the search took."""
    frames = [f.image for f in decode_frames(bundled().video, lambda _, t: start_s <= t < start_s + 15, whole=False)][
        ::5
    ]
    octagon = _lit(frames)
    result = {}
    for name, (size, truth) in _SCREENS.items():
        finder, found, used = AreaFinder(size), None, 0
        for number, image in enumerate(frames[:_SAMPLES]):
            used = number
            found = finder.update(_screen(octagon.of(image), size, truth, number), number / 5)
            if found is not None:
                break
        area = (found or finder.guess()).area if found else None
        result[name] = (area.iou(truth) if area else 0.0, used / 5)
    return result


def _lit(frames: Sequence[Image]) -> Area:
    """The octagon of the film: what is ever brighter than its border."""
    lit = np.max([frame.max(axis=2) for frame in frames], axis=0) > _BLACK
    across, down = np.flatnonzero(lit.mean(axis=0) > 0.02), np.flatnonzero(lit.mean(axis=1) > 0.02)
    return Area(int(across[0]), int(down[0]), int(np.ptp(across)) + 1, int(np.ptp(down)) + 1)


def _screen(picture: Image, size: Size, truth: Area, number: int) -> Image:
    image = np.full((size.height, size.width, 3), 14, np.uint8)
    letters = size.height / 900
    for line in range(6):
        where = (int(12 * letters), int((60 + 40 * line) * letters))
        cv2.putText(image, "XXXXXXXX 00", where, cv2.FONT_HERSHEY_SIMPLEX, letters, (220, 220, 220), 2)
    clock = f"12:00:{number // 5:02d}"
    cv2.putText(image, clock, (12, int(330 * letters)), cv2.FONT_HERSHEY_SIMPLEX, letters, (220, 220, 220), 2)
    inset = int(0.13 * size.width)
    image[-inset:, :inset] = (150, 180, 40)
    cv2.line(image, (inset // 2, size.height), (inset // 2 + number % 20, size.height - inset // 2), (60, 90, 20), 3)
    small = cv2.resize(picture, (inset // 2, inset // 2))
    image[int(0.45 * size.height) :][: inset // 2, 10 : 10 + inset // 2] = small
    place = image[truth.y : truth.y + truth.height, truth.x : truth.x + truth.width]
    laid = cv2.resize(picture, truth.size, interpolation=cv2.INTER_AREA)
    np.copyto(place, laid, where=(laid.max(axis=2) > _BLACK // 2)[..., None])
    noise = np.random.default_rng(number).normal(0, 1.5, image.shape)
    noisy = np.clip(image + noise, 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _sequences() -> Iterator[tuple[str, Timed]]:
    root = Path(os.environ.get("POLYPWATCH_DATA", Path(__file__).parents[2] / "shared" / "data"))
    for clip in sorted((root / "clips").glob("*.mp4")):
        yield clip.stem, ((f.image, f.time_s) for f in decode_frames(clip))
    for folder in sorted((root / "polypgen_negseq" / "images").glob("seq*")):
        files = sorted(folder.glob("*.jpg"), key=lambda file: [int(n) for n in re.findall(r"\d+", file.stem)])
        yield folder.name, ((np.asarray(cv2.imread(str(f)), np.uint8), 0.2 * n) for n, f in enumerate(files))


def _real(name: str, frames: Timed) -> dict[str, Any]:
    finder: AreaFinder | None = None
    found: FoundArea | None = None
    for image, seconds in frames:
        finder = finder or AreaFinder(Size.of(image))
        if Size.of(image) == finder.size and (found := finder.update(image, seconds)) is not None:
            break
    decided = found or FoundArea(None, 0.0, "too short to decide")
    full = list(finder.size) if finder else None
    area = list(decided.area) if decided.area else None
    return {
        "name": name,
        "full": full,
        "area": area,
        "confidence": round(decided.confidence, 2),
        "reason": decided.reason,
    }


def _costs(repeats: int) -> dict[str, float]:
    """Median milliseconds of processor time of each step at 1080p, one thread."""
    frames = [f.image for f in decode_frames(bundled().video, range(200, 203), whole=False)]
    old, new, other = (cv2.resize(f, (1920, 1080)) for f in frames)
    small = np.asarray(cv2.resize(new, (416, 234)), np.uint8)
    finder, watch = AreaFinder(Size(1920, 1080)), InterlaceDetector()
    clock = iter(range(10_000))
    steps: dict[str, Callable[[], object]] = {
        "fields of a pair": lambda: field_evidence(old, new),
        "fields, once decided": lambda: watch.update(new if next(clock) % 2 else other),
        "bob, one field": lambda: bob(new, top=True),
        "one sample of the area": lambda: finder.update(new if next(clock) % 2 else other, float(next(clock))),
        "glance": lambda: glance(new),
        "glance from 416 px": lambda: glance(small),
    }
    return {name: _median_ms(step, repeats) for name, step in steps.items()}


def _median_ms(step: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        start = time.thread_time_ns()
        step()
        taken.append((time.thread_time_ns() - start) / 1e6)
    return round(float(np.median(taken)), 2)


def _summary(name: str, results: Sequence[tuple[float, float]]) -> dict[str, Any]:
    overlaps = [iou for iou, _ in results if iou > 0]
    return {
        "screen": name,
        "searches": len(results),
        "found": len(overlaps),
        "iou_mean": round(float(np.mean(overlaps)), 3) if overlaps else None,
        "iou_least": round(min(overlaps), 3) if overlaps else None,
        "seconds": max(seconds for _, seconds in results),
    }


def _row(s: dict[str, Any]) -> list[str]:
    return [s["screen"], f"{s['found']} of {s['searches']}", *(str(s[k]) for k in ("iou_mean", "iou_least", "seconds"))]


if __name__ == "__main__":
    main()
