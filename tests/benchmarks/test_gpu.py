"""The card's benchmark, as far as it runs without one: it refuses clearly, and its parts work on the CPU provider."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.report import Percentiles
from benchmarks.gpu import BATCHES, NETWORK, OURS, PLAIN, UPLOAD, main, measure, targets
from benchmarks.rounds import Figures
from detector.errors import ProviderError
from detector.frame import Frame
from detector.gpu_card import card
from detector.runtime import OnnxDetector
from tests.detector.frame_models import write_both


def row(name: str, ms: float) -> Figures:
    return Figures(name, Percentiles(ms, ms, ms), ms, 1000 / ms, ms, 1.0, 1.0, 1.0)


def test_everybody_is_timed_on_the_same_frames_and_torch_is_missed_by_name(tmp_path: Path) -> None:
    folder = write_both(tmp_path / "tiny")
    image = np.full((90, 160, 3), 40, np.uint8)
    rows, left_out = measure(OnnxDetector(folder, "cpu", "frame"), folder, [Frame(0, None, 0, image)], 1, 2, True)
    assert [r.name for r in rows] == [OURS, BATCHES, UPLOAD, NETWORK, PLAIN]
    assert all(r.ms.p50 is not None and r.ms.p50 > 0 for r in rows)
    assert [words.split(" (")[0] for words in left_out] == ["torch eager", "torch.compile"]


def test_targets_stand_beside_the_figures() -> None:
    found = targets([row(OURS, 1.5), row(UPLOAD, 0.6), row(NETWORK, 0.7), row(PLAIN, 3.0)])
    assert [t.line.split()[0] for t in found] == ["met", "met", "met", "MISSED"]
    assert found[2].found == pytest.approx(1.5 / 1.3)
    assert found[3].line.endswith("2.00 (at least 3)")


def test_without_a_card_nothing_is_measured_and_that_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    try:
        card()
    except ProviderError:
        pass
    else:
        pytest.skip("there is a card on this machine")
    out = tmp_path / "gpu.json"
    assert main(["--quick", "--out", str(out)]) == 5
    assert "Nothing was measured. The NVIDIA driver" in capsys.readouterr().err
    assert not out.exists()


def test_on_a_card_the_figures_are_written(tmp_path: Path) -> None:
    try:
        card()
    except ProviderError as error:
        pytest.skip(f"no usable card on this machine: {error.what}")
    folder = write_both(tmp_path / "tiny")
    out = tmp_path / "gpu.json"
    assert main(["--model", str(folder), "--quick", "--calls", "3", "--no-torch", "--out", str(out)]) == 0
    assert set(json.loads(out.read_text())["sizes"]) == {"1080p", "4k"}
