import contextlib
import os
import shutil

import numpy as np
import pytest

from detector.errors import ModelError, OutputError, UsageError
from detector.manifest import load_manifest, model_folders
from detector.runtime import OnnxDetector
from tests.tiny_models import fixed_network, manifest_fields, variant_fields, write_model
from training.release import registry
from training.release.card import CARD_NAME
from training.release.record import record_metrics
from training.release.registry import history, register, rollback, settle

BOXES = {"1.0.0": (10, 10, 50, 50), "1.1.0": (20, 20, 60, 60), "1.10.0": (30, 30, 70, 70)}


def staged(folder, version, **changes):
    network = fixed_network([BOXES[version]], [0.9])
    fields = manifest_fields(variant_fields(network), name="red", version=version, **changes)
    write_model(folder / f"staged-{version}", network, fields)
    (folder / f"staged-{version}" / "training_log.jsonl").write_text(version)
    return folder / f"staged-{version}"


def says(folder):
    """Version, box and log of what runs: they must belong together."""
    detector = OnnxDetector(folder, "cpu")
    box = tuple(int(x) for x in detector._engine._session.run(["boxes"], {"image": _blank()})[0][0, 0])
    return load_manifest(folder).version, box


def _blank():
    return np.zeros((1, 3, 128, 160), np.float32)


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def two(tmp_path, models):
    for version in ("1.0.0", "1.1.0"):
        register(staged(tmp_path, version), models, "red")
    return models


def test_the_first_version_is_there_whole(tmp_path, models):
    folder = register(staged(tmp_path, "1.0.0"), models, "red")
    assert says(folder) == ("1.0.0", BOXES["1.0.0"])
    assert (folder / CARD_NAME).is_file()
    assert (folder / "training_log.jsonl").read_text() == "1.0.0"
    assert model_folders(models) == [folder]  # the archive is no model


def test_the_next_version_replaces_it_and_the_old_one_stays_in_the_archive(two):
    assert says(two / "red") == ("1.1.0", BOXES["1.1.0"])
    assert (two / "red" / "training_log.jsonl").read_text() == "1.1.0"
    assert len(list((two / "red").glob("*.onnx"))) == 1
    assert [(v.version, v.current) for v in history(two, "red")] == [("1.0.0", False), ("1.1.0", True)]
    assert says(two / ".archive" / "red-1.0.0") == ("1.0.0", BOXES["1.0.0"])
    assert model_folders(two) == [two / "red"]


def test_a_version_is_registered_once(tmp_path, two):
    with pytest.raises(UsageError, match="registered already"):
        register(staged(tmp_path, "1.0.0"), two, "red")
    with pytest.raises(UsageError, match="registered already"):
        register(staged(tmp_path, "1.1.0"), two, "red")


def test_rolling_back_goes_to_the_version_before_or_to_the_one_named(tmp_path, two):
    register(staged(tmp_path, "1.10.0"), two, "red")
    assert [v.version for v in history(two, "red")] == ["1.0.0", "1.1.0", "1.10.0"]
    assert rollback(two, "red").version == "1.1.0"
    assert says(two / "red") == ("1.1.0", BOXES["1.1.0"])
    assert rollback(two, "red", "1.10.0").version == "1.10.0"
    assert says(two / "red") == ("1.10.0", BOXES["1.10.0"])
    assert rollback(two, "red", "1.0.0").version == "1.0.0"
    with pytest.raises(UsageError, match="before the current one"):
        rollback(two, "red")
    with pytest.raises(UsageError, match=r"1\.0\.0 is what runs"):
        rollback(two, "red", "1.0.0")
    with pytest.raises(UsageError, match=r"no version 7.*It has: 1\.0\.0, 1\.1\.0, 1\.10\.0"):
        rollback(two, "red", "7")


def test_a_model_that_was_never_registered_here_gets_into_the_archive_when_it_is_replaced(tmp_path, models):
    shutil.copytree(staged(tmp_path, "1.0.0"), models / "red")
    register(staged(tmp_path, "1.1.0"), models, "red")
    assert rollback(models, "red").version == "1.0.0"
    assert says(models / "red") == ("1.0.0", BOXES["1.0.0"])


def test_figures_recorded_after_the_release_are_still_there_after_coming_back(two):
    record_metrics(two / "red", "tiny", "clinic", {"ap50": 0.77}, 3, 0.5, "evaluate", "cpu")
    rollback(two, "red", "1.0.0")
    rollback(two, "red", "1.1.0")
    assert load_manifest(two / "red").variants[0].metrics[-1].values == {"ap50": 0.77}


