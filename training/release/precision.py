"""Smaller and faster files of the same network: FP16 by conversion, INT8 by static quantisation.

Both take any float32 graph of our output contract, whatever the network, keep float32 inputs and outputs, and decode in
float32. Neither judges its result: `training.release.variants` measures it.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx

from detector.providers import import_runtime
from training.release.graph import HEAVY, INPUT, decoding_nodes, first_nodes, name_nodes, quiet, write_graph
from training.release.half import to_half

Calibration = Literal["minmax", "percentile", "entropy"]
Blobs = Sequence[npt.NDArray[np.float32]]


def convert_fp16(source: Path, target: Path) -> None:
    """Write a half-precision file: weights and activations in FP16, input, outputs and decoding in FP32.

    Args:
        source: the float32 file.
        target: the file to write.

    Raises:
        ValueError: a weight is too large for FP16.
        OutputError: the file cannot be written.
    """
    write_graph(to_half(onnx.load(source)), target)


@dataclass(frozen=True, slots=True)
class Int8Recipe:
    """How a file is quantised.

    Attributes:
        calibration: how ranges are made from what calibration images give: ``minmax`` of everything, the central
            99.999 ``percentile``, or least ``entropy``.
        convolutions_only: leave activations such as SiLU, sums and concatenations in float32. A SiLU in eight bits is
            rounded three times (before, its sigmoid, after); a ReLU is part of its convolution and costs nothing.
        float_first: leave that many convolutions at the start in float32, with what stands between them. There,
            channels of very different ranges share one scale (in `fast` 0.1.0 one goes to 90, the median to 7).
        float_heads: leave the last convolutions (offsets, objectness, classes) in float32.
        images: how many training images the ranges were made from.
    """

    calibration: Calibration = "percentile"
    convolutions_only: bool = False
    float_first: int = 0
    float_heads: bool = False
    images: int = 0

    @property
    def short(self) -> str:
        """For a list of trials."""
        parts = [self.calibration, "convolutions alone" if self.convolutions_only else ""]
        parts += [f"first {self.float_first} in float32" if self.float_first else ""]
        return ", ".join(p for p in [*parts, "heads in float32" if self.float_heads else ""] if p)

    @property
    def words(self) -> str:
        """For the manifest and the card."""
        what = "convolutions alone" if self.convolutions_only else "all operators"
        if self.float_first:
            what += f" behind the first {self.float_first} convolutions"
        heads = "last convolutions and decoding in float32" if self.float_heads else "decoding in float32"
        return (
            f"static QDQ of {what}, activations uint8, weights int8 per channel, ranges by {self.calibration} over "
            f"{self.images} training images, {heads}"
        )


def quantise_int8(source: Path, target: Path, images: Blobs, recipe: Int8Recipe) -> None:
    """Write an INT8 file (QDQ: quantise and dequantise nodes around every operator, which the runtime fuses).

    Activations are uint8 and weights int8 per output channel: what x86 multiplies in one instruction (VNNI, AMX). On
    processors older than that, sums of products can overflow 16 bits and the file must be measured there.

    Args:
        source: the float32 file.
        target: the file to write.
        images: network inputs, float32 (1, 3, H, W), of images that were trained on.
        recipe: how.

    Raises:
        ValueError: there are no images.
        OutputError: the file cannot be written.
    """
    if not images:
        raise ValueError("calibration needs images")
    import_runtime()  # first: it keeps the runtime silent
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    methods = {
        "minmax": CalibrationMethod.MinMax,
        "percentile": CalibrationMethod.Percentile,
        "entropy": CalibrationMethod.Entropy,
    }
    silence = contextlib.redirect_stdout(io.StringIO())  # it prints a line per image
    with tempfile.TemporaryDirectory() as scratch, silence, quiet(""):  # it advises through the root logger
        prepared, made = Path(scratch) / "prepared.onnx", Path(scratch) / "int8.onnx"
        # Shapes are static: plain shape inference knows them all, the symbolic one would only be slow.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        proto = onnx.load(prepared)
        name_nodes(proto)
        onnx.save(proto, prepared)
        tail, last = decoding_nodes(proto)
        left = tail | (last if recipe.float_heads else set()) | first_nodes(proto, recipe.float_first)
        quantize_static(
            str(prepared),
            str(made),
            _Reader(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=sorted(HEAVY) if recipe.convolutions_only else None,
            calibrate_method=methods[recipe.calibration],
            nodes_to_exclude=sorted(left),
            # One image at a time: the histogram methods keep every intermediate tensor of a stride in memory.
            extra_options={"CalibStridedMinMax": 1, "CalibPercentile": 99.999},
        )
        write_graph(onnx.load(made), target)


class _Reader:
    """Calibration images as ONNX Runtime wants to be given them."""

    def __init__(self, images: Blobs) -> None:
        self._images = images
        self._rest: Iterator[Any] = iter(images)

    def __len__(self) -> int:
        return len(self._images)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._rest = iter(self._images[start_index:end_index])

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        image = next(self._rest, None)
        return None if image is None else {INPUT: image}
