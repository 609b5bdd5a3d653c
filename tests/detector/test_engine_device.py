"""Whole frames into the network, on the CPU provider: the host engine's boxes, whatever the size and the batch."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from detector.cuda_memory import CudaMemory
from detector.detections import Pinning, Preparing
from detector.engine import Outputs
from detector.engine_device import DeviceEngine
from detector.errors import ModelError, ProviderError
from detector.frame import Frame
from detector.geometry import Letterbox, Size
from detector.manifest import load_manifest
from detector.memory import Bytes, HostMemory
from detector.parity import difference, limits_of
from detector.providers import open_session
from detector.runtime import OnnxDetector
from tests.detector.frame_models import write_both
from tests.tiny_models import SIZE

RED = (20, 30, 230)
INPUT = Size(*SIZE)
SIZES = [Size(1920, 1080), Size(3840, 2160), Size(720, 576), Size(640, 360), Size(721, 575), Size(90, 61)]


def picture(size: Size, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Dark noise with a bright red patch that lies elsewhere for each seed."""
    image = np.random.default_rng(seed).integers(0, 60, (size.height, size.width, 3), np.uint8)
    x, y = size.width * (1 + seed % 4) // 8, size.height // 4
    image[y : y + size.height // 2, x : x + size.width // 4] = RED
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_both(tmp_path / "tiny")


def engine(
    folder: Path,
    batch: int = 1,
    size: Size = INPUT,
    network: bytes | None = None,
    memory: HostMemory | None = None,
) -> DeviceEngine:
    variant = load_manifest(folder).variant("frame")
    model = network or (folder / variant.file).read_bytes()
    return DeviceEngine(
        lambda sizes: open_session(model, "cpu", 1, dimensions=sizes),
        variant,
        folder / variant.file,
        memory or HostMemory(),
        batch,
        size,
    )


def copied(out: Outputs) -> tuple[bytes, bytes, bytes]:
    return out.boxes.tobytes(), out.scores.tobytes(), out.classes.tobytes()


@pytest.mark.parametrize("size", SIZES)
def test_the_boxes_are_those_of_the_host(folder: Path, size: Size) -> None:
    reference, other = OnnxDetector(folder, "cpu", "tiny", 1), OnnxDetector(folder, "cpu", "frame", 1)
    frames = [Frame(i, None, 0, picture(size, i)) for i in range(2)]
    found = difference(reference, other, frames, INPUT, 0.3)
    assert found.shown == 2
    assert found.broken(limits_of(other.variant)) == []


def test_frames_of_several_sizes_take_turns_and_give_the_same_every_time(folder: Path) -> None:
    device = engine(folder)
    sizes = [Size(320, 200), Size(201, 99), Size(64, 64), Size(500, 20), Size(33, 77), Size(320, 200)]
    first = [copied(device.run(picture(s), Letterbox.fit(s, INPUT))) for s in sizes]
    again = [copied(device.run(picture(s), Letterbox.fit(s, INPUT))) for s in reversed(sizes)]
    assert first == again[::-1]
    assert first[0] == first[-1]
    assert len(set(first)) == 5


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_many_frames_give_bit_by_bit_what_each_gives_alone(folder: Path, batch: int) -> None:
    size = Size(320, 200)
    box, images = Letterbox.fit(size, INPUT), [picture(size, i) for i in range(5)]
    device = engine(folder, batch)
    alone = [copied(device.run(image, box)) for image in images]
    assert [copied(out) for out in device.run_many(images, box)] == alone
    assert device.run_many([], box) == []


def test_a_part_of_a_larger_picture_goes_up_as_it_is_seen(folder: Path) -> None:
    whole = picture(Size(640, 400), 2)
    part = whole[50:350, 101:501]
    box = Letterbox.fit(Size.of(part), INPUT)
    device = engine(folder)
    assert not part.flags.c_contiguous
    assert copied(device.run(part, box)) == copied(device.run(np.ascontiguousarray(part), box))


def test_a_file_of_fixed_shapes_that_is_not_the_manifests_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="'rows' is absent"):
        engine(folder, network=(folder / "model.onnx").read_bytes())


def test_a_frame_of_another_size_than_it_is_said_to_be_goes_nowhere(folder: Path) -> None:
    device = engine(folder)
    with pytest.raises(ValueError, match="the plan is for"):
        device.run(picture(Size(320, 200)), Letterbox.fit(INPUT, INPUT))


def test_memory_is_pinned_or_the_caller_hears_that_it_is_not(folder: Path) -> None:
    ring = np.zeros(4096, np.uint8)
    assert engine(folder).pin(ring)
    assert not OnnxDetector(folder, "cpu", "tiny").pin(ring)


