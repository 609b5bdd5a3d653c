from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import FormatError, UsageError
from detector.geometry import Size, as_boxes
from tests.training.catalog.conftest import OPEN
from training.catalog.prints import fingerprints
from training.catalog.recipe import DevRule, Recipe, TestSet
from training.catalog.split import split_by_lists, split_by_rules
from training.catalog.store import Catalog
from training.samples import Sample, corners


def bare(name, polyp=True, **fields) -> Sample:
    """A sample without an image, for splits that are given prints."""
    boxes = as_boxes([[1, 1, 9, 9]] if polyp else [])
    digest = name.encode().hex().rjust(64, "0")
    return Sample(name, None, "clinic", Size(16, 16), boxes, corners(boxes), image_sha256=digest, **fields)


def unlike(count, seed=0):
    """Prints that do not resemble each other."""
    prints = np.random.default_rng(seed).normal(size=(count, 1024)).astype(np.float32)
    return prints / np.linalg.norm(prints, axis=1, keepdims=True)


def split(samples, recipe=None, prints=None, **more):
    catalog = Catalog.of([OPEN], samples)
    outcome = split_by_rules(catalog, recipe or Recipe(), unlike(len(samples)) if prints is None else prints, **more)
    return {s.name: s.split for s in outcome.catalog.samples}, outcome


def patients(count, frames=4, **fields):
    return [bare(f"clinic/p{p}f{f}", patient=f"p{p}", **fields) for p in range(count) for f in range(frames)]


def splits_of(samples, found, key):
    by = defaultdict(set)
    for s in samples:
        by[getattr(s, key)].add(found[s.name])
    return by


def test_a_patient_is_never_in_two_splits_and_the_split_is_called_patient_disjoint():
    samples = patients(20)
    found, outcome = split(samples)
    assert all(len(v) == 1 for v in splits_of(samples, found, "patient").values())
    counts = {name: list(found.values()).count(name) for name in ("train", "dev", "test:own")}
    assert counts == {"train": 56, "dev": 12, "test:own": 12}
    assert outcome.catalog.how_split.words == "patient-disjoint"


def test_one_image_without_a_patient_makes_it_near_duplicate_checked():
    _, outcome = split([*patients(20), bare("clinic/x")])
    assert outcome.catalog.how_split.words == "near-duplicate-checked"
    assert "1 of 81 images name no patient" in outcome.catalog.how_split.why


def test_a_sequence_stays_together_where_no_patient_is_known():
    samples = [bare(f"clinic/s{s}f{f}", sequence=f"s{s}") for s in range(12) for f in range(5)]
    found, _ = split(samples)
    assert all(len(v) == 1 for v in splits_of(samples, found, "sequence").values())
    assert set(found.values()) == {"train", "dev", "test:own"}


def test_equal_sequence_numbers_of_two_patients_are_two_sequences():
    samples = [bare(f"clinic/p{p}f{f}", patient=f"p{p}", sequence="1") for p in range(20) for f in range(2)]
    found, _ = split(samples)
    assert set(found.values()) == {"train", "dev", "test:own"}


def test_near_duplicates_stay_together_and_chain():
    samples = [bare(f"clinic/{i:02}") for i in range(40)]
    prints = unlike(40)
    prints[20:] = prints[:20]
    found, _ = split(samples, prints=prints)
    assert all(found[f"clinic/{i:02}"] == found[f"clinic/{i + 20:02}"] for i in range(20))
    assert set(found.values()) == {"train", "dev", "test:own"}


def test_bare_mucosa_of_two_videos_looks_alike_without_being_the_same():
    samples = [bare(f"clinic/{i:02}", polyp=False, sequence=f"s{i}") for i in range(20)]
    found, _ = split(samples, prints=np.repeat(unlike(1), 20, axis=0))
    assert set(found.values()) == {"train", "dev", "test:own"}


def test_every_centre_and_both_labels_are_in_every_part():
    samples = [
        bare(f"clinic/{c}{i:02}{p}", centre=c, patient=f"{c}{i}{p}", polyp=p)
        for c in "AB"
        for i in range(20)
        for p in (0, 1)
    ]
    found, _ = split(samples)
    for name in ("train", "dev", "test:own"):
        assert {(s.centre, s.negative) for s in samples if found[s.name] == name} == {
            ("A", True),
            ("A", False),
            ("B", True),
            ("B", False),
        }


@settings(max_examples=10)
@given(st.permutations(range(12)))
def test_the_order_of_samples_changes_nothing(order):
    samples = patients(12, frames=1)
    found, _ = split(samples)
    again, _ = split([samples[i] for i in order])
    assert found == again


def test_another_salt_is_another_split():
    assert split(patients(20))[0] != split(patients(20), Recipe(salt="other"))[0]


def test_a_held_out_centre_is_whole_and_its_patients_leave_training():
    samples = [*patients(10, centre="A"), *[bare(f"clinic/u{i}", centre="Ulm", patient="p3") for i in range(4)]]
    samples += [bare(f"clinic/v{i}", centre="Ulm", patient="u1") for i in range(4)]
    recipe = Recipe(tests={"ulm": TestSet(where={"centre": "Ulm"})})
    found, outcome = split(samples, recipe)
    assert {n for n, s in found.items() if s == "test:ulm"} == {s.name for s in samples if s.centre == "Ulm"}
    assert {found[f"clinic/p3f{f}"] for f in range(4)} == {"left-out"}
    assert "4 left out: belongs with an image of test:ulm." in outcome.notes


