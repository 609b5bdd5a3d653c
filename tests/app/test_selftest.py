"""The self-test finds every broken link of the chain, and passes only what it saw to work."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.capture.excerpt import ExcerptSource
from app.live import AiFactory
from app.phantom.bundled import liveliest
from app.selftest import Phase, SelfTest, SelfTestSettings, show_without_window
from app.selftest_checks import (
    NAMES,
    Check,
    Evidence,
    SelfTestResult,
    check_box,
    check_picture,
    check_recording,
    check_sound,
)
from app.snapshot import AiSnapshot, LiveSnapshot, SourceSnapshot, SourceStatus
from detector.annotation import Annotation
from detector.errors import SourceError
from detector.frame import Frame, Interruption, SourceState
from detector.watchdog import AiState
from detector.worker import AiProcess, AiSettings
from tests.clips import read_painted_index
from tests.detector.scripted import SCRIPTED
from tests.phantoms import CLEAR_FROM, LESION, RATE, write_phantom
from tests.steady import STEADY

SECONDS = 1.75
Phantom = tuple[Path, Annotation]


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Phantom:
    return write_phantom(tmp_path_factory.mktemp("phantom"))


def steady(**script: object) -> AiFactory:
    return lambda *calls: AiProcess(STEADY, script, AiSettings(), *calls)


def judged(
    load: Callable[[], Phantom],
    make_ai: AiFactory,
    folder: Path,
    fault: str = "",
    muted: bool = False,
) -> SelfTestResult:
    """The result of a test that a simple window shows."""
    test = SelfTest(make_ai, SelfTestSettings(SECONDS, folder=folder), load)
    alerts = 0

    def paint(snapshot: LiveSnapshot):
        nonlocal alerts
        test.sounded(snapshot.new_alerts > alerts, muted, fault)
        alerts = snapshot.new_alerts
        return snapshot.markers

    result = show_without_window(test, paint)
    assert result is not None
    return result


def by_name(result: SelfTestResult) -> dict[str, Check]:
    assert tuple(check.name for check in result.checks) == NAMES
    return {check.name: check for check in result.checks}


def failed(result: SelfTestResult) -> set[str]:
    return {check.name for check in result.checks if not check.passed}


def test_a_good_chain_passes_and_leaves_nothing_behind(phantom, tmp_path):
    result = judged(lambda: phantom, steady(), tmp_path)
    assert result.passed, str(result)
    words = {name: check.words for name, check in by_name(result).items()}
    assert "14 pictures were recorded and read back" in words["recording"]
    assert "scripted 1 on cpu" in words["AI"]
    assert "Did you hear it?" in words["sound"]
    assert list(tmp_path.iterdir()) == []


def test_an_ai_that_finds_nothing_fails_the_box_alone_and_no_sound_was_due(phantom, tmp_path):
    result = judged(lambda: phantom, steady(blind=True), tmp_path, fault="no sound device")
    assert failed(result) == {"box", "sound"}
    assert "it found no lesion" in by_name(result)["box"].words
    assert "no sound device" in by_name(result)["sound"].words
    assert not result.passed_but_for_sound


def test_a_box_counts_only_if_it_was_painted_and_lay_on_the_lesion_of_its_own_frame(phantom):
    on = AiSnapshot(AiState.ON, analysed=2)
    analysed = {1000: CLEAR_FROM - 1, 2000: CLEAR_FROM}  # no lesion yet, the lesion

    def box(*painted: tuple[int, tuple[float, float, float, float]]) -> Check:
        return check_box(Evidence(boxes=set(painted), analysed=analysed), phantom[1], on)

    beside = (120.0, 150.0, 320.0, 260.0)
    assert box((2000, LESION)).passed
    assert box((2000, beside), (2000, LESION)).passed
    assert not box((1000, LESION)).passed
    assert not box((3000, LESION)).passed  # of a frame that nobody analysed
    assert "overlap 60%" in box((2000, beside)).words
    far = (20.0, 100.0, 120.0, 200.0)
    assert "none lay on a lesion" in box((2000, far)).words
    assert "No box was painted" in box().words


def test_an_ai_that_cannot_be_loaded_fails_with_its_reason(phantom, tmp_path):
    result = judged(lambda: phantom, steady(refuse="model.onnx does not match its hash."), tmp_path)
    assert failed(result) == {"AI", "box", "sound"}
    assert "model.onnx does not match its hash." in by_name(result)["AI"].words


def test_a_place_that_cannot_be_written_fails_the_recording_alone(phantom, tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    result = judged(lambda: phantom, steady(), blocked / "recordings")
    assert failed(result) == {"recording"}
    assert "cannot write into" in by_name(result)["recording"].words


def test_a_missing_phantom_passes_nothing(tmp_path):
    def missing() -> Phantom:
        raise SourceError("The phantom procedure is not installed.", "Reinstall Polypwatch.")

    result = judged(missing, steady(), tmp_path)
    assert failed(result) == set(NAMES)
    assert by_name(result)["picture"].words == "The phantom procedure is not installed. Reinstall Polypwatch."


def test_a_phantom_that_cannot_be_played_fails_the_picture(phantom, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    result = judged(lambda: (broken, phantom[1]), steady(), tmp_path / "recordings")
    assert failed(result) == set(NAMES) - {"AI"} or failed(result) == set(NAMES)
    assert "broken.mp4" in by_name(result)["picture"].words


def test_an_unexpected_error_passes_nothing(phantom, tmp_path):
    def no_ai(*calls):
        raise RuntimeError("boom")

    result = judged(lambda: phantom, no_ai, tmp_path)
    assert failed(result) == set(NAMES)
    assert all("boom" in check.words for check in result.checks)
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_test_is_put_away_soon_and_says_nothing(phantom, tmp_path):
    def hanging(*calls):
        return AiProcess(SCRIPTED, {"start": "hang"}, AiSettings(), *calls)

    test = SelfTest(hanging, SelfTestSettings(SECONDS, folder=tmp_path), lambda: phantom)
    over = threading.Event()
    test.start(lambda: over.set() if test.phase is Phase.OVER else None)
    time.sleep(0.5)
    began = time.monotonic()
    test.cancel()
    assert over.wait(5)
    assert time.monotonic() - began < 4
    assert test.result is None
    assert list(tmp_path.iterdir()) == []


def test_without_a_window_the_sound_is_not_passed(phantom, tmp_path):
    test = SelfTest(steady(), SelfTestSettings(SECONDS, folder=tmp_path), lambda: phantom)
    result = show_without_window(test, lambda snapshot: snapshot.markers)
    assert failed(result) == {"sound"}
    assert result.passed_but_for_sound
    assert not result.passed


@pytest.mark.parametrize(
    ("evidence", "passed", "word"),
    [
        (Evidence(), False, "without a window"),
        (Evidence(chimes=1, sound_fault="no sound device"), False, "no sound device"),
        (Evidence(chimes=1, sound_fault="", muted=True), False, "muted"),
        (Evidence(sound_fault=""), False, "no sound was due"),
        (Evidence(chimes=1, sound_fault=""), True, "Did you hear it?"),
    ],
)
def test_the_sound_is_passed_only_if_it_was_due_and_could_be_played(evidence, passed, word):
    check = check_sound(evidence)
    assert check.passed is passed
    assert word in check.words


def test_pictures_must_come_in_order_nearly_all_and_whole(phantom):
    excerpt = liveliest(phantom[1], SECONDS)
    good = SourceSnapshot(SourceStatus.ENDED, "phantom")
    whole = list(range(excerpt.first, excerpt.last + 1))
    assert check_picture(Evidence(painted=whole), excerpt, good).passed
    assert check_picture(Evidence(painted=whole[1:]), excerpt, good).passed
    assert not check_picture(Evidence(), excerpt, good).passed
    assert not check_picture(Evidence(painted=whole[2:]), excerpt, good).passed
    assert not check_picture(Evidence(painted=[*whole[1:], whole[0]]), excerpt, good).passed
    assert not check_picture(Evidence(painted=whole), excerpt, replace(good, undecodable=1)).passed
    assert not check_picture(Evidence(painted=whole), excerpt, replace(good, status=SourceStatus.GONE)).passed


def test_a_recording_that_is_not_there_is_not_passed(tmp_path):
    assert not check_recording(None, "", 10).passed
    assert not check_recording(tmp_path, "", 10).passed
    assert not check_recording(tmp_path, "", 0).passed
    assert "disk full" in check_recording(tmp_path, "disk full", 10).words


def test_no_checks_are_no_pass():
    assert not SelfTestResult(()).passed
    assert not SelfTestResult(()).passed_but_for_sound


@pytest.mark.parametrize("first", [0, 1, 10, CLEAR_FROM, 40])
def test_an_excerpt_has_the_frames_of_the_whole_file(phantom, first):
    source = ExcerptSource(phantom[0], first, first + 12, first / RATE)
    assert source.open().frame_count == 13
    frames = []
    while isinstance(item := source.read(), Frame):
        frames.append(item)
    source.close()
    assert isinstance(item, Interruption)
    assert item.state is SourceState.END
    assert [f.index for f in frames] == [read_painted_index(f.image) for f in frames] == list(range(first, first + 13))
    assert frames[0].time.seconds == pytest.approx(float(first / RATE))
