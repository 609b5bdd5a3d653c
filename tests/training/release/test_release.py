import dataclasses
import json

import pytest
import torch

from detector.errors import FormatError, ModelError, OutputError, UsageError
from detector.manifest import load_manifest
from detector.runtime import OnnxDetector
from tests.training.release.made import RedFinder, export, sample
from training import cli
from training.catalog import Catalog, write_catalog
from training.evaluation.compare import Comparison
from training.evaluation.run import evaluate_model
from training.release.card import CARD_NAME
from training.release.gating import (
    Gate,
    GateRules,
    against_gates,
    failed,
    figure_gates,
    loss_gates,
    parity_gates,
    read_rules,
)
from training.release.operating import Target
from training.release.record import write_manifest
from training.release.registry import history
from training.release.release import Plan, parts_of, release

RULES = GateRules.model_validate(
    {
        "minimum": {"*": {"ap50": 0.8}},
        "maximum": {"bare": {"negatives_with_false_box": 0.5}},
        "against": {"telling_sets": 1, "figures": ["ap50"]},
        "variant_loss": {"ap50": 0.05},
    }
)


@pytest.fixture
def plan(catalog):
    dev, tests = parts_of(catalog, "mine.jsonl")
    return Plan("red", Target("f1"), RULES, dev, tests, catalog, command="polypwatch-train release ...", draws=50)


def quiet(line):
    pass


@pytest.fixture(scope="session")
def worse(catalog, tmp_path_factory):
    """A candidate that sees half of the red: it finds much less."""
    network = RedFinder()
    with torch.no_grad():
        network.around.weight.mul_(0.25)
        network.sizes.bias[2] += 0.6  # and its boxes are nearly twice as wide
    folder = tmp_path_factory.mktemp("worse") / "red"
    export(catalog, folder, "2.0.0", network)
    return folder


def renamed(candidate, **changes):
    write_manifest(load_manifest(candidate).model_copy(update=changes), candidate)
    return candidate


def test_a_good_candidate_is_registered_with_what_was_measured(candidate, plan, tmp_path):
    said = []
    outcome = release(candidate, tmp_path / "models", plan, said.append)
    assert outcome.folder == tmp_path / "models" / "red"
    assert all(line.startswith("pass") for line in said)
    manifest = load_manifest(outcome.folder)
    for v in manifest.variants:
        assert [m.dataset for m in v.metrics] == ["dev", "bare", "clinic"]
        clinic = v.metrics[2].values
        assert clinic["ap50"] > 0.8
        assert clinic["ap50_low"] <= clinic["ap50"] <= clinic["ap50_high"]
        assert v.metrics[2].threshold == v.threshold
    assert manifest.model_extra["release"]["forced"] is None
    assert manifest.model_extra["release"]["target"] == "f1"
    card = (outcome.folder / CARD_NAME).read_text()
    assert "| leaks | passed | none found" in card
    assert "CC0-1.0" in card
    assert "allows commercial use with attribution" in card
    assert str(tmp_path) not in card
    OnnxDetector(outcome.folder, "cpu")


def test_the_threshold_is_chosen_on_dev_for_the_target_and_not_on_tests(candidate, plan, tmp_path, monkeypatch):
    touched = []
    from training.release import release as module

    real = module.choose_threshold
    monkeypatch.setattr(module, "choose_threshold", lambda s, t: touched.extend(x.name for x in s) or real(s, t))
    strict = dataclasses.replace(plan, target=Target("sensitivity", 0.5))
    release(candidate, tmp_path / "models", strict, quiet)
    assert {name.split("/")[1].split("-")[0] for name in touched} == {"dev"}
    manifest = load_manifest(tmp_path / "models" / "red")
    assert manifest.model_extra["threshold_target"] == "sensitivity=0.5"
    assert manifest.variants[0].threshold > load_manifest(candidate).variants[0].threshold
    assert "at least 50.0% of the lesions are hit" in (tmp_path / "models" / "red" / CARD_NAME).read_text()


def test_a_candidate_that_fails_is_refused_with_every_reason_and_nothing_changes(worse, plan, tmp_path):
    models = tmp_path / "models"
    with pytest.raises(ModelError, match=r"red 2\.0\.0 is refused.*ap50 of fp32 on clinic.*at least 0\.8"):
        release(worse, models, plan, quiet)
    assert not (models / "red").exists()


def test_a_forced_candidate_carries_the_reason_in_manifest_and_card(worse, plan, tmp_path):
    outcome = release(worse, tmp_path / "models", dataclasses.replace(plan, force="a rehearsal"), quiet)
    assert failed(outcome.gates)
    assert load_manifest(outcome.folder).model_extra["release"]["forced"] == "a rehearsal"
    card = (outcome.folder / CARD_NAME).read_text()
    assert "Registered although gates failed.** Reason given: a rehearsal" in card
    assert "**failed**" in card
    assert history(tmp_path / "models", "red")[0].forced == "a rehearsal"


