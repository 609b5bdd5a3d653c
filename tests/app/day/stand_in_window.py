"""Stands in for the window: lives by the supervisor's protocol, and does what its script says.

``python -m tests.app.day.stand_in_window FOLDER STEP...``: the first start does the first step, the second the second,
the last goes on. Steps: ``crash``, ``raise``, ``hang``, ``exit=N``, ``beat=S`` (live S seconds, then exit 0), ``slow``,
``crash_closing=good`` (closed for good) or ``=anew`` (to be opened anew).
Every start writes a line into ``FOLDER/log``.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from app.day.line import BEAT, CLOSING, GO, RAISE, own_line
from app.day.resumption import resumption
from app.day.supervise import SPARE


def main() -> int:
    folder, steps = Path(sys.argv[1]), sys.argv[2:]
    line = own_line()
    assert line is not None
    spare = bool(os.environ.pop(SPARE, ""))
    if spare:
        with (folder / "spares").open("a") as file:
            file.write(f"{os.getpid()}\n")
        if not wait_to_go(line):
            return 0
    told = resumption()
    log = folder / "log"
    turn = len(log.read_text().splitlines()) if log.exists() else 0
    with log.open("a") as file:
        row = {"pid": os.getpid(), "spare": spare, "why": told and told.why, "state": told and told.state}
        file.write(json.dumps(row) + "\n")
    return act(line, folder, steps[min(turn, len(steps) - 1)], turn)


def wait_to_go(line) -> bool:
    while line.open:
        for word, told in line.received(5.0):
            if word == GO:
                os.environ.update(told)
                return True
    return False


def act(line, folder: Path, step: str, turn: int) -> int:
    what, _, value = step.partition("=")
    if what == "exit":
        return int(value)
    if what == "raise":
        raise RuntimeError("nobody expected this")
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    line.send(BEAT, {"turn": turn, "picture": True})
    if what == "slow":  # completes its files for longer than a window may be silent
        line.send(CLOSING)
        time.sleep(1.2)
        (folder / "completed").touch()
        return 0
    end = time.monotonic() + (float(value) if what in ("beat", "crash") and value else 0.4)
    while time.monotonic() < end and not asked:
        time.sleep(0.05)
        line.send(BEAT, {"turn": turn, "picture": True})
        if any(word == RAISE for word, _ in line.received()):
            (folder / "raised").touch()
    if asked:
        return 130
    if what == "crash_closing":
        line.send(CLOSING, {"for_good": value == "good"})
    if what.startswith("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "hang":
        time.sleep(60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
