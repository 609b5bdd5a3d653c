"""What the figures of re-analysis are compared with, and the command on a film of a moment."""

import json

import pytest

from benchmarks.reanalysis import Cost, judge, main
from tests.tiny_models import red_patch_network, write_model


def test_on_a_cpu_both_steps_need_the_same_cores() -> None:
    # Alone, decoding leaves half of the two cores idle: by the clock, that would pass for a limit.
    verdict = judge(Cost(0.010, 0.010), Cost(0.010, 0.020), Cost(0.016, 0.031), cores=2, shared=True)
    assert verdict.frames_per_s == pytest.approx(62.5)
    assert verdict.of_clock == pytest.approx(1.25)
    assert verdict.of_processor == pytest.approx(0.9375)
    assert verdict.busy == pytest.approx(0.031 / 0.032)


def test_with_a_gpu_the_slower_step_is_the_limit() -> None:
    verdict = judge(Cost(0.008, 0.012), Cost(0.002, 0.001), Cost(0.010, 0.013), cores=8, shared=False)
    assert verdict.of_clock == pytest.approx(0.8)
    assert verdict.of_processor is None


def test_one_command_measures_every_step_and_says_how_close_it_comes(tmp_path, capsys: pytest.CaptureFixture) -> None:
    model = write_model(tmp_path / "red", red_patch_network())
    out = tmp_path / "r.json"
    words = f"--model {model} --size 320x240 --frames 10 --rounds 1 --workers 2 --json {out} --markdown"
    main(words.split())
    said = capsys.readouterr().out
    assert "| together |" in said
    assert "times real time at 25 frames/s" in said
    report = json.loads(out.read_text())
    assert set(report["median"]) == {"decode", "inference", "together", "one by one"}
    assert report["verdict"]["frames_per_s"] == pytest.approx(1 / report["median"]["together"]["wall_s"])
