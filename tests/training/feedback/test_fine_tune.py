import dataclasses

import cv2
import pytest
import torch

from detector.errors import ModelError, UsageError
from detector.geometry import Size, as_boxes
from tests.training.miniature import scene
from training.catalog import Catalog, write_catalog
from training.catalog.store import image_sha256
from training.feedback.fine_tune import find_weights, fine_tune, joined_data, oversampling
from training.loop.material import read_ingredients
from training.loop.run_folder import read_run
from training.network import build, save_weights
from training.samples import Sample, SourceInfo, corners

OLD = SourceInfo("old", "CC0-1.0", True, "Old, 2020")
NEW = SourceInfo("new", "internal", False, "")
SMALL = {
    "batch": 4,
    "sizes": [32, 64],
    "augment": "plain",
    "device": "cpu",
    "threads": 1,
    "workers": 0,
    "evaluations": 1,
    "log_steps": 2,
    "tensorboard": False,
    "budget": "2 steps",
}


def sample(folder, source, name, split, seed):
    image, _ = scene(seed)
    path = folder / f"{source.name}-{name}.png"
    cv2.imwrite(str(path), image)
    boxes = as_boxes([(40, 30, 100, 80)])
    made = Sample(f"{source.name}/{name}", path, source.name, Size.of(image), boxes, corners(boxes), split=split)
    return dataclasses.replace(made, image_sha256=image_sha256(path))


@pytest.fixture
def old(tmp_path):
    splits = ["train"] * 4 + ["dev"] * 2 + ["test:own"]
    return Catalog.of([OLD], [sample(tmp_path, OLD, f"{i}", s, i) for i, s in enumerate(splits)])


@pytest.fixture
def new(tmp_path):
    return Catalog.of([NEW], [sample(tmp_path, NEW, f"{i}", "", 50 + i) for i in range(3)])


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "begin.safetensors"
    save_weights(build("fast"), path)
    return path


def test_unsplit_new_data_is_learned_from_and_the_old_dev_chooses(old, new):
    data = joined_data(new, old)
    assert {s.name for s in data.split("train").samples} == {"new/0", "new/1", "new/2"}
    assert {s.name for s in data.split("dev").samples} == {"old/4", "old/5"}
    assert "test:own" not in data.splits


def test_dev_of_both_measures_so_that_forgetting_shows(old, new):
    cut = Catalog.of(
        [NEW], [dataclasses.replace(s, split="dev" if s.name == "new/0" else "train") for s in new.samples]
    )
    assert {s.name for s in joined_data(cut, old).split("dev").samples} == {"new/0", "old/4", "old/5"}


def test_nothing_to_learn_from_or_to_choose_by_is_refused(old, new):
    with pytest.raises(UsageError, match="nothing to learn from"):
        joined_data(old.split("test:own"), old)
    with pytest.raises(UsageError, match="no dev split"):
        joined_data(new, old.split("train"))
    other = Catalog.of([dataclasses.replace(OLD, licence="other")], old.split("train").samples)
    with pytest.raises(UsageError, match="describe old differently"):
        joined_data(other, old)


def test_a_model_folder_without_torch_weights_says_what_to_name(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ModelError, match="Name the folder of the run"):
        find_weights(str(tmp_path))


def test_how_often_a_new_image_is_drawn_follows_from_share_and_counts():
    assert oversampling(100, 100, 0.5) == 1
    assert oversampling(10, 1000, 0.75) == pytest.approx(100 / 3)
    assert oversampling(0, 10, 0.5) == 1


def test_several_processes_are_refused_before_they_write_one_file(old, new, weights, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="one process"):
        fine_tune(str(weights), "new.jsonl", "old.jsonl", 0.5, tmp_path / "run", SMALL)


def test_fine_tuning_replays_the_old_and_carries_the_licences_on(old, new, weights, tmp_path):
    write_catalog(old, tmp_path / "old.jsonl")
    write_catalog(new, tmp_path / "new.jsonl")
    names = [str(tmp_path / n) for n in ("new.jsonl", "old.jsonl")]
    run = fine_tune(str(weights), *names, 0.7, tmp_path / "one", SMALL)
    assert run.result.step == 2
    assert run.config["replay"]["share"] == 0.7
    assert run.config["lr"] == pytest.approx(0.0003)
    found = read_ingredients(tmp_path / "one")
    assert (found.replayed, len(found.dev)) == (4, 2)
    fine_tune(str(tmp_path / "one"), *names, 0.5, tmp_path / "two", SMALL)
    assert {x.name for x in read_run(tmp_path / "two").start.licences} == {"old", "new"}
    with pytest.raises(UsageError, match="already holds a run"):
        fine_tune(str(weights), *names, 0.5, tmp_path / "two", SMALL)
