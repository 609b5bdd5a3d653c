"""The engine with pre-processing on the host: nothing of a picture's size is made anew for a frame."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from detector.frame import Frame
from detector.runtime import OnnxDetector
from tests.tiny_models import red_patch_network, write_model


@pytest.fixture
def detector(tmp_path: Path) -> OnnxDetector:
    return OnnxDetector(write_model(tmp_path / "tiny", red_patch_network()), "cpu", threads=1)


def frames(count: int) -> list[Frame]:
    rng = np.random.default_rng(1)
    return [Frame(n, None, 0, rng.integers(0, 256, (1080, 1920, 3), np.uint8)) for n in range(count)]


def test_from_the_second_frame_on_no_array_of_a_pictures_size_is_made(detector: OnnxDetector) -> None:
    first, second = frames(2)
    detector.detect(first)
    tracemalloc.start()
    try:
        detector.detect(second)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15_000, peak  # a channel of the network's input has 20,480 pixels, a frame 2,073,600


def test_several_frames_are_those_of_one_by_one_with_arrays_of_their_own(detector: OnnxDetector) -> None:
    images = [frame.image for frame in frames(3)]
    for image, x in zip(images, (100, 500, 900), strict=True):
        image.flags.writeable = True
        image[300:600, x : x + 400] = (20, 30, 230)
    several = detector.detect_many([Frame(n, None, 0, image) for n, image in enumerate(images)])
    assert [found.frame_index for found in several] == [0, 1, 2]
    assert len({found.boxes.tobytes() for found in several}) == 3
    for found, image in zip(several, images, strict=True):
        assert found.boxes.tobytes() == detector.detect(Frame(0, None, 0, image)).boxes.tobytes()


def test_a_twin_has_a_blob_of_its_own_and_the_same_answers(detector: OnnxDetector) -> None:
    twin = detector.twin()
    assert twin is not None
    (frame,) = frames(1)
    ours, theirs = detector.detect(frame, 0.01), twin.detect(frame, 0.01)
    assert ours.boxes.tobytes() == theirs.boxes.tobytes()
    assert ours.scores.tobytes() == theirs.scores.tobytes()
    assert twin.info == detector.info
    assert not np.shares_memory(detector._engine._blob.array, twin._engine._blob.array)
