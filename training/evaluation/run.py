"""Evaluate a model on a set: answers from the product's runtime (or from torch), figures from `detector.scoring`."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from detector.errors import FormatError
from detector.manifest import load_manifest
from detector.scoring.recording import Answer
from training.evaluation.clinical import Clinical, measure_sequences
from training.evaluation.curves import Curves, curves_of
from training.evaluation.data import EvaluationData
from training.evaluation.measure import Section, by_size, measure_stills, parts
from training.evaluation.results import answers_from_results
from training.evaluation.rows import Row, rows_of
from training.evaluation.runtime import open_model, predict_with_runtime
from training.evaluation.store import EVALUATION_SCHEMA, DataFacts, ModelFacts, Predictions

SOFTWARE = f"polypwatch {version('polypwatch')}"
_TORCH_THRESHOLD = 0.3
"""For weights, which have no operating point of their own yet."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is evaluated.

    Attributes:
        threshold: the operating point; None takes the variant's own.
        provider: execution provider of the runtime.
        variant: which file of the model; None takes the first one meant for the provider.
        nominal_fps: rate of consecutive frames whose true times are unknown; said wherever seconds are quoted.
        one_lesion_per_sequence: as if the set had said so.
        draws: of the bootstrap.
        seed: of the bootstrap.
    """

    threshold: float | None = None
    provider: str = "auto"
    variant: str | None = None
    nominal_fps: float | None = None
    one_lesion_per_sequence: bool = False
    draws: int = 2000
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A model measured on a set.

    Attributes:
        predictions: model, data, and per image truth and answer.
        total: figures of the whole set.
        by_source: of each data set; empty if there is only one.
        by_centre: of each centre; empty if there is only one.
        by_size: of small, medium and large lesions.
        sequences: per-lesion, time and event figures; None without sequences.
        curves: precision over recall, FROC, scores on negatives.
        settings: how it was measured.
        command: what to run to get the same.
    """

    predictions: Predictions
    total: Section
    by_source: dict[str, Section]
    by_centre: dict[str, Section]
    by_size: dict[str, Section]
    sequences: Clinical | None
    curves: Curves
    settings: Settings
    command: str

    @property
    def rows(self) -> list[Row]:
        """Every scored image."""
        return self.predictions.rows

    @property
    def threshold(self) -> float:
        """The operating point that was scored at."""
        return self.predictions.model.threshold

    @property
    def images(self) -> int:
        """Images that something is known of."""
        return self.total.images

    @property
    def provider(self) -> str:
        """The execution provider that really ran."""
        return self.predictions.model.provider

    def values(self) -> dict[str, float]:
        """The figures of the whole set that can be given, flat and rounded, with ``NAME_low`` and ``NAME_high``."""
        flat: dict[str, float] = {"lesions": self.total.lesions, "negative_images": self.total.negative_images}
        figures = dict(self.total.figures)
        if self.sequences:
            figures |= {f"sequences_{k}": f for k, f in self.sequences.raw.items()}
            figures |= {f"shown_{k}": f for k, f in self.sequences.shown.items()}
        for name, figure in figures.items():
            for key, value in ((name, figure.value), (f"{name}_low", figure.low), (f"{name}_high", figure.high)):
                if value is not None:
                    flat[key] = round(value, 4)
        return flat

    def as_json(self) -> dict[str, Any]:
        """The content of ``evaluation.json``."""
        return {
            "schema": EVALUATION_SCHEMA,
            "software": SOFTWARE,
            "model": self.predictions.model.model_dump(),
            "data": self.predictions.data.model_dump(),
            "command": self.command,
            "machine": f"{platform.system()} {platform.machine()}, {self.provider}",
            "nominal_fps": self.settings.nominal_fps,
            "bootstrap": {"draws": self.settings.draws, "seed": self.settings.seed, "level": 0.95},
            "total": self.total.as_dict(),
            "by_source": {k: s.as_dict() for k, s in self.by_source.items()},
            "by_centre": {k: s.as_dict() for k, s in self.by_centre.items()},
            "by_size": {k: s.as_dict() for k, s in self.by_size.items()},
            "sequences": self.sequences.as_dict() if self.sequences else None,
            "curves": self.curves.as_dict(),
        }


