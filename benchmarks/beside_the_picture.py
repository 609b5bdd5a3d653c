"""What the second monitor and the pedal replay cost beside the live picture.

Everything in one run, in turns, on the same frames of the bundled phantom at 1080p: ratios count, not milliseconds.

    python -m benchmarks.beside_the_picture [--seconds 30] [--quick]

*Paint*: the live window (offscreen, 1920x1080, full screen) alone; with a second monitor of the same size, which shares
the scaled picture; with one of another size, which does not. *Replay buffer*: a session at 1080p30 for so many seconds
with nobody else listening: its processor time, and what it keeps. *Inset*: one tick of a replay that is played.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import cast

import cv2
import numpy as np

from app.capture import file_source
from app.gui.application import application
from app.gui.features import Feature, Page
from app.gui.keys import Action
from app.gui.options import WindowOptions
from app.gui.replay_inset import ReplayInset
from app.gui.second_screen import SecondScreen
from app.gui.window import LiveWindow
from app.phantom import bundled
from app.replay_buffer import ReplayBuffer
from app.session_api import Session
from app.snapshot import AiSnapshot, LiveSnapshot, SourceSnapshot, SourceStatus
from detector.alerts import Marker
from detector.frame import Frame
from detector.geometry import Size
from detector.watchdog import AiState

_SCREENS = ((1920, 1080, "live"), (1920, 1080, "same"), (1280, 1024, "other"))
_SIZE = Size(1920, 1080)
_RING = 48
_SKIP = 250  # the phantom begins outside the body
_ROUNDS = 9
_PAINTS = 12


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="of the session for the buffer (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="three rounds and five seconds")
    args = parser.parse_args(argv)
    seconds, rounds = (5.0, 3) if args.quick else (args.seconds, _ROUNDS)
    os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={_screens_file()}"
    application()
    images = _ring()
    print("\n".join((*_paints(images, rounds), "", *_buffer(images, seconds))))


def _screens_file() -> Path:
    """Three screens for Qt's offscreen platform, side by side."""
    screens, x = [], 0
    for width, height, name in _SCREENS:
        screens.append({"name": name, "x": x, "y": 0, "width": width, "height": height})
        x += width
    common = {"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1.0}
    path = Path(tempfile.mkdtemp(prefix="polypwatch-screens-")) / "screens.json"
    path.write_text(json.dumps({"windowFrameMargins": False, "screens": [{**common, **screen} for screen in screens]}))
    return path


def _ring() -> list[np.ndarray]:
    source = file_source(bundled().video)
    source.open()
    for _ in range(_SKIP):
        source.read()
    images: list[np.ndarray] = []
    while len(images) < _RING and isinstance(item := source.read(), Frame):
        images.append(np.asarray(cv2.resize(item.image, _SIZE), np.uint8))
    source.close()
    return images


class _Shown:
    """A session that shows one picture after the other; all else of it does nothing."""

    can_record = can_pause = paused = synchronised = shadow = light_override = False
    ai_enabled, hide_s, sensitivity = True, 60.0, "normal"

    def __init__(self, images: list[np.ndarray]) -> None:
        self._images = [image.view() for image in images]  # its own: no other window may lend them scaled
        self._wakes: list[Callable[[], None]] = []
        self.index = 0
        self.alerts = 0
        self.next()

    def next(self) -> None:
        """Show the next picture."""
        self.index += 1
        now_ns = time.perf_counter_ns()
        frame = Frame(self.index, None, now_ns, self._images[self.index % len(self._images)])
        marker = Marker(1, (600.0, 300.0, 900.0, 620.0), 0.8, 0, 0.0, False)
        source = SourceSnapshot(SourceStatus.PLAYING, "memory", frame_rate=30.0)
        self.now = LiveSnapshot(
            frame, source, AiSnapshot(AiState.ON, overlay_age_ms=40.0), (marker,), self.alerts, None, "", now_ns
        )
        for wake in self._wakes:
            wake()

    def snapshot(self) -> LiveSnapshot:
        return replace(self.now, taken_ns=time.perf_counter_ns())

    def subscribe(self, wake: Callable[[], None]) -> None:
        self._wakes.append(wake)

    def nothing(self, *_: object) -> None:
        """What the window may ask for and nobody does here."""

    start = stop = hide_boxes = show_boxes = nothing


class _Silent:
    """No sound."""

    fault, volume_percent = "", 0

    def play(self) -> None: ...

    def set_volume(self, percent: int, /) -> None: ...


class _Painted:
    """The live window with or without a second monitor; counts the time of the window's thread for each picture."""

    def __init__(self, images: list[np.ndarray], second: str | None) -> None:
        self.session = _Shown(images)
        self._painted: list[int] = []
        self._second: list[int] = []
        made: list[SecondScreen] = []

        def make(page: Page) -> Feature:
            made.append(SecondScreen(page, second, boxes=True, remember=None))
            return made[0]

        options = WindowOptions(Path("."), full_screen=True, muted=True, features=(make,))
        self._window = LiveWindow(_as_session(self.session), options, player=_Silent())
        self._window.painted.append(lambda stamp: self._painted.append(stamp.frame_index))
        self._window.begin()
        self._until(lambda: bool(self._painted))
        shown = made[0].window
        self._has_second = shown is not None
        if shown is not None:
            shown.canvas.painted.append(lambda stamp: self._second.append(stamp.frame_index))

    def round(self) -> float:
        """Processor milliseconds for a picture, everything until both screens show it included."""
        took = []
        for _ in range(_PAINTS):
            start = time.thread_time_ns()
            self.session.next()
            self._until(self._shown)
            took.append((time.thread_time_ns() - start) / 1e6)
        return median(took)

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    def _shown(self) -> bool:
        index = self.session.index
        return index in self._painted[-2:] and (not self._has_second or index in self._second[-2:])

    def _until(self, done: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 5
        while not done() and time.monotonic() < give_up:
            application().processEvents()
            time.sleep(0.002)


def _paints(images: list[np.ndarray], rounds: int) -> list[str]:
    cases = {"the live window alone": None, "and a second monitor of its size": "same", "of another size": "other"}
    made = {words: _Painted(images, second) for words, second in cases.items()}
    figures: dict[str, list[float]] = {words: [] for words in made}
    for one in made.values():
        one.round()
    for _ in range(rounds):
        for words, one in made.items():
            figures[words].append(one.round())
    for one in made.values():
        one.close()
    base = figures["the live window alone"]
    lines = ["| window's thread, for a picture | ms (median of rounds) | ratio |", "|---|---|---|"]
    for words, values in figures.items():
        ratios = sorted(value / other for value, other in zip(values, base, strict=True))
        lines.append(f"| {words} | {median(values):.1f} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")
    return lines


def _buffer(images: list[np.ndarray], seconds: float) -> list[str]:
    session = _Shown(images)
    buffer = ReplayBuffer(_as_session(session))
    made: list[ReplayInset] = []

    def make(page: Page) -> Feature:
        made.append(ReplayInset(page, buffer))
        return made[0]

    options = WindowOptions(Path("."), size=_SIZE, muted=True, features=(make,))
    window = LiveWindow(_as_session(_Shown(images)), options, player=_Silent())
    idle = _idle_share(images, min(seconds, 5.0))
    cpu, begin = time.process_time(), time.monotonic()
    for number in range(round(seconds * 30)):
        session.alerts = 1 if number > 15 else 0
        session.next()
        time.sleep(max(0.0, begin + (number + 1) / 30 - time.monotonic()))
    share = (time.process_time() - cpu) / (time.monotonic() - begin) - idle
    last = buffer.last_seconds()
    kept, pictures = buffer.kept_bytes, len(last.pictures) if last else 0
    ticks = _ticks(window, made[0])
    window.close()
    return [
        f"Replay buffer at 1080p30: {100 * share:.1f} % of a core; {pictures} pictures kept, {kept / 1e6:.1f} MB",
        f"({kept / max(1, pictures) / 1e3:.0f} KB each; with an alert set aside and played three times that at most).",
        f"Inset: {ticks:.1f} ms of the window's thread for a picture, at most 15 times a second.",
    ]


def _idle_share(images: list[np.ndarray], seconds: float) -> float:
    """What handing out the pictures costs without the buffer."""
    session, cpu, begin = _Shown(images), time.process_time(), time.monotonic()
    for number in range(round(seconds * 30)):
        session.next()
        time.sleep(max(0.0, begin + (number + 1) / 30 - time.monotonic()))
    return (time.process_time() - cpu) / (time.monotonic() - begin)


def _ticks(window: LiveWindow, inset: ReplayInset) -> float:
    """Processor milliseconds of decoding, scaling and painting one picture of the inset."""
    window.show()
    application().processEvents()
    window.page.perform(Action.REPLAY)
    took = []
    for _ in range(30):
        time.sleep(0.07)
        start = time.thread_time_ns()
        inset.tick()
        inset.inset.repaint()
        took.append((time.thread_time_ns() - start) / 1e6)
    return median(took)


def _as_session(session: _Shown) -> Session:
    return cast(Session, session)  # what it lacks is never asked for here


if __name__ == "__main__":
    main()