def test_memory_that_is_let_go_is_not_read_directly_any_more(folder: Path) -> None:
    device = engine(folder)
    device._memory.device = "card"  # type: ignore[misc] # on a CPU everything can be read where it lies
    ring = np.zeros((2, 4, 8, 3), np.uint8)
    flat = ring.reshape(-1)
    assert not device.is_direct(ring[1])
    assert device.pin(flat)
    assert device.is_direct(ring[1])
    device.unpin(ring.reshape(-1))
    assert not device.is_direct(ring[1])
    device.unpin(flat)  # once more does no harm


def test_it_says_for_which_sizes_it_is_ready(folder: Path) -> None:
    small, large = Size(320, 200), Size(640, 400)
    device, detector = engine(folder, size=small), OnnxDetector(folder, "cpu", "tiny")
    assert device.is_ready_for(small)
    assert not device.is_ready_for(large)
    device.run(picture(large), Letterbox.fit(large, INPUT))
    assert device.is_ready_for(large)
    for width in (50, 60, 70, 80):
        device.plan(Letterbox.fit(Size(width, 40), INPUT))
    assert not device.is_ready_for(small), "given up for the newer ones"
    assert isinstance(detector, Preparing)
    assert isinstance(detector, Pinning)
    assert detector.is_ready_for(large), "without a card every size is as good as another"


class Counted(HostMemory):
    """Memory that counts what it lent, and may be full."""

    def __init__(self, room: int = 1000) -> None:
        super().__init__()
        self.device_buffers = self.host_buffers = 0
        self.room = room

    def host(self, count: int) -> Bytes:
        self.host_buffers += 1
        return super().host(count)

    def free_host(self, buffer: Bytes) -> None:
        self.host_buffers -= 1

    def allocate(self, count: int) -> int:
        if self.device_buffers == self.room:
            raise ProviderError("full")
        self.device_buffers += 1
        return super().allocate(count)

    def free(self, address: int) -> None:
        self.device_buffers -= 1
        super().free(address)


def test_many_sizes_one_after_the_other_take_no_more_memory_than_a_few(folder: Path) -> None:
    memory = Counted()
    device = engine(folder, memory=memory)
    for width in range(40, 60):
        size = Size(width, 40)
        whole = picture(Size(100, 40))
        device.run(whole[:, :width], Letterbox.fit(size, INPUT))
    assert memory.host_buffers == 2 * 4, "staging and answers of the sizes that are kept"
    assert memory.device_buffers == 5 * 4
    device.close()
    assert (memory.host_buffers, memory.device_buffers) == (0, 0)


def test_a_size_for_which_there_is_no_memory_leaves_none_behind(folder: Path) -> None:
    memory = Counted()
    device = engine(folder, memory=memory)
    used = memory.device_buffers
    memory.room = used + 2
    size = Size(320, 200)
    for _ in range(3):
        with pytest.raises(ProviderError, match="full"):
            device.run(picture(size), Letterbox.fit(size, INPUT))
        assert memory.device_buffers == used
        assert not device.is_ready_for(size)


def test_on_a_card_the_boxes_are_those_of_the_cpu(folder: Path) -> None:
    try:
        CudaMemory().close()
    except ProviderError as error:
        pytest.skip(f"no usable card on this machine: {error.what}")
    other = OnnxDetector(folder, "cuda", "frame")
    reference = OnnxDetector(folder, "cpu", "tiny")
    frames = [Frame(i, None, 0, picture(Size(1920, 1080), i)) for i in range(4)]
    assert difference(reference, other, frames, INPUT, 0.3).broken(limits_of(other.variant)) == []


def test_without_a_card_the_reason_is_told_and_auto_says_what_it_took_instead(folder: Path) -> None:
    try:
        CudaMemory().close()
    except ProviderError:
        pass
    else:
        pytest.skip("there is a card on this machine")
    for provider in ("cuda", "tensorrt"):
        with pytest.raises(ProviderError, match=f"{provider} provider did not start") as caught:
            OnnxDetector(folder, provider)
        assert caught.value.hint
    info = OnnxDetector(folder, "auto").info
    assert (info.provider, info.variant) == ("cpu", "tiny")
    assert "because the cuda provider did not start" in info.provider_reason


def test_buffers_of_host_memory_lie_apart_and_are_given_back() -> None:
    memory = HostMemory()
    first, second = memory.allocate(100), memory.allocate(300)
    assert first % 256 == second % 256 == 0
    memory.upload(np.arange(100, dtype=np.uint8), second + 200)
    found = np.zeros(300, np.uint8)
    memory.download(second, found)
    assert found[200:].tolist() == list(range(100))
    assert not found[:200].any()
    memory.free(first)
    with pytest.raises(ValueError, match="lie in no buffer"):
        memory.upload(np.zeros(1, np.uint8), first)
