"""A model folder over a set, through the product's own runtime: what the examination would have been told. No torch."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from detector.cpu import find_cores, headless_threads
from detector.errors import SourceError
from detector.frame import Frame
from detector.pipeline import analyse, team
from detector.runtime import MIN_SCORE, OnnxDetector
from detector.scoring.recording import Answer
from training.samples import Sample, sample_image

_DECODERS = 2
_AHEAD = 8
"""Images that are decoded while the network works on an earlier one: enough to hide a disk, and a bounded memory."""


def open_model(
    folder: Path, provider: str = "auto", variant: str | None = None, threads: int | None = 1
) -> OnnxDetector:
    """A model folder in the product's runtime, on one CPU thread: here every core works on an image of its own.

    Raises:
        ModelError: the folder, manifest, hash or network is not what it should be.
        ProviderError: the provider did not come up.
    """
    return OnnxDetector(folder, provider, variant, threads)


def predict_with_runtime(detector: OnnxDetector, samples: Sequence[Sample]) -> list[Answer]:
    """Every box of every image from the runtime's lowest score up, in the order of `samples`.

    Images are decoded ahead in threads, and as many are analysed at once as there are cores (`detector.pipeline`); on a
    CPU each goes through the network alone, as in use, so that the answers are those of frame by frame.

    Raises:
        SourceError: an image is missing or cannot be decoded: a set with a hole in it is not scored.
        FormatError: an image is not of its labelled size.
        ProviderError: the runtime failed.
    """
    for sample in samples:
        if not sample.image.is_file():  # now, and not after an hour
            raise SourceError(f"{sample.image} is missing.", "Restore the file or leave its data set out.")
    workers = headless_threads(find_cores())
    found = []
    with closing(analyse(_frames(samples), team(detector, workers), MIN_SCORE)) as analysed:
        for one in tqdm(analysed, total=len(samples), desc=detector.info.model, unit="image", disable=None):
            found.append(Answer(one.detections.boxes, one.detections.scores))
    return found


def _frames(samples: Sequence[Sample]) -> Iterator[tuple[None, Frame]]:
    with closing(decoded(samples)) as images:
        for i, (sample, image) in enumerate(zip(samples, images, strict=True)):
            yield None, Frame(i, None, 0, image, sample.name)


def decoded(samples: Sequence[Sample]) -> Generator[npt.NDArray[np.uint8], None, None]:
    """The images of `samples` in order, a few decoded ahead."""
    with ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode") as pool:
        waiting: deque[Future[npt.NDArray[np.uint8]]] = deque()
        try:
            for sample in samples:
                waiting.append(pool.submit(sample_image, sample))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
