"""``polypwatch bench --loopback``: the true delay from this screen through a room back into this program.

A time code is shown in full screen and read back through any live source. The delay of a code runs from the end of its
paint to the capture of the first picture in which it is read: compositor, cable or air, monitor, camera or card, driver
and decoder are in it, and the wait for the source's next picture. The detector and the paint of its boxes are not: they
are what ``polypwatch bench`` measures.
"""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from app import RESEARCH_USE, SOFTWARE
from app.bench.files import check_writable, write_text
from app.bench.timecode import Reader, Reading
from app.capture import make_source, parse_source
from app.gui.interrupts import Interrupts
from app.gui.platform import display_problem
from detector.errors import SourceError, UsageError
from detector.frame import Frame, FrameSource, Interruption, SourceKind, SourceState

_LOG = logging.getLogger(__name__)
SCHEMA = "polypwatch.loopback/1"
HOLD_MS = 50
_SECONDS = 20.0
_LONGEST_S = 1800.0  # the counter of the time code goes round after 54 minutes
_RETRY_S = 0.5
_JOIN_S = 12.0  # opening a stream may block for ten seconds


@dataclass(frozen=True, slots=True)
class LoopbackResult:
    """What came back.

    Attributes:
        source: its label.
        pictures: that the source delivered while codes were shown.
        interval_ms: median time between two of them; None with fewer than two.
        read: pictures with a code of this run.
        unclear: pictures with a pattern that could not be read: a blend of two codes, a torn or a damaged picture.
        foreign: pictures with a code that this run did not show.
        empty: pictures without a pattern.
        shown: codes that were painted.
        seen: codes that were read at least once.
        missed: codes shown after the first one seen and before the last, and never read.
        delay_ms: ``min``, ``p50``, ``p95`` and ``max`` over the codes seen; None if there are none.
        trouble: what the source said last; empty if nothing.
    """

    source: str
    pictures: int
    interval_ms: float | None
    read: int
    unclear: int
    foreign: int
    empty: int
    shown: int
    seen: int
    missed: int
    delay_ms: dict[str, float] | None
    trouble: str = ""

    def as_text(self) -> str:
        """The result to read."""
        delay, interval = self.delay_ms, self.interval_ms
        if delay is None:
            return "No time code came back."
        lines = [
            f"Screen to program through {self.source}: p50 {delay['p50']:.0f} ms, p95 {delay['p95']:.0f} ms, "
            f"max {delay['max']:.0f} ms (min {delay['min']:.0f} ms)",
            f"{self.seen} codes read, {self.missed} missed; {self.pictures} pictures"
            + (f", one every {interval:.0f} ms" if interval else "")
            + f": {self.read} read, {self.unclear} unclear, {self.empty} without a code, {self.foreign} foreign",
            "In it: compositor, monitor or cable, camera or card, driver, decoder, and the wait for the next picture.",
            "Not in it: the detector and the paint of its boxes, which `polypwatch bench` measures.",
        ]
        if self.trouble:
            lines.append(f"The source ended with: {self.trouble}")
        return "\n".join(lines)

    def as_json(self) -> str:
        """The result as one JSON object."""
        data = {"schema": SCHEMA, "software": SOFTWARE, "notice": RESEARCH_USE, "hold_ms": HOLD_MS, **asdict(self)}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


class Tally:
    """Joins what was shown with what was read. From any thread.

    Args:
        key: of this run's codes.
    """

    def __init__(self, key: int) -> None:
        self.key = key
        self._lock = threading.Lock()
        self._shown_ns: dict[int, int] = {}
        self._seen_ns: dict[int, int] = {}
        self._kinds: Counter[str] = Counter()
        self._captured_ns: list[int] = []

    def shown(self, count: int, painted_ns: int) -> None:
        """A code was painted; later paints of the same one do not count."""
        with self._lock:
            self._shown_ns.setdefault(count, painted_ns)

    def taken(self, reading: Reading, captured_ns: int) -> None:
        """A picture was captured, and this was in it. Pictures from before the first code do not count."""
        with self._lock:
            if not self._shown_ns:
                return
            self._captured_ns.append(captured_ns)
            self._kinds[self._take(reading, captured_ns)] += 1

    @property
    def seen(self) -> int:
        """How many codes were read so far."""
        with self._lock:
            return len(self._seen_ns)

    @property
    def pictures(self) -> int:
        """How many pictures came while codes were shown."""
        with self._lock:
            return len(self._captured_ns)

    def result(self, source: str, trouble: str = "") -> LoopbackResult:
        """What all that comes to."""
        with self._lock:
            delays = [ns - self._shown_ns[count] for count, ns in self._seen_ns.items()]
            between = range(min(self._seen_ns, default=0), max(self._seen_ns, default=-1) + 1)
            intervals = np.diff(self._captured_ns)
            return LoopbackResult(
                source=source,
                pictures=len(self._captured_ns),
                interval_ms=round(float(np.median(intervals)) / 1e6, 1) if len(intervals) else None,
                read=self._kinds["read"],
                unclear=self._kinds["unclear"],
                foreign=self._kinds["foreign"],
                empty=self._kinds["empty"],
                shown=len(self._shown_ns),
                seen=len(self._seen_ns),
                missed=sum(count in self._shown_ns and count not in self._seen_ns for count in between),
                delay_ms=_summary_ms(delays) if delays else None,
                trouble=trouble,
            )

    def _take(self, reading: Reading, captured_ns: int) -> str:
        if reading.code is None:
            return "unclear" if reading.seen else "empty"
        key, count = reading.code.key, reading.code.number
        shown_ns = self._shown_ns.get(count)
        if key != self.key or shown_ns is None or shown_ns > captured_ns:
            return "foreign"  # an older run, another machine's, or a recording
        self._seen_ns.setdefault(count, captured_ns)
        return "read"


