"""Manifest and card on disk: written together, each whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from detector.errors import OutputError
from detector.manifest import MANIFEST_NAME, Metrics, ModelManifest, dump_manifest, load_manifest, parse_manifest
from training.release.card import CARD_NAME, render_card


def write_manifest(manifest: ModelManifest, folder: Path) -> None:
    """Write the manifest and the card that is made from it.

    Raises:
        ModelError: the manifest is not one that could be read again.
        OutputError: they cannot be written.
    """
    text = dump_manifest(manifest)
    parse_manifest(text, str(folder / MANIFEST_NAME))
    replace_file(folder / MANIFEST_NAME, text.encode())
    replace_file(folder / CARD_NAME, render_card(manifest).encode())


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that the old one stays until the new one is whole on the disk.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}).") from error


def record_metrics(
    folder: Path,
    variant: str,
    dataset: str,
    values: Mapping[str, float],
    images: int,
    threshold: float | None,
    command: str,
    provider: str,
) -> None:
    """Write figures into a model's manifest and card; an older entry of the same set is replaced.

    Args:
        folder: the model folder.
        variant: name of the variant that was measured.
        dataset: name of the set (``dev``, ``kvasir-val``, ...).
        values: figure by name; None and everything that is no number must be left out.
        images: how many images were scored.
        threshold: of the figures that need one.
        command: what to run to get the same.
        provider: what it ran on.

    Raises:
        ModelError: the manifest is not valid, has no such variant, or `values` are no finite numbers.
        OutputError: it cannot be written.
    """
    from training.release.variants import machine

    manifest = load_manifest(folder)
    manifest.variant(variant)
    entry = Metrics(
        dataset=dataset,
        images=images,
        threshold=threshold,
        values={k: float(v) for k, v in values.items()},
        command=command,
        machine=machine(provider),
    )
    write_manifest(with_metrics(manifest, variant, [entry]), folder)


def with_metrics(manifest: ModelManifest, variant: str, entries: list[Metrics]) -> ModelManifest:
    """The manifest with these figures of a variant; older entries of the same sets are replaced."""
    names = {e.dataset for e in entries}
    variants = [
        v.model_copy(update={"metrics": [*(m for m in v.metrics if m.dataset not in names), *entries]})
        if v.name == variant
        else v
        for v in manifest.variants
    ]
    return manifest.model_copy(update={"variants": variants})