def evaluate_model(
    folder: Path, data: EvaluationData, settings: Settings | None = None, command: str = ""
) -> Evaluation:
    """Run a model folder over a set and measure it.

    Raises:
        ModelError: the folder is not a model.
        ProviderError: the provider did not come up or failed.
        SourceError: an image is missing or cannot be decoded.
        FormatError: a label and its image do not fit, or there is nothing to score.
    """
    settings = settings or Settings()
    _require_known(data)
    detector = open_model(folder, settings.provider, settings.variant)
    info = detector.info
    threshold = info.threshold if settings.threshold is None else settings.threshold
    facts = ModelFacts(
        kind="onnx",
        name=info.model,
        version=info.version,
        variant=info.variant,
        sha256=info.sha256,
        provider=info.provider,
        threshold=threshold,
    )
    trained_on = load_manifest(folder).catalog_sha256
    return measure(facts, data, predict_with_runtime(detector, data.samples), settings, command, trained_on)


def evaluate_results(
    files: Sequence[Path], data: EvaluationData, settings: Settings | None = None, command: str = ""
) -> tuple[Evaluation, list[str]]:
    """Measure answers that are stored in results files, and what must be said of them.

    Raises:
        FormatError: a file is damaged, they are of different models, or none is of this set.
    """
    settings = settings or Settings()
    _require_known(data)
    found = answers_from_results(data.samples, files, settings.threshold)
    return measure(found.model, data, found.answers, settings, command), found.notes


def evaluate_weights(
    weights: Path, data: EvaluationData, settings: Settings | None = None, command: str = ""
) -> Evaluation:
    """Run weights through torch over a set and measure them: for looking at a run before it is exported.

    Raises:
        FormatError: the file holds no weights of a known network, or there is nothing to score.
        SourceError: an image is missing or cannot be decoded.
    """
    from training.evaluation.predict import PreparedSet, predict
    from training.network import load_network

    settings = settings or Settings()
    _require_known(data)
    network = load_network(weights)
    facts = ModelFacts(
        kind="torch",
        name=network.name,
        version="",
        variant=weights.name,
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        provider="torch",
        threshold=_TORCH_THRESHOLD if settings.threshold is None else settings.threshold,
    )
    answers = predict(network, PreparedSet.read(data.samples, network.input_size))
    return measure(facts, data, answers, settings, command)


def measure(
    model: ModelFacts,
    data: EvaluationData,
    answers: Sequence[Answer],
    settings: Settings,
    command: str,
    trained_on: str = "",
) -> Evaluation:
    """All figures of answers that are there already.

    Args:
        model: which file answered, at which threshold.
        data: what was asked.
        answers: per sample.
        settings: of the intervals and of the sequences; provider and variant are not used again.
        command: what to run to get the same.
        trained_on: hash of the catalog that the model was trained on, if it names one.

    Raises:
        FormatError: the frames of a sequence are not in an order.
        ValueError: not as many answers as samples.
    """
    one_lesion = data.one_lesion_per_sequence or settings.one_lesion_per_sequence
    rows = rows_of(data.samples, answers, one_lesion)
    facts = DataFacts(
        name=data.name,
        split=data.split,
        catalog_sha256=data.catalog_sha256,
        words=data.words,
        relation=_relation(data, trained_on),
    )
    how = (model.threshold, settings.draws, settings.seed)
    return Evaluation(
        predictions=Predictions(model, facts, rows),
        total=measure_stills(rows, *how),
        by_source={k: measure_stills(part, *how) for k, part in parts(rows, "source").items()},
        by_centre={k: measure_stills(part, *how) for k, part in parts(rows, "centre").items()},
        by_size=by_size(rows, *how),
        sequences=measure_sequences(rows, *how, settings.nominal_fps, one_lesion),
        curves=curves_of(rows, model.threshold),
        settings=settings,
        command=command,
    )


def _relation(data: EvaluationData, trained_on: str) -> str:
    """A split protects only a model that was trained on the train part of the same catalog."""
    if not data.split:
        return ""
    if trained_on == data.catalog_sha256:
        return "the model was trained on this very catalog"
    return "the model names no or another catalog: this says nothing of whether it has seen these images"


def _require_known(data: EvaluationData) -> None:
    if not any(s.known for s in data.samples):
        raise FormatError(
            f"{data.data}{' ' + data.split if data.split else ''} has no image of which anything is known.",
            "An empty label file says 'no polyp'; a missing one says nothing.",
        )