class Watcher:
    """Reads the source in a thread of its own, and tries again where it cannot be opened yet.

    Args:
        source: live; opened and closed here.
        tally: told of every picture.
    """

    def __init__(self, source: FrameSource, tally: Tally) -> None:
        self.trouble = ""
        self._source = source
        self._tally = tally
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loop-back", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End, and let go of the source."""
        self._over.set()
        self._source.close()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        reader = Reader()
        try:
            while not self._over.is_set():
                try:
                    self._source.open()
                except SourceError as error:
                    self.trouble = str(error)
                else:
                    self.trouble = ""
                    self._read(reader)
                self._over.wait(_RETRY_S)
        except Exception as error:  # root of the thread: what ends it must be said
            _LOG.exception("the loop-back reader failed")
            self.trouble = f"internal error: {error!r}"
        finally:
            self._source.close()

    def _read(self, reader: Reader) -> None:
        while not self._over.is_set():
            item = self._source.read()
            if isinstance(item, Frame):
                self._tally.taken(reader.read(item.image), item.captured_ns)
            elif item.state is not SourceState.UNDECODABLE:
                if not self._over.is_set():
                    self.trouble = _in_words(item)
                return


# Shows codes until enough was seen or the user leaves: the tally, the watcher's trouble, seconds, screen, interrupts.
ShowCodes = Callable[[Tally, Callable[[], str], float, int | None, Interrupts], None]


def loopback(args: argparse.Namespace) -> int:
    """Measure the loop and print its delay; returns the exit status.

    Raises:
        UsageError: there is no screen, or none is to be used, or the source is a file.
        SourceError: no code came back.
        OutputError: the JSON cannot be written.
        KeyboardInterrupt: the user asked to stop.
    """
    parsed = parse_source(args.loopback)
    if parsed.kind not in (SourceKind.CAMERA, SourceKind.STREAM):
        raise UsageError(
            f"{parsed.label} cannot show this screen.", "Name a camera, a capture card or a network stream."
        )
    if args.offscreen:
        raise UsageError("The time code needs a screen.", "Leave out --offscreen.")
    problem = display_problem()
    if problem:
        raise UsageError(f"The time code cannot be shown: {problem}", "Log in to a desktop.")
    if args.json is not None:
        check_writable(args.json)
    seconds = min(args.seconds or _SECONDS, _LONGEST_S)
    with Interrupts() as interrupts:
        from app.gui.loopback_window import show_codes

        result = measure(make_source(parsed), parsed.label, seconds, args.screen, interrupts, show_codes)
        if interrupts.asked:
            raise KeyboardInterrupt
    if args.json is not None:
        write_text(args.json, result.as_json())
    if result.delay_ms is None:
        raise no_code(result)
    print(result.as_text())
    return 0


def measure(
    source: FrameSource, label: str, seconds: float, screen: int | None, interrupts: Interrupts, show: ShowCodes
) -> LoopbackResult:
    """Show codes and read them back; the source is let go of in any case.

    Args:
        source: live, not opened yet.
        label: its short name.
        seconds: how long to measure from the first picture on.
        screen: which one shows the code; None takes the first.
        interrupts: what ends it early.
        show: the window.
    """
    tally = Tally(secrets.randbelow(256))
    watcher = Watcher(source, tally)
    watcher.start()
    try:
        show(tally, lambda: watcher.trouble, seconds, screen, interrupts)
    finally:
        watcher.stop()
    return tally.result(label, watcher.trouble)


def no_code(result: LoopbackResult) -> SourceError:
    """Why nothing was measured, and what to do about it."""
    todo = (
        "The source must show this screen: lead this computer's screen output into the capture card in place of the "
        "processor's, or point the camera at this screen, sharp and not mirrored; or send a capture of this screen as "
        "the stream. Then run again."
    )
    if not result.pictures:
        why = f" ({result.trouble.rstrip('.')})" if result.trouble else ""
        return SourceError(f"No time code was seen: {result.source} gave no picture{why}.", todo)
    found = f"{result.unclear} with a pattern that could not be read, {result.foreign} with another run's code"
    return SourceError(f"No time code was seen in {result.pictures} pictures of {result.source} ({found}).", todo)


def _summary_ms(delays_ns: list[int]) -> dict[str, float]:
    ms = np.asarray(delays_ns) / 1e6
    p50, p95 = np.percentile(ms, [50, 95])
    values = {"min": ms.min(), "p50": p50, "p95": p95, "max": ms.max()}
    return {name: round(float(value), 1) for name, value in values.items()}


def _in_words(item: Interruption) -> str:
    return f"{item.state.value}: {item.detail}" if item.detail else item.state.value
