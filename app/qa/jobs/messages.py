"""What a queue and its analysing processes say to each other: one JSON object a line, over pipes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

DO, PAUSE, GO_ON, STOP = "do", "pause", "go on", "stop"
"""To the process: analyse this; wait; go on; stop what is being done and leave it to be gone on with."""
LOADING, RUNNING, PAUSED, DONE, STOPPED, FAILED = "loading", "running", "paused", "done", "stopped", "failed"
"""From the process."""
WAS_THERE: Final = "was there already"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        job: its id.
        path: the procedure.
        folder: for the results; None for beside it.
        model: name or folder.
        provider: what runs it.
        variant: one of its files.
        threads: frames at once.
    """

    job: int
    path: str
    folder: str | None
    model: str
    provider: str
    variant: str | None
    threads: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the process says of a job.

    Attributes:
        job: its id.
        state: one of the words above.
        frames: rows so far.
        of: how many there will be; None if nobody knows.
        not_analysed: rows that say why there is no result.
        out: the results file, once known.
        words: of a failure what happened and what to do; of a done job that nothing had to be done.
        exit_status: of a failure.
    """

    job: int
    state: str
    frames: int = 0
    of: int | None = None
    not_analysed: int = 0
    out: str | None = None
    words: str = ""
    exit_status: int = 0


def line(what: str, order: Order | None = None) -> bytes:
    """A command as a line."""
    return _line({"what": what, **({"order": asdict(order)} if order else {})})


def told_line(told: Told) -> bytes:
    """An event as a line."""
    return _line(asdict(told))


def parse_command(data: bytes) -> tuple[str, Order | None]:
    """What `line` wrote."""
    content = json.loads(data)
    order = content.get("order")
    return content["what"], Order(**order) if order else None


def parse_told(data: bytes) -> Told:
    """What `told_line` wrote."""
    return Told(**json.loads(data))


def _line(content: dict[str, Any]) -> bytes:
    # Names of files that are no Unicode travel as lone surrogates, which JSON can escape.
    return json.dumps(content).encode("ascii") + b"\n"
