"""Opening the sessions of one model file: with the provider's options, and on another one only if that is said.

Options are those of ONNX Runtime's documentation (CUDA and TensorRT execution providers).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detector.errors import ModelError, PolypwatchError
from detector.providers import ProviderSettings, first_line, open_session
from detector.tensorrt import EngineStore, Offer

_log = logging.getLogger(__name__)

GPU_PROVIDERS = ("cuda", "tensorrt")
"""Those that run on a graphics card of NVIDIA."""


class Sessions:
    """Sessions of one file.

    Args:
        model: the file's bytes.
        path: the file, for messages.
        provider: that was asked for.
        threads: CPU threads; None leaves the choice to ONNX Runtime.
        engines: TensorRT's, for that provider.
    """

    def __init__(
        self, model: bytes, path: Path, provider: str, threads: int | None, engines: EngineStore | None = None
    ) -> None:
        self._model, self._path, self._threads, self._engines = model, path, threads, engines
        self.provider = provider
        """What the newest session really runs on: `cuda` where a TensorRT engine is not built yet."""
        self.note = ""
        """Why, or what is not as fast as it could be; empty if there is nothing to say."""

    def plain(self) -> Any:
        """A session that is given its inputs with every run.

        Raises:
            ModelError: the file is no network.
            ProviderError: the provider did not come up.
        """
        return self._open({}, 0, False)

    def bound(self, dimensions: Mapping[str, int], stream: int) -> Any:
        """A session of static shapes on a stream of ours, recorded as a CUDA graph in its first run.

        Args:
            dimensions: all symbolic sizes.
            stream: address of the CUDA stream; 0 on a CPU.

        Raises:
            ModelError: the file is no network.
            ProviderError: the provider did not come up.
        """
        if not stream:
            return self._open(dimensions, 0, False)
        try:
            return self._open(dimensions, stream, True)
        except PolypwatchError as error:
            # "This session cannot use the graph capture feature as requested ...": part of it would run on the CPU.
            if "graph capture" not in error.what:
                raise
            session = self._open(dimensions, stream, False)
            self.note = f"without CUDA graph ({error.what.rstrip('.')})"
            _log.warning("%s: %s", self._path.name, self.note)
            return session

    def _open(self, dimensions: Mapping[str, int], stream: int, capture: bool) -> Any:
        offer = self._engines.offer(dimensions) if self._engines is not None else None
        if offer is not None:
            self.provider, self.note = ("tensorrt" if offer.folder else "cuda"), offer.words
        settings = gpu_settings(stream, capture, offer) if self.provider in GPU_PROVIDERS else None
        try:
            return open_session(
                self._model, self.provider, self._threads, dimensions=dict(dimensions), settings=settings
            )
        except PolypwatchError:
            raise
        except Exception as error:  # ONNX Runtime's own exception classes share no base but Exception
            raise ModelError(
                f"{self._path} is not a network that ONNX Runtime can load: {first_line(error)}.", "Export it again."
            ) from error


def gpu_settings(stream: int, capture: bool, offer: Offer | None = None) -> ProviderSettings:
    """Options for the CUDA and TensorRT providers.

    Args:
        stream: address of the CUDA stream that everything runs on; 0: ONNX Runtime makes one.
        capture: record the network as a CUDA graph; wants bound buffers on the device.
        offer: TensorRT's engine, if it runs on that.
    """
    on_tensorrt = offer is not None and offer.folder is not None
    cuda = {
        "device_id": "0",
        "arena_extend_strategy": "kSameAsRequested",  # several sessions share the card: none takes more than it needs
        "enable_cuda_graph": str(int(capture and not on_tensorrt)),
    }
    if stream:
        cuda |= {"user_compute_stream": str(stream), "do_copy_in_default_stream": "1"}
    settings = {"cuda": cuda}
    if offer is not None and offer.folder is not None:
        settings["tensorrt"] = tensorrt_settings(offer.folder, stream, capture)
    return settings


def tensorrt_settings(folder: Path, stream: int, capture: bool) -> dict[str, str]:
    """Options for TensorRT with the engines of ``folder``; the same when it is built and when it is used."""
    found = {
        "device_id": "0",
        "trt_fp16_enable": "1",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
        "trt_cuda_graph_enable": str(int(capture)),
    }
    if stream:
        found |= {"has_user_compute_stream": "1", "user_compute_stream": str(stream)}
    return found