def test_a_reason_that_was_not_needed_is_not_recorded(candidate, plan, tmp_path):
    outcome = release(candidate, tmp_path / "models", dataclasses.replace(plan, force="just in case"), quiet)
    assert load_manifest(outcome.folder).model_extra["release"]["forced"] is None


def test_a_model_that_is_worse_than_the_current_one_is_refused_by_the_paired_bootstrap(
    candidate, worse, plan, tmp_path
):
    models = tmp_path / "models"
    release(candidate, models, plan, quiet)
    lenient = RULES.model_copy(update={"minimum": {}})
    against = dataclasses.replace(plan, rules=lenient, current=models / "red")
    with pytest.raises(ModelError, match=r"ap50 of fp32 on clinic against red 1\.0\.0 \(worse"):
        release(worse, models, against, quiet)
    assert load_manifest(models / "red").version == "1.0.0"


def test_a_leak_between_training_and_a_test_is_refused_and_named(candidate, catalog, plan, tmp_path):
    twin = next(s for s in catalog.samples if s.split == "train")
    bad = dataclasses.replace(twin, name="made-up/twin", split="test:clinic")
    leaky = Catalog.of(catalog.sources.values(), [*catalog.samples, bad])
    with pytest.raises(ModelError, match=r"leaks \(\d+ found: same file.*twin"):
        release(candidate, tmp_path / "models", dataclasses.replace(plan, catalog=leaky), quiet)


def test_a_model_of_which_nobody_knows_what_it_has_seen_does_not_pass(candidate, plan, tmp_path):
    renamed(candidate, catalog_sha256="f" * 64)
    with pytest.raises(ModelError, match=r"leaks .not checked: the model was trained on catalog ffff"):
        release(candidate, tmp_path / "models", plan, quiet)


def test_the_catalog_that_it_was_trained_on_can_be_named(candidate, catalog, plan, tmp_path):
    learnt = catalog.where(lambda s: s.split in ("train", "dev"))
    other = Catalog.of(catalog.sources.values(), [s for s in catalog.samples if s.split != "train"])
    known = dataclasses.replace(plan, catalog=other, trained_on=(learnt,))
    assert release(candidate, tmp_path / "models", known, quiet).folder is not None


def test_a_changed_file_is_never_judged(candidate, plan, tmp_path):
    (candidate / "model-int8.onnx").write_bytes(b"rotten")
    with pytest.raises(ModelError, match="changed or damaged"):
        release(candidate, tmp_path / "models", plan, quiet)


def test_without_test_sets_nothing_is_released(candidate, plan, tmp_path, catalog):
    with pytest.raises(UsageError, match="no test set"):
        release(candidate, tmp_path / "models", dataclasses.replace(plan, tests=[]), quiet)
    with pytest.raises(FormatError, match="no dev or no test sets"):
        parts_of(catalog.where(lambda s: s.split == "train"), "mine.jsonl")


def test_a_named_set_that_was_not_measured_or_cannot_be_fails_its_gate(exported, plan):
    rules = GateRules.model_validate(
        {
            "minimum": {"bare": {"ap50": 0.1}, "elsewhere": {"ap50": 0.1}},
            "maximum": {"*": {"negatives_with_false_box": 1}},
        }
    )
    found = {t.name: evaluate_model(exported, t) for t in plan.tests}
    gates = {g.name: g for g in figure_gates(found, "fp32", rules)}
    assert "nothing to measure" in gates["ap50 of fp32 on bare"].words
    assert not gates["ap50 of fp32 on bare"].passed
    assert not gates["minimum on elsewhere"].passed
    assert gates["negatives_with_false_box of fp32 on bare"].passed


def comparison(verdict, figure="ap50"):
    return Comparison(figure, 0.8, 0.9, -0.1, -0.2, 0.1, "3 sequences", 0.02, verdict, f"because {verdict}.")


@pytest.mark.parametrize(
    ("verdicts", "passed"),
    [
        (["better", "too small to tell"], True),
        (["not worse", "better"], True),
        (["too small to tell", "too small to tell"], False),
        (["better", "worse"], False),
    ],
)
def test_sets_that_are_too_small_are_said_and_at_least_one_must_tell(verdicts, passed):
    compared = {f"set{i}": [comparison(v)] for i, v in enumerate(verdicts)}
    gates = against_gates(compared, "red 1.0.0", RULES, "fp32")
    assert (not failed(gates)) == passed
    assert all(v in " ".join(g.words for g in gates) for v in verdicts)


