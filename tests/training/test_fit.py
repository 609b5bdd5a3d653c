import json

import numpy as np
import pytest
import torch

from detector.errors import FormatError
from detector.geometry import Size
from tests.training.miniature import scene
from training.augment import Picture
from training.checkpoint import load_start, load_weights, read_checkpoint
from training.fit import Ema, FitOptions, Trainer, learning_rate
from training.importers import Sample, mask_to_boxes
from training.yolox import YoloxNano

OPTIONS = FitOptions(steps=6, batch=4, sizes=(64,), augment="plain", workers=0, late_from=0.5, eval_minutes=1e9)


@pytest.fixture
def made_up(tmp_path):
    samples, pictures = [], []
    for i in range(8):
        image, mask = scene(i, box=None if i == 0 else (30 + 3 * i, 20, 100, 90))
        boxes, outlines = mask_to_boxes(mask)
        samples.append(Sample(f"s/{i}", tmp_path / "x", "kvasir-seg", "", Size.of(image), boxes, outlines))
        pictures.append(Picture(image, outlines))
    return samples, pictures


def trainer(folder, options=OPTIONS) -> Trainer:
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    return Trainer(YoloxNano(), options, folder)


def rows(folder, event):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["event"] == event]


def test_the_loss_falls_on_a_few_images(tmp_path, made_up):
    options = FitOptions(
        steps=40, batch=4, sizes=(64,), augment="plain", workers=0, lr=4e-3, log_steps=10, late_from=2.0
    )
    run = trainer(tmp_path / "run", options)
    run.run(*made_up, dev=None)
    losses = [row["total"] for row in rows(tmp_path / "run", "train")]
    assert len(losses) == 4
    assert losses[-1] < 0.85 * losses[0]


def test_resume_goes_on_as_if_it_had_never_stopped(tmp_path, made_up, monkeypatch):
    whole = trainer(tmp_path / "whole")
    whole.run(*made_up, dev=None)
    first = trainer(tmp_path / "parts")
    step = first.train_step

    def interrupted(batch, late):
        if first.step == 3:
            raise KeyboardInterrupt
        return step(batch, late)

    monkeypatch.setattr(first, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        first.run(*made_up, dev=None)
    second = trainer(tmp_path / "parts")
    second.resume(tmp_path / "parts" / "last.pt")
    second.run(*made_up, dev=None)
    assert second.step == whole.step == 6
    for a, b in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(whole.ema.model.state_dict().values(), second.ema.model.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_learning_rate_warms_up_and_falls():
    rates = [learning_rate(p, OPTIONS) for p in np.linspace(0, 1, 101)]
    assert rates[0] < 0.05 * OPTIONS.lr
    assert max(rates) == pytest.approx(OPTIONS.lr)
    assert rates[-1] == pytest.approx(OPTIONS.lr * OPTIONS.final_lr)
    assert np.all(np.diff(rates[4:]) < 0)


def test_the_average_forgets_its_start():
    model = YoloxNano()
    ema = Ema(model, decay=0.9)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    for step in range(100):
        ema.update(model, step)
    for mine, theirs in zip(ema.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-3, rtol=0)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 broken zip"])
def test_a_bad_checkpoint_is_one_clear_error(tmp_path, content):
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(FormatError, match=r"last\.pt is no readable checkpoint"):
        read_checkpoint(tmp_path / "last.pt")
    (tmp_path / "best.safetensors").write_bytes(content)
    with pytest.raises(FormatError, match=r"best\.safetensors is no safetensors file"):
        load_weights(tmp_path / "best.safetensors")


def test_a_foreign_checkpoint_is_refused(tmp_path):
    torch.save({"schema": "other/1"}, tmp_path / "last.pt")
    with pytest.raises(FormatError, match=r"polypwatch\.checkpoint/1"):
        read_checkpoint(tmp_path / "last.pt")


def test_missing_starting_weights_name_the_setting(tmp_path):
    with pytest.raises(FormatError, match="POLYPWATCH_WEIGHTS"):
        load_start(tmp_path / "none.safetensors")
