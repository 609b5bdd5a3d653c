"""From a candidate to a registered model: threshold on dev, figures on the tests, gates, registration."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detector.errors import FormatError, ModelError, UsageError
from detector.manifest import Metrics, ModelManifest, load_manifest, verified_model_bytes
from training.catalog import Catalog
from training.catalog.leaks import find_leaks
from training.evaluation.compare import Comparison, compare_models
from training.evaluation.data import EvaluationData, part_of
from training.evaluation.figures import dev_figures
from training.evaluation.rows import stills
from training.evaluation.run import SOFTWARE, Evaluation, Settings, evaluate_model
from training.evaluation.runtime import open_model, predict_with_runtime
from training.release.gating import (
    Gate,
    GateRules,
    against_gates,
    failed,
    figure_gates,
    leak_gate,
    loss_gates,
    parity_gates,
)
from training.release.operating import Target, choose_threshold
from training.release.record import with_metrics, write_manifest
from training.release.registry import register, require_new, require_writable
from training.release.variants import dev_metrics, machine


@dataclass(frozen=True, slots=True)
class Plan:
    """How a candidate is judged.

    Attributes:
        name: of the registered model.
        target: what the thresholds are chosen for.
        rules: the gates.
        dev: validation images.
        tests: test sets by name.
        catalog: that dev and tests are parts of.
        trained_on: what it was trained on (and what was replayed), if that is not `catalog`.
        current: folder of the model that it must not be worse than; None: there is none.
        force: why it is registered whatever the gates say; empty: it is not.
        provider: what is measured on.
        command: for manifest and card.
        draws: of the bootstrap.
    """

    name: str
    target: Target
    rules: GateRules
    dev: EvaluationData
    tests: Sequence[EvaluationData]
    catalog: Catalog
    trained_on: tuple[Catalog, ...] = ()
    current: Path | None = None
    force: str = ""
    provider: str = "cpu"
    command: str = ""
    draws: int = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a release.

    Attributes:
        manifest: as it was, or would have been, registered.
        gates: what each said.
        folder: of the registered model.
    """

    manifest: ModelManifest
    gates: list[Gate]
    folder: Path | None = field(default=None)


def release(candidate: Path, models: Path, plan: Plan, say: Callable[[str], None] = print) -> Outcome:
    """Judge a candidate and register it.

    Args:
        candidate: a model folder; it is not changed.
        models: folder of all models.
        plan: how.
        say: told each gate as soon as it is known.

    Raises:
        ModelError: a gate failed and nothing was forced; every failed gate is named.
        UsageError: the version is registered already, or there is no test set.
        OutputError: it cannot be written.
    """
    if not plan.tests:
        raise UsageError("There is no test set: nothing would be measured.", "Split the catalog with named tests.")
    require_new(models, plan.name, load_manifest(candidate).version)
    require_writable(models)
    with tempfile.TemporaryDirectory(prefix="polypwatch-release-") as scratch:
        staged = Path(scratch) / plan.name
        _stage(candidate, staged, plan)
        gates: list[Gate] = []

        def note(more: Sequence[Gate]) -> None:
            for gate in more:
                say(str(gate))
            gates.extend(more)

        note([_leaks(load_manifest(staged), plan)])
        manifest = _operating_points(staged, plan)
        write_manifest(manifest, staged)
        note(parity_gates(manifest))
        note(loss_gates(manifest, plan.rules))
        manifest = _measure(staged, manifest, plan, note)
        broken = failed(gates)
        manifest = manifest.model_copy(update={"release": _facts(gates, plan if broken else None, plan)})
        if broken and not plan.force:
            words = "; ".join(f"{g.name} ({g.words})" for g in broken)
            raise ModelError(
                f"{plan.name} {manifest.version} is refused: {len(broken)} of {len(gates)} gates failed: {words}.",
                "Improve the model, or say --force REASON; the reason stands in its card.",
            )
        write_manifest(manifest, staged)
        return Outcome(manifest, gates, register(staged, models, plan.name))


def _stage(candidate: Path, staged: Path, plan: Plan) -> None:
    """A copy to work on, with the name under which it will be registered."""
    manifest = load_manifest(candidate)
    for variant in manifest.variants:
        verified_model_bytes(candidate, variant)
    staged.mkdir()
    for file in candidate.iterdir():
        if file.is_file():
            shutil.copyfile(file, staged / file.name)
    write_manifest(manifest.model_copy(update={"name": plan.name}), staged)


