"""Which card, driver and libraries this machine has: what a verdict or a built engine holds good for.

NVIDIA's driver libraries are asked through ctypes (CUDA Driver API, NVML, TensorRT's ``getInferLibVersion``).
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detector.errors import ProviderError
from detector.providers import import_runtime, preload_cuda
from detector.user_cache import cache_root

_HINT = "Check the NVIDIA driver (`nvidia-smi`), or run with `--provider cpu`."
_WINDOWS = sys.platform == "win32"
_NAME_BYTES = 256


@dataclass(frozen=True, slots=True)
class Card:
    """The first card, and what drives it.

    Attributes:
        name: such as ``NVIDIA GeForce RTX 4060``.
        driver: version of the driver, such as ``580.65.06``.
        runtime: version of ONNX Runtime.
        tensorrt: version of TensorRT; empty if it is not installed.
    """

    name: str
    driver: str
    runtime: str
    tensorrt: str = ""

    @property
    def words(self) -> str:
        """For messages."""
        return f"{self.name}, driver {self.driver}"


def card() -> Card:
    """The card that CUDA calls 0.

    Raises:
        ProviderError: there is no driver or no card.
    """
    runtime = import_runtime()
    preload_cuda(runtime)
    return Card(_card_name(), _driver_version(), runtime.__version__, _tensorrt_version())


def key(card: Card, *what: object) -> str:
    """A name for what was found or built for this card: changes with card, driver, libraries and each of ``what``."""
    text = json.dumps([asdict(card), [str(w) for w in what]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def cache_folder(kind: str) -> Path:
    """Where files of a kind are kept for this user (``XDG_CACHE_HOME``, ``LOCALAPPDATA``); it may not exist."""
    return cache_root() / kind


def _card_name() -> str:
    """From the driver itself: it honours CUDA_VISIBLE_DEVICES, which NVML does not."""
    driver = _library("nvcuda.dll" if _WINDOWS else "libcuda.so.1", "The NVIDIA driver")
    device, name = ctypes.c_int(), ctypes.create_string_buffer(_NAME_BYTES)
    for status in (
        driver.cuInit(0),
        driver.cuDeviceGet(ctypes.byref(device), 0),
        driver.cuDeviceGetName(name, _NAME_BYTES, device),
    ):
        if status != 0:
            raise ProviderError(f"The NVIDIA driver finds no usable card (CUDA error {status}).", _HINT)
    return name.value.decode(errors="replace")


def _driver_version() -> str:
    nvml = _library("nvml.dll" if _WINDOWS else "libnvidia-ml.so.1", "NVIDIA's management library")
    version = ctypes.create_string_buffer(_NAME_BYTES)
    status = nvml.nvmlInit_v2() or nvml.nvmlSystemGetDriverVersion(version, _NAME_BYTES)
    if status != 0:
        raise ProviderError(f"The NVIDIA driver does not say its version (NVML error {status}).", _HINT)
    nvml.nvmlShutdown()
    return version.value.decode(errors="replace")


def _tensorrt_version() -> str:
    """ONNX Runtime 1.2x and 1.3x are built for TensorRT 10."""
    try:
        library = ctypes.CDLL("nvinfer_10.dll" if _WINDOWS else "libnvinfer.so.10")
    except OSError:
        return ""
    return str(library.getInferLibVersion())


def _library(name: str, title: str) -> Any:
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise ProviderError(f"{title} cannot be loaded: {error}.", _HINT) from error
