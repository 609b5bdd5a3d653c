"""The engine of ``blob_f32_nchw``: pictures are resized on the host into one reused blob."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from detector.engine import Image, Outputs, check_nodes, frame_failed, output_names
from detector.geometry import Letterbox
from detector.manifest import Variant
from detector.preprocess import Blob


class HostEngine:
    """Any provider, with host pre-processing.

    ``session.run`` is given the blob as it lies in memory and returns small arrays of its own: binding them ahead saves
    nothing that can be measured.

    Args:
        session: an open ``onnxruntime.InferenceSession``.
        variant: of the manifest.
        path: the model's file, for messages.

    Raises:
        ModelError: the session is not the network that the manifest describes.
    """

    batch: Final = 1
    """A batch gains nothing on a CPU, and costs memory."""

    def __init__(self, session: Any, variant: Variant, path: Path) -> None:
        self._session, self._variant, self._path = session, variant, path
        contract, out = variant.input, variant.output
        shape = [1, 3, contract.height, contract.width]
        check_nodes(path, "input", session.get_inputs(), {contract.name: ("tensor(float)", shape)})
        expected = {
            out.boxes: ("tensor(float)", [1, out.top_k, 4]),
            out.scores: ("tensor(float)", [1, out.top_k]),
            out.classes: ("tensor(int64)", [1, out.top_k]),
        }
        check_nodes(path, "output", session.get_outputs(), expected)
        self._input, self._outputs = contract.name, output_names(out)
        self._blob = Blob(contract.size, contract.pad, contract.mean, contract.std, rgb=contract.colour == "rgb")

    def twin(self) -> HostEngine:
        """See `detector.engine.Engine`: a session may be run by many threads, a blob may not."""
        return HostEngine(self._session, self._variant, self._path)

    def run(self, image: Image, box: Letterbox) -> Outputs:
        """See `detector.engine.Engine`."""
        start = time.perf_counter_ns()
        blob = self._blob.fill(image, box)
        prepared = time.perf_counter_ns()
        try:
            boxes, scores, classes = self._session.run(self._outputs, {self._input: blob})
        except Exception as error:  # see frame_failed
            raise frame_failed(error) from error
        return Outputs(boxes[0], scores[0], classes[0], prepared - start, time.perf_counter_ns() - prepared)

    def run_many(self, images: Sequence[Image], box: Letterbox) -> list[Outputs]:
        """See `detector.engine.Engine`: one by one."""
        return [self.run(image, box) for image in images]
