"""CUDA memory: device buffers, page-locked host buffers and one stream.

Through the runtime library that ONNX Runtime brings along, loaded with ctypes: nothing is compiled or installed for it.

Calls are those of NVIDIA's CUDA Runtime API (toolkit documentation, sections Memory, Stream and Event Management); the
constants stand in its ``driver_types.h``.
"""

from __future__ import annotations

import ctypes
import logging
import re
import sys
from typing import Any

import numpy as np

from detector.errors import ProviderError
from detector.memory import Bytes
from detector.providers import import_runtime, preload_cuda

_log = logging.getLogger(__name__)

_HOST_TO_DEVICE, _DEVICE_TO_HOST = 1, 2  # enum cudaMemcpyKind
_STREAM_NON_BLOCKING = 1  # cudaStreamNonBlocking: the default stream does not hold it up
_EVENT_BLOCKS_NOTHING = 2  # cudaEventDisableTiming: an event without a clock is cheaper
_ALREADY_REGISTERED = 712  # cudaErrorHostMemoryAlreadyRegistered
_HINT = "Check the NVIDIA driver (`nvidia-smi`), or run with `--provider cpu`."
_SIGNATURES = {
    "cudaGetErrorString": [ctypes.c_int],
    "cudaGetLastError": [],
    "cudaStreamCreateWithFlags": [ctypes.c_void_p, ctypes.c_uint],
    "cudaEventCreateWithFlags": [ctypes.c_void_p, ctypes.c_uint],
    "cudaEventDestroy": [ctypes.c_void_p],
    "cudaEventRecord": [ctypes.c_void_p, ctypes.c_void_p],
    "cudaEventSynchronize": [ctypes.c_void_p],
    "cudaMalloc": [ctypes.c_void_p, ctypes.c_size_t],
    "cudaFree": [ctypes.c_void_p],
    "cudaHostAlloc": [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint],
    "cudaFreeHost": [ctypes.c_void_p],
    "cudaHostRegister": [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint],
    "cudaHostUnregister": [ctypes.c_void_p],
    "cudaMemcpyAsync": [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p],
    "cudaGetDeviceCount": [ctypes.c_void_p],
}


class CudaError(ProviderError):
    """A call of the CUDA runtime failed."""


