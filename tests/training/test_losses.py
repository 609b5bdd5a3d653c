import pytest
import torch

from training.losses import Targets, assign, detection_loss, giou
from training.yolox import YoloxNano


@pytest.fixture
def model():
    torch.manual_seed(0)
    return YoloxNano()


def test_a_box_is_answered_for_near_its_centre(model):
    raw = model(torch.zeros(1, 3, 128, 128))
    targets = Targets.pad([torch.tensor([[30.0, 40.0, 90.0, 100.0]])])
    found = assign(raw, raw.boxes(), targets)
    assert 1 <= int(found.positive.sum()) <= 10
    points = ((raw.cells + 0.5) * raw.strides[:, None])[found.positive[0]]
    assert ((points > torch.tensor([30.0, 40.0])) & (points < torch.tensor([90.0, 100.0]))).all()


def test_the_smallest_box_still_gets_a_point(model):
    raw = model(torch.zeros(1, 3, 128, 128))
    found = assign(raw, raw.boxes(), Targets.pad([torch.tensor([[61.0, 61.0, 64.5, 64.5]])]))
    assert int(found.positive.sum()) >= 1


def test_two_touching_boxes_share_their_points(model):
    raw = model(torch.zeros(1, 3, 128, 128))
    boxes = torch.tensor([[20.0, 40.0, 60.0, 100.0], [60.0, 40.0, 100.0, 100.0]])
    found = assign(raw, raw.boxes(), Targets.pad([boxes]))
    assert set(found.box[found.positive].tolist()) == {0, 1}
    columns = ((raw.cells + 0.5) * raw.strides[:, None])[:, 0].expand_as(found.box)
    assert (columns[found.positive & (found.box == 0)] < 60 + 32).all()
    assert (found.iou[found.positive] >= 0).all()


def test_images_without_polyps_teach_objectness_alone(model):
    raw = model(torch.zeros(2, 3, 64, 64))
    found = detection_loss(raw, Targets.pad([torch.zeros(0, 4)] * 2), use_l1=True)
    assert found.positives == 0
    assert found.obj > 0
    assert found.box == found.cls == found.l1 == 0
    found.total.backward()


def test_giou_of_equal_far_and_nested_boxes():
    a = torch.tensor([[0.0, 0.0, 10.0, 10.0]]).repeat(3, 1)
    b = torch.tensor([[0.0, 0.0, 10.0, 10.0], [90.0, 0.0, 100.0, 10.0], [0.0, 0.0, 5.0, 10.0]])
    assert torch.allclose(giou(a, b), torch.tensor([1.0, -0.8, 0.5]), atol=1e-5)
