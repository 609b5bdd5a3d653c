"""The process that builds one TensorRT engine: ``python -m detector.tensorrt_build FOLDER``.

It reads ``order.json`` there, yields to everything else on the machine, and leaves the engine and how it went. Whoever
comes second leaves at once.
"""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from detector.errors import PolypwatchError
from detector.file_lock import FileLock
from detector.providers import first_line, open_session
from detector.sessions import tensorrt_settings
from detector.tensorrt import Order, State, has_engine, read_order, write_state

Open = Callable[[bytes, Order, Path], Any]
_LOWEST = 19
_BELOW_NORMAL_PRIORITY_CLASS = 0x4000


def main(argv: Sequence[str] | None = None) -> int:
    """Build; the exit status is 0 if the engine is ready or somebody else builds it."""
    (folder,) = argv if argv is not None else sys.argv[1:]
    _yield_to_others()
    return build(Path(folder), _open)


def build(folder: Path, opened: Open) -> int:
    """Build the engine that was ordered in a folder, and leave its state there.

    Args:
        folder: with ``order.json``.
        opened: opens the session; that is what builds.
    """
    lock = FileLock.take(folder / "lock")
    if lock is None:
        return 0
    try:
        write_state(folder, State.BUILDING)
        try:
            order = read_order(folder)
            model = Path(order.model).read_bytes()
            if hashlib.sha256(model).hexdigest() != order.sha256:
                raise ValueError(f"{order.model} was changed since it was ordered")
            opened(model, order, folder)
            if not has_engine(folder):
                raise ValueError("TensorRT took no part of the network")
        except Exception as error:  # root of the process: whatever a native library raises becomes the state's words
            traceback.print_exc()
            what = error.what.rstrip(".") if isinstance(error, PolypwatchError) else first_line(error)
            write_state(folder, State.FAILED, what)
            return 1
        write_state(folder, State.READY)
        return 0
    finally:
        lock.release()


def _open(model: bytes, order: Order, folder: Path) -> Any:
    """With static shapes TensorRT builds while the session is opened, and writes the engine to the folder."""
    settings = {"tensorrt": tensorrt_settings(folder, 0, False), "cuda": {"device_id": "0"}}
    return open_session(model, "tensorrt", None, dimensions=order.dimensions, settings=settings)


def _yield_to_others() -> None:
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(_LOWEST)


if __name__ == "__main__":
    sys.exit(main())
