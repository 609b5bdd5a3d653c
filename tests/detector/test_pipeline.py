"""Many frames at once: the answers of frame by frame, in order, in bounded memory, and nothing lost when it ends."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest

from app.capture import FileSource
from app.capture.file import Beginning
from app.phantom import bundled
from detector.detections import Detections
from detector.errors import PolypwatchError, ProviderError, SourceError
from detector.frame import Frame, FrameTime, Interruption, SourceState
from detector.manifest import find_model
from detector.pipeline import analyse, in_order, team
from detector.runtime import MIN_SCORE, OnnxDetector
from tests.tiny_models import red_patch_network, write_model


def frame(index: int, size: tuple[int, int] = (8, 6)) -> Frame:
    return Frame(index, None, 0, np.full((size[1], size[0], 3), index % 256, np.uint8))


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(("decode-ahead", "analyse-"))]


class Slow:
    """Answers with the frame's index as score; the first frames take longest, so that a hasty order would show."""

    info = None

    def __init__(self, fail: set[int] = frozenset(), bug: int | None = None) -> None:
        self.fail, self.bug = fail, bug

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        time.sleep(0.02 if frame.index % 5 == 0 else 0.001)
        if frame.index in self.fail:
            raise ProviderError(f"frame {frame.index} failed")
        if frame.index == self.bug:
            raise ZeroDivisionError("a bug")
        score = np.array([frame.index / 1000], np.float32)
        return Detections(frame.index, None, np.array([[0, 0, 2, 2]], np.float32), score, np.zeros(1, np.int64))


class TestOrder:
    @pytest.mark.parametrize("workers", [1, 2, 5])
    def test_results_come_in_the_order_of_the_items(self, workers: int) -> None:
        found = list(analyse(((n, frame(n)) for n in range(40)), [Slow() for _ in range(workers)]))
        assert [one.key for one in found] == list(range(40))
        assert [one.detections.frame_index for one in found] == list(range(40))
        assert threads() == []

    def test_nothing_gives_nothing(self) -> None:
        assert list(analyse([], [Slow()])) == []

    def test_an_interruption_keeps_its_place_and_is_not_analysed(self) -> None:
        damage = Interruption(SourceState.UNDECODABLE, "damaged", 1)
        found = list(analyse([(0, frame(0)), (1, damage), (2, frame(2))], [Slow(), Slow()]))
        assert [one.item for one in found][1] is damage
        assert found[1].outcome is None
        with pytest.raises(PolypwatchError, match="No picture was there"):
            _ = found[1].detections

    def test_workers_work_at_the_same_time(self) -> None:
        met = threading.Barrier(3, timeout=20)  # broken, and so an error, unless three frames are under way at once
        assert list(in_order(range(6), [lambda some: [met.wait() for _ in some]] * 3))


class TestFailures:
    def test_a_frame_that_fails_is_a_failed_frame_and_the_others_are_fine(self) -> None:
        found = list(analyse(((n, frame(n)) for n in range(20)), [Slow(fail={7})] * 2))
        assert [n for n, one in enumerate(found) if isinstance(one.outcome, ProviderError)] == [7]
        with pytest.raises(ProviderError, match="frame 7 failed"):
            _ = found[7].detections

    def test_a_bug_in_the_detector_ends_it_at_its_frame(self) -> None:
        seen = []
        with pytest.raises(ZeroDivisionError):
            seen.extend(one.key for one in analyse(((n, frame(n)) for n in range(20)), [Slow(bug=9)] * 2))
        assert seen == list(range(9))
        assert threads() == []

    def test_what_the_source_raises_comes_behind_all_frames_before_it(self) -> None:
        def broken() -> Iterator[tuple[int, Frame]]:
            for n in range(10):
                yield n, frame(n)
            raise SourceError("the drive was pulled out")

        seen = []
        with pytest.raises(SourceError, match="pulled out"):
            seen.extend(one.key for one in analyse(broken(), [Slow()] * 3))
        assert seen == list(range(10))

    def test_leaving_early_closes_the_source_and_ends_all_threads(self) -> None:
        closed = threading.Event()

        def endless() -> Iterator[tuple[int, Frame]]:
            try:
                for n in itertools.count():
                    yield n, frame(n)
            finally:
                closed.set()

        with closing(analyse(endless(), [Slow()] * 2)) as analysed:
            assert [next(analysed).key for _ in range(5)] == list(range(5))
        assert closed.wait(5)
        assert threads() == []


