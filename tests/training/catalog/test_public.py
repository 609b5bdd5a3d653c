"""The real sets: the committed split is what the rules give, and nothing leaks."""

import pytest

from training.catalog import public_catalog
from training.catalog.leaks import find_leaks
from training.catalog.licences import licences
from training.catalog.prints import fingerprints
from training.catalog.recipe import read_list, read_recipe
from training.catalog.split import split_by_rules

pytestmark = pytest.mark.data
COUNTS = {
    "train": 3444,
    "dev": 410,
    "left-out": 4,
    "test:kvasir-val": 120,
    "test:cvc-clinicdb": 612,
    "test:polypgen-c6": 88,
    "test:negatives-test": 152,
}


@pytest.fixture(scope="module")
def public(real_data):
    return public_catalog(real_data)


@pytest.mark.timeout(600)
def test_the_committed_split_has_its_numbers(public):
    assert {name: len(public.split(name).samples) for name in public.splits} == COUNTS
    assert public.how_split.words == "near-duplicate-checked"
    assert len(licences(public)) == 4  # all but CVC-ClinicDB


@pytest.mark.timeout(600)
def test_held_out_sequences_and_centres_are_in_no_list():
    recipe = read_recipe("public")
    dev, left_out = read_list(recipe.dev_list), read_list(recipe.left_out_list)
    assert (len(dev), len(left_out)) == (410, 4)
    assert not dev & left_out
    sequences = {name.split("/")[1] for name in dev if name.startswith("polypgen_negseq/")}
    assert len(sequences) == 2
    assert not sequences & {"seq3", "seq8", "seq12", "seq16", "seq13", "seq17"}
    assert not [name for name in dev | left_out if name.startswith("cvc_clinicdb")]


@pytest.mark.timeout(600)
def test_the_rules_give_the_committed_lists_and_nothing_leaks(public):
    prints = fingerprints(public.samples)
    by_rules = split_by_rules(public, read_recipe("public"), prints, keep=False)
    assert [s.split for s in by_rules.catalog.samples] == [s.split for s in public.samples]
    assert by_rules.notes == ["4 left out: belongs with an image of test:kvasir-val."]
    assert find_leaks(public, prints=prints) == []
