import cv2
import numpy as np
import pytest

from tests.training.miniature import scene
from training.catalog.prints import DUPLICATE, Compared, fingerprint, near_pairs


def compared(prints, codes=None, alike=None):
    n = len(prints)
    return Compared(
        np.asarray(prints, np.float32),
        np.arange(n) if codes is None else np.array(codes),
        np.zeros(n, bool) if alike is None else np.array(alike),
    )


def test_nothing_has_no_pairs():
    assert list(near_pairs(compared(np.zeros((0, 1024))))) == []


def test_different_images_are_no_duplicates():
    assert list(near_pairs(compared([fingerprint(scene(seed, box=None)[0]) for seed in range(20)]))) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda x: cv2.resize(x, (96, 72), interpolation=cv2.INTER_AREA),
        lambda x: cv2.convertScaleAbs(x, alpha=0.8, beta=10),
        lambda x: cv2.copyMakeBorder(x, 12, 12, 30, 30, cv2.BORDER_CONSTANT),
        lambda x: cv2.imdecode(cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR),
        lambda x: cv2.cvtColor(cv2.cvtColor(x, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
    ],
    ids=["smaller", "darker", "with a border", "compressed", "grey"],
)
def test_a_changed_copy_is_found(change):
    image = cv2.convertScaleAbs(scene(3)[0], alpha=1, beta=60)
    assert fingerprint(image) @ fingerprint(change(image)) >= DUPLICATE


def test_an_image_of_one_colour_is_like_no_other():
    black = fingerprint(np.zeros((60, 80, 3), np.uint8))
    assert black @ black == 0


def test_pairs_are_those_of_plain_numpy_also_across_blocks(monkeypatch):
    monkeypatch.setattr("training.catalog.prints._BLOCK", 7)
    rng = np.random.default_rng(1)
    prints = rng.normal(size=(40, 4)).astype(np.float32)
    prints /= np.linalg.norm(prints, axis=1, keepdims=True)
    codes, alike = rng.integers(0, 5, 40), rng.random(40) < 0.3
    wanted = {
        (i, j)
        for i in range(40)
        for j in range(i + 1, 40)
        if prints[i] @ prints[j] >= 0.8 and codes[i] != codes[j] and not (alike[i] and alike[j])
    }
    assert wanted
    a = compared(prints, codes, alike)
    assert {(i, j) for i, j, _ in near_pairs(a, limit=0.8)} == wanted
    both = {(i, j) for i, j, _ in near_pairs(a, a, limit=0.8)}
    assert both == wanted | {(j, i) for i, j in wanted}
