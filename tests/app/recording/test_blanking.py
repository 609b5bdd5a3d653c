"""Pictures that may not be of the inside of a body are black, nothing of them is left, and doubt means black."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from app.recording.blanking import LONGEST_WAIT_NS, DelayLine, Inside, Ready, Taken
from app.recording.encoders import black
from detector.frame import Frame, FrameTime
from detector.procedure import open_procedure
from tests.app.recording.recordings import BASE, SMALL, X264, decoded, frame, indices, recording, sidecar


def white(index: int) -> Frame:
    return Frame(index, FrameTime(index, BASE), index, np.full((96, 160, 3), 255, np.uint8))


def test_what_is_not_inside_is_black_and_listed(tmp_path: Path) -> None:
    with recording(tmp_path / "r", inside=lambda at: not 1010 <= at < 1020, options=X264) as recorder:
        for n in range(30):
            recorder.offer(frame(n))
    pictures = [f.to_ndarray(format="bgr24") for f in decoded(tmp_path / "r" / "video-001.mkv")]
    assert [n for n, picture in enumerate(pictures) if picture.max() <= 1] == list(range(10, 20))
    assert [n for n, row in enumerate(sidecar(tmp_path / "r")) if row.get("blanked")] == list(range(10, 20))
    assert [f.capture_index for f in open_procedure(tmp_path / "r").frames if f.blanked] == list(range(10, 20))
    assert recorder.snapshot().blanked == 10
    assert not recorder.snapshot().blanking


def test_nothing_of_a_blanked_picture_shines_through_at_either_end(tmp_path: Path) -> None:
    """The patient's name stands in white on the screen before and after: every change begins with a key frame."""
    with recording(tmp_path / "r", inside=lambda at: 10 <= at < 20, options=X264) as recorder:
        for n in range(30):
            recorder.offer(white(n))
    frames = decoded(tmp_path / "r" / "video-001.mkv")
    levels = [int(f.to_ndarray(format="bgr24").mean()) for f in frames]
    assert levels == pytest.approx([0] * 10 + [255] * 10 + [0] * 10, abs=1)
    assert {0, 10, 20} <= {n for n, f in enumerate(frames) if f.key_frame}


@pytest.mark.parametrize("wrong", [None, "broken", 1, "yes"])
def test_doubt_is_black(wrong: object, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def inside(_: int) -> bool | None:
        if wrong == "broken":
            raise RuntimeError("the watch is gone")
        return wrong  # type: ignore[return-value]

    with recording(tmp_path / "r", inside=inside, options=X264) as recorder:
        for n in range(5):
            recorder.offer(white(n))
    assert recorder.snapshot().blanked == 5
    assert max(int(f.to_ndarray(format="bgr24").max()) for f in decoded(tmp_path / "r" / "video-001.mkv")) <= 1
    assert len(caplog.records) == (1 if wrong == "broken" else 0)
    caplog.clear()


def test_a_picture_waits_for_its_verdict(tmp_path: Path) -> None:
    known = threading.Event()
    now_ns = time.perf_counter_ns()
    with recording(tmp_path / "r", inside=lambda _: True if known.is_set() else None, options=X264) as recorder:
        for n in range(5):
            recorder.offer(frame(n, captured_ns=now_ns + 60_000_000_000 + n))  # not late for a minute
        time.sleep(0.1)
        assert recorder.written == 0
        known.set()
    assert indices(tmp_path / "r" / "video-001.mkv") == list(range(5))
    assert recorder.snapshot().blanked == 0


def line(inside: Inside, now_ns: list[int]) -> DelayLine:
    made = DelayLine(inside, lambda: now_ns[0])
    for n in range(3):
        made.add(Ready(Taken(n, None, n * 100), SMALL, black(SMALL)))
    return made


def test_the_wait_is_bounded() -> None:
    now_ns = [0]
    waiting = line(lambda _: None, now_ns)
    assert list(waiting.due()) == []
    now_ns[0] = LONGEST_WAIT_NS + 100
    assert [(item.taken.index, blank) for item, blank in waiting.due()] == [(0, True), (1, True)]
    assert len(waiting) == 1


def test_order_is_kept_while_the_oldest_waits() -> None:
    verdicts: dict[int, bool | None] = {0: None, 100: True, 200: False}
    waiting = line(verdicts.get, [0])
    assert list(waiting.due()) == []
    verdicts[0] = True
    assert [(item.taken.index, blank) for item, blank in waiting.due()] == [(0, False), (1, False), (2, True)]


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.recording.blanking.MOST_BYTES", 2 * 160 * 96 * 3 // 2)
    waiting = line(lambda _: None, [0])
    assert [(item.taken.index, blank) for item, blank in waiting.due()] == [(0, True)]
