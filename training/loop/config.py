"""The one configuration of a training run: every knob with its default, its unit and its reason. No torch.

A configuration is put together from the preset of a network or from a file, then flags, then ``--set``; it is frozen
afterwards and written into the run's folder.
"""

from __future__ import annotations

import difflib
import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from detector.errors import FormatError, UsageError
from detector.schema import describe_validation_error
from training.data.settings import HARD_WEIGHT, read_settings

Unit = Literal["minutes", "epochs", "steps"]
ChooseBy = Literal["ap50+ap50_95", "ap50", "ap50_95", "f1", "recall"]
Precision = Literal["auto", "float32", "bf16", "fp16"]
PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may cost: ``60 minutes`` of training time, ``100 epochs`` or ``5000 steps``."""

    amount: float
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read ``60 minutes``.

        Raises:
            ValueError: it is not a positive number and a unit.
        """
        number, _, unit = text.strip().partition(" ")
        try:
            amount = float(number)
        except ValueError:
            amount = 0.0
        if not (amount > 0 and math.isfinite(amount)) or unit.strip() not in get_args(Unit):
            raise ValueError("must be a positive number and one of minutes, epochs, steps, such as '60 minutes'")
        return cls(amount, unit.strip())  # type: ignore[arg-type]

    def progress(self, step: int, epochs: float, elapsed_s: float) -> float:
        """Share that is used, 0..1."""
        used = {"minutes": elapsed_s / 60, "epochs": epochs, "steps": float(step)}[self.unit]
        return min(1.0, used / self.amount)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Replay(_Section):
    """Old samples that are mixed with the new ones."""

    catalog: str = Field(
        "",
        description="Catalog file, or the word public: its train split is drawn again beside the new data, so that "
        "fine-tuning does not forget what the old data taught. Empty: none.",
    )
    share: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Share of all draws (0..1) that come from there. Half keeps the old figures in our hands as a "
        "rule; less learns the new site faster and forgets more.",
    )


