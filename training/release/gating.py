"""The gates: what a candidate must show before it is registered, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.errors import FormatError
from detector.manifest import ModelManifest, Variant
from detector.parity import limits_of
from detector.schema import describe_validation_error
from training.evaluation.compare import Comparison
from training.evaluation.run import Evaluation

GATES = Path(__file__).parent / "gates"
ANY = "*"
Limit = Annotated[float, Field(ge=0, le=1)]
Limits = dict[str, dict[str, Limit]]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Against(_Part):
    """The comparison with the current model.

    Attributes:
        figures: what is compared on every test set, as `training.evaluation.compare.FIGURES` names it.
        margin: how much worse would not matter, in the figure's own unit.
        telling_sets: on how many sets at least one figure must be *proved* better or not worse. The others may be too
            small to tell, but on none may a figure be worse.
    """

    figures: list[str] = ["ap50", "recall_iou20", "negatives_with_false_box"]
    margin: Limit = 0.02
    telling_sets: int = Field(default=1, ge=0)


class GateRules(_Part):
    """All gates.

    Attributes:
        minimum: by test set (``*``: each) and figure, the least value. A set that is named must be measured.
        maximum: likewise, the largest value.
        against: the comparison with the current model, if there is one.
        variant_loss: by figure, what a file may lose on dev against FP32.
        leaks: ``refuse`` a model that has seen test images, or ``say`` it only.
    """

    minimum: Limits = {}
    maximum: Limits = {}
    against: Against = Against()
    variant_loss: dict[str, Limit] = {"ap50": 0.02}
    leaks: Literal["refuse", "say"] = "refuse"


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate said.

    Attributes:
        name: which one.
        passed: whether it lets the model through.
        words: what was found, and what was asked for.
    """

    name: str
    passed: bool
    words: str

    def __str__(self) -> str:
        return f"{'pass' if self.passed else 'FAIL'}  {self.name}: {self.words}"


def read_rules(name: str | Path) -> GateRules:
    """A bundled file of gates by its name (``default``, ``public``), or any other by its path.

    Raises:
        FormatError: it is missing, no YAML, has an unknown key or a limit that is no share.
    """
    path = GATES / f"{name}.yaml" if isinstance(name, str) and (GATES / f"{name}.yaml").is_file() else Path(name)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FormatError(
            f"The gates {path} cannot be read ({error}).", "Take default, public or a YAML file."
        ) from error
    try:
        return GateRules.model_validate(content or {})
    except ValidationError as error:
        raise FormatError(f"{path}: {describe_validation_error(error)}.") from error


def parity_gates(manifest: ModelManifest) -> list[Gate]:
    """Whether each file gives what the trained network gives."""
    gates = []
    for v in manifest.variants:
        if v.parity is None and (manifest.model_extra or {}).get("adopted"):
            gates.append(Gate(f"parity of {v.name}", True, "adopted: there is no training network to compare with"))
        elif v.parity is None:
            gates.append(Gate(f"parity of {v.name}", False, "it was never compared with the trained network"))
        else:
            gates.append(_parity_gate(v))
    return gates


def _parity_gate(v: Variant) -> Gate:
    assert v.parity is not None
    limits = limits_of(v)
    broken = [
        f"{name} {found:g}, allowed {limit:g}"
        for name, found, limit in (
            ("box difference in px", v.parity.max_box_px, limits.box_px),
            ("score difference", v.parity.max_score, limits.score),
        )
        if limit is not None and not found <= limit
    ]
    extra = v.parity.model_extra or {}
    if extra.get("boxes") == 0:
        broken.append("no box was compared, as nothing is found on the images: that proves nothing")
    if "same_boxes" in extra and extra["same_boxes"] < limits.same_boxes * extra["boxes"]:
        broken.append(
            f"only {extra['same_boxes']} of {extra['boxes']} boxes are found, at least {limits.same_boxes:.0%}"
        )
    said = f"at most {v.parity.max_box_px:g} px and {v.parity.max_score:g} in score from {v.parity.reference}"
    return Gate(f"parity of {v.name}", not broken, "; ".join(broken) or said)


