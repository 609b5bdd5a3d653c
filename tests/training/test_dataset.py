import numpy as np
import torch

from detector.geometry import Size
from tests.training.miniature import scene
from training.augment import Picture
from training.dataset import Draw, Plan, Schedule, TrainingSet, batches
from training.importers import Sample, mask_to_boxes
from training.losses import Targets


def made_up(tmp_path, count=30):
    samples, pictures = [], []
    for i in range(count):
        image, mask = scene(i, box=None if i % 3 == 0 else (30, 20, 100, 90))
        boxes, outlines = mask_to_boxes(mask)
        source = "kvasir-seg" if i % 2 else "polypgen"
        samples.append(Sample(f"s/{i}", tmp_path / "x", source, "", Size.of(image), boxes, outlines))
        pictures.append(Picture(image, outlines))
    return samples, pictures


def test_every_set_counts_and_negatives_have_their_share(tmp_path):
    samples, _ = made_up(tmp_path, 300)
    plan = Plan(samples, seed=1)
    drawn = [samples[plan.sample(i)] for i in range(10 * plan.length)]
    assert 0.10 <= np.mean([s.negative for s in drawn]) <= 0.15
    sources = [s.source for s in drawn if not s.negative]
    assert 0.4 < np.mean([s == "polypgen" for s in sources]) < 0.6
    assert len({s.name for s in drawn}) == len(samples)


def test_the_nth_draw_is_always_the_same(tmp_path):
    samples, pictures = made_up(tmp_path)
    one = TrainingSet(pictures, Plan(samples, 7), "plain")
    two = TrainingSet(pictures, Plan(samples, 7), "plain")
    two[Draw(3, 64, False)]  # what was asked before does not matter
    for number in (40, 2):
        a, b = one[Draw(number, 64, False)], two[Draw(number, 64, False)]
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])


def test_threads_give_the_same_batches_in_the_same_order(tmp_path):
    samples, pictures = made_up(tmp_path)
    data = TrainingSet(pictures, Plan(samples, 7), "plain")
    found = []
    for threads in (0, 3):
        stream = batches(data, Schedule(7, 4, first=8, sizes=(64, 96)), threads)
        found.append([next(stream) for _ in range(6)])
        stream.close()
    for a, b in zip(*found, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.targets.boxes, b.targets.boxes)
    assert {batch.images.shape[-1] for batch in found[0]} == {64, 96}


def test_targets_of_images_without_boxes_have_a_shape():
    targets = Targets.pad([torch.zeros(0, 4), torch.zeros(0, 4)])
    assert targets.boxes.shape == (2, 1, 4)
    assert not targets.valid.any()