def test_a_variant_that_was_never_measured_or_compared_fails(candidate):
    manifest = load_manifest(candidate)
    bare = [v.model_copy(update={"metrics": [], "parity": None}) for v in manifest.variants]
    manifest = manifest.model_copy(update={"variants": bare})
    assert [g.passed for g in parity_gates(manifest)] == [False, False, False]
    assert [g.words for g in loss_gates(manifest, RULES)] == ["not measured", "not measured"]


def test_a_variant_that_is_too_far_from_its_reference_fails(candidate):
    manifest = load_manifest(candidate)
    far = manifest.variants[0].parity.model_copy(update={"max_box_px": 0.06})
    first = manifest.variants[0].model_copy(update={"parity": far})
    gates = parity_gates(manifest.model_copy(update={"variants": [first]}))
    assert str(gates[0]) == "FAIL  parity of fp32: box difference in px 0.06, allowed 0.05"


def test_a_comparison_of_no_box_proves_nothing(candidate):
    manifest = load_manifest(candidate)
    none = manifest.variants[0].parity.model_copy(update={"boxes": 0})
    first = manifest.variants[0].model_copy(update={"parity": none})
    (gate,) = parity_gates(manifest.model_copy(update={"variants": [first]}))
    assert not gate.passed
    assert "no box was compared" in gate.words


def test_the_bundled_gates_are_valid():
    assert read_rules("default").leaks == "refuse"
    assert read_rules("public").minimum["cvc-clinicdb"]["ap50"] == 0.858


@pytest.mark.parametrize("text", ["minimun: {}", "minimum: {a: {ap50: 2}}", "[1", "against: {margin: -1}"])
def test_gates_with_a_mistake_are_refused(tmp_path, text):
    (tmp_path / "g.yaml").write_text(text)
    with pytest.raises(FormatError, match=r"g\.yaml"):
        read_rules(tmp_path / "g.yaml")


def test_a_gate_says_whether_it_passed():
    assert str(Gate("leaks", True, "none")) == "pass  leaks: none"


def test_the_command_releases_lists_and_rolls_back(candidate, catalog, tmp_path, capsys):
    write_catalog(catalog, tmp_path / "mine.jsonl")
    renamed(candidate, variants=load_manifest(candidate).variants[:1])  # fourteen images prove nothing about int8
    gates = tmp_path / "gates.yaml"
    gates.write_text(json.dumps(RULES.model_dump()))
    models = ["--models", str(tmp_path / "models")]
    common = [*models, "--data", str(tmp_path / "mine.jsonl"), "--gates", str(gates), "--draws", "50"]
    assert cli.main(["release", "--candidate", str(candidate), *common]) == 0
    assert "red 1.0.0 is registered" in capsys.readouterr().out
    assert cli.main(["release", "--candidate", str(candidate), *common]) == 2  # the same version again
    renamed(candidate, version="1.1.0")
    assert cli.main(["release", "--candidate", str(candidate), *common]) == 0
    out = capsys.readouterr()
    assert "registered already" in out.err
    assert "ap50 of fp32 on clinic against red 1.0.0: not worse" in out.out
    assert cli.main(["rollback", "red", *models]) == 0
    assert cli.main(["history", "red", *models]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "red is 1.0.0 again."
    assert lines[1].startswith("* 1.0.0")
    assert lines[2].startswith("  1.1.0")


def test_a_version_that_is_registered_already_is_said_before_anything_is_measured(
    candidate, plan, tmp_path, monkeypatch
):
    release(candidate, tmp_path / "models", plan, quiet)
    monkeypatch.setattr("training.release.release.evaluate_model", lambda *a: pytest.fail("measured"))
    with pytest.raises(UsageError, match="registered already"):
        release(candidate, tmp_path / "models", plan, quiet)


def test_a_place_that_cannot_be_written_is_said_before_anything_is_measured(candidate, plan, tmp_path, monkeypatch):
    monkeypatch.setattr("training.release.release._measure", lambda *a: pytest.fail("measured"))
    (tmp_path / "models").write_text("a file stands in the way")
    with pytest.raises(OutputError, match="models cannot be written"):
        release(candidate, tmp_path / "models", plan, lambda line: None)


def test_an_adopted_model_is_said_to_have_seen_nobody_knows_what(candidate, plan, tmp_path):
    renamed(
        candidate, adopted={"family": "x", "decoder": "yolov8", "file_sha256": "0", "letterbox": "", "trained_on": "?"}
    )
    with pytest.raises(ModelError, match="nobody here knows what it was trained on"):
        release(candidate, tmp_path / "models", plan, quiet)


def test_samples_of_the_miniature_are_where_their_labels_say(tmp_path):
    s = sample(tmp_path, "x", 5)
    assert s.boxes.shape == (1, 4)
    assert (s.boxes[0, 2:] <= (160, 120)).all()
