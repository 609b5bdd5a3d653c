import shutil
from pathlib import Path

import pytest

from tests.training.release.made import export, small_catalog


@pytest.fixture(scope="session")
def catalog(tmp_path_factory):
    return small_catalog(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def exported(catalog, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "red"
    export(catalog, folder, kinds=("fp32", "fp16", "int8"), margin=0.05)
    return folder


@pytest.fixture(scope="session")
def with_frames(catalog, tmp_path_factory) -> Path:
    """A candidate with the file for graphics cards."""
    folder = tmp_path_factory.mktemp("with-frames") / "red"
    export(catalog, folder, kinds=("fp32", "frame"), margin=0.05)
    return folder


@pytest.fixture
def candidate(exported, tmp_path) -> Path:
    """A candidate that a test may change."""
    return Path(shutil.copytree(exported, tmp_path / "candidate"))
