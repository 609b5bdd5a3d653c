"""What live resolution costs: a test set as it is, and each picture enlarged to 1080 rows first, as a processor would.

    python -m benchmarks.upscaled --model fast [--split cvc-clinicdb] [--height 1080] [--json FILE]

Training images are at most 608 px, live video is 1080p: were the resize rule not the same at both, boxes would differ.
Boxes found in the enlarged picture are scaled back and scored against the same labels. Both passes go through the
product's own runtime; the whole call from the enlarged frame in memory to its boxes is timed on the way.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import find_model
from detector.runtime import MIN_SCORE, OnnxDetector
from detector.scoring.average_precision import average_precision
from detector.scoring.recording import Answer
from training.evaluation.data import find_data
from training.evaluation.rows import stills
from training.samples import Sample, sample_image

_PROGRESS = 100


def main(argv: Sequence[str] | None = None) -> None:
    """Score twice, print both and the loss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--variant")
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", default="public")
    parser.add_argument("--split", default="cvc-clinicdb")
    parser.add_argument("--height", type=int, default=1080, help="rows of the enlarged picture (%(default)s)")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    detector = OnnxDetector(find_model(args.model), args.provider, args.variant, args.threads)
    samples = find_data(args.data, args.split).samples
    native: list[Answer] = []
    large: list[Answer] = []
    times: list[float] = []
    for index, sample in enumerate(samples):
        image = sample_image(sample)
        native.append(found(detector, index, image))
        enlarged = enlarge(image, args.height)
        start = time.perf_counter()
        answer = found(detector, index, enlarged)
        times.append((time.perf_counter() - start) * 1e3)
        large.append(scaled_back(answer, Size.of(enlarged), Size.of(image)))
        if index % _PROGRESS == 0:
            print(f"{index} of {len(samples)}", flush=True)
    result = compared(samples, native, large)
    info = detector.info
    result |= {
        "model": f"{info.model} {info.version} {info.variant}",
        "set": args.split,
        "images": len(samples),
        "height": args.height,
        "whole_call_ms": {f"p{q}": round(float(np.percentile(times, q)), 2) for q in (50, 95, 99)},
        "threads": args.threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, {info.provider}",
    }
    print(json.dumps(result, indent=1))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def found(detector: OnnxDetector, index: int, image: np.ndarray) -> Answer:
    """Every candidate of one picture, as evaluation takes them."""
    detections = detector.detect(Frame(index, None, 0, image), MIN_SCORE)
    return Answer(detections.boxes, detections.scores)


def enlarge(image: np.ndarray, height: int) -> np.ndarray:
    """The picture with `height` rows and its aspect kept, by cubic interpolation; both sides even, as video's are."""
    width = round(image.shape[1] * height / image.shape[0] / 2) * 2
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def scaled_back(answer: Answer, have: Size, want: Size) -> Answer:
    """Boxes in the pixels of the picture that was enlarged."""
    x, y = want.width / have.width, want.height / have.height
    return Answer((answer.boxes * np.array([x, y, x, y], np.float32)).astype(np.float32), answer.scores)


def compared(samples: Sequence[Sample], native: Sequence[Answer], large: Sequence[Answer]) -> dict[str, object]:
    """AP of both and what was lost."""
    result: dict[str, object] = {}
    a, b = average_precision(stills(samples, native)), average_precision(stills(samples, large))
    assert a is not None
    assert b is not None
    for name in ("ap50", "ap50_95"):
        before, after = getattr(a, name), getattr(b, name)
        result[name] = {"native": round(before, 4), "enlarged": round(after, 4), "loss": round(before - after, 4)}
    return result


if __name__ == "__main__":
    main()