class TestMemory:
    def test_only_so_many_frames_are_ahead_of_a_slow_reader(self) -> None:
        begun = []

        def counted() -> Iterator[int]:
            for n in range(200):
                begun.append(n)
                yield n

        with closing(in_order(counted(), [lambda some: some] * 2, batch=3)) as results:
            for taken, _ in enumerate(results, start=1):
                if taken % 50 == 0:
                    time.sleep(0.05)
                assert len(begun) <= taken + 2 * 2 * 3 + 2
        assert len(begun) == 200


class TestBatches:
    def test_hold_at_most_so_many_and_only_what_is_alike(self) -> None:
        batches = []

        def worker(some: list[int]) -> list[int]:
            time.sleep(0.002)
            batches.append(some)
            return some

        items = [n // 5 for n in range(60)]
        assert list(in_order(items, [worker], batch=4, alike=lambda a, b: a == b)) == items
        assert all(len(some) <= 4 and len(set(some)) == 1 for some in batches)
        assert max(len(some) for some in batches) > 1

    def test_frames_of_several_sizes_are_those_of_one_by_one(self, batching: OnnxDetector) -> None:
        frames = [frame(n, (160, 128) if n % 7 < 5 else (90, 61)) for n in range(40)]
        found = list(analyse(((f.index, f) for f in frames), [batching]))
        for one, f in zip(found, frames, strict=True):
            assert same(one.detections, batching.detect(f))

    def test_where_a_batch_fails_only_the_bad_frame_is_failed(
        self, batching: OnnxDetector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alone = batching.detect

        def picky(f: Frame, min_score: float | None = None) -> Detections:
            if f.index == 11:
                raise ProviderError("this one")
            return alone(f, min_score)

        def refuse(*_: object) -> list[Detections]:
            raise ProviderError("one of them")

        monkeypatch.setattr(batching, "detect", picky)
        monkeypatch.setattr(batching, "detect_many", refuse)
        found = list(analyse(((n, frame(n)) for n in range(20)), [batching]))
        assert [n for n, one in enumerate(found) if not isinstance(one.outcome, Detections)] == [11]


@pytest.fixture
def batching(tmp_path, monkeypatch: pytest.MonkeyPatch) -> OnnxDetector:
    """A detector that asks for batches, as one on a GPU does."""
    monkeypatch.setattr("detector.engine_host.HostEngine.batch", 4)
    return OnnxDetector(write_model(tmp_path / "tiny", red_patch_network()), "cpu", threads=1)


def same(a: Detections, b: Detections) -> bool:
    """Bit by bit."""
    pairs = ((a.boxes, b.boxes), (a.scores, b.scores), (a.classes, b.classes))
    return a.frame_index == b.frame_index and a.time == b.time and all(x.tobytes() == y.tobytes() for x, y in pairs)


def test_a_team_shares_one_session(tmp_path) -> None:
    detector = OnnxDetector(write_model(tmp_path / "tiny", red_patch_network()), "cpu", threads=1)
    members = team(detector, 3)
    assert members[0] is detector
    assert len(set(map(id, members))) == 3
    assert all(isinstance(m, OnnxDetector) and m.info == detector.info for m in members)
    assert len({id(m._engine._session) for m in members}) == 1
    assert len({id(m._engine._blob.array) for m in members}) == 3


def test_a_detector_without_twins_works_alone() -> None:
    assert len(team(Slow(), 4)) == 1


def test_the_released_model_says_the_same_of_the_phantom_with_one_thread_two_and_several_frames_at_once() -> None:
    folder = find_model("fast")
    begin = Beginning(328, Fraction(328, 25))  # where polyps are, and the model is in doubt
    source = FileSource(bundled().video, begin=begin)
    source.open()
    frames = [f for f in itertools.islice(iter(source.read, None), 12) if isinstance(f, Frame)]
    source.close()
    assert frames[0].time == FrameTime(328 * 512, Fraction(1, 12800))
    one_by_one = OnnxDetector(folder, "cpu", threads=2)
    expected = [one_by_one.detect(f, MIN_SCORE) for f in frames]
    members = team(OnnxDetector(folder, "cpu", threads=1), 3)
    found = [one.detections for one in analyse(((None, f) for f in frames), members, MIN_SCORE)]
    assert sum(map(len, expected)) > 12
    assert all(same(a, b) for a, b in zip(found, expected, strict=True))
