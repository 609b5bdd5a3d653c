"""Choosing an ONNX Runtime execution provider, and never falling back in silence.

ONNX Runtime builds a CPU session when CUDA does not come up, and says so only in its log. Here a provider that was
asked for by name either runs or is an error; ``auto`` says what it got and why.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any, Literal, get_args

from detector.errors import ProviderError, UsageError

ProviderSettings = Mapping[str, Mapping[str, str]]
Policy = Literal["auto", "cuda", "tensorrt", "cpu"]
POLICIES: tuple[str, ...] = get_args(Policy)

_ORT_NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
# Building an engine takes minutes of the card's time, beside the picture: TensorRT has to be asked for.
_AUTO_ORDER = ("cuda", "cpu")
# Every one of these installs a package of the name `onnxruntime`.
_RUNTIME_WHEELS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-migraphx",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-silicon",
    "onnxruntime-training",
    "ort-nightly",
    "ort-nightly-directml",
    "ort-nightly-gpu",
)
# ONNX Runtime's exceptions that are about the model's bytes, whatever the provider.
_MODEL_FAULTS = ("InvalidProtobuf", "InvalidGraph", "NoModel")
_SOURCE_PLACE = re.compile(r"^/\S+:\d+ .*?\) (?=[A-Z])")  # "/onnxruntime_src/...cc:729 void f(...) Please install"
_FATAL_ONLY = 4  # ONNX Runtime's log severity; what it says about providers is read from the session instead


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that really runs on ``provider``.

    Attributes:
        session: the ``onnxruntime.InferenceSession``.
        provider: short name.
        reason: why this one, when the choice was left open; empty for a named provider.
    """

    session: Any
    provider: str
    reason: str


def import_runtime() -> Any:
    """Import onnxruntime, once its installation was found sound, with its telemetry off: Polypwatch calls nobody.

    Raises:
        ProviderError: it is missing, broken, or installed twice.
    """
    installed = [name for name in _RUNTIME_WHEELS if _is_installed(name)]
    if len(installed) > 1:
        raise ProviderError(
            f"More than one ONNX Runtime is installed ({', '.join(installed)}): they overwrite each other's files.",
            f"Run `pip uninstall -y {' '.join(installed)}` and then install Polypwatch again.",
        )
    # Before the import: afterwards its own switch comes too late for what it writes at start-up.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        onnxruntime.set_default_logger_severity(_FATAL_ONLY)
        onnxruntime.get_available_providers()
    except Exception as error:  # what another package's import can raise is not ours to know
        raise ProviderError(
            f"ONNX Runtime is missing or broken: {first_line(error)}.",
            "Run `pip install --force-reinstall --no-deps onnxruntime-gpu` (or `onnxruntime` where there is no such "
            "wheel) in Polypwatch's environment.",
        ) from error
    return onnxruntime


def check_policy(policy: str) -> str:
    """Return ``policy`` if it is one.

    Raises:
        UsageError: it is not.
    """
    if policy not in POLICIES:
        raise UsageError(f"There is no provider '{policy}'.", f"Choose one of: {', '.join(POLICIES)}.")
    return policy


def candidates(policy: str) -> tuple[str, ...]:
    """Which providers to try for a policy, in this order."""
    return _AUTO_ORDER if policy == "auto" else (check_policy(policy),)


def open_session(
    model: bytes,
    provider: str,
    threads: int | None,
    *,
    dimensions: Mapping[str, int] | None = None,
    settings: ProviderSettings | None = None,
) -> Any:
    """A session on exactly that provider (nodes that it cannot run go to the CPU, as ONNX Runtime places them).

    Args:
        model: the ONNX file's bytes.
        provider: ``cpu``, ``cuda`` or ``tensorrt``.
        threads: CPU threads inside an operator; None leaves the choice to ONNX Runtime.
        dimensions: values of the network's symbolic sizes by name: with all of them, every shape is static.
        settings: options of each provider by its short name.

    Raises:
        ProviderError: the provider did not come up, with the reason.
        Exception: the model cannot be loaded: one of ONNX Runtime's own classes.
    """
    runtime = import_runtime()
    wanted = _ORT_NAMES[provider]
    if wanted not in runtime.get_available_providers():
        raise ProviderError(
            f"This ONNX Runtime has no {provider} provider (it has: {', '.join(runtime.get_available_providers())}).",
            "Install onnxruntime-gpu, or choose another provider.",
        )
    if provider != "cpu":
        preload_cuda(runtime)
    options = runtime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    if threads is not None:
        options.intra_op_num_threads = threads
    # Spinning threads would take the cores away from painting and recording between two frames.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    for name, value in (dimensions or {}).items():
        options.add_free_dimension_override_by_name(name, value)
    short = list(_ORT_NAMES)[list(_ORT_NAMES).index(provider) :: -1]
    chain = [(_ORT_NAMES[name], dict((settings or {}).get(name, {}))) for name in short]
    try:
        session = runtime.InferenceSession(model, options, providers=chain, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's own exception classes share no base but Exception
        if provider == "cpu" or type(error).__name__ in _MODEL_FAULTS:
            raise
        raise ProviderError(did_not_start(provider, first_line(error)), _GPU_HINT) from error
    session.disable_fallback()
    if session.get_providers()[0] != wanted:
        raise ProviderError(did_not_start(provider, _library_problem(provider)), _GPU_HINT)
    return session


_GPU_HINT = (
    "Check the NVIDIA driver (`nvidia-smi`), install the CUDA libraries (`pip install 'polypwatch[cuda]'`), "
    "or run with `--provider cpu`."
)


def did_not_start(provider: str, why: str) -> str:
    """What is said of a provider that does not come up."""
    return f"The {provider} provider did not start: {why}."


def first_line(error: Exception) -> str:
    """What another library's error says, fit for a sentence: its first line, without the place in its source."""
    lines = str(error).strip().splitlines()
    return _SOURCE_PLACE.sub("", lines[0]).rstrip(".") if lines else type(error).__name__


def _is_installed(wheel: str) -> bool:
    try:
        metadata.distribution(wheel)
    except metadata.PackageNotFoundError:
        return False
    return True


def preload_cuda(runtime: Any) -> None:
    """Load NVIDIA's libraries from their wheels; what is missing shows when the provider is created."""
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it did not find
        runtime.preload_dlls()


def _library_problem(provider: str) -> str:
    """Why the provider's library does not load: ONNX Runtime keeps that to its log."""
    spec = util.find_spec("onnxruntime")
    stem = f"onnxruntime_providers_{provider}"
    name = f"{stem}.dll" if sys.platform == "win32" else f"lib{stem}.so"
    if spec is None or spec.origin is None or platform.system() == "Darwin":
        return "no usable GPU"
    try:
        ctypes.CDLL(str(Path(spec.origin).parent / "capi" / name))
    except OSError as error:
        # A library that depends on ONNX Runtime's own symbols cannot be loaded alone: that is not the reason.
        if "undefined symbol" not in str(error):
            return str(error)
    return "no usable GPU or driver was found"
