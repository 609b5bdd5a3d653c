from dataclasses import replace

import numpy as np
import pytest
import torch

from detector.geometry import Size
from tests.training.miniature import scene
from training.data.augment import Picture
from training.data.dataset import Draw, Pictures, Plan, Schedule, TrainingSet, batches
from training.data.targets import Targets
from training.importers.mask_files import mask_to_boxes
from training.samples import Sample, corners


def made_up(tmp_path, count=30):
    samples, pictures = [], []
    for i in range(count):
        image, mask = scene(i, box=None if i % 3 == 0 else (30, 20, 100, 90))
        boxes, outlines = mask_to_boxes(mask)
        source = "kvasir-seg" if i % 2 else "polypgen"
        samples.append(Sample(f"s/{i}", tmp_path / "x.png", source, Size.of(image), boxes, outlines))
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


def test_hard_examples_are_drawn_more_often_than_their_neighbours(tmp_path):
    samples, _ = made_up(tmp_path, 300)
    samples = [replace(s, facts={"hard": "miss"}) if i in (1, 4, 6) else s for i, s in enumerate(samples)]
    plan = Plan(samples, seed=1, hard_weight=4)
    counts = np.bincount([plan.sample(i) for i in range(30 * plan.length)], minlength=300)
    ordinary = [i for i in range(300) if i % 3 and i % 2 and i not in (1, 4, 6)]
    assert 3.5 < counts[1] / counts[ordinary].mean() < 4.5
    same = [i for i in range(0, 300, 6) if i != 6]
    assert 3.5 < counts[6] / counts[same].mean() < 4.5  # false alarms are negatives, and stay within their share
    drawn = [samples[plan.sample(i)].negative for i in range(plan.length)]
    assert 0.10 <= np.mean(drawn) <= 0.15
    with pytest.raises(ValueError, match="at least once"):
        Plan(samples, seed=1, hard_weight=0)


def test_hard_examples_count_among_replayed_ones_too(tmp_path):
    samples, _ = made_up(tmp_path, 60)
    samples = [replace(s, facts={"hard": "false-alarm"}) if i == 40 else s for i, s in enumerate(samples)]
    plan = Plan(samples, seed=1, replayed=30, replay_share=0.5)
    drawn = [plan.sample(i) for i in range(20 * plan.length)]
    counts = np.bincount(drawn, minlength=60)
    assert 0.45 < np.mean(np.array(drawn) >= 30) < 0.55
    same = [i for i in range(30, 60) if i % 3 and i % 2 == 0 and i != 40]
    assert 2.5 < counts[40] / counts[same].mean() < 3.5


def test_the_other_pictures_of_a_mosaic_follow_the_plan(tmp_path):
    samples, pictures = made_up(tmp_path)
    asked = []

    class Asked(list):
        def __getitem__(self, index):
            asked.append(index)
            return pictures[index]

    data = TrainingSet(Asked(pictures), Plan(samples, 7, negative_share=0.0), {"kind": "plain", "mosaic": 1.0})
    for number in range(40):
        data[Draw(number, 64, False)]
    assert len(asked) == 160
    assert not any(samples[i].negative for i in asked)


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
    data = TrainingSet(pictures, Plan(samples, 7), "full")
    found = []
    for threads in (0, 3):
        stream = batches(data, Schedule(7, 4, first=8, sizes=(64, 96)), threads)
        found.append([next(stream) for _ in range(6)])
        stream.close()
    for a, b in zip(*found, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.targets.boxes, b.targets.boxes)
    assert {batch.images.shape[-1] for batch in found[0]} == {64, 96}


def test_pictures_are_kept_until_the_memory_that_was_allowed_is_used(samples):
    one = Pictures(samples)[0].image.nbytes
    held = Pictures(samples, keep_bytes=2 * one)
    first = [held[i] for i in range(len(samples))]
    assert [held[i] is first[i] for i in range(len(samples))] == [True, True] + [False] * (len(samples) - 2)


def test_regions_to_ignore_reach_the_targets(samples):
    region = np.array([[10, 10, 60, 50]], np.float32)
    pictures = Pictures([replace(samples[1], ignored=region)])
    assert np.array_equal(pictures[0].ignored[0], corners(region)[0])
    _, _, ignored = TrainingSet(pictures, Plan([samples[1]], 1), "off")[Draw(0, 160, False)]
    assert torch.allclose(ignored, torch.from_numpy(region), atol=0.01)


def test_targets_of_images_without_boxes_have_a_shape():
    targets = Targets.pad([torch.zeros(0, 4), torch.zeros(0, 4)])
    assert targets.boxes.shape == (2, 1, 4)
    assert not targets.valid.any()
