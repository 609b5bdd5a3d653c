import pytest
import yaml

from detector.errors import FormatError, SourceError
from training.catalog.recipe import RECIPES, Recipe, read_recipe


def test_the_bundled_recipe_for_own_data_says_what_the_defaults_are():
    assert read_recipe("own") == Recipe()
    assert set(yaml.safe_load((RECIPES / "own.yaml").read_text())) == set(Recipe.model_fields)


def test_the_public_recipe_finds_its_lists():
    recipe = read_recipe("public")
    assert recipe.dev_list.is_file()
    assert recipe.left_out_list.is_file()
    assert list(recipe.tests) == ["kvasir-val", "cvc-clinicdb", "polypgen-c6", "negatives-test"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tets: {}", "tets"),
        ("tests: {a: {centre: C1}}", "tests.a.centre"),
        ("tests: {a: {}}", "needs one of"),
        ("tests: {a b: {share: 0.1}}", "letters"),
        ("tests: {official: {share: 0.1}}", "official"),
        ("dev: [{share: 1.5}]", "dev.0.share"),
        ("dev: [{share: 0.1, units: 2}]", "either 'share' or 'units'"),
        ("dev_list: a.txt", "go together"),
        ("stratify: [hospital]", "stratify"),
        ("- a", "dictionary"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_recipe(path)


def test_paths_are_relative_to_the_recipe(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("external: [sets/x]\ntests: {night: {names: night.txt}}\ndev_list: d.txt\nleft_out_list: l.txt\n")
    recipe = read_recipe(path)
    assert recipe.external == [tmp_path / "sets/x"]
    assert recipe.tests["night"].names == tmp_path / "night.txt"
    assert recipe.dev_list == tmp_path / "d.txt"


def test_an_unknown_recipe_lists_those_that_there_are():
    with pytest.raises(SourceError, match=r"own, public"):
        read_recipe("ours")
