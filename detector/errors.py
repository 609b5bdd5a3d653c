"""The errors of Polypwatch: one base class that says what happened and what the user can do about it."""

from __future__ import annotations


class PolypwatchError(Exception):
    """Something the user can understand and act on; shown as one message, never as a traceback.

    Args:
        what: what happened, naming the file, device or field.
        hint: what the user can do about it; empty if nothing can be said.
    """

    exit_status = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what} {self.hint}".strip()


class UsageError(PolypwatchError):
    """The user asked for something that cannot be asked for."""

    exit_status = 2


class SourceError(PolypwatchError):
    """A video, folder, camera or stream cannot be opened or read."""

    exit_status = 3


class ModelError(PolypwatchError):
    """A model folder, its manifest or its network is missing, damaged or not what it says."""

    exit_status = 4


class ProviderError(PolypwatchError):
    """The requested execution provider (CUDA, TensorRT, ...) did not come up, or the runtime is broken."""

    exit_status = 5


class FormatError(PolypwatchError):
    """A results or settings file is not of a schema that this version reads."""

    exit_status = 6


class OutputError(PolypwatchError):
    """A result cannot be written where the user asked for it."""

    exit_status = 7


class WorkerError(PolypwatchError):
    """The AI process could not be started or did not answer."""

    exit_status = 8
