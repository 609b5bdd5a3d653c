import numpy as np
import pytest
import torch

from detector.geometry import as_boxes
from detector.scoring.recording import Answer
from tests.training.loop.conftest import sample
from training.evaluation.figures import DevFigures
from training.loop import measure
from training.loop.distributed import World
from training.loop.measure import DevSet, score, sheet, worst_alarms, worst_misses
from training.network import build


def answer(*rows) -> Answer:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Answer(as_boxes(table[:, :4]), table[:, 4])


@pytest.fixture
def three(tmp_path):
    return [sample(tmp_path, f"d{i}", "dev", i, None if i == 2 else (40, 30, 100, 80)) for i in range(3)]


HIT, FAR = (40, 30, 100, 80), (120, 90, 150, 110)


def test_misses_are_lesions_without_a_box_and_the_emptiest_comes_first(three):
    answers = [answer((*HIT, 0.25)), answer((*FAR, 0.9)), answer()]
    assert [(w.index, round(w.badness, 2)) for w in worst_misses(three, answers, 0.3, 8)] == [(1, 1.0), (0, 0.75)]
    assert worst_misses(three, [answer((*HIT, 0.3)), answer((*HIT, 0.9)), answer()], 0.3, 8) == []
    assert len(worst_misses(three, answers, 0.3, 1)) == 1


def test_false_alarms_are_boxes_that_touch_nothing_known_and_the_surest_comes_first(three):
    answers = [answer((*HIT, 0.9), (*FAR, 0.4)), answer((*FAR, 0.2)), answer((*FAR, 0.8))]
    assert [(w.index, round(w.badness, 2)) for w in worst_alarms(three, answers, 0.3, 8)] == [(2, 0.8), (0, 0.4)]


def test_a_box_on_an_ignored_region_is_no_false_alarm(three):
    from dataclasses import replace

    marked = [replace(s, ignored=as_boxes([FAR])) for s in three]
    assert worst_alarms(marked, [answer((*FAR, 0.9))] * 3, 0.3, 8) == []


def test_the_sheet_shows_lesions_green_and_boxes_red(three):
    answers = [answer((*FAR, 0.9)), answer(), answer()]
    drawn = sheet(worst_misses(three, answers, 0.3, 2), three, answers, 0.3)
    assert drawn.shape == (320, 640, 3)
    for colour in ((0, 220, 0), (60, 60, 255)):
        assert (drawn == colour).all(axis=2).sum() > 50
    assert sheet([], three, answers, 0.3) is None


def test_the_choosing_figure_is_the_sum_of_what_it_names():
    found = DevFigures(9, 5, 0.8, 0.5, 0.3, 0.7, 0.75, 0.6, 0.65, 0.1, 4, None)
    assert score(found, "ap50+ap50_95") == pytest.approx(1.3)
    assert score(found, "f1") == 0.65


def test_shares_of_dev_come_back_in_the_order_of_the_samples(three, monkeypatch):
    network = build("fast").eval()
    shares = [DevSet(three, 64, World(rank, 2, torch.device("cpu"))) for rank in range(2)]
    monkeypatch.setattr(measure, "predict", lambda _, data: [s.name for s in data.samples])
    names = [["made/d0", "made/d2"], ["made/d1"]]
    monkeypatch.setattr(World, "gather", lambda self, value: names if value in names else None)
    for share in shares:
        assert share.answers(network) == ["made/d0", "made/d1", "made/d2"]
