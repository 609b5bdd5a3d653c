"""How fast a procedure opens, seeks and plays in the QA room, and what memory that takes.

    python -m benchmarks.replay [--minutes 60] [--quick] [--json FILE]

Made here: a recording of 1080p at 30/s as the recorder writes it (segments of five minutes, a key frame every half
second), and a foreign MP4 with B-frames and a key frame every 250 pictures. Both show the bundled procedure, enlarged;
ten seconds of it are encoded once and copied over and over, which changes neither opening nor decoding. Every picture
carries its number, and each seek is checked. Nothing is shown on a screen: what Qt needs is measured elsewhere.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from app.phantom import bundled
from app.qa.opened import Opened, open_for_review
from app.qa.playback.player import Player, PlayState
from app.recording.mark import COMPLETE, write_mark
from app.recording.video_file import CONTAINER_OPTIONS, VideoFile
from benchmarks.processes import holdings
from benchmarks.tables import busy, machine, table
from detector.decode import decode_frames
from detector.geometry import Size
from tests.clips import paint_index, read_painted_index

SCHEMA = "polypwatch.bench-replay/1"
SIZE, RATE = Size(1920, 1080), 30
SEGMENT_S = 300
_PIECE, _FOREIGN_PIECE = 300, 500  # pictures that are encoded
_SPEEDS = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, -0.5, -1.0, -2.0, -8.0)
_SEEKS, _PLAY_S, _SCRUBS = 40, 4.0, 240


@dataclass(frozen=True, slots=True)
class Seeks:
    """Milliseconds from the order to the picture: exact, and whatever came first (the key frame or the picture).

    `cpu_median` is of all threads of the process: on a busy machine it tells more than the clock.
    """

    exact_median: float
    exact_p95: float
    first_median: float
    first_p95: float
    cpu_median: float


def main(argv: Sequence[str] | None = None) -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60, help="length of both videos")
    parser.add_argument("--quick", action="store_true", help="two minutes, fewer seeks and speeds")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    minutes = 2 if args.quick else args.minutes
    found = machine()
    with tempfile.TemporaryDirectory(prefix="polypwatch-replay-") as name:
        folder = Path(name)
        own = make_recording(folder / "recording", minutes)
        foreign = make_foreign(folder / "foreign.mp4", minutes)
        # In processes of their own: memory that encoding took would be counted, too.
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            rows = [
                pool.apply(measure, (name, path, piece, folder / "cache", args.quick))
                for name, path, piece in (("recording", own, _PIECE), ("foreign MP4", foreign, _FOREIGN_PIECE))
            ]
    print(*busy(found), *report(rows), sep="\n\n")
    if args.json:
        content = {"schema": SCHEMA, "machine": found, "minutes": minutes, "rows": rows}
        args.json.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def measure(name: str, path: Path, piece: int, cache: Path, quick: bool) -> dict[str, object]:
    """Everything of one procedure."""
    opening = [_timed(lambda: open_for_review(path, cache))[0] for _ in range(3)]
    opened = open_for_review(path, cache)
    screen = Screen(opened, cache)
    row: dict[str, object] = {"name": name, "pictures": len(opened.axis), "open_ms": [round(s * 1e3) for s in opening]}
    count = 10 if quick else _SEEKS
    try:
        row["first_picture_ms"] = round(screen.until(lambda s: s.picture is not None) * 1e3)
        if opened.axis.whole:
            row["seeks_before_counting"] = asdict(seeks(screen, piece, count))
        else:
            row["first_shown_before_counting_ms"] = screen.first_shown(count)
        counting = screen.until(lambda s: s.opened.checked, 600)
        row["counted_s"] = round(counting, 1)
        row["seeks"] = asdict(seeks(screen, piece, count, seed=3))
        chosen = (1.0, 8.0, -1.0) if quick else _SPEEDS
        row["speeds"] = [speed(screen, s, 2.0 if quick else _PLAY_S) for s in chosen]
        row["scrub_shown_per_s"] = scrub(screen, _SCRUBS // 4 if quick else _SCRUBS)
        row["rss_mb"] = max(screen.rss_mb)
    finally:
        screen.close()
    again, _ = _timed(lambda: open_for_review(path, cache))
    row["open_again_ms"] = round(again * 1e3)
    return row


class Screen:
    """A player, what it wakes, and the memory of this process meanwhile."""

    def __init__(self, opened: Opened, cache: Path) -> None:
        self.begun = time.perf_counter()
        self._woken = threading.Condition()
        self.shown: list[tuple[float, PlayState]] = []
        self.rss_mb: list[float] = [holdings(os.getpid()).rss_mb]
        self.player = Player(opened, self._wake, cache)

    def _wake(self) -> None:
        with self._woken:
            self._woken.notify_all()

    def until(self, wanted: Callable[[PlayState], bool], seconds: float = 60) -> float:
        """Seconds since the player was made or the last order, up to a state that is as wanted."""
        deadline = time.perf_counter() + seconds
        with self._woken:
            while not wanted(self.player.state()):
                if time.perf_counter() > deadline:
                    raise TimeoutError(f"{self.player.state()}")
                self._woken.wait(0.05)
        return time.perf_counter() - self.begun

    def order(self, order: Callable[[], None]) -> None:
        """Give an order, and count from now."""
        self.begun = time.perf_counter()
        order()

    def first_shown(self, count: int) -> float:
        """Median milliseconds to the nearest key frame, while pictures are still being counted."""
        rng, took = random.Random(1), []
        for _ in range(count):
            if self.player.state().axis.whole:
                break
            goal = rng.randrange(len(self.player.state().axis))
            self.order(lambda goal=goal: self.player.seek(goal))  # type: ignore[misc]
            took.append(self.until(lambda s, goal=goal: s.axis.whole or s.wanted == goal))  # type: ignore[misc]
        return round(statistics.median(took) * 1e3) if took else float("nan")

    def note_memory(self) -> None:
        """Look at this process."""
        self.rss_mb.append(holdings(os.getpid()).rss_mb)

    def close(self) -> None:
        """Stop playing."""
        self.player.close()


def seeks(screen: Screen, piece: int, count: int, seed: int = 2) -> Seeks:
    """Seek here and there; each picture is checked by the number in it."""
    rng, exact, first, cpu = random.Random(seed), [], [], []
    for _ in range(count):
        goal = rng.randrange(len(screen.player.state().axis))
        cpu_begun = time.process_time()
        screen.order(lambda goal=goal: screen.player.seek(goal))  # type: ignore[misc]
        first.append(screen.until(lambda s, goal=goal: (s.position if s.exact else s.wanted) == goal))  # type: ignore[misc]
        exact.append(screen.until(lambda s, goal=goal: s.exact and s.position == goal))  # type: ignore[misc]
        cpu.append(time.process_time() - cpu_begun)
        picture = screen.player.state().picture
        if picture is None or read_painted_index(picture) != goal % piece:
            raise AssertionError(f"picture {goal} is not shown where it was asked for")
    screen.note_memory()
    clock = (round(f(values), 1) for values in (exact, first) for f in (_median_ms, _p95_ms))
    return Seeks(*clock, round(_median_ms(cpu), 1))


def speed(screen: Screen, wanted: float, seconds: float) -> dict[str, float]:
    """Play from the middle."""
    middle = len(screen.player.state().axis) // 2
    screen.player.pause()
    screen.order(lambda: screen.player.seek(middle))
    screen.until(lambda s: s.exact and s.position == middle)
    screen.player.play(wanted)
    time.sleep(seconds)
    state = screen.player.state()
    screen.player.pause()
    screen.note_memory()
    held = abs(state.time_s - float(state.axis.times_s[middle])) / seconds
    return {
        "speed": wanted,
        "achieved": round(state.achieved, 2),
        "over_all": round(held, 2),
        "every": round(state.every, 2),
        "shown_per_s": round(RATE * abs(wanted) / state.every, 1),
    }


def scrub(screen: Screen, count: int) -> float:
    """Drag over a minute, sixty orders a second; pictures that were shown a second."""
    begin = len(screen.player.state().axis) // 3
    before, begun = screen.player.state().number, time.perf_counter()
    for n in range(count):
        screen.player.seek(begin + n * 1800 // count)
        time.sleep(1 / 60)
        if n % 60 == 0:
            screen.note_memory()
    return round((screen.player.state().number - before) / (time.perf_counter() - begun), 1)


# -- made videos ------------------------------------------------------------------------------------------------------


def pictures(count: int) -> Iterator[np.ndarray]:
    """The bundled procedure, enlarged, with numbers."""
    for frame in decode_frames(bundled().video, range(600, 600 + count), whole=False):
        yield paint_index(np.asarray(cv2.resize(frame.image, tuple(SIZE)), np.uint8), frame.index - 600)


def make_recording(folder: Path, minutes: int) -> Path:
    """A recording as the recorder writes it; segments are links to one file."""
    folder.mkdir()
    piece = folder / "piece.mkv"
    video = VideoFile(piece, SIZE, Fraction(RATE))
    for number, image in enumerate(pictures(_PIECE)):
        video.write(image, number / RATE)
    video.close()
    per_segment = min(SEGMENT_S, minutes * 60) * RATE
    repeat(piece, folder / "video-001.mkv", per_segment // _PIECE, _PIECE, RATE)
    piece.unlink()
    segments = minutes * 60 * RATE // per_segment
    facts = []
    with (folder / "frames.jsonl").open("w") as file:
        file.write('{"schema": "polypwatch.frames/1"}\n')
        for number in range(1, segments + 1):
            name = f"video-{number:03d}.mkv"
            if number > 1:
                os.link(folder / "video-001.mkv", folder / name)
            for place in range(per_segment):
                index = (number - 1) * per_segment + place
                row = {"capture_index": index, "record_index": place, "segment": number, "pts": index}
                file.write(json.dumps(row | {"time_base": f"1/{RATE}", "captured_ns": index * 33_333_333}) + "\n")
            length = (per_segment - 1) / RATE
            facts.append({"file": name, "session": 1, "width": 1920, "height": 1080, "frames": per_segment})
            facts[-1] |= {"blanked": 0, "seconds": round(length, 3), "complete": True}
    write_mark(folder, {"state": COMPLETE, "sessions": [{"session": 1}], "segments": facts})
    return folder


def make_foreign(path: Path, minutes: int) -> Path:
    """An MP4 as editing programs write it."""
    piece = path.with_name("piece.mp4")
    options = {"preset": "veryfast", "g": "250", "keyint_min": "250", "sc_threshold": "0", "bf": "3", "crf": "23"}
    with av.open(str(piece), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = SIZE.width, SIZE.height, "yuv420p"
        for image in pictures(_FOREIGN_PIECE):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    repeat(piece, path, minutes * 60 * RATE // _FOREIGN_PIECE, _FOREIGN_PIECE, RATE)
    piece.unlink()
    return path


def repeat(source: Path, target: Path, times: int, count: int, rate: int) -> None:
    """The same packets over and over, at the times that the recorder would have given them."""
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in container.demux(stream) if p.dts is not None]
        base, ticks = stream.time_base, Fraction(count, rate) / stream.time_base
        options = CONTAINER_OPTIONS.get(target.suffix, {}) if target.suffix == ".mkv" else {}
        with av.open(str(target), "w", options=options) as out:
            to = out.add_stream_from_template(stream)
            for turn in range(times):
                for data, pts, dts, key in packets:
                    packet = av.Packet(data)
                    packet.pts, packet.dts = pts + int(turn * ticks), dts + int(turn * ticks)
                    packet.time_base, packet.is_keyframe, packet.stream = base, key, to
                    out.mux(packet)


# -- words ------------------------------------------------------------------------------------------------------------


def report(rows: list[dict[str, object]]) -> list[str]:
    """Tables."""
    cells = []
    for row in rows:
        found: dict[str, float] = row["seeks"]  # type: ignore[assignment]
        cells.append(
            (
                str(row["name"]),
                str(row["pictures"]),
                " ".join(map(str, row["open_ms"])),  # type: ignore[call-overload]
                str(row["open_again_ms"]),
                str(row["counted_s"]),
                f"{found['first_median']:.0f} / {found['first_p95']:.0f}",
                f"{found['exact_median']:.0f} / {found['exact_p95']:.0f}",
                f"{found['cpu_median']:.0f}",
                f"{row['scrub_shown_per_s']}",
                f"{row['rss_mb']:.0f}",
            )
        )
    head = ("", "pictures", "open, ms", "again", "counted, s", "first shown, ms", "exact, ms (median / p95)", "CPU, ms")
    texts = [table((*head, "scrubbing, shown/s", "RSS, MB"), cells, False)]
    for row in rows:
        speeds: list[dict[str, float]] = row["speeds"]  # type: ignore[assignment]
        lines = [tuple(f"{s[k]:g}" for k in ("speed", "achieved", "over_all", "every", "shown_per_s")) for s in speeds]
        texts.append(f"{row['name']}\n" + table(("speed", "held", "over all", "every", "shown/s"), lines, False))
    early = rows[0].get("seeks_before_counting")
    return [*texts, f"Seeks in the recording before its packets were counted: {early}"]


def _timed(what: Callable[[], object]) -> tuple[float, object]:
    begun = time.perf_counter()
    found = what()
    return time.perf_counter() - begun, found


def _median_ms(values: list[float]) -> float:
    return statistics.median(values) * 1e3


def _p95_ms(values: list[float]) -> float:
    return float(np.percentile(values, 95)) * 1e3


if __name__ == "__main__":
    main()
