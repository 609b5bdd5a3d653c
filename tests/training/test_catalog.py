import shutil

import cv2
import numpy as np
import pytest

from detector.errors import FormatError, SourceError, UsageError
from tests.training.miniature import scene
from training import catalog


@pytest.fixture
def pools(small_sets):
    return catalog.read_pools(small_sets)


def test_what_is_held_out_is_never_trainable(pools):
    held_out = {s.name for samples in pools.tests.values() for s in samples}
    assert {name: len(samples) for name, samples in pools.tests.items()} == {
        "kvasir-val": 4,
        "cvc-clinicdb": 6,
        "polypgen-c6": 4,
        "negatives-test": 3,
    }
    assert not held_out & {s.name for s in pools.trainable}
    assert len(pools.trainable) == 20 + 20 + 20 + 15


def test_dev_is_the_same_every_time_and_about_a_tenth(pools):
    prints = catalog.fingerprints(pools.trainable)
    dev = catalog.carve_dev(pools.trainable, prints)
    assert dev == catalog.carve_dev(pools.trainable, prints)
    stills = [n for n in dev if not n.startswith("polypgen_negseq")]
    assert 4 <= len(stills) <= 8


def test_dev_negatives_are_whole_sequences_and_sharp(pools):
    dev = set(catalog.carve_dev(pools.trainable, catalog.fingerprints(pools.trainable)))
    negatives = [s for s in pools.trainable if s.source == "polypgen-negatives"]
    chosen = {s.group for s in negatives if s.name in dev}
    assert len(chosen) == 2
    assert "seq13" not in chosen
    assert all(s.name in dev for s in negatives if s.group in chosen)


def test_near_duplicates_stay_together(small_sets):
    originals = sorted((small_sets / "kvasir_seg" / "images").glob("k0*.jpg"))
    for path in originals:  # every image twice, the second one smaller and more compressed
        twin = path.with_name(f"z{path.name}")
        small = cv2.resize(cv2.imread(str(path)), (120, 90), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(twin), small, [cv2.IMWRITE_JPEG_QUALITY, 60])
        mask = cv2.imread(str(path.parent.parent / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path.parent.parent / "masks" / f"{twin.stem}.png"), cv2.resize(mask, (120, 90)))
    pools = catalog.read_pools(small_sets)
    dev = set(catalog.carve_dev(pools.trainable, catalog.fingerprints(pools.trainable)))
    for path in originals:
        assert (f"kvasir_seg/{path.stem}" in dev) == (f"kvasir_seg/z{path.stem}" in dev)


def test_a_planted_duplicate_of_a_test_image_is_found(small_sets, pools):
    assert catalog.find_leaks(pools) == []
    test_image = small_sets / "cvc_clinicdb" / "images" / "002.jpg"
    stolen = cv2.convertScaleAbs(cv2.imread(str(test_image)), alpha=0.8, beta=10)
    bordered = cv2.copyMakeBorder(stolen, 12, 12, 30, 30, cv2.BORDER_CONSTANT)
    cv2.imwrite(str(small_sets / "bkai_neopolyp" / "images" / "stolen.jpg"), bordered)
    cv2.imwrite(str(small_sets / "bkai_neopolyp" / "masks" / "stolen.png"), np.zeros(bordered.shape[:2], np.uint8))
    (leak,) = catalog.find_leaks(catalog.read_pools(small_sets))
    assert leak == catalog.Leak("cvc-clinicdb", "cvc_clinicdb/002", "bkai_neopolyp/stolen")


def test_different_images_are_no_duplicates():
    prints = np.stack([catalog.fingerprint(scene(seed, box=None)[0]) for seed in range(20)])
    assert catalog.group_duplicates(prints) == list(range(20))


def test_a_list_that_names_what_is_gone_is_refused(pools):
    with pytest.raises(FormatError, match="kvasir_seg/gone"):
        catalog.divide(pools.trainable, {"kvasir_seg/gone"})


def test_a_source_can_be_left_out(small_sets):
    kept = catalog.read_pools(small_sets, frozenset({"bkai-neopolyp", "kvasir-seg"})).trainable
    assert {s.source for s in kept} == {"polypgen", "polypgen-negatives"}
    with pytest.raises(UsageError, match="no data set 'kvasir'"):
        catalog.read_pools(small_sets, frozenset({"kvasir"}))


def test_missing_data_is_one_clear_error(tmp_path, small_sets):
    with pytest.raises(SourceError, match="POLYPWATCH_DATA"):
        catalog.read_pools(tmp_path / "nowhere")
    shutil.rmtree(small_sets / "polypgen")
    with pytest.raises(SourceError, match="polypgen is not at"):
        catalog.read_pools(small_sets)


def test_the_hash_of_a_catalogue_follows_its_boxes(pools):
    train, dev = pools.trainable[5:], pools.trainable[:5]
    first = catalog.catalog_sha256(train, dev)
    assert first == catalog.catalog_sha256(train[::-1], dev)
    assert first != catalog.catalog_sha256(train[1:], dev)
    assert first != catalog.catalog_sha256(dev, train)


def test_the_quick_list_of_held_out_names_is_the_real_one(small_sets, pools):
    held_out = {s.name for samples in pools.tests.values() for s in samples}
    assert catalog.held_out_names(small_sets) == held_out


@pytest.mark.data
def test_the_committed_lists_name_no_test_image(real_data):
    held_out = catalog.held_out_names(real_data)
    assert len(held_out) == 120 + 612 + 88 + 152
    dev, left_out = catalog.read_list(catalog.DEV_LIST), catalog.read_list(catalog.LEFT_OUT_LIST)
    assert not held_out & (dev | left_out)
    assert not dev & left_out
    sequences = {n.split("/")[1] for n in dev if n.startswith("polypgen_negseq/")}
    assert not sequences & (catalog.HELD_OUT_SEQUENCES | catalog.BLURRED_SEQUENCES)
    for name in dev | left_out:
        assert (real_data / name.replace("/", "/images/", 1)).with_suffix(".jpg").is_file()
