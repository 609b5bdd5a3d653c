"""A window that records until it is ended, and goes on after a crash as the real one does.

``python -m tests.recording_window FOLDER [PIDS]`` prints ``recording``; each start adds its process to ``PIDS``.
"""

import faulthandler
import os
import sys
from pathlib import Path

from app.day.line import own_line
from app.day.restore import restore
from app.day.resumption import resumption
from app.gui.interrupts import Interrupts
from app.gui.options import WindowOptions
from app.gui.pulse import pulse_feature
from app.gui.window import run_window
from app.live import LiveSession, LiveSettings
from detector.worker import AiProcess, AiSettings
from tests.faulty_room import Grabber
from tests.steady import STEADY


def main() -> int:
    faulthandler.dump_traceback_later(90, exit=True)  # whatever happens to the test
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        with Path(sys.argv[2]).open("a") as pids:
            pids.write(f"{os.getpid()}\n")
    session = LiveSession(
        Grabber(until=10_000),
        "grabber",
        lambda *calls: AiProcess(STEADY, {}, AiSettings(), *calls),
        LiveSettings(recordings=folder.parent),
    )
    session.set_ai_enabled(False)
    told, line = resumption(), own_line()
    if told is None:
        session.start_recording(folder)
    else:
        assert restore(session, told) == []
    said: list[int] = []

    def painted(stamp: object) -> None:
        if not said:
            said.append(1)
            print("recording", flush=True)

    features = (pulse_feature(line),) if line is not None else ()
    with Interrupts() as interrupts:
        return run_window(session, WindowOptions(folder.parent, features=features), [painted], interrupts)


if __name__ == "__main__":
    sys.exit(main())