def test_near_duplicates_of_a_test_image_go_nowhere():
    samples = [bare(f"clinic/{i}", centre="Ulm" if i == 0 else "A") for i in range(9)]
    prints = unlike(9)
    prints[5] = prints[0]
    found, _ = split(samples, Recipe(tests={"ulm": TestSet(where={"centre": "Ulm"})}), prints)
    assert found["clinic/5"] == "left-out"
    assert list(found.values()).count("left-out") == 1


def test_official_splits_are_honoured():
    samples = [
        bare(f"clinic/{o}{i}", official=o, patient=f"{o}{i}") for o in ("train", "val", "test") for i in range(6)
    ]
    found, outcome = split(samples)
    names = {"train": "train", "val": "dev", "test": "test:official"}
    assert found == {s.name: names[s.official] for s in samples}
    assert any("test:own is empty" in note for note in outcome.notes)


def test_dev_is_carved_from_an_official_train_that_has_no_val():
    samples = [bare(f"clinic/{o}{i}", official=o, patient=f"{o}{i}") for o in ("train", "test") for i in range(10)]
    found, _ = split(samples)
    assert {found[f"clinic/test{i}"] for i in range(10)} == {"test:official"}
    assert sorted(set(found.values())) == ["dev", "test:official", "train"]


def test_a_patient_in_official_train_and_test_is_not_trained_on():
    samples = [bare(f"clinic/{i}", official="train", patient=f"p{i}") for i in range(10)]
    samples.append(bare("clinic/x", official="test", patient="p4"))
    assert split(samples)[0]["clinic/4"] == "left-out"


def test_a_catalog_that_grows_keeps_its_tests():
    first, outcome = split(patients(20))
    grown = [*outcome.catalog.samples, *[bare(f"clinic/n{i}", patient=f"n{i}") for i in range(40)]]
    test_patient = next(s for s in outcome.catalog.samples if s.split == "test:own").patient
    grown.append(bare("clinic/again", patient=test_patient))
    other = Recipe(salt="other")
    second, again = split(grown, other)
    assert {n: second[n] for n in first} == first
    assert second["clinic/again"] == "test:own"
    assert "80 images keep the split that they had." in again.notes
    afresh, _ = split(grown, other, keep=False)
    assert {n: afresh[n] for n in first} != first


def test_unknown_images_go_nowhere():
    samples = [*patients(10), replace(bare("clinic/x", polyp=False), known=False)]
    found, outcome = split(samples)
    assert found["clinic/x"] == "left-out"
    assert any("nobody has looked" in note for note in outcome.notes)


def test_what_resembles_an_external_set_is_left_out():
    samples, prints = patients(10, frames=1), unlike(10)
    found, _ = split(samples, prints=prints, external=prints[4:5])
    assert [n for n, s in found.items() if s == "left-out"] == ["clinic/p4f0"]


def test_large_patients_still_make_a_dev_and_a_test():
    found, _ = split(patients(3, frames=50))
    assert {list(found.values()).count(name) for name in ("train", "dev", "test:own")} == {50}


def test_one_patient_in_each_centre_is_shared_out_over_all_centres():
    samples = [bare(f"clinic/c{c}f{f}", centre=f"C{c}", patient=f"p{c}") for c in range(6) for f in range(4)]
    assert set(split(samples)[0].values()) == {"train", "dev", "test:own"}


def test_one_patient_cannot_be_split():
    with pytest.raises(UsageError, match="too little to choose test:own from: 1 units"):
        split(patients(1))
    alone, _ = split(patients(1), Recipe(tests={}, dev=[DevRule(share=0)]))
    assert set(alone.values()) == {"train"}


def test_a_recipe_for_some_sources_leaves_the_others_alone():
    with pytest.raises(UsageError, match="is for other"):
        split(patients(4), Recipe(sources=["other"]))


@pytest.fixture
def lists(tmp_path):
    (tmp_path / "dev.txt").write_text("clinic/p1f0\n")
    (tmp_path / "out.txt").write_text("clinic/p2f0\n")
    return Recipe(
        dev_list=tmp_path / "dev.txt", left_out_list=tmp_path / "out.txt", tests={"c": TestSet(where={"patient": "p0"})}
    )


def test_lists_decide(lists):
    outcome = split_by_lists(Catalog.of([OPEN], patients(4, frames=1)), lists)
    assert [s.split for s in outcome.catalog.samples] == ["test:c", "dev", "left-out", "train"]


def test_lists_that_name_what_is_gone_or_tested_are_refused(lists):
    catalog = Catalog.of([OPEN], patients(4, frames=1))
    lists.dev_list.write_text("clinic/gone\n")
    with pytest.raises(FormatError, match="clinic/gone, which the data does not have"):
        split_by_lists(catalog, lists)
    lists.dev_list.write_text("clinic/p0f0\n")
    with pytest.raises(FormatError, match="clinic/p0f0, which is in test:c"):
        split_by_lists(catalog, lists)
    lists.dev_list.write_text("elsewhere/a\n")
    assert split_by_lists(catalog, lists).catalog.splits == ["train", "left-out", "test:c"]


def test_real_images_are_compared(make):
    samples = [make(f"clinic/{i}") for i in range(6)] + [make("clinic/twin", look="clinic/3")]
    catalog = Catalog.of([OPEN], samples)
    found = split_by_rules(catalog, Recipe(), fingerprints(catalog.samples)).catalog
    by_name = {s.name: s.split for s in found.samples}
    assert by_name["clinic/twin"] == by_name["clinic/3"]
