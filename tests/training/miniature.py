"""Made-up endoscopy: a mottled picture with a bright ellipse, on disk as the public sets are."""

from pathlib import Path

import cv2
import numpy as np


def scene(seed: int, size=(160, 120), box=(40, 30, 100, 80)):
    """A mottled image with a bright ellipse in `box`, and its mask; no box gives an empty mask."""
    rng = np.random.default_rng(seed)
    width, height = size
    coarse = rng.integers(20, 120, (6, 8, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((height, width), np.uint8)
    if box is not None:
        x1, y1, x2, y2 = box
        centre, axes = ((x1 + x2 - 1) // 2, (y1 + y2 - 1) // 2), ((x2 - x1 - 1) // 2, (y2 - y1 - 1) // 2)
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
        image[mask > 0] = (90, 160, 250)
    return image, mask


def write_pair(root: Path, stem: str, image, mask) -> None:
    for folder, name, data in (("images", f"{stem}.jpg", image), ("masks", f"{stem}.png", mask)):
        if data is not None:
            (root / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / folder / name), data)


def write_sets(root: Path) -> Path:
    """Write all five sets in miniature, in their real layouts; returns `root`."""
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
