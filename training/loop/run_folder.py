"""`run.json`, schema ``polypwatch.run/1``: how to make a run again, and what came of it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from detector.errors import FormatError, OutputError
from detector.manifest import Licence
from detector.schema import describe_validation_error, require_schema
from training.loop.config import make_config, to_yaml

SCHEMA = "polypwatch.run/1"
RUN, CONFIG = "run.json", "config.yaml"
_PACKAGES = {
    "polypwatch": "polypwatch",
    "torch": "torch",
    "numpy": "numpy",
    "opencv": "opencv-python-headless",
    "albumentations": "albumentations",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class NetworkFacts(_Part):
    """The network: its name, its input in pixels and how many parameters it has."""

    name: str
    input_size: int
    parameters: int


class StartFacts(_Part):
    """The first weights: as asked for, as found, and the licences of what they were made from."""

    given: str
    describe: str
    sha256: str
    licences: list[Licence]


class DataFacts(_Part):
    """A catalog: as asked for, its copy in the run's folder, hashes (of the copy, of all splits), counts, sources."""

    given: str
    file: str
    sha256: str
    whole_sha256: str = ""
    train: int
    dev: int = 0
    sources: list[str]
    split: str = ""


class Session(_Part):
    """One start or restart: command, time, versions, commit and machine."""

    command: str
    started_utc: str
    from_step: int
    versions: dict[str, str]
    commit: str | None
    changed_files: bool | None
    machine: dict[str, str | int]


class Result(_Part):
    """How it ended: why, at which step, after how many minutes, and the checkpoint that is best on dev."""

    why: str
    step: int
    minutes: float
    best: float
    best_step: int


class Run(_Part):
    """A run's folder in one record.

    Attributes:
        seed: also in `config`; here for whoever looks.
        config: as resolved at the last start.
        catalog: what was learned from and chosen by.
        replay: the older catalog that was mixed in, if any.
        result: None as long as the run is not finished.
    """

    schema_: str = SCHEMA
    network: NetworkFacts
    start: StartFacts
    catalog: DataFacts
    replay: DataFacts | None = None
    seed: int
    config: dict[str, Any]
    sessions: list[Session]
    result: Result | None = None


def session(command: str, from_step: int, device: str, processes: int) -> Session:
    """The facts of this start."""
    commit, changed = _commit()
    versions = {"python": platform.python_version()}
    for name, package in _PACKAGES.items():
        try:
            versions[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return Session(
        command=command,
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        from_step=from_step,
        versions=versions,
        commit=commit,
        changed_files=changed,
        machine={
            "system": platform.platform(),
            "cpus": os.cpu_count() or 0,
            "device": device,
            "processes": processes,
        },
    )


def _commit() -> tuple[str | None, bool | None]:
    """(commit, whether files of it were changed) of the checkout that this code is in; None outside of one."""
    root = Path(__file__).resolve().parent.parent.parent
    if not (root / ".git").exists():
        return None, None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "detector", "training")
    except (OSError, subprocess.SubprocessError):  # no git, or not a repository of this user
        return None, None
    return commit, bool(changed)


def _git(root: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=root, capture_output=True, text=True, timeout=20, check=True)
    return done.stdout.strip()


def write_run(run: Run, folder: Path) -> None:
    """Write `run.json` and `config.yaml`; the old ones stay until the new ones are whole.

    Raises:
        OutputError: they cannot be written.
    """
    row = {"schema": SCHEMA, **run.model_dump(mode="json", exclude={"schema_"})}
    config = to_yaml(make_config(run.config), comments=False)
    for name, text in ((CONFIG, config), (RUN, json.dumps(row, indent=2, ensure_ascii=False) + "\n")):
        part = folder / f"{name}.part"
        try:
            part.write_text(text, encoding="utf-8")
            os.replace(part, folder / name)
        except OSError as error:
            raise OutputError(f"{folder / name} cannot be written ({error.strerror or error}).") from error


def read_run(folder: Path) -> Run:
    """What `run.json` of a run says.

    Raises:
        FormatError: there is no run in the folder, or its record is damaged or of another schema.
    """
    path = folder / RUN
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FormatError(f"There is no run in {folder} (no {RUN}).") from error
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} cannot be read ({error}).") from error
    require_schema(row, SCHEMA, str(path))
    try:
        return Run.model_validate({k: v for k, v in row.items() if k != "schema"})
    except ValidationError as error:
        raise FormatError(f"{path}: {describe_validation_error(error)}.") from error