def test_a_damaged_version_in_the_archive_is_not_gone_back_to(two):
    (two / ".archive" / "red-1.0.0" / "model.onnx").write_bytes(b"rotten")
    with pytest.raises(ModelError, match="changed or damaged"):
        rollback(two, "red")
    assert says(two / "red") == ("1.1.0", BOXES["1.1.0"])


@pytest.mark.parametrize("version", ["../../etc", "", "a/b", ".hidden"])
def test_a_version_that_is_no_folder_name_is_refused(tmp_path, models, version):
    network = fixed_network([BOXES["1.0.0"]], [0.9])
    folder = write_model(tmp_path / "s", network, manifest_fields(variant_fields(network), name="red", version=version))
    with pytest.raises(UsageError, match="folder's name"):
        register(folder, models, "red")


def test_a_staged_folder_with_a_wrong_hash_is_refused(tmp_path, two):
    folder = staged(tmp_path, "1.10.0")
    (folder / "model.onnx").write_bytes(b"rotten")
    with pytest.raises(ModelError, match="changed or damaged"):
        register(folder, two, "red")
    assert says(two / "red") == ("1.1.0", BOXES["1.1.0"])
    assert "1.10.0" not in [v.version for v in history(two, "red")]


def test_an_unknown_model_has_no_history(two):
    with pytest.raises(ModelError, match="no model blue"):
        history(two, "blue")


class Crash(BaseException):
    """Stands for the power going off: nothing handles it."""


def crash_at(monkeypatch, count):
    """Let the count-th of everything that touches the disk crash, before it does anything."""
    left = [count]

    def crashing(real):
        def step(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                raise Crash
            return real(*args, **kwargs)

        return step

    monkeypatch.setattr(os, "replace", crashing(os.replace))
    monkeypatch.setattr(os, "rename", crashing(os.rename))
    monkeypatch.setattr(os, "fsync", crashing(os.fsync))
    monkeypatch.setattr(shutil, "copyfile", crashing(shutil.copyfile))
    return left


@pytest.mark.parametrize("what", ["register", "rollback"])
def test_a_crash_at_any_step_leaves_the_old_model_or_the_new_one(tmp_path, monkeypatch, what):
    base = tmp_path / "base"
    register(staged(tmp_path, "1.0.0"), base, "red")
    register(staged(tmp_path, "1.1.0"), base, "red")
    new = staged(tmp_path, "1.10.0")
    after = "1.10.0" if what == "register" else "1.0.0"
    seen = []
    for step in range(1, 200):
        models = tmp_path / f"models-{step}"
        shutil.copytree(base, models)
        with monkeypatch.context() as patch:
            left = crash_at(patch, step)
            with contextlib.suppress(Crash):
                register(new, models, "red") if what == "register" else rollback(models, "red")
        version, box = says(models / "red")
        assert box == BOXES[version]
        seen.append(version)
        settle(models, "red")
        assert says(models / "red") == (version, box)
        assert (models / "red" / "training_log.jsonl").read_text() == version
        assert f"red {version}" in (models / "red" / CARD_NAME).read_text().splitlines()[0]
        assert len(list((models / "red").glob("*.onnx"))) == 1
        assert not list(models.rglob("*.part"))
        assert not list((models / ".archive").glob(".draft-*"))
        assert model_folders(models) == [models / "red"]
        if left[0] > 0:
            break
    assert 10 < step < 199
    assert seen == ["1.1.0"] * seen.count("1.1.0") + [after] * seen.count(after)
    assert seen.count("1.1.0") >= 5
    assert seen.count(after) >= 2


def test_after_a_crash_the_same_version_can_be_registered_or_is_registered(tmp_path, monkeypatch):
    """The new version reached the archive, but not the place where it runs: going 'back' to it finishes the job."""
    models = tmp_path / "models"
    register(staged(tmp_path, "1.0.0"), models, "red")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "_switch", lambda *args: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            register(staged(tmp_path, "1.1.0"), models, "red")
    assert says(models / "red")[0] == "1.0.0"
    assert rollback(models, "red", "1.1.0").version == "1.1.0"
    assert says(models / "red") == ("1.1.0", BOXES["1.1.0"])


def test_a_full_disk_is_one_message_and_the_old_model_runs(tmp_path, two, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(OutputError, match="No space left"):
            register(staged(tmp_path, "1.10.0"), two, "red")
    assert says(two / "red") == ("1.1.0", BOXES["1.1.0"])
