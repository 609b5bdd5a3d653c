import threading
from dataclasses import replace

import numpy as np
import pytest

from detector.errors import FormatError, SourceError
from detector.frame import Frame
from detector.geometry import Size
from detector.runtime import MIN_SCORE
from tests.training.evaluation.made import sample, write_red_model, write_red_patches
from training.evaluation import runtime
from training.evaluation.runtime import decoded, open_model, predict_with_runtime
from training.samples import sample_image


@pytest.fixture
def samples(tmp_path):
    folder = write_red_patches(tmp_path / "set") / "images"
    return [sample(f"s/{p.stem}", image=p, size=Size(150, 120)) for p in sorted(folder.iterdir())] * 5


def test_answers_are_those_of_frame_by_frame(tmp_path, samples):
    detector = open_model(write_red_model(tmp_path / "model"), "cpu")
    found = predict_with_runtime(detector, samples)
    for s, ours in zip(samples, found, strict=True):
        alone = detector.detect(Frame(0, None, 0, sample_image(s)), MIN_SCORE)
        assert np.array_equal(ours.boxes, alone.boxes)
        assert np.array_equal(ours.scores, alone.scores)
    assert [len(a.boxes) for a in found[:4]] == [1, 1, 1, 0]


def test_images_come_in_order_and_only_a_few_are_decoded_ahead(samples, monkeypatch):
    begun = []
    lock = threading.Lock()

    def slow(s):
        with lock:
            begun.append(s.name)
        return np.full((1, 1, 3), len(begun), np.uint8)

    monkeypatch.setattr(runtime, "sample_image", slow)
    images = decoded(samples)
    next(images)
    assert len(begun) <= 8
    assert len(list(images)) == len(samples) - 1
    assert sorted(begun) == sorted(s.name for s in samples)


def test_a_missing_image_is_said_before_the_first_is_looked_at(tmp_path, samples, monkeypatch):
    monkeypatch.setattr(runtime, "decoded", None)
    gone = sample("s/gone", image=tmp_path / "gone.png", size=Size(150, 120))
    detector = open_model(write_red_model(tmp_path / "model"), "cpu")
    with pytest.raises(SourceError, match=r"gone\.png"):
        predict_with_runtime(detector, [*samples, gone])


def test_no_images_no_answers(tmp_path):
    assert predict_with_runtime(open_model(write_red_model(tmp_path / "model"), "cpu"), []) == []


def test_an_image_that_was_exchanged_after_the_import_is_refused(samples):
    with pytest.raises(FormatError, match="has changed since it was imported"):
        list(decoded([samples[0], replace(samples[1], image_sha256="0" * 64), *samples]))
    assert not [t for t in threading.enumerate() if t.name.startswith("decode")]