class TrainConfig(_Section):
    """A training run."""

    network: str = Field(
        "fast",
        description="Which detector: fast (two CPU cores), nanodet (twice the cost, finds more), balanced (ReLU, for "
        "INT8) or accurate (a GPU).",
    )
    start: str = Field(
        "auto",
        description="First weights: auto (COCO weights for fast and nanodet, ImageNet for the others), imagenet, none "
        "(random), a safetensors file, or the folder of an earlier run, whose best weights are taken. A random start "
        "needs ten times the budget.",
    )
    data: str = Field(
        "public",
        description="Catalog file with a split, or the word public. Its train split is learned from; dev chooses the "
        "checkpoint; tests are never opened.",
    )
    replay: Replay = Replay()
    budget: str = Field(
        "60 minutes",
        description="A number and minutes, epochs or steps. The schedule follows it. Minutes count training and "
        "measuring, not restarts, and cost the same on a busy machine; only epochs and steps give the same result "
        "twice.",
    )
    batch: int = Field(
        16, ge=1, description="Images per step over all processes. Fewer save memory; then lower lr in proportion."
    )
    lr: float = Field(1e-3, gt=0, description="Peak learning rate of AdamW for a batch of 16 from pretrained weights.")
    final_lr: float = Field(0.02, ge=0, le=1, description="Share of lr that the cosine ends at: it never stands still.")
    warmup: float = Field(
        0.03, ge=0, lt=1, description="Share of the budget (0..1) in which lr rises: the head starts at random."
    )
    weight_decay: float = Field(0.02, ge=0, description="AdamW's decay of weight matrices; norms and biases have none.")
    clip: float = Field(
        10.0, gt=0, description="Largest norm of a step's gradient: one bad batch must not undo an hour."
    )
    ema: float = Field(
        0.998,
        ge=0,
        lt=1,
        description="Decay per step of the averaged weights, which are what is measured and shipped: about 500 steps.",
    )
    sizes: tuple[int, ...] = Field(
        (),
        description="Input sides in pixels, multiples of 32, one drawn per step; the last phase uses the largest. "
        "Empty: from 0.7 times the network's own size up to it: small sides train faster and teach scale.",
    )
    augment: Literal["full", "plain", "off"] | dict[str, float | str] = Field(
        "full",
        description="full: all effects; plain: those that need no albumentations; off; or shares of draws (0..1) for "
        "single effects, such as {interlace: 0.1, jpeg: 0}, with kind: plain or off to start from less. "
        "polypwatch-train preview --effects lists them; preview --only shows one.",
    )
    negative_share: float = Field(
        0.12,
        ge=0,
        lt=1,
        description="Share of draws (0..1) without a polyp, where the data has such images. More lowers false alarms "
        "and, above about 0.3, sensitivity. 0: never drawn.",
    )
    hard_weight: int = Field(
        HARD_WEIGHT,
        ge=1,
        description="How often a mined hard example is drawn for each time that another sample of its set is. Enough "
        "to be noticed among thousands, too little to be learned by heart.",
    )
    late_from: float = Field(
        0.75,
        ge=0,
        le=1,
        description="Share of the budget after which mosaics end, images look as in use, sides are largest, the L1 "
        "loss joins and everything is float32: boxes get their last pixel.",
    )
    evaluations: int = Field(
        16, ge=1, description="How often dev is measured, evenly over the budget; the best is kept."
    )
    choose_by: ChooseBy = Field(
        "ap50+ap50_95",
        description="Figure on dev that chooses the checkpoint. The sum moves more smoothly than AP50 and rewards "
        "tight boxes.",
    )
    dev_threshold: float = Field(
        0.3, gt=0, lt=1, description="Score at which recall, precision and f1 on dev are logged; AP needs none."
    )
    patience: int = Field(
        0,
        ge=0,
        description="Stop after so many measurements without a better one. 0: never, since the cosine gains most at "
        "the end.",
    )
    seed: int = Field(1, ge=0, description="Of the order, the augmentation and random weights.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU if torch sees one.")
    precision: Precision = Field(
        "auto",
        description="auto: on a GPU bf16, or fp16 where bf16 is missing; on a CPU float32. bf16 pays on CPUs with AMX.",
    )
    threads: int = Field(0, ge=0, description="Torch's CPU threads. 0: as torch likes, one per core.")
    workers: int = Field(
        -1, ge=-1, description="Threads that prepare images. -1: one per core less one, at most 16; 0: none ahead."
    )
    cache_gb: float = Field(
        8.0, ge=0, description="Decoded images kept in memory, in GB per process; the rest is decoded at each draw."
    )
    checkpoint_minutes: float = Field(
        5.0, ge=0, le=60, description="At most so many minutes are lost to a crash. 0: a checkpoint after every step."
    )
    log_steps: int = Field(50, ge=1, description="Steps per line of the log.")
    tensorboard: bool = Field(
        True, description="Write curves and the worst cases of dev, as pictures, into RUN/tensorboard."
    )

    @field_validator("augment", mode="before")
    @classmethod
    def _augment_reads(cls, value: object) -> object:
        if value is False:  # YAML reads a bare `off` as a boolean
            return "off"
        if isinstance(value, str | Mapping):
            read_settings(value)  # an unknown effect is named with its nearest
        return value

    @field_validator("budget", mode="after")
    @classmethod
    def _budget_reads(cls, value: str) -> str:
        Budget.parse(value)
        return value

    @field_validator("sizes", mode="after")
    @classmethod
    def _sizes_fit(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(s < 32 or s % 32 for s in value) or list(value) != sorted(set(value)):
            raise ValueError("must be ascending multiples of 32")
        return value

    @model_validator(mode="after")
    def _phases_follow(self) -> TrainConfig:
        if self.warmup > self.late_from:
            raise ValueError("warmup must end before late_from")
        return self

    def sizes_for(self, input_size: int) -> tuple[int, ...]:
        """Input sides of a network that is shipped at `input_size`."""
        if self.sizes:
            return self.sizes
        return tuple(range(max(32, round(0.7 * input_size / 32) * 32), input_size + 1, 32))


FIXED = frozenset({"network", "start", "data", "replay", "seed"})
"""What a run cannot change when it goes on: it would be another run."""


_ELSEWHERE = {
    "learning_rate": "lr",
    "lr0": "lr",
    "batch_size": "batch",
    "minutes": "budget",
    "epochs": "budget",
    "steps": "budget",
    "imgsz": "sizes",
    "image_size": "sizes",
    "input_size": "sizes",
    "model": "network",
    "weights": "start",
    "pretrained": "start",
    "num_workers": "workers",
    "amp": "precision",
    "clip_grad": "clip",
    "early_stopping": "patience",
}
"""What other trainers call our keys: for the message about an unknown key, never accepted."""


def read_config(path: Path) -> dict[str, Any]:
    """The keys that a YAML file sets.

    Raises:
        FormatError: the file cannot be read, or is not a YAML mapping.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            f"The configuration {path} cannot be read ({error}).", "Make one: polypwatch-train config."
        ) from error
    except yaml.YAMLError as error:
        raise FormatError(f"{path} is not YAML ({' '.join(str(error).split())}).") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise FormatError(f"{path} is not a mapping of keys to values.")
    return {str(k): v for k, v in found.items()}


def preset(name: str) -> dict[str, Any]:
    """The keys that suit a network; those of no preset are the defaults."""
    path = PRESETS / f"{name}.yaml"
    return {**(read_config(path) if path.is_file() else {}), "network": name}


def make_config(*layers: Mapping[str, Any], where: str = "The configuration") -> TrainConfig:
    """Lay settings over each other, later ones first, and check them.

    Raises:
        UsageError: a key is unknown (the nearest known one is named) or a value does not fit.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        merge(merged, layer)
    _refuse_unknown(merged, TrainConfig, where)
    try:
        return TrainConfig.model_validate(merged)
    except ValidationError as error:
        raise UsageError(f"{where}: {describe_validation_error(error)}.") from error


def merge(base: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Lay settings over others, sections key by key."""
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = dict(value) if isinstance(value, Mapping) else value


def parse_sets(pairs: Iterable[str]) -> dict[str, Any]:
    """Settings from ``key=value``, ``replay.share=0.3``; values are YAML.

    Raises:
        UsageError: a pair has no ``=``, or its value is not YAML.
    """
    out: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes key=value, not '{pair}'.")
        try:
            found: Any = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"The value in --set {pair} is not YAML.") from error
        for part in reversed(key.split(".")):
            found = {part: found}
        merge(out, found)
    return out


def _refuse_unknown(values: Mapping[str, Any], model: type[BaseModel], where: str, path: str = "") -> None:
    for key, value in values.items():
        field = model.model_fields.get(key)
        if field is None:
            known = {
                **{alias: own for alias, own in _ELSEWHERE.items() if not path},
                **{n: n for n in model.model_fields},
            }
            near = known[difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]]
            raise UsageError(
                f"{where}: there is no key '{path}{key}'.",
                f"The nearest is '{path}{near}'; polypwatch-train config lists all.",
            )
        inner = _section(field)
        if inner is not None and isinstance(value, Mapping):
            _refuse_unknown(value, inner, where, f"{path}{key}.")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def to_yaml(config: BaseModel, comments: bool, indent: str = "") -> str:
    """A configuration as YAML, each key under its reason."""
    lines: list[str] = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        section = _section(field)
        if comments:
            reason = field.description or (section.__doc__ if section else "") or ""
            lines += [f"{indent}# {line}" for line in textwrap.wrap(reason.strip(), 110 - len(indent))]
        if section is not None:
            lines += [f"{indent}{name}:", to_yaml(value, comments, indent + "  ").rstrip("\n")]
        else:
            plain = list(value) if isinstance(value, tuple) else value
            text = yaml.safe_dump(plain, default_flow_style=True, width=10_000).splitlines()[0]
            lines.append(f"{indent}{name}: {text}")
        lines += [""] if comments and not indent else []
    return "\n".join(lines).rstrip("\n") + "\n"