def loss_gates(manifest: ModelManifest, rules: GateRules) -> list[Gate]:
    """Whether FP16 and INT8 files lose too much on dev against FP32."""
    dev = {v.name: next((m.values for m in v.metrics if m.dataset == "dev"), {}) for v in manifest.variants}
    reference = next((v for v in manifest.variants if v.precision == "fp32"), None)
    gates = []
    for v in manifest.variants:
        if reference is None or v.precision == "fp32":
            continue
        for figure, allowed in rules.variant_loss.items():
            before, after = dev[reference.name].get(figure), dev[v.name].get(figure)
            name = f"{figure} that {v.name} loses on dev"
            if before is None or after is None:
                gates.append(Gate(name, False, "not measured"))
            else:
                lost = before - after
                gates.append(Gate(name, lost <= allowed + 1e-9, f"{lost:.4f}, allowed {allowed:g}"))
    return gates


def figure_gates(found: Mapping[str, Evaluation], variant: str, rules: GateRules) -> list[Gate]:
    """Whether the figures on the test sets reach their limits.

    Args:
        found: evaluation by test set.
        variant: which file was measured.
        rules: the limits.
    """
    gates = []
    for kind, limits in (("minimum", rules.minimum), ("maximum", rules.maximum)):
        for name in sorted(set(limits) - {ANY} - set(found)):
            gates.append(Gate(f"{kind} on {name}", False, "the set is not among the tests that were measured"))
        for name, evaluation in found.items():
            for figure, limit in (limits.get(ANY, {}) | limits.get(name, {})).items():
                gate = _figure_gate(kind, name, evaluation, variant, figure, limit)
                if gate.passed or figure in limits.get(name, {}) or _has(evaluation, figure):
                    gates.append(gate)
    return gates


def _has(evaluation: Evaluation, figure: str) -> bool:
    return figure in evaluation.total.figures and evaluation.total.figures[figure].value is not None


def _figure_gate(kind: str, name: str, evaluation: Evaluation, variant: str, figure: str, limit: float) -> Gate:
    title = f"{figure} of {variant} on {name}"
    if not _has(evaluation, figure):
        return Gate(title, False, "the set has nothing to measure it on")
    value = evaluation.total.figures[figure].value
    assert value is not None
    passed = value >= limit if kind == "minimum" else value <= limit
    return Gate(title, passed, f"{value:.3f}, {'at least' if kind == 'minimum' else 'at most'} {limit:g}")


def against_gates(
    compared: Mapping[str, Sequence[Comparison]], current: str, rules: GateRules, variant: str
) -> list[Gate]:
    """Whether the candidate is worse than the current model on a test set, and whether any set can tell.

    Args:
        compared: comparisons by test set.
        current: name and version of the current model.
        rules: the margin and how many sets must tell.
        variant: which file of the candidate was measured.
    """
    gates, telling = [], 0
    for name, comparisons in compared.items():
        measured = [c for c in comparisons if c.candidate is not None and c.current is not None]
        telling += any(c.verdict in ("better", "not worse") for c in measured)
        for c in measured:
            values = f"{c.candidate:.3f} against {c.current:.3f} ({c.over})"
            words = f"{c.verdict}: {values}; {c.reason}"
            gates.append(Gate(f"{c.figure} of {variant} on {name} against {current}", c.verdict != "worse", words))
    wanted = min(rules.against.telling_sets, len(compared))
    words = f"{telling} of {len(compared)} sets prove a figure better or not worse (margin {rules.against.margin:g})"
    gates.append(Gate(f"proof of {variant} against {current}", telling >= wanted, f"{words}, at least {wanted} must"))
    return gates


def leak_gate(leaks: Sequence[object] | None, rules: GateRules, why_unknown: str = "") -> Gate:
    """Whether the model has seen test images; `leaks` is None if what it was trained on is not known."""
    lenient = rules.leaks == "say"
    if leaks is None:
        return Gate("leaks", lenient, f"not checked: {why_unknown}")
    if not leaks:
        return Gate("leaks", True, "none found between training, dev and tests")
    some = "; ".join(str(x) for x in leaks[:3])
    return Gate("leaks", lenient, f"{len(leaks)} found: {some}")


def failed(gates: Iterable[Gate]) -> list[Gate]:
    """Those that do not let the model through."""
    return [g for g in gates if not g.passed]
