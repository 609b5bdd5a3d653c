"""Jobs that are not over, in a file: after a crash or a new start of the computer they are there again."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Final

from app.qa.jobs.states import ModelChoice
from app.recording.mark import replace_file
from detector.errors import FormatError
from detector.file_lock import FileLock
from detector.schema import require_schema

SCHEMA: Final = "polypwatch.jobs/1"
Left = tuple[Path, ModelChoice, Path | None]
_log = logging.getLogger(__name__)


class JobStore:
    """A file of jobs, kept by one queue at a time; without a file nothing is kept. Made by :meth:`open`."""

    def __init__(self, path: Path | None, lock: FileLock | None) -> None:
        self._path = path
        self._lock = lock
        self._written: list[Left] | None = None

    @classmethod
    def open(cls, path: Path | None) -> JobStore:
        """Keep jobs in a file, unless another queue keeps its own there, or the folder cannot be written."""
        lock = None
        if path is not None:
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                lock = FileLock.take(path.with_name(path.name + ".lock"))
        return cls(path if lock is not None else None, lock)

    def load(self) -> list[Left]:
        """What was left. A file that cannot be read is passed over: its jobs can be added again."""
        if self._path is None or not self._path.exists():
            return []
        try:
            data = json.loads(self._path.read_bytes())
            require_schema(data, SCHEMA, str(self._path))
            return [
                (Path(j["path"]), ModelChoice(**j["choice"]), Path(j["folder"]) if j["folder"] else None)
                for j in data["jobs"]
            ]
        except (OSError, ValueError, KeyError, TypeError, FormatError) as error:
            _log.warning("The list of background jobs in %s cannot be read: %s", self._path, error)
            return []

    def save(self, left: Iterable[Left]) -> None:
        """Keep these and no others."""
        jobs = list(left)
        if self._path is None or jobs == self._written:
            return
        content = {
            "schema": SCHEMA,
            "jobs": [
                {"path": str(path), "choice": asdict(choice), "folder": str(folder) if folder else None}
                for path, choice, folder in jobs
            ],
        }
        try:
            replace_file(self._path, [json.dumps(content, indent=1).encode("ascii")], sync=False)
            self._written = jobs
        except OSError as error:  # the jobs go on; only a crash would forget them
            _log.warning("The list of background jobs cannot be kept in %s: %s", self._path, error)

    def close(self) -> None:
        """Let another queue keep its jobs there."""
        if self._lock is not None:
            self._lock.release()
            self._lock, self._path = None, None
