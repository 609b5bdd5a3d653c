"""How long the picture is away when the window is killed, with a spare process and without, and what the spare costs.

    python -m benchmarks.restart [--rounds 5] [--quick] [--json FILE]

The real command ``polypwatch live`` plays the phantom and records, offscreen, under its supervisor, and is killed with
SIGKILL again and again. Counted from the kill to the window's word that its first picture is painted. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.day.command import environment, python
from app.day.supervise import Limits, Supervisor
from app.phantom import bundled
from benchmarks.processes import holdings
from benchmarks.tables import busy, machine, table

SCHEMA = "polypwatch.bench-restart/1"
_SETTLE_S = 2.0
_GIVE_UP_S = 90.0


def main(argv: Sequence[str] | None = None) -> None:
    """Kill, wait, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    rounds = 2 if args.quick else args.rounds
    found = machine()
    rows = [measure(rounds, spare=spare) for spare in (True, False)]
    cells = [
        (
            "with a spare" if row["spare"] else "without",
            " ".join(f"{s:.2f}" for s in row["away_s"]),
            f"{max(row['away_s'], default=float('nan')):.2f}",
            f"{row['window_pss_mb']:.0f}",
            f"{row['spare_pss_mb']:.0f}" if row["spare"] else "-",
        )
        for row in rows
    ]
    columns = ("", "away, s", "longest", "PSS of window and AI, MB", "of the spare, MB")
    print(*busy(found), table(columns, cells, False), sep="\n\n")
    if args.json:
        args.json.write_text(json.dumps({"schema": SCHEMA, "machine": found, "rows": rows}, indent=2) + "\n", "utf-8")


def measure(rounds: int, *, spare: bool) -> dict[str, object]:
    """One supervisor whose window is killed ``rounds`` times."""
    with tempfile.TemporaryDirectory() as scratch:
        options = ("live", str(bundled().video), "--loop", "--record", scratch, "--provider", "cpu", "--no-supervisor")
        supervisor = Supervisor(
            (*python(), "app.day.child", *options),
            Limits(crashes=1000, spare_after_s=1.0),
            environment={**environment(), "QT_QPA_PLATFORM": "offscreen", "POLYPWATCH_CONFIG": scratch},
            spare=spare,
            say=lambda text: None,
        )
        row: dict[str, object] = {"spare": spare, "away_s": [], "window_pss_mb": 0.0, "spare_pss_mb": 0.0}
        thread = threading.Thread(target=_trouble, args=(supervisor, rounds, row), daemon=True)
        thread.start()
        supervisor.run()
        thread.join()
    return row


def _trouble(supervisor: Supervisor, rounds: int, row: dict[str, object]) -> None:
    away_s: list[float] = []
    try:
        _until(lambda: supervisor.pids[0] is not None)
        time.sleep(_SETTLE_S)
        for turn in range(rounds):
            if row["spare"]:
                _until(lambda: supervisor.pids[1] is not None)
            time.sleep(_SETTLE_S)
            window, other = supervisor.pids
            assert window is not None
            row["window_pss_mb"] = holdings(window).pss_mb
            row["spare_pss_mb"] = holdings(other).pss_mb if other else 0.0
            killed_s = time.monotonic()
            os.kill(window, signal.SIGKILL)
            _until(lambda turn=turn: len(supervisor.returned_s) > turn)
            away_s.append(time.monotonic() - killed_s)
    except TimeoutError as error:
        print(f"Given up: {error}", file=sys.stderr)
    finally:
        row["away_s"] = away_s
        os.kill(os.getpid(), signal.SIGTERM)  # the supervisor passes it on


def _until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + _GIVE_UP_S
    while not there():
        if time.monotonic() > end:
            raise TimeoutError("the window did not say that its picture is painted")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
