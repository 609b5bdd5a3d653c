"""Weights and run states on disk; nothing is ever unpickled into code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from detector.errors import FormatError, OutputError
from training.yolox import YoloxNano, load_coco

SCHEMA = "polypwatch.checkpoint/1"


def load_start(path: Path) -> YoloxNano:
    """A one-class network that starts from published COCO weights.

    Raises:
        FormatError: the file is missing, damaged or of another network.
    """
    model = YoloxNano()
    if not path.is_file():
        raise FormatError(f"There are no starting weights at {path}.", "Set POLYPWATCH_WEIGHTS to their folder.")
    try:
        load_coco(model, path)
    except Exception as error:  # safetensors raises its own, undocumented type
        raise FormatError(f"{path} cannot be used as starting weights ({_first_line(error)}).") from error
    return model


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write a run's state; a write that is killed leaves the old one.

    Raises:
        OutputError: it cannot be written.
    """
    _write(path, lambda p: torch.save({"schema": SCHEMA, **state}, p))


def save_weights(model: nn.Module, path: Path) -> None:
    """Weights alone, as safetensors."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    _write(path, lambda p: save_file(tensors, str(p)))


def load_weights(path: Path) -> YoloxNano:
    """A one-class network from `best.safetensors` or from the averaged weights in `last.pt`.

    Raises:
        FormatError: the file is missing, damaged or of another network.
    """
    model = YoloxNano()
    if path.suffix == ".pt":
        state = read_checkpoint(path).get("ema", {})
    else:
        if not path.is_file():
            raise FormatError(f"There are no weights at {path}.")
        try:
            state = load_file(str(path))
        except Exception as error:  # safetensors raises its own, undocumented type
            raise FormatError(f"{path} is no safetensors file ({_first_line(error)}).") from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise FormatError(f"{path} holds another network than the one-class YOLOX-nano.") from error
    return model.eval()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a `last.pt`, read without unpickling code.

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
        raise FormatError(f"{path} is not of schema {SCHEMA}.")
    return state


def _write(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}).") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
