import copy

import numpy as np
import pytest
import torch

from training.data.dataset import Batch
from training.data.targets import Targets
from training.loop.config import make_config
from training.loop.distributed import World
from training.loop.learner import Learner, NotANumberError
from training.loop.schedule import Ema, learning_rate
from training.network import build

ALONE = World(0, 1, torch.device("cpu"))
CONFIG = make_config({"lr": 1e-3, "batch": 2, "warmup": 0.05})


def batch(side: int = 32) -> Batch:
    images = torch.randint(0, 256, (2, 3, side, side), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    return Batch(images, Targets.pad([torch.tensor([[4.0, 4.0, 25.0, 25.0]]), torch.zeros(0, 4)]))


def learner(**settings) -> Learner:
    torch.manual_seed(1)
    return Learner(build("fast"), make_config(CONFIG.model_dump(), settings), ALONE)


def snapshot(one: Learner) -> dict:
    return copy.deepcopy({"net": one.network.state_dict(), "ema": one.ema.model.state_dict()})


def test_the_learning_rate_warms_up_and_falls():
    rates = [learning_rate(p, CONFIG) for p in np.linspace(0, 1, 101)]
    assert rates[0] < 0.05 * CONFIG.lr
    assert max(rates) == pytest.approx(CONFIG.lr)
    assert rates[-1] == pytest.approx(CONFIG.lr * CONFIG.final_lr)
    assert np.all(np.diff(rates[6:]) < 0)


def test_the_average_forgets_its_start():
    model = build("fast")
    ema = Ema(model, decay=0.5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    for step in range(60):
        ema.update(model, step)
    for mine, theirs in zip(ema.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-3, rtol=0)


def test_a_loss_that_is_no_number_is_named_and_leaves_the_weights_alone(monkeypatch):
    one = learner()
    one.update(batch(), 0.1, late=False)
    before = {k: v for k, v in snapshot(one)["net"].items() if "running" not in k and "tracked" not in k}
    average = snapshot(one)["ema"]
    with torch.no_grad():
        bias = one.network.head.obj_preds[0].bias
        kept = bias.clone()
        bias.fill_(float("nan"))
    with pytest.raises(NotANumberError, match=r"no number at step 1 .*obj nan"):
        one.update(batch(), 0.2, late=False)
    with torch.no_grad():
        bias.copy_(kept)
    after = one.network.state_dict()
    for name, value in before.items():
        assert torch.equal(after[name], value), name
    for name, value in one.ema.model.state_dict().items():
        assert torch.equal(average[name], value), name
    assert one.step == 1


def test_an_infinite_gradient_is_found_before_the_weights_move():
    one = learner()
    before = snapshot(one)["ema"]
    parameter = one.network.head.reg_preds[0].weight
    parameter.register_hook(lambda grad: grad * float("inf"))
    with pytest.raises(NotANumberError, match="gradient"):
        one.update(batch(), 0.1, late=False)
    for name, value in one.ema.model.state_dict().items():
        assert torch.equal(before[name], value), name


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_reduced_precision_learns_and_keeps_float32_weights(precision):
    one = learner(precision=precision, lr=2e-3)
    losses = [one.update(batch(64), 0.5, late=False).total.item() for _ in range(6)]
    assert np.isfinite(losses).all()
    assert len(set(losses)) > 1  # fp16 leaves its first steps out, but not all
    assert {p.dtype for p in one.network.parameters()} == {torch.float32}
    assert one.scaler.is_enabled() == (precision == "fp16")


def test_an_overflow_in_fp16_leaves_the_step_out_and_many_end_the_run():
    one = learner(precision="fp16")
    parameter = one.network.head.reg_preds[0].weight
    parameter.register_hook(lambda grad: grad * float("inf"))
    before = parameter.detach().clone()
    scale = one.scaler.get_scale()
    one.update(batch(), 0.5, late=False)
    assert one.scaler.get_scale() < scale
    assert torch.equal(parameter, before)
    for _ in range(19):
        one.update(batch(), 0.5, late=False)
    with pytest.raises(NotANumberError):
        one.update(batch(), 0.5, late=False)


def test_a_state_makes_another_learner_go_on_bit_for_bit():
    one = learner()
    one.update(batch(), 0.1, late=False)
    other = learner(seed=2)
    other.load(copy.deepcopy(one.state()))
    for each in (one, other):
        each.update(batch(), 0.2, late=True)
    for a, b in zip(snapshot(one)["net"].values(), snapshot(other)["net"].values(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(snapshot(one)["ema"].values(), snapshot(other)["ema"].values(), strict=True):
        assert torch.equal(a, b)
