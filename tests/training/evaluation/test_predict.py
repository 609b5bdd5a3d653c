from typing import NamedTuple

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from detector.errors import FormatError  # noqa: E402 (torch may be missing)
from detector.geometry import Letterbox, Size, as_boxes  # noqa: E402
from tests.training.evaluation.made import sample  # noqa: E402
from training.evaluation.predict import PreparedSet, predict, select  # noqa: E402


class Told(NamedTuple):
    """Raw predictions that always say one box, in which the mean of the input is the score."""

    images: torch.Tensor

    def boxes(self):
        return torch.tensor([[[8.0, 8.0, 32.0, 32.0]]]).expand(len(self.images), 1, 4)

    def scores(self):
        return (self.images.mean(dim=(1, 2, 3)) / 255).reshape(-1, 1, 1)


class Mean(torch.nn.Module):
    input_size = 64

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        assert images.dtype == torch.float32
        assert images.shape[1:] == (3, 64, 64)
        return Told(images)


def write(folder, *greys):
    samples = []
    for k, grey in enumerate(greys):
        cv2.imwrite(str(folder / f"{k}.png"), np.full((64, 128, 3), grey, np.uint8))
        samples.append(sample(f"s/{k}", image=folder / f"{k}.png", size=Size(128, 64)))
    return samples


def test_every_image_gets_its_own_answer_whatever_the_batch(tmp_path):
    samples = write(tmp_path, 0, 100, 200, 250, 30)
    data = PreparedSet.read(samples, 64)
    one, many = predict(Mean(), data, batch=2), predict(Mean(), data, batch=16)
    assert [a.scores.tolist() for a in one] == [a.scores.tolist() for a in many]
    # half of the square is padding of 114
    assert [a.scores[0] for a in one] == pytest.approx([(g + 114) / 510 for g in (0, 100, 200, 250, 30)], abs=1e-3)
    assert one[0].boxes.tolist() == [[16, 16, 64, 64]]


def test_an_image_of_another_size_than_its_label_is_refused(tmp_path):
    [made] = write(tmp_path, 50)
    with pytest.raises(FormatError, match="128x64"):
        PreparedSet.read([sample("s/0", image=made.image, size=Size(100, 64))], 64)


def test_selection_cuts_maps_back_and_suppresses():
    letterbox = Letterbox.fit(Size(200, 100), Size(100, 100))
    boxes = as_boxes([[10, 10, 40, 40], [11, 10, 41, 40], [10, 60, 40, 90], [0, 0, 20, 20]])
    found = select(boxes, np.array([0.8, 0.9, 0.7, 0.001], np.float32), letterbox)
    # the third lies in the padding, the fourth is too weak, the first is the second again
    assert found.boxes.tolist() == [[22, 20, 82, 80]]
    assert found.scores.tolist() == pytest.approx([0.9])
