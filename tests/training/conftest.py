"""Small made-up data sets, and the real ones where they are."""

import os
from pathlib import Path

import pytest

from tests.training.miniature import write_sets
from training.places import data_root

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Torch's threads wait by spinning: two test runs on two cores would stand still."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    if not (data_root() / "kvasir_seg").is_dir():
        pytest.skip(f"no image sets at {data_root()} (set POLYPWATCH_DATA)")
    return data_root()


@pytest.fixture
def small_sets(tmp_path) -> Path:
    """All five sets in miniature, in their real layouts."""
    return write_sets(tmp_path / "data")
