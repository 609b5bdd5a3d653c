"""``ultralytics``' ``predict`` as a contestant: in a process of its own, under an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.rounds import Round

_SCRIPT = Path(__file__).with_name("ultralytics_child.py")


class PeerFailed(Exception):
    """The other environment gave an error, or nothing; the message says what."""


class UltralyticsPeer:
    """One network of theirs. Close it, or use it in a ``with`` statement.

    Args:
        python: of an environment with ``ultralytics``, ``onnx`` and ``onnxruntime``.
        network: ``yolo11n`` or another name of a configuration of theirs; its weights are random.
        side: of the square input in pixels.
        frames: a ``.npy`` file (N, H, W, 3) uint8 BGR; the exported file goes beside it, and whatever else is written.
        threads: for ONNX Runtime, OpenCV and torch.

    Attributes:
        onnx: the exported file.
        versions: of the other environment's packages.

    Raises:
        PeerFailed: it cannot run there.
    """

    def __init__(self, python: Path, network: str, side: int, frames: Path, threads: int) -> None:
        folder = frames.parent
        self.name = f"ultralytics {network} predict, {side} px, FP32 ONNX"
        environment = {**os.environ, "YOLO_CONFIG_DIR": str(folder), "PYTHONPATH": ""}
        self._log = (folder / f"{network}-{side}.log").open("w", encoding="utf-8")
        try:
            self._child = subprocess.Popen(
                [str(python), str(_SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=folder,
                env=environment,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            self._log.close()
            raise PeerFailed(f"{python} cannot be started: {error.strerror}") from error
        try:
            exported = self._ask(do="export", network=network, side=side, folder=str(folder))
            self.onnx = Path(exported["onnx"])
            self.versions: dict[str, str] = exported["versions"]
            self._ask(do="load", frames=str(frames), threads=threads)
        except PeerFailed:
            self.close()
            raise

    def round(self, calls: int) -> Round:
        """See `benchmarks.rounds.Contestant`."""
        done = self._ask(do="round", calls=calls)
        return Round(tuple(done["wall_ns"]), done["cpu_ns"])

    def close(self) -> None:
        """End the other process."""
        if self._child.poll() is None:
            try:
                self._ask(do="end")
                self._child.wait(10)
            except (PeerFailed, subprocess.TimeoutExpired):
                self._child.kill()
        for stream in (self._child.stdin, self._child.stdout, self._log):
            if stream is not None:
                stream.close()
        self._child.wait()

    def __enter__(self) -> UltralyticsPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(json.dumps(request) + "\n")
            self._child.stdin.flush()
        except OSError as error:
            raise PeerFailed(f"the process of ultralytics ended before '{request['do']}'") from error
        line = self._child.stdout.readline()
        if not line:
            raise PeerFailed(f"the process of ultralytics ended without an answer to '{request['do']}'")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise PeerFailed(reply["error"])
        return reply
