"""TensorRT's engines: built once for a model, a frame size, a card and a driver; kept; used from the next start.

Building takes minutes, so a process of its own does it (:mod:`detector.tensorrt_build`) while CUDA serves. One folder
per engine holds it, the state of its making and the builder's log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from detector.file_lock import FileLock

SCHEMA = "polypwatch.tensorrt/1"
_ATTEMPTS = 3
"""Builds that ended without a word (the machine was switched off) are begun anew, this often in all."""


class State(Enum):
    """Of one engine."""

    ABSENT = "absent"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


class Offer(NamedTuple):
    """What there is for a size.

    Attributes:
        folder: with the engine; None if it is not ready.
        words: for the user.
    """

    folder: Path | None
    words: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a builder is told, as ``order.json``.

    Attributes:
        model: the ONNX file.
        sha256: what its bytes must be.
        dimensions: values of its symbolic sizes.
    """

    model: str
    sha256: str
    dimensions: dict[str, int]


Starter = Callable[[Path], object]
"""Starts a builder on a folder with an order."""
_builders: list[subprocess.Popen[bytes]] = []
"""Those that this process started: they are asked how they ended, so that none is left as a zombie."""


class EngineStore:
    """The engines of one file on this machine.

    Args:
        root: folder of all engines.
        key: gives the name of an engine's folder from its sizes; see :func:`detector.gpu_card.key`.
        model: the ONNX file.
        sha256: of the file.
        start: how a builder is started.
    """

    def __init__(
        self,
        root: Path,
        key: Callable[[Mapping[str, int]], str],
        model: Path,
        sha256: str,
        start: Starter | None = None,
    ) -> None:
        self._root, self._key, self._model, self._sha256 = root, key, model, sha256
        self._start = start or start_builder

    def offer(self, dimensions: Mapping[str, int]) -> Offer:
        """The engine for these sizes; if there is none, a builder is started. Never blocks."""
        folder = self._root / self._key(dimensions)
        state, words = state_of(folder)
        if state is State.READY:
            return Offer(folder, "")
        if state is State.FAILED:
            return Offer(
                None, f"the TensorRT engine could not be built ({words}): CUDA serves; delete {folder} to retry"
            )
        if state is State.ABSENT:
            order = Order(str(self._model.resolve()), self._sha256, dict(dimensions))
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "order.json").write_text(json.dumps(asdict(order)) + "\n", encoding="utf-8")
                self._start(folder)
            except OSError as error:
                return Offer(None, f"no TensorRT engine can be built ({error}): CUDA serves")
        return Offer(None, "the TensorRT engine is being built: CUDA serves until the next start")


def state_of(folder: Path) -> tuple[State, str]:
    """The state of an engine, and words if it failed."""
    try:
        data = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        state, words, attempts = State(data["state"]), str(data["words"]), int(data["attempts"])
    except (FileNotFoundError, NotADirectoryError):
        return (State.BUILDING if FileLock.is_held(folder / "lock") else State.ABSENT), ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        return State.FAILED, f"its state cannot be read: {error}"
    if state is State.BUILDING and not FileLock.is_held(folder / "lock"):
        if attempts < _ATTEMPTS:
            return State.ABSENT, ""
        return State.FAILED, f"{attempts} builds ended without a word, see {folder / 'log.txt'}"
    if state is State.READY and not has_engine(folder):
        return State.ABSENT, ""  # somebody cleared the cache: opening a session would build for minutes
    return state, words


def has_engine(folder: Path) -> bool:
    """Whether ONNX Runtime left an engine there (one or more files, named after the network and the card)."""
    return any(folder.glob("*.engine"))


def write_state(folder: Path, state: State, words: str = "") -> None:
    """Say how far the engine is; every `BUILDING` counts as an attempt.

    Raises:
        OSError: it cannot be written.
    """
    path = folder / "state.json"
    try:
        attempts = int(json.loads(path.read_text(encoding="utf-8"))["attempts"])
    except (OSError, ValueError, KeyError, TypeError):
        attempts = 0
    attempts += state is State.BUILDING
    data = {"schema": SCHEMA, "state": state.value, "words": words, "attempts": attempts}
    part = path.with_name("state.json.part")
    part.write_text(json.dumps(data) + "\n", encoding="utf-8")
    os.replace(part, path)


def read_order(folder: Path) -> Order:
    """What the builder of a folder was told.

    Raises:
        OSError: there is no order.
        ValueError: it cannot be read.
    """
    data = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    try:
        return Order(str(data["model"]), str(data["sha256"]), {str(k): int(v) for k, v in data["dimensions"].items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the order lacks {error}") from error


def start_builder(folder: Path) -> subprocess.Popen[bytes]:
    """Start a builder that outlives this process.

    Raises:
        OSError: it cannot be started.
    """
    packages = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(p for p in (packages, os.environ.get("PYTHONPATH", "")) if p)
    _builders[:] = [b for b in _builders if b.poll() is None]
    with (folder / "log.txt").open("ab") as log:
        builder = subprocess.Popen(
            [sys.executable, "-m", "detector.tensorrt_build", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
    _builders.append(builder)
    return builder
