"""What runs a network: from the pixels of frames to its raw candidates. One engine per input contract.

:mod:`detector.runtime` owns what all engines share: the manifest, the choice of provider, thresholds, suppression and
the way back to frame pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from detector.errors import ModelError, ProviderError
from detector.geometry import Letterbox
from detector.manifest import OutputContract
from detector.providers import first_line

Image = npt.NDArray[np.uint8]


class Outputs(NamedTuple):
    """A network's answer for one frame, and what it took.

    The arrays may be reused by the engine's next call: who keeps them copies them.
    """

    boxes: npt.NDArray[np.float32]
    """(K, 4) xyxy in model pixels."""
    scores: npt.NDArray[np.float32]
    """(K,) best first."""
    classes: npt.NDArray[np.int64]
    """(K,) index into the manifest's classes."""
    preprocess_ns: int
    infer_ns: int


class Engine(Protocol):
    """Runs frames on one session or more. Used by one thread."""

    @property
    def batch(self) -> int:
        """How many frames `run_many` likes to get at once; 1 where a batch gains nothing."""
        ...

    def twin(self) -> Engine | None:
        """An engine on the same session with own buffers, for another thread; None where there can be one only."""
        ...

    def run(self, image: Image, box: Letterbox) -> Outputs:
        """One frame: BGR uint8 (H, W, 3) of size ``box.source``.

        Raises:
            ProviderError: the runtime failed.
        """
        ...

    def run_many(self, images: Sequence[Image], box: Letterbox) -> list[Outputs]:
        """Several frames of one size, in order; on a CPU bit-equal to `run`, frame by frame. Arrays of their own."""
        ...


def frame_failed(error: Exception) -> ProviderError:
    """ONNX Runtime's own exception classes share no base but Exception: what it raised on a frame becomes ours."""
    return ProviderError(f"ONNX Runtime failed on a frame: {first_line(error)}.", "Try another provider.")


def output_names(out: OutputContract) -> list[str]:
    """In the order of `Outputs`."""
    return [out.boxes, out.scores, out.classes]


def check_nodes(path: object, kind: str, found: Any, expected: dict[str, tuple[str, list[Any]]]) -> None:
    """Compare a session's inputs or outputs with what the manifest describes.

    Args:
        path: the file, for the message.
        kind: ``input`` or ``output``.
        found: ``session.get_inputs()`` or ``session.get_outputs()``.
        expected: type and shape by name.

    Raises:
        ModelError: they differ; the message says in what.
    """
    actual = {node.name: (node.type, list(node.shape)) for node in found}
    if actual == expected:
        return
    wrong = [name for name in {**expected, **actual} if actual.get(name) != expected.get(name)]
    details = "; ".join(f"'{n}' is {_spell(actual.get(n))}, expected {_spell(expected.get(n))}" for n in wrong)
    raise ModelError(
        f"{path} is not the network that its manifest describes: {kind} {details}.",
        "It will not be used. Export the model again.",
    )


def _spell(value: tuple[str, list[Any]] | None) -> str:
    return "absent" if value is None else f"{value[0]} {value[1]}"