class Cudart:
    """The CUDA runtime library.

    Raises:
        ProviderError: it cannot be loaded, or finds no card.
    """

    def __init__(self) -> None:
        self._library = _load()
        for name, arguments in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.argtypes = arguments
            function.restype = ctypes.c_char_p if name == "cudaGetErrorString" else ctypes.c_int
        count = ctypes.c_int(0)
        self.call("cudaGetDeviceCount", ctypes.byref(count))
        if count.value == 0:
            raise ProviderError("The NVIDIA driver finds no card.", _HINT)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function.

        Raises:
            CudaError: it did not return cudaSuccess.
        """
        status = getattr(self._library, name)(*arguments)
        if status != 0:
            self._library.cudaGetLastError()  # an error that was told is not told again by the next call
            words = self._library.cudaGetErrorString(status).decode(errors="replace")
            raise CudaError(f"CUDA failed in {name}: {words} ({status}).", _HINT)

    def handle(self, name: str, *arguments: Any) -> int:
        """What a function gives through its first argument, a pointer."""
        made = ctypes.c_void_p()
        self.call(name, ctypes.byref(made), *arguments)
        return made.value or 0


class CudaMemory:
    """Buffers on the first card and one stream, see :class:`detector.memory.Memory`.

    Raises:
        ProviderError: there is no CUDA runtime or no card.
    """

    device = "cuda"

    def __init__(self) -> None:
        self.note = ""
        self._cuda = Cudart()
        self._blocks: set[int] = set()
        self._locked: set[int] = set()
        self._registered: dict[int, Bytes] = {}
        self.stream = self._cuda.handle("cudaStreamCreateWithFlags", _STREAM_NON_BLOCKING)
        self._events = [self._cuda.handle("cudaEventCreateWithFlags", _EVENT_BLOCKS_NOTHING) for _ in range(2)]

    def host(self, count: int) -> Bytes:
        """Page-locked, so that the card reads it by itself; else plain memory, and a note says so."""
        try:
            address = self._cuda.handle("cudaHostAlloc", count, 0)
        except CudaError as error:
            self._degrade(f"no page-locked memory ({error.what.rstrip('.')}): copies to the card are slower")
            return np.zeros(count, np.uint8)
        self._locked.add(address)
        return np.ctypeslib.as_array((ctypes.c_uint8 * count).from_address(address))

    def free_host(self, buffer: Bytes) -> None:
        """See `Memory`."""
        address = buffer.ctypes.data
        if address in self._locked:  # else it is plain memory
            self._locked.remove(address)
            self._cuda.call("cudaFreeHost", address)

    def allocate(self, count: int) -> int:
        """See `Memory`; cudaMalloc aligns to 256 bytes at least."""
        address = self._cuda.handle("cudaMalloc", count)
        self._blocks.add(address)
        return address

    def free(self, address: int) -> None:
        """See `Memory`."""
        self._blocks.discard(address)
        self._cuda.call("cudaFree", address)

    def upload(self, source: Bytes, address: int) -> None:
        """See `Memory`."""
        self._copy(address, source.ctypes.data, source.nbytes, _HOST_TO_DEVICE)

    def download(self, address: int, target: Bytes) -> None:
        """See `Memory`."""
        self._copy(target.ctypes.data, address, target.nbytes, _DEVICE_TO_HOST)

    def mark(self, slot: int) -> None:
        """See `Memory`."""
        self._cuda.call("cudaEventRecord", self._events[slot], self.stream)

    def wait(self, slot: int) -> None:
        """See `Memory`; the interpreter's lock is free meanwhile."""
        self._cuda.call("cudaEventSynchronize", self._events[slot])

    def pin(self, memory: Bytes) -> bool:
        """Page-lock memory of somebody else (a shared pool of frames) until `unpin`, or for the life of this object."""
        try:
            self._cuda.call("cudaHostRegister", memory.ctypes.data, memory.nbytes, 0)
        except CudaError as error:
            if f"({_ALREADY_REGISTERED})" in error.what:
                return True
            self._degrade(f"frames are copied once more ({error.what.rstrip('.')})")
            return False
        self._registered[memory.ctypes.data] = memory
        return True

    def unpin(self, memory: Bytes) -> None:
        """See `Memory`."""
        if self._registered.pop(memory.ctypes.data, None) is not None:
            self._cuda.call("cudaHostUnregister", memory.ctypes.data)

    def close(self) -> None:
        """Give everything back but the stream; errors are logged, as nobody could act on them.

        ONNX Runtime wants the stream to outlive its sessions, and after a failure the traceback still holds some.
        """
        if not self.stream:
            return
        steps = [("cudaHostUnregister", a) for a in self._registered]
        steps += [("cudaFreeHost", a) for a in self._locked] + [("cudaFree", a) for a in self._blocks]
        steps += [("cudaEventDestroy", e) for e in self._events]
        self.stream = 0
        for name, handle in steps:
            try:
                self._cuda.call(name, handle)
            except CudaError as error:
                _log.warning("%s", error)

    def _copy(self, target: int, source: int, count: int, kind: int) -> None:
        self._cuda.call("cudaMemcpyAsync", target, source, count, kind, self.stream)

    def _degrade(self, words: str) -> None:
        _log.warning("%s", words)
        self.note = words


def _load() -> Any:
    """The runtime library; ONNX Runtime's own copy, if one is loaded already.

    Raises:
        ProviderError: there is none.
    """
    runtime = import_runtime()
    built_for = re.match(r"\d+", getattr(runtime, "cuda_version", "") or "")
    if built_for is None:
        raise ProviderError("This ONNX Runtime is built without CUDA.", "Install onnxruntime-gpu.")
    version = built_for.group()
    name = f"cudart64_{version}.dll" if sys.platform == "win32" else f"libcudart.so.{version}"
    preload_cuda(runtime)
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise ProviderError(f"The CUDA runtime cannot be loaded: {error}.", _HINT) from error
