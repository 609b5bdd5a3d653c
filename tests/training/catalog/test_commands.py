import json

import cv2
import numpy as np
import pytest

from tests.training.miniature import scene, write_pair
from training.catalog.store import read_catalog
from training.cli import main


@pytest.fixture
def run(capsys):
    """run(command...) -> what it printed; it must succeed."""

    def call(*argv) -> str:
        assert main([str(a) for a in argv]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return call


@pytest.fixture
def fails(capsys):
    """fails(command...) -> the one line of its error."""

    def call(*argv) -> str:
        assert main([str(a) for a in argv]) not in (0, None)
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return call


@pytest.fixture
def catalog(small_sets, tmp_path, monkeypatch, run):
    """The miniature public sets, imported."""
    monkeypatch.setenv("POLYPWATCH_DATA", str(small_sets))
    run("import", "--public", "--catalog", tmp_path / "c.jsonl")
    return tmp_path / "c.jsonl"


def test_the_public_sets_come_in_and_their_split_is_written_checked_and_noticed_when_changed(
    catalog, own_public_recipe, run, fails
):
    split = ("split", catalog, "--recipe", own_public_recipe)
    assert "dev.txt" in fails(*split)
    assert "near-duplicate-checked" in run(*split, "--write-lists")
    found = {name: len(read_catalog(catalog).split(name).samples) for name in read_catalog(catalog).splits}
    assert found.pop("train") + found.pop("dev") == 20 + 20 + 20 + 15
    assert found == {"test:kvasir-val": 4, "test:cvc-clinicdb": 6, "test:polypgen-c6": 4, "test:negatives-test": 3}
    negatives = {s.sequence for s in read_catalog(catalog).split("dev").samples if s.source == "polypgen-negatives"}
    assert len(negatives) == 2
    assert "seq13" not in negatives
    before = read_catalog(catalog).sha256
    run(*split, "--check")
    assert read_catalog(catalog).sha256 == before
    assert "No leak" in run("leaks", catalog)
    (own_public_recipe.parent.parent / "splits" / "dev.txt").write_text("")
    assert "--write-lists" in fails(*split, "--check")


def test_an_import_says_what_came_in_and_what_was_skipped(tmp_path, run, fails):
    for i in range(3):
        write_pair(tmp_path / "ulm", f"i{i}", *scene(i))
    for i in range(12):
        write_pair(tmp_path / "ulm", f"x{i}", scene(i)[0], np.zeros((5, 5), np.uint8))
    target = ("--catalog", tmp_path / "c.jsonl")
    assert "Say --licence" in fails("import", tmp_path / "ulm", *target)
    common = ("import", tmp_path / "ulm", *target, "--licence", "internal", "--centre", "Ulm")
    assert "x0" in fails(*common, "--strict")
    assert not (tmp_path / "c.jsonl").exists()
    out = run(*common)
    assert out.splitlines()[1].split() == ["ulm", "masks", "3", "3", "0", "0", "12", "other", "size", "12"]
    assert out.count("skipped: ") == 11
    assert "and 2 more of ulm" in out
    listed = (tmp_path / "c.jsonl.problems.jsonl").read_text().splitlines()
    assert len(listed) == 12
    assert json.loads(listed[0])["source"] == "ulm"
    assert "Ulm" in run("show", tmp_path / "c.jsonl")
    assert not read_catalog(tmp_path / "c.jsonl").sources["ulm"].commercial


def test_what_cannot_be_imported_is_one_line(tmp_path, run, fails):
    target = ("--catalog", tmp_path / "c.jsonl")
    assert "--catalog" in fails("import", tmp_path)
    assert "What is to be imported" in fails("import", *target, "--licence", "x")
    assert "do not go together" in fails("import", tmp_path, *target, "--public")
    assert "does not exist" in fails("import", tmp_path / "none", *target, "--licence", "x")
    assert "no layout 'mask'" in fails("import", tmp_path, *target, "--licence", "x", "--layout", "mask")
    assert "not KEY=VALUE" in fails("import", tmp_path, *target, "--licence", "x", "--option", "a")
    assert "level" in run("import", "--layout", "masks", "--options")
    assert "Say --layout" in fails("import", "--options")


def test_a_source_is_never_replaced_unless_its_name_was_said(tmp_path, run, fails):
    for clinic, seeds in (("ulm", range(1, 9)), ("bonn", (20,))):
        for i in seeds:
            write_pair(tmp_path / clinic / "polyps", f"i{i}", *scene(i))
    common = ("--catalog", tmp_path / "c.jsonl", "--licence", "internal")
    run("import", tmp_path / "ulm" / "polyps", *common)
    run("split", tmp_path / "c.jsonl")
    bonn = ("import", tmp_path / "bonn" / "polyps", *common)
    assert "--name polyps" in fails(*bonn)
    run(*bonn, "--name", "bonn", "--prefix", "bonn")
    assert len(read_catalog(tmp_path / "c.jsonl").samples) == 9
    assert "8 of the 8 images that it had are gone, 8 of them with a split" in run(
        *bonn, "--name", "polyps", "--prefix", "other"
    )


def test_an_import_that_gives_nothing_leaves_the_catalog_as_it_was(tmp_path, run, fails):
    write_pair(tmp_path / "ulm", "a", *scene(1))
    command = ("import", tmp_path / "ulm", "--catalog", tmp_path / "c.jsonl", "--licence", "internal", "--name", "ulm")
    run(*command)
    (tmp_path / "ulm" / "images" / "a.jpg").write_bytes(b"")
    said = fails(*command)
    assert "Nothing of ulm could be imported (1 records skipped)" in said
    assert "a.jpg" in said
    assert len(read_catalog(tmp_path / "c.jsonl").samples) == 1


def test_a_folder_too_high_up_is_said_with_the_one_that_fits(tmp_path, fails):
    write_pair(tmp_path / "klinik süd" / "polyps", "a", *scene(1))
    said = fails("import", tmp_path / "klinik süd", "--catalog", tmp_path / "c.jsonl", "--licence", "x")
    assert "polyps looks like masks: import that." in said


def test_a_leak_fails_the_run_with_its_pair(catalog, small_sets, tmp_path, own_public_recipe, run, fails, capsys):
    run("split", catalog, "--recipe", own_public_recipe, "--write-lists")
    learned = read_catalog(catalog).split("train").where(lambda s: s.source == "bkai-neopolyp").samples[0]
    stolen = cv2.convertScaleAbs(cv2.imread(str(learned.image)), alpha=0.8, beta=10)
    bordered = cv2.copyMakeBorder(stolen, 12, 12, 30, 30, cv2.BORDER_CONSTANT)
    write_pair(tmp_path / "external", "stolen", bordered, None)
    out = tmp_path / "leaks.jsonl"
    assert main(["leaks", str(catalog), "--against", str(tmp_path / "external"), "--out", str(out)]) == 6
    printed = capsys.readouterr()
    assert f"near-duplicate: {learned.name} (train) - external/stolen" in printed.out
    assert "1 leaks" in printed.err
    assert json.loads(out.read_text())["second"] == "external/stolen"


def test_a_catalog_is_filtered_by_licence_and_content(catalog, tmp_path, run, fails):
    run("filter", catalog, "--commercial", "--out", tmp_path / "free.jsonl")
    assert set(read_catalog(tmp_path / "free.jsonl").sources) == {"polypgen", "polypgen-negatives"}
    run("filter", catalog, "--where", "label=none", "--without", "polypgen-negatives", "--out", tmp_path / "n.jsonl")
    assert len(read_catalog(tmp_path / "n.jsonl").samples) == 3
    nothing = tmp_path / "nothing.jsonl"
    assert "Nothing of" in fails("filter", catalog, "--where", "centre=C9", "--out", nothing)
    assert "no source" in fails("filter", catalog, "--without", "kvasir", "--out", nothing)
    assert not nothing.exists()


def test_a_sheet_of_any_slice(catalog, tmp_path, run, fails):
    out = tmp_path / "s.png"
    assert "3 of 20 images" in run("sheet", catalog, "--where", "source=bkai*", "--count", "3", "--out", out)
    assert cv2.imread(str(out)).shape == (256, 768, 3)
    assert "no split 'tain'" in fails("sheet", catalog, "--split", "tain", "--out", out)
    assert "no image to show" in fails("sheet", catalog, "--where", "centre=C9", "--out", out)


def test_own_data_is_split_by_default_and_keeps_its_split(catalog, run):
    assert "This split is near-duplicate-checked." in run("split", catalog)
    before = read_catalog(catalog).sha256
    assert "keep the split that they had" in run("split", catalog)
    assert read_catalog(catalog).sha256 == before


def test_without_lists_there_is_nothing_to_check(catalog, fails):
    assert "has no lists" in fails("split", catalog, "--check")
