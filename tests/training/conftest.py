"""Small made-up data sets, and the real ones where they are."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from miniature import scene, write_pair

from training.commands import data_root

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
    root = tmp_path / "data"
    stems = [f"k{i:02}" for i in range(24)]
    for i, stem in enumerate(stems):
        write_pair(root / "kvasir_seg", stem, *scene(i, box=(30 + i, 20, 90 + i, 70)))
    (root / "kvasir_seg" / "official_train.txt").write_text("\n".join(stems[:20]))
    (root / "kvasir_seg" / "official_val.txt").write_text("\n".join(stems[20:]))
    rows = ["file,centre"]
    for i in range(24):
        write_pair(root / "polypgen", f"p{i:02}", *scene(100 + i, box=None if i % 8 == 0 else (20, 20 + i, 80, 70 + i)))
        rows.append(f"p{i:02}.jpg,C{i % 6 + 1}")
    (root / "polypgen" / "centres.csv").write_text("\n".join(rows))
    for i in range(20):
        image, mask = scene(200 + i)
        colours = np.zeros((*mask.shape, 3), np.uint8)
        colours[..., 2 if i % 2 else 1] = mask
        write_pair(root / "bkai_neopolyp", f"b{i:02}", image, colours)
    rows = ["file,sequence"]
    for i in range(6):
        write_pair(root / "cvc_clinicdb", f"{i:03}", *scene(300 + i))
        rows.append(f"{i:03}.png,{i // 3 + 1}")
    (root / "cvc_clinicdb" / "sequences.csv").write_text("\n".join(rows))
    rows = ["file,sequence,useful"]
    for k, seq in enumerate(("seq1", "seq2", "seq3", "seq4", "seq5", "seq13")):
        for i in range(3):
            folder = root / "polypgen_negseq" / "images" / seq
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{seq}_{i}.jpg"), scene(400 + 10 * k + i, box=None)[0])
            rows.append(f"{seq}/{seq}_{i}.jpg,{seq},1")
    (root / "polypgen_negseq" / "frames.csv").write_text("\n".join(rows))
    return root
