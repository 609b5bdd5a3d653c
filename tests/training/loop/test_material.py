from dataclasses import replace

import numpy as np
import pytest

from detector.errors import FormatError, UsageError
from tests.training.loop.conftest import SOURCE, sample
from training.catalog import Catalog, write_catalog
from training.loop.config import make_config
from training.loop.material import check, gather, read_ingredients, write_ingredients


def of(samples) -> Catalog:
    return Catalog.of([SOURCE], samples)


def test_a_catalog_without_a_split_is_refused(samples):
    with pytest.raises(UsageError, match=r"has no train split.*polypwatch-train split"):
        check(of([replace(s, split="") for s in samples]), "c.jsonl")
    with pytest.raises(UsageError, match="has no dev split"):
        check(of([s for s in samples if s.split == "train"]), "c.jsonl")


def test_samples_of_which_nothing_is_known_are_refused(samples):
    nothing = replace(samples[2], known=False, boxes=samples[0].boxes, outlines=())
    with pytest.raises(UsageError, match=r"of 1 samples .* nothing is known, the first made/t2"):
        check(of([*samples[:2], nothing, *samples[3:]]), "c.jsonl")


def test_a_dev_split_without_a_polyp_can_choose_nothing(samples):
    bare = [replace(s, boxes=np.zeros((0, 4), np.float32), outlines=()) if s.split == "dev" else s for s in samples]
    with pytest.raises(UsageError, match="no polyp at all"):
        check(of(bare), "c.jsonl")


@pytest.mark.parametrize("side", ["dev", "test:far"])
def test_one_image_on_both_sides_is_refused(samples, side):
    twin = replace(samples[1], name="made/other", split=side)
    with pytest.raises(UsageError, match=rf"one image is in train \(made/t1\) and in {side} \(made/other\)"):
        check(of([*samples, twin]), "c.jsonl")


@pytest.mark.parametrize("what", ["patient", "sequence"])
def test_one_patient_or_sequence_on_both_sides_is_refused(samples, what):
    split = [replace(s, **{what: "p1"}) if s.name in {"made/t1", "made/d1"} else s for s in samples]
    with pytest.raises(UsageError, match=r"one patient or sequence is in train \(made/t1\) and in dev \(made/d1\)"):
        check(of(split), "c.jsonl")


def test_dev_and_a_test_set_may_not_share_an_image_either(samples):
    twin = replace(samples[-1], name="made/other", split="test:far")
    with pytest.raises(UsageError, match="one image is in dev"):
        check(of([*samples, twin]), "c.jsonl")


def test_a_sample_without_a_hash_is_refused(samples):
    with pytest.raises(UsageError, match="made/t0 has no image hash"):
        check(of([replace(samples[0], image_sha256=""), *samples[1:]]), "c.jsonl")


@pytest.fixture
def old(tmp_path, samples):
    """An older catalog: two images of its own, one that the new one has, too, and a dev image."""
    (tmp_path / "old").mkdir()
    mine = [sample(tmp_path / "old", f"o{i}", "train", 90 + i) for i in range(2)]
    mine.append(replace(samples[1], name="made/renamed"))
    return [*mine, sample(tmp_path / "old", "od", "dev", 95)]


def gathered(tmp_path, settings, old):
    write_catalog(of(old), tmp_path / "old.jsonl")
    return gather(make_config(settings, {"replay": {"catalog": str(tmp_path / "old.jsonl"), "share": 0.4}}))


def test_what_is_replayed_comes_after_what_is_new_and_never_twice(tmp_path, settings, old):
    found = gathered(tmp_path, settings, old)
    assert [s.name for s in found.train] == [*(f"made/t{i}" for i in range(5)), "made/o0", "made/o1"]
    assert (found.replayed, found.dropped) == (2, 1)
    assert {s.name for s in found.dev} == {"made/d0", "made/d1", "made/d2"}
    write_ingredients(found, tmp_path)
    again = read_ingredients(tmp_path)
    assert [s.name for s in again.train] == [s.name for s in found.train]
    assert again.sha256 == found.sha256


def test_replaying_what_is_held_out_now_is_refused(tmp_path, settings, samples, old):
    twin = replace(samples[-1], name="made/old-dev", split="train")
    with pytest.raises(UsageError, match=r"one image is in train \(made/old-dev\) and in dev"):
        gathered(tmp_path, settings, [*old, twin])


def test_training_on_what_the_older_catalog_held_out_is_refused(tmp_path, settings, samples, old):
    twin = replace(samples[2], name="made/old-test", split="test:far")
    with pytest.raises(UsageError, match=r"one image is in train \(made/t2\) and in test:far"):
        gathered(tmp_path, settings, [*old, twin])


def test_a_folder_without_a_catalog_is_no_run(tmp_path):
    with pytest.raises(FormatError, match="not the folder of a run"):
        read_ingredients(tmp_path)


@pytest.mark.parametrize("start", ["earlier", "earlier/best.safetensors"])
def test_weights_that_have_seen_what_is_held_out_now_are_no_start(tmp_path, settings, samples, start):
    run = tmp_path / "earlier"
    run.mkdir()
    for name in ("run.json", "best.safetensors"):
        (run / name).write_text("")
    write_catalog(of(samples), run / "catalog.jsonl")
    config = make_config(settings, {"start": str(tmp_path / start)})
    assert len(gather(config).train) == 5
    write_catalog(of([replace(samples[-1], name="made/renamed", split="train"), *samples[:-1]]), run / "catalog.jsonl")
    with pytest.raises(UsageError, match=r"earlier, whose weights are the start: one image is in train .* and in dev"):
        gather(config)
