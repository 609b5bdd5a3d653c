import pytest
import torch

from training.data.targets import Targets
from training.loop.losses import assign, detection_loss, giou, in_regions
from training.network import Raw, build


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build("fast")


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


def with_region(raw: Raw, region: list[float]) -> Targets:
    return Targets.pad([torch.zeros(0, 4)] * len(raw.obj), [torch.tensor([region])] * len(raw.obj))


def test_a_point_is_in_a_region_if_its_centre_is(model):
    raw = model(torch.zeros(1, 3, 64, 64))
    inside = in_regions(raw, torch.tensor([[[4.0, 4.0, 12.0, 13.0], [0.0, 0.0, 0.0, 0.0]]]))
    # Centres at stride 8 are at 4, 12, 20 ...; 4 is inside, 12 is not in x (half-open) but is in y.
    points = ((raw.cells + 0.5) * raw.strides[:, None])[inside[0]]
    assert points.tolist() == [[4.0, 4.0], [4.0, 12.0], [8.0, 8.0]]


def test_an_ignored_region_gives_no_objectness_loss_and_the_rest_does(model):
    raw = model(torch.zeros(1, 3, 64, 64))
    raw = raw._replace(obj=raw.obj.detach().requires_grad_())
    region = [0.0, 0.0, 32.0, 64.0]
    detection_loss(raw, with_region(raw, region), use_l1=True).total.backward()
    ignored = in_regions(raw, torch.tensor([[region]]))
    assert ignored.any()
    assert (raw.obj.grad[ignored] == 0).all()
    assert (raw.obj.grad[~ignored] > 0).all()


def test_a_lesion_inside_an_ignored_region_still_teaches(model):
    raw = model(torch.zeros(1, 3, 64, 64))
    raw = raw._replace(obj=raw.obj.detach().requires_grad_())
    box = torch.tensor([[16.0, 16.0, 48.0, 48.0]])
    found = detection_loss(raw, Targets.pad([box], [torch.tensor([[0.0, 0.0, 64.0, 64.0]])]), use_l1=False)
    found.total.backward()
    assert found.positives > 0
    assert (raw.obj.grad < 0).sum() == found.positives
    assert (raw.obj.grad > 0).sum() == 0


def test_half_precision_predictions_give_a_float32_loss(model):
    raw = model(torch.zeros(1, 3, 64, 64))
    half = raw._replace(reg=raw.reg.bfloat16(), obj=raw.obj.bfloat16(), cls=raw.cls.bfloat16())
    targets = Targets.pad([torch.tensor([[16.0, 16.0, 48.0, 48.0]])])
    found = detection_loss(half, targets, use_l1=True)
    assert found.total.dtype == torch.float32
    assert torch.isfinite(found.total)
    torch.testing.assert_close(found.total, detection_loss(raw, targets, use_l1=True).total, rtol=0.05, atol=0.05)


def test_two_halves_of_a_batch_give_the_loss_of_the_whole(model):
    raw = model(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 255)
    boxes = [torch.tensor([[16.0, 16.0, 48.0, 48.0]]), torch.tensor([[8.0, 8.0, 20.0, 20.0], [30.0, 30.0, 60.0, 60.0]])]
    whole = detection_loss(raw, Targets.pad(boxes), use_l1=True)
    mean = whole.positives / 2
    parts = [
        detection_loss(
            raw._replace(reg=raw.reg[i : i + 1], obj=raw.obj[i : i + 1], cls=raw.cls[i : i + 1]),
            Targets.pad([boxes[i]]),
            True,
            lambda _: mean,
        )
        for i in range(2)
    ]
    torch.testing.assert_close((parts[0].total + parts[1].total) / 2, whole.total)


def test_giou_of_equal_far_and_nested_boxes():
    a = torch.tensor([[0.0, 0.0, 10.0, 10.0]]).repeat(3, 1)
    b = torch.tensor([[0.0, 0.0, 10.0, 10.0], [90.0, 0.0, 100.0, 10.0], [0.0, 0.0, 5.0, 10.0]])
    assert torch.allclose(giou(a, b), torch.tensor([1.0, -0.8, 0.5]), atol=1e-5)
