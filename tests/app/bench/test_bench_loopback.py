"""Delays are counted from what was shown to what came back, and nothing that came from elsewhere counts."""

import json
import threading
from collections import deque
from fractions import Fraction

import pytest

from app.bench.loopback import Tally, Watcher, no_code
from app.bench.timecode import Code, Reading, draw_code
from app.cli import main
from detector.errors import SourceError
from detector.frame import Frame, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size

MS = 1_000_000
KEY = 7


def code(number: int, key: int = KEY) -> Reading:
    return Reading(True, Code(key, number))


def tally_of(shown: dict[int, int], taken: list[tuple[Reading, int]]) -> Tally:
    tally = Tally(KEY)
    for number, at_ms in shown.items():
        tally.shown(number, at_ms * MS)
    for reading, at_ms in taken:
        tally.taken(reading, at_ms * MS)
    return tally


def test_a_delay_runs_from_the_first_paint_to_the_first_picture_with_the_code():
    tally = tally_of({0: 1000, 1: 1050, 2: 1100}, [(code(0), 1090), (code(0), 1130), (code(1), 1170), (code(2), 1210)])
    tally.shown(0, 5000 * MS)
    result = tally.result("room")
    assert result.delay_ms == {"min": 90.0, "p50": 110.0, "p95": 119.0, "max": 120.0}
    assert (result.seen, result.missed, result.shown) == (3, 0, 3)
    assert (result.pictures, result.read, result.interval_ms) == (4, 4, 40.0)


def test_codes_that_never_came_back_between_two_that_did_are_missed():
    result = tally_of(dict.fromkeys(range(10), 0), [(code(2), 50), (code(5), 90), (code(6), 120)]).result("room")
    assert (result.seen, result.missed) == (3, 2)


def test_every_picture_is_of_one_kind():
    taken = [(code(0), 40), (Reading(True), 80), (Reading(False), 120), (code(0, key=8), 160), (code(9), 200)]
    result = tally_of({0: 0}, taken).result("room")
    assert (result.read, result.unclear, result.empty, result.foreign) == (1, 1, 1, 2)
    assert result.pictures == 5


def test_a_code_that_comes_back_before_it_was_shown_is_not_ours():
    result = tally_of({0: 0, 5: 1000}, [(code(5), 900)]).result("room")
    assert result.delay_ms is None
    assert result.foreign == 1


def test_pictures_from_before_the_first_code_do_not_count():
    tally = Tally(KEY)
    tally.taken(Reading(False), 1)
    assert tally.pictures == 0


def test_the_result_says_what_is_in_it_and_what_is_not():
    result = tally_of({0: 0, 1: 50}, [(code(0), 90), (code(1), 130)]).result("camera 0")
    assert "p50 85 ms" in result.as_text()
    assert "Not in it: the detector" in result.as_text()
    data = json.loads(result.as_json())
    assert data["schema"] == "polypwatch.loopback/1"
    assert data["delay_ms"]["p50"] == 85.0


@pytest.mark.parametrize(
    ("taken", "trouble", "says"),
    [
        ([], "connection refused.", "camera 0 gave no picture (connection refused)"),
        ([(Reading(False), 40)] * 3, "", "in 3 pictures of camera 0"),
        ([(code(0, key=8), 40)], "", "1 with another run's code"),
    ],
)
def test_the_refusal_says_what_came_and_what_to_do(taken, trouble, says):
    error = no_code(tally_of({0: 0}, taken).result("camera 0", trouble))
    assert says in error.what
    assert "point the camera at this screen" in error.hint
    assert error.exit_status == 3


class Played:
    """A live source that gives what it was given, then nothing more until it is closed."""

    def __init__(self, refusals: int, *items: Frame | Interruption) -> None:
        self.refusals = refusals
        self.items = deque(items)
        self.over = threading.Event()
        self.done = threading.Event()

    def open(self) -> SourceInfo:
        if self.refusals:
            self.refusals -= 1
            raise SourceError("not there yet")
        return SourceInfo(SourceKind.STREAM, "played", True, Size(320, 180), Fraction(25))

    def read(self) -> Frame | Interruption:
        if self.items:
            return self.items.popleft()
        self.done.set()
        self.over.wait()
        return Interruption(SourceState.END, "closed")

    def close(self) -> None:
        self.over.set()


def test_a_source_that_comes_later_or_breaks_off_is_opened_again():
    tally = tally_of({3: 0}, [])
    picture = Frame(1, None, 80 * MS, draw_code(Code(KEY, 3), Size(320, 180))[:, :, None].repeat(3, axis=2))
    damaged = Interruption(SourceState.UNDECODABLE, "damaged", 0)
    source = Played(1, damaged, Interruption(SourceState.LOST, "no picture for 3 s"), picture)
    watcher = Watcher(source, tally)
    watcher.start()
    assert source.done.wait(30)
    watcher.stop()
    result = tally.result("played", watcher.trouble)
    assert result.delay_ms == {"min": 80.0, "p50": 80.0, "p95": 80.0, "max": 80.0}
    assert result.trouble == ""


def test_a_reader_that_breaks_says_so(caplog):
    class Broken(Played):
        def read(self) -> Frame | Interruption:
            self.done.set()
            raise RuntimeError("driver")

    source = Broken(0)
    watcher = Watcher(source, tally_of({0: 0}, []))
    watcher.start()
    assert source.done.wait(30)
    watcher.stop()
    assert "driver" in watcher.trouble
    assert any(record.exc_info for record in caplog.records)


def test_a_file_cannot_show_this_screen(capfd, tmp_path):
    assert main(["bench", "--loopback", str(tmp_path / "video.mp4")]) == 2
    assert "Name a camera, a capture card or a network stream" in capfd.readouterr().err


def test_without_a_screen_there_is_nothing_to_read_back(capfd, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert main(["bench", "--loopback"]) == 2
    assert "The time code cannot be shown: There is no display" in capfd.readouterr().err
