"""The gate before a graphics card serves, run here on the CPU provider: it lets equals through and nobody else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detector.errors import ProviderError
from detector.frame import Frame
from detector.geometry import Size
from detector.gpu_card import Card, cache_folder, card, key
from detector.gpu_gate import bundled_frames, require_parity
from detector.parity import LIMITS
from detector.runtime import OnnxDetector
from tests.detector.frame_models import frame_network, write_both
from tests.tiny_models import SIZE

INPUT = Size(*SIZE)
CARD = Card("Card 1", "580.1", "1.31.1", "101300")


def frames() -> list[Frame]:
    image = np.full((360, 640, 3), 40, np.uint8)
    image[100:260, 200:500] = (20, 30, 230)
    return [Frame(0, None, 0, image)]


def never() -> OnnxDetector:
    raise AssertionError("the verdict was kept: nothing is compared again")


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., tuple[OnnxDetector, OnnxDetector]]:
    def make(wrong_by: float) -> tuple[OnnxDetector, OnnxDetector]:
        folder = write_both(tmp_path / "tiny", frame_network(wrong_by))
        return OnnxDetector(folder, "cpu", "frame"), OnnxDetector(folder, "cpu", "tiny")

    return make


def test_the_same_boxes_pass_and_are_compared_once(
    opened: Callable[..., tuple[OnnxDetector, OnnxDetector]], tmp_path: Path
) -> None:
    other, reference = opened(0.0)
    kept = tmp_path / "cache" / "verdict.json"
    found = require_parity(other, lambda: reference, LIMITS["frame"], INPUT, kept, frames)
    assert found.passed
    assert "1 of 1 boxes" in found.words
    assert require_parity(other, never, LIMITS["frame"], INPUT, kept, list) == found


def test_a_damaged_file_is_refused_and_stays_refused(
    opened: Callable[..., tuple[OnnxDetector, OnnxDetector]], tmp_path: Path
) -> None:
    other, reference = opened(3.0)
    kept = tmp_path / "verdict.json"
    with pytest.raises(ProviderError, match=r"frame file of tiny on cpu .* a box differs by 3"):
        require_parity(other, lambda: reference, LIMITS["frame"], INPUT, kept, frames)
    with pytest.raises(ProviderError, match="a box differs by 3"):
        require_parity(other, never, LIMITS["frame"], INPUT, kept, list)


def test_frames_without_a_box_prove_nothing(
    opened: Callable[..., tuple[OnnxDetector, OnnxDetector]], tmp_path: Path
) -> None:
    other, reference = opened(0.0)
    empty = [Frame(0, None, 0, np.zeros((90, 90, 3), np.uint8))]
    with pytest.raises(ProviderError, match="proves nothing"):
        require_parity(other, lambda: reference, LIMITS["frame"], INPUT, tmp_path / "v.json", lambda: empty)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "polypwatch.parity/2"}', '{"schema": 1}'])
def test_a_verdict_that_cannot_be_read_is_found_anew(
    opened: Callable[..., tuple[OnnxDetector, OnnxDetector]], tmp_path: Path, text: str
) -> None:
    other, reference = opened(0.0)
    kept = tmp_path / "verdict.json"
    kept.write_text(text)
    assert require_parity(other, lambda: reference, LIMITS["frame"], INPUT, kept, frames).passed


def test_a_cache_that_cannot_be_written_does_not_stop_a_card(
    opened: Callable[..., tuple[OnnxDetector, OnnxDetector]], tmp_path: Path
) -> None:
    other, reference = opened(0.0)
    (tmp_path / "file").write_text("no folder")
    kept = tmp_path / "file" / "verdict.json"
    assert require_parity(other, lambda: reference, LIMITS["frame"], INPUT, kept, frames).passed


def test_the_bundled_frames_are_there_at_the_size_that_is_asked_for() -> None:
    found = bundled_frames(Size(640, 360))
    assert [f.size for f in found] == [Size(640, 360)] * 5
    assert all(f.image.std() > 10 for f in found)


def test_a_verdict_holds_for_one_card_driver_runtime_and_file() -> None:
    others = [
        Card("Card 2", "580.1", "1.31.1", "101300"),
        Card("Card 1", "580.2", "1.31.1", "101300"),
        Card("Card 1", "580.1", "1.32.0", "101300"),
        Card("Card 1", "580.1", "1.31.1", ""),
    ]
    names = [key(CARD, "a"), key(CARD, "b"), key(CARD, "a", "h=1080"), *(key(c, "a") for c in others)]
    assert len(set(names)) == len(names)
    assert key(CARD, "a") == key(Card("Card 1", "580.1", "1.31.1", "101300"), "a")


def test_the_cache_lies_where_the_system_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("POLYPWATCH_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("tensorrt").parts[-2:] == ("polypwatch", "tensorrt")
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "own"))
    assert cache_folder("parity") == tmp_path / "own" / "parity"


def test_without_a_driver_the_card_is_an_error_with_a_hint() -> None:
    try:
        found = card()
    except ProviderError as error:
        found = error
    words = found.words if isinstance(found, Card) else f"{found.what} {found.hint}"
    assert "NVIDIA" in words
