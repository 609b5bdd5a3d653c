import pytest

from detector.errors import SourceError, UsageError
from tests.training.evaluation.made import HERE, sample, write_red_patches
from training.catalog import Catalog, SplitNote
from training.evaluation.data import find_data, part_of
from training.samples import SourceInfo

SOURCE = SourceInfo("made-up", "CC0-1.0", True, "")


def catalog(*splits, note=None) -> Catalog:
    return Catalog.of([SOURCE], [sample(f"s/{i}", [HERE], split=s) for i, s in enumerate(splits)], note)


def test_a_test_set_is_found_by_its_short_and_its_long_name():
    note = SplitNote("mine", "near-duplicate-checked", "because")
    made = catalog("train", "dev", "test:kvasir-val", "test:kvasir-val", note=note)
    for name in ("kvasir-val", "test:kvasir-val"):
        found = part_of(made, "mine.jsonl", name)
        assert (found.name, found.split, len(found.samples)) == ("kvasir-val", "test:kvasir-val", 2)
        assert found.words == "near-duplicate-checked"
        assert found.catalog_sha256 == made.sha256
    assert part_of(made, "mine.jsonl", "dev").split == "dev"


def test_what_is_split_is_never_scored_as_a_whole():
    with pytest.raises(UsageError, match=r"--split train \| dev"):
        part_of(catalog("train", "dev"), "mine.jsonl", None)


def test_a_split_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"no split 'tset'.*train"):
        part_of(catalog("train"), "mine.jsonl", "tset")
    with pytest.raises(UsageError, match="leave --split out"):
        part_of(catalog(""), "mine.jsonl", "dev")


def test_nothing_is_claimed_of_data_that_was_never_split():
    found = part_of(catalog("", ""), "some/mine.jsonl", None)
    assert (found.name, len(found.samples)) == ("mine", 2)
    assert "nothing is known" in found.words


def test_one_lesion_per_sequence_belongs_to_one_public_set():
    made = catalog("test:cvc-clinicdb", "test:polypgen-c6")
    assert part_of(made, "public", "cvc-clinicdb").one_lesion_per_sequence
    assert not part_of(made, "public", "polypgen-c6").one_lesion_per_sequence
    assert not part_of(made, "mine.jsonl", "cvc-clinicdb").one_lesion_per_sequence


def test_a_plain_folder_is_a_set(tmp_path):
    found = find_data(str(write_red_patches(tmp_path / "ward3")))
    assert (found.name, len(found.samples)) == ("ward3", 4)
    assert [len(s.boxes) for s in found.samples] == [1, 1, 1, 0]


def test_missing_data_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match="nowhere"):
        find_data(str(tmp_path / "nowhere"))
