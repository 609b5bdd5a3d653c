"""TensorRT's engines: ordered, built by one process at a time, offered when ready, and honest when they fail."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from detector.file_lock import FileLock
from detector.sessions import gpu_settings, tensorrt_settings
from detector.tensorrt import EngineStore, Offer, Order, State, read_order, start_builder, state_of, write_state
from detector.tensorrt_build import build
from tests.tiny_models import other_network

SIZES = {"n": 1, "h": 1080, "w": 1920}


class Rig:
    """A store whose builders are counted, not run."""

    def __init__(self, tmp_path: Path) -> None:
        self.model = tmp_path / "model.onnx"
        self.model.write_bytes(other_network())
        self.started: list[Path] = []
        self.root = tmp_path / "cache"
        sha256 = hashlib.sha256(other_network()).hexdigest()
        self.store = EngineStore(self.root, self._key, self.model, sha256, self.started.append)

    @staticmethod
    def _key(sizes: Mapping[str, int]) -> str:
        return "x".join(str(v) for v in sizes.values())

    @property
    def folder(self) -> Path:
        return self.root / "1x1080x1920"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def opens(model: bytes, order: Order, folder: Path) -> Any:
    (folder / "made.engine").write_bytes(model)


def test_the_first_ask_orders_an_engine_and_says_what_serves(rig: Rig) -> None:
    offer = rig.store.offer(SIZES)
    assert offer.folder is None
    assert "is being built: CUDA serves" in offer.words
    assert rig.started == [rig.folder]
    assert read_order(rig.folder).dimensions == SIZES
    assert read_order(rig.folder).model == str(rig.model)


def test_while_a_builder_has_the_lock_no_other_is_started(rig: Rig) -> None:
    rig.store.offer(SIZES)
    lock = FileLock.take(rig.folder / "lock")
    assert lock is not None
    assert state_of(rig.folder)[0] is State.BUILDING
    assert "is being built" in rig.store.offer(SIZES).words
    assert len(rig.started) == 1
    assert build(rig.folder, opens) == 0  # the second builder leaves at once
    assert not (rig.folder / "made.engine").exists()
    lock.release()


def test_a_built_engine_is_offered_and_nothing_is_said(rig: Rig) -> None:
    rig.store.offer(SIZES)
    assert build(rig.folder, opens) == 0
    assert state_of(rig.folder) == (State.READY, "")
    assert rig.store.offer(SIZES) == Offer(rig.folder, "")
    assert rig.store.offer({**SIZES, "h": 720}).folder is None  # another size is another engine


def test_an_engine_that_somebody_removed_is_built_again_and_not_while_the_video_waits(rig: Rig) -> None:
    rig.store.offer(SIZES)
    build(rig.folder, opens)
    (rig.folder / "made.engine").unlink()
    offer = rig.store.offer(SIZES)
    assert offer.folder is None
    assert "is being built" in offer.words
    assert len(rig.started) == 2
    assert build(rig.folder, opens) == 0
    assert rig.store.offer(SIZES) == Offer(rig.folder, "")


def test_a_network_that_tensorrt_leaves_to_others_is_a_failed_build(rig: Rig) -> None:
    rig.store.offer(SIZES)
    assert build(rig.folder, lambda model, order, folder: None) == 1
    assert state_of(rig.folder) == (State.FAILED, "TensorRT took no part of the network")


def test_a_failed_build_says_so_and_is_not_repeated(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(model: bytes, order: Order, folder: Path) -> Any:
        raise RuntimeError("no room on the card.\nmore")

    rig.store.offer(SIZES)
    assert build(rig.folder, fails) == 1
    offer = rig.store.offer(SIZES)
    assert offer.folder is None
    assert "could not be built (no room on the card): CUDA serves" in offer.words
    assert str(rig.folder) in offer.words
    assert len(rig.started) == 1
    assert "RuntimeError" in capsys.readouterr().err


def test_a_model_that_was_exchanged_after_the_order_is_not_built(rig: Rig) -> None:
    rig.store.offer(SIZES)
    rig.model.write_bytes(b"another")
    assert build(rig.folder, opens) == 1
    assert "was changed" in state_of(rig.folder)[1]
    assert not (rig.folder / "made.engine").exists()


def test_a_builder_that_died_is_followed_by_another_but_not_for_ever(rig: Rig) -> None:
    rig.store.offer(SIZES)
    for attempt in range(1, 4):
        write_state(rig.folder, State.BUILDING)  # and its process is gone: nobody has the lock
        rig.store.offer(SIZES)
        assert len(rig.started) == min(attempt + 1, 3)
    assert state_of(rig.folder)[0] is State.FAILED
    assert "3 builds ended without a word" in rig.store.offer(SIZES).words


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"state": "eaten", "words": "", "attempts": 1}'])
def test_a_state_that_cannot_be_read_is_a_failure_with_words(rig: Rig, text: str) -> None:
    rig.store.offer(SIZES)
    (rig.folder / "state.json").write_text(text)
    assert "cannot be read" in rig.store.offer(SIZES).words


def test_a_cache_that_cannot_be_written_leaves_cuda_to_serve(rig: Rig) -> None:
    rig.root.write_text("no folder")
    offer = rig.store.offer(SIZES)
    assert offer.folder is None
    assert "no TensorRT engine can be built" in offer.words


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"model": "m", "sha256": "s", "dimensions": 3})])
def test_an_order_that_cannot_be_read_is_a_failed_build(rig: Rig, text: str) -> None:
    rig.store.offer(SIZES)
    (rig.folder / "order.json").write_text(text)
    assert build(rig.folder, opens) == 1
    assert state_of(rig.folder)[0] is State.FAILED


def test_the_real_builder_runs_in_a_process_of_its_own_and_leaves_its_state(rig: Rig) -> None:
    """Without a card it fails, which is an end like any other; with one, this network is ready at once."""
    rig.store.offer(SIZES)
    status = start_builder(rig.folder).wait(100)
    state, words = state_of(rig.folder)
    assert state is State.READY or "tensorrt provider" in words
    assert status == (state is State.FAILED)
    assert (rig.folder / "log.txt").exists()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = f"from pathlib import Path; from detector.file_lock import FileLock; FileLock.take(Path({str(path)!r})); "
    code += "print('taken', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"taken"
        assert FileLock.is_held(path)
        assert FileLock.take(path) is None
        other.kill()
        other.wait()
    assert not FileLock.is_held(path)


def test_settings_record_a_graph_on_one_provider_and_share_one_stream(tmp_path: Path) -> None:
    cuda = gpu_settings(4096, True)["cuda"]
    assert (cuda["enable_cuda_graph"], cuda["user_compute_stream"]) == ("1", "4096")
    both = gpu_settings(4096, True, Offer(tmp_path, ""))
    assert both["cuda"]["enable_cuda_graph"] == "0"
    assert both["tensorrt"]["trt_cuda_graph_enable"] == "1"
    assert both["cuda"]["user_compute_stream"] == both["tensorrt"]["user_compute_stream"] == "4096"
    assert "tensorrt" not in gpu_settings(4096, True, Offer(None, "is being built"))
    assert "user_compute_stream" not in gpu_settings(0, False)["cuda"]


def test_an_engine_is_built_and_used_with_the_same_cache(tmp_path: Path) -> None:
    built, used = tensorrt_settings(tmp_path, 0, False), tensorrt_settings(tmp_path, 4096, True)
    kept = {k for k in built if "cache" in k or "fp16" in k}
    assert kept
    assert all(built[k] == used[k] for k in kept)
