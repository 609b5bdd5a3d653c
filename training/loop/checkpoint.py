"""Run states on disk: `last.pt`, and the one before it as `previous.pt`. Nothing is ever unpickled into code.

A state is written beside the old ones, flushed to the disk, and only then takes its name: a kill or a full disk while
writing leaves at least one that is whole.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from detector.errors import FormatError, OutputError
from training.network import Network, save_weights

SCHEMA = "polypwatch.checkpoint/2"
LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.safetensors"


def save_state(state: Mapping[str, Any], folder: Path) -> None:
    """Write a run's state as `last.pt`; the one that was there becomes `previous.pt`.

    Raises:
        OutputError: it cannot be written; both older states are untouched then.
    """
    buffer = io.BytesIO()  # torch's own writer turns a full disk into an error that says nothing
    torch.save({"schema": SCHEMA, **state}, buffer)
    part, last = folder / (LAST + ".part"), folder / LAST
    try:
        with part.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        if last.exists():
            os.replace(last, folder / PREVIOUS)
        os.replace(part, last)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{last} cannot be written ({error.strerror or error}).") from error


def save_best(network: Network, folder: Path) -> None:
    """Write the weights that are best so far as `best.safetensors`.

    Raises:
        OutputError: they cannot be written; the older ones are untouched then.
    """
    save_weights(network, folder / BEST)


def has_state(folder: Path) -> bool:
    """Whether a run's folder holds a state to go on from."""
    return (folder / LAST).exists() or (folder / PREVIOUS).exists()


def read_state(folder: Path) -> tuple[dict[str, Any], Path]:
    """The newest readable state of a run, and the file that it came from.

    Raises:
        FormatError: neither state is there and whole; it tells what is wrong with the newer.
    """
    problem: FormatError | None = None
    for path in (folder / LAST, folder / PREVIOUS):
        try:
            return read_checkpoint(path), path
        except FormatError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, read without unpickling code.

    Raises:
        FormatError: the file is missing, damaged or of another schema.
    """
    if not path.is_file():
        raise FormatError(f"There is no checkpoint at {path}.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen types for a damaged file
        raise FormatError(f"{path} is no readable checkpoint.", "Resume from another one or start anew.") from error
    if not isinstance(state, dict) or state.get("schema") != SCHEMA:
        raise FormatError(f"{path} is not of schema {SCHEMA}.", "It was written by another version: start anew.")
    return state