def _leaks(manifest: ModelManifest, plan: Plan) -> Gate:
    """Compare what the model has seen with what it is measured on."""
    if (manifest.model_extra or {}).get("adopted"):
        return leak_gate(None, plan.rules, "adopted: nobody here knows what it was trained on")
    learnt = plan.trained_on or (plan.catalog.where(lambda s: s.split in ("train", "dev")),)
    seen = "+".join(c.sha256 for c in learnt)
    if manifest.catalog_sha256 not in (seen, plan.catalog.sha256):
        why = (
            f"the model was trained on catalog {manifest.catalog_sha256[:12]}, this one's train and dev are "
            f"{seen[:12]}; name it with --trained-on"
        )
        return leak_gate(None, plan.rules, why)
    if not plan.trained_on:
        return leak_gate(find_leaks(plan.catalog), plan.rules)
    outside = {t.name: list(t.samples) for t in plan.tests}
    return leak_gate([leak for c in learnt for leak in find_leaks(c, outside)], plan.rules)


def _operating_points(staged: Path, plan: Plan) -> ModelManifest:
    """Every variant's threshold and figures, from dev alone."""
    manifest = load_manifest(staged)
    variants, reference = [], None
    for v in manifest.variants:
        answers = predict_with_runtime(open_model(staged, plan.provider, v.name), plan.dev.samples)
        threshold = choose_threshold(stills(plan.dev.samples, answers), plan.target)
        found = dev_figures(plan.dev.samples, answers, threshold)
        reference = found if v.precision == "fp32" and reference is None else reference
        entry = dev_metrics(found, plan.command, plan.provider, None if v.precision == "fp32" else reference)
        kept = [m for m in v.metrics if m.dataset != "dev"]
        variants.append(v.model_copy(update={"threshold": threshold, "metrics": [entry, *kept]}))
    return manifest.model_copy(update={"variants": variants, "threshold_target": plan.target.text})


def _measure(
    staged: Path, manifest: ModelManifest, plan: Plan, note: Callable[[Sequence[Gate]], None]
) -> ModelManifest:
    """Figures of every variant on the tests, the gates on them, and the comparison with the current model."""
    before = _evaluate_all(plan.current, None, plan) if plan.current else {}
    for v in manifest.variants:
        found = _evaluate_all(staged, v.name, plan)
        entries = [
            Metrics(
                dataset=name,
                images=e.images,
                threshold=e.threshold,
                values=e.values(),
                command=e.command,
                machine=machine(e.provider),
            )
            for name, e in found.items()
        ]
        manifest = with_metrics(manifest, v.name, entries)
        note(figure_gates(found, v.name, plan.rules))
        if plan.current:
            was = load_manifest(plan.current)
            note(against_gates(_compare(found, before, plan), f"{was.name} {was.version}", plan.rules, v.name))
    return manifest


def _evaluate_all(folder: Path | None, variant: str | None, plan: Plan) -> dict[str, Evaluation]:
    assert folder is not None
    settings = Settings(provider=plan.provider, variant=variant, draws=plan.draws)
    of = f" --variant {variant}" if variant else ""
    found = {}
    for test in plan.tests:
        split = f" --split {test.split.removeprefix('test:')}" if test.split else ""
        command = f"polypwatch-train evaluate --model {plan.name}{of} --data {Path(test.data).name}{split}"
        found[test.name] = evaluate_model(folder, test, settings, command)
    return found


def _compare(
    found: Mapping[str, Evaluation], before: Mapping[str, Evaluation], plan: Plan
) -> dict[str, list[Comparison]]:
    rules = plan.rules.against
    return {
        name: [compare_models(e, before[name], figure, rules.margin, plan.draws) for figure in rules.figures]
        for name, e in found.items()
    }


def _facts(gates: Sequence[Gate], forced: Plan | None, plan: Plan) -> dict[str, Any]:
    """What the manifest keeps of the release."""
    return {
        "registered": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "software": SOFTWARE,
        "command": plan.command,
        "catalog_sha256": plan.catalog.sha256,
        "target": plan.target.text,
        "gates": [{"name": g.name, "passed": g.passed, "words": g.words} for g in gates],
        "forced": forced.force if forced else None,
    }


def parts_of(catalog: Catalog, data: str) -> tuple[EvaluationData, list[EvaluationData]]:
    """Dev and the test sets of a split catalog.

    Raises:
        FormatError: it has no dev or no tests.
    """
    tests = [s for s in catalog.splits if s.startswith("test:")]
    if "dev" not in catalog.splits or not tests:
        raise FormatError(f"{data} has no dev or no test sets.", "Split it: polypwatch-train split.")
    return part_of(catalog, data, "dev"), [part_of(catalog, data, t) for t in tests]
