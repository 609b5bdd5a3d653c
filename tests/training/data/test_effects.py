import subprocess
import sys
import textwrap

import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from tests.training.data.blobs import blob_box, blob_picture, plain_picture
from training.data.augment import AFTER_SCREEN, BEFORE_SCREEN, ON_SCREEN, PARTS, Augmenter
from training.data.geometry import MIN_VISIBLE, Placed, boxes_left, visible_box
from training.data.screen import inset
from training.data.settings import AugmentSettings, known, read_settings, table
from training.loop.config import make_config, parse_sets, read_config, to_yaml
from training.samples import corners

PHOTOMETRIC = (*BEFORE_SCREEN, *AFTER_SCREEN)
PLACEMENT = {"turn", "zoom", "stretch", "rotate", "shrink", "halve", "surround"}
NAMES = AugmentSettings.names()


@pytest.fixture(autouse=True, scope="module")
def albumentations():
    pytest.importorskip("albumentations")


def scene(settings, seed, pictures=None, size=160):
    pictures = [blob_picture(seed)] if pictures is None else pictures
    return Augmenter(settings=settings)(pictures, np.random.default_rng(seed), size, late=False)


def test_every_effect_of_the_table_is_made_somewhere():
    assert {*PHOTOMETRIC, *ON_SCREEN, *PLACEMENT, "as_in_use", "mosaic"} == set(NAMES)


@pytest.mark.parametrize("name", PHOTOMETRIC)
@pytest.mark.parametrize("extreme", [False, True])
def test_what_changes_light_leaves_boxes_shape_and_type_alone(name, extreme):
    for seed in range(3):
        plain = scene(AugmentSettings.off(), seed)
        found = scene(AugmentSettings.only(name, extreme), seed)
        assert np.array_equal(found.boxes, plain.boxes)
        assert (found.image.shape, found.image.dtype) == (plain.image.shape, np.uint8)
        assert not np.array_equal(found.image, plain.image)
        assert [n for n, _ in found.applied] == [name]


@pytest.mark.parametrize("name", ["defocus", "blur", "motion", "interlace", "sharpen"])
def test_what_smears_or_moves_does_so_to_all_sides_alike(name):
    for seed in range(4):
        before = blob_box(scene(AugmentSettings.off(), seed, size=256).image)
        after = blob_box(scene(AugmentSettings.only(name), seed, size=256).image)
        assert np.abs((before[:2] + before[2:]) - (after[:2] + after[2:])).max() <= 4
        assert np.abs(before - after).max() <= 5


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"mosaic", "as_in_use"}))
def test_each_effect_changes_the_picture_and_a_share_of_zero_means_never(name):
    alone = AugmentSettings.only(name)
    never = alone.changed({name: 0})
    changed = 0
    for seed in range(6):
        plain = scene(AugmentSettings.off(), seed)
        assert np.array_equal(scene(never, seed).image, plain.image)
        assert scene(never, seed).applied == ()
        changed += not np.array_equal(scene(alone, seed).image, plain.image)
    assert changed >= 4


def test_as_in_use_overrules_every_placement_but_turns():
    settings = AugmentSettings().changed(dict.fromkeys(("zoom", "rotate", "shrink", "halve", "as_in_use"), 1.0))
    for seed in range(5):
        assert not {"zoom", "rotate", "shrink", "halve", "stretch"} & {n for n, _ in scene(settings, seed).applied}


@pytest.mark.parametrize("augment", ["full", "plain", "off", {"interlace": 1.0, "kind": "plain"}])
@pytest.mark.parametrize("count", [1, PARTS])
def test_a_seed_gives_the_same_scene_again(augment, count):
    augmenter = Augmenter(augment)
    pictures = [blob_picture(k) for k in range(count)]
    for late in (False, True):
        one, other = (augmenter(pictures, np.random.default_rng(5), 96, late) for _ in range(2))
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.boxes, other.boxes)
        assert one.applied == other.applied


def test_pictures_are_never_written_to():
    picture = blob_picture(3)
    before = picture.image.copy()
    table = AugmentSettings().changed(dict.fromkeys(set(NAMES) - {"as_in_use", "shrink", "halve", "mosaic"}, 1.0))
    scene(table, 1, [picture])
    assert np.array_equal(picture.image, before)


def test_leaving_one_effect_out_changes_no_other():
    for seed in range(20):
        all_of_them = dict(scene(AugmentSettings(), seed).applied)
        without = dict(scene(AugmentSettings().changed({"tone": 0}), seed).applied)
        assert without == {name: amount for name, amount in all_of_them.items() if name != "tone"}


def test_shares_are_kept():
    augmenter, counts = Augmenter({"jpeg": 0.5}), dict.fromkeys(NAMES, 0)
    picture = plain_picture((64, 48))
    for seed in range(400):
        for name, _ in augmenter([picture], np.random.default_rng(seed), 64, late=False).applied:
            counts[name] += 1
    assert 0.42 < counts["jpeg"] / 400 < 0.58
    assert 0.37 < counts["exposure"] / 400 < 0.53
    assert counts["narrow_band"] / 400 < 0.06


def test_the_last_phase_is_calmer_and_has_no_mosaic():
    late = AugmentSettings().in_late_phase()
    assert late.mosaic.p == 0
    assert late.as_in_use.p == pytest.approx(0.6)
    assert all(
        after.p <= before.p for (n, before), (_, after) in zip(AugmentSettings(), late, strict=True) if n != "as_in_use"
    )


def outline(*box):
    return corners(np.array([box], np.float32))[0]


def test_what_an_overlay_hides_is_cut_from_the_box():
    hidden = np.zeros((100, 100), np.uint8)
    hidden[:, 60:] = 255
    assert visible_box(outline(20, 30, 80, 70), 100, 100, hidden).tolist() == [20, 30, 60, 70]
    assert visible_box(outline(20, 30, 50, 70), 100, 100, hidden).tolist() == [20, 30, 50, 70]


def test_a_hole_in_the_middle_leaves_the_box():
    hidden = np.zeros((100, 100), np.uint8)
    hidden[40:60, 40:60] = 255
    assert visible_box(outline(20, 30, 80, 70), 100, 100, hidden).tolist() == [20, 30, 80, 70]


def test_a_polyp_that_is_mostly_hidden_has_no_box_and_is_ignored():
    hidden = np.zeros((100, 100), np.uint8)
    hidden[:, round(20 + 60 * MIN_VISIBLE) - 2 :] = 255
    placed = Placed(np.zeros((100, 100, 3), np.uint8), (outline(20, 30, 80, 70),), (), outline(0, 0, 100, 100))
    boxes, ignored = boxes_left(placed, hidden)
    assert boxes.shape == (0, 4)
    assert ignored.tolist() == [[20, 30, 80, 70]]


def test_what_is_cut_and_hidden_counts_against_the_whole_polyp():
    hidden = np.zeros((100, 100), np.uint8)
    hidden[:55] = 255
    half_outside = outline(60, 30, 140, 70)  # half of it is left, and three eighths of that half
    assert visible_box(half_outside, 100, 100, hidden) is None
    assert visible_box(half_outside, 100, 100) is not None


@pytest.mark.parametrize("name", sorted(ON_SCREEN))
def test_what_is_drawn_over_the_picture_cuts_boxes_to_what_can_be_seen(name):
    for seed in range(25):
        found = scene(AugmentSettings.only(name), seed, size=224)
        seen = blob_box(found.image)
        if len(found.boxes) and seen is not None and name != "banner":  # letters hide single pixels at its rim
            assert np.abs(found.boxes[0] - seen).max() <= 3
        assert len(found.boxes) + len(found.ignored) == 1


def test_a_second_picture_never_shows_a_polyp():
    for seed in range(60):
        picture = blob_picture(seed % 7)
        off = scene(AugmentSettings.off(), seed, [picture], 224)
        placed = Placed(off.image.copy(), (outline(*off.boxes[0]),), (), outline(0, 0, 224, 172))
        hidden = inset(placed, np.random.default_rng(seed), 0.3)
        assert hidden is not None
        inside = placed.image[hidden > 0].reshape(-1, 3).astype(int)
        assert not (np.abs(inside - [250, 20, 240]).sum(axis=1) < 120).any()


def test_a_border_turns_with_its_picture():
    settings = AugmentSettings.off().changed({"border": 1, "rotate": 1})
    found = scene(settings, 8, [plain_picture(level=200)], 256)
    assert (found.image == 114).all(axis=2).any()  # around the picture
    assert (found.image < 25).all(axis=2).any()  # its corners


def test_interlacing_combs_or_doubles_but_adds_no_colour():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 200
    kinds = set()
    for seed in range(20):
        found = BEFORE_SCREEN["interlace"](image, np.random.default_rng(seed), 40.0)[10:50, :, 0].astype(int)
        combed = np.abs(np.diff(found, axis=0)).max() > 150
        kinds.add(bool(combed))
        assert found.max() <= 200
    assert kinds == {True, False}


def test_exposure_is_counted_in_stops_of_light():
    image = np.full((4, 4, 3), 100, np.uint8)
    brighter = BEFORE_SCREEN["exposure"](image, np.random.default_rng(0), 1.0)
    assert (brighter[0, 0, 0] / 100) ** 2.2 == pytest.approx(2.0, rel=0.03)


def test_warmer_light_has_more_red_and_less_blue():
    image = np.full((4, 4, 3), 100, np.uint8)
    blue, _, red = BEFORE_SCREEN["temperature"](image, np.random.default_rng(0), 50.0)[0, 0]
    assert blue < 100 < red


def test_stronger_compression_loses_more():
    picture = blob_picture(1).image
    loss = [
        np.abs(AFTER_SCREEN["jpeg"](picture, np.random.default_rng(0), q).astype(int) - picture).mean()
        for q in (90, 28)
    ]
    assert loss[0] < loss[1]


def test_blurring_a_smaller_picture_blurs_less():
    far = cv2.resize(blob_picture(1).image, (65, 50))
    near = cv2.resize(far, (416, 320), interpolation=cv2.INTER_NEAREST)
    change = [
        np.abs(BEFORE_SCREEN["blur"](i, np.random.default_rng(0), 1.0).astype(int) - i)[8:-8, 8:-8].mean()
        for i in (far, cv2.GaussianBlur(near, (0, 0), 0.01))
    ]
    assert change[0] < change[1]


def test_an_unknown_effect_names_the_nearest():
    with pytest.raises(UsageError, match="no effect 'interlaced'; the nearest is 'interlace'"):
        known("interlaced")
    with pytest.raises(UsageError, match="nearest is 'mosaic'"):
        read_settings({"mosiac": 0.1})


@pytest.mark.parametrize("share", [1.5, -0.1, "often", True])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(UsageError, match="between 0 and 1"):
        read_settings({"jpeg": share})


def test_words_of_a_configuration():
    assert read_settings("off")[1] == AugmentSettings.off()
    assert read_settings({"kind": False, "jpeg": 0.5})[1].jpeg.p == 0.5  # YAML reads a bare `off` as false
    assert not any(e.p for _, e in read_settings("plain")[1] if e.library)
    with pytest.raises(UsageError, match="full, plain or off"):
        read_settings("strong")
    with pytest.raises(UsageError, match="'motion' needs albumentations"):
        read_settings({"kind": "plain", "motion": 0.2})


def test_the_printed_table_has_a_line_per_effect():
    assert len(table(AugmentSettings()).splitlines()) == len(NAMES) + 2


def test_without_albumentations_plain_works_and_full_says_what_to_install():
    code = textwrap.dedent("""
        import sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {"albumentations", "torch"}:
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Blocker())
        import numpy as np
        from detector.errors import UsageError
        from tests.training.data.blobs import blob_picture
        from training.data.augment import Augmenter

        plain = Augmenter("plain")
        for seed in range(30):
            plain([blob_picture(seed)], np.random.default_rng(seed), 96, late=False)
        try:
            Augmenter("full")
        except UsageError as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "pip install 'polypwatch[train]'" in done.stdout


@pytest.mark.parametrize("augment", ["off", {"interlace": 0.1, "jpeg": 0.0}, {"kind": "plain", "noise": 0.5}])
def test_a_runs_configuration_carries_changes_of_the_table(augment, tmp_path):
    config = make_config({"augment": augment})
    (tmp_path / "config.yaml").write_text(to_yaml(config, comments=True))
    again = make_config(read_config(tmp_path / "config.yaml"))
    assert again.augment == augment
    assert Augmenter(again.augment).settings == read_settings(augment)[1]


def test_a_configuration_with_an_unknown_effect_is_refused():
    with pytest.raises(UsageError, match="nearest is 'interlace'"):
        make_config(parse_sets(["augment.interlase=0.1"]))
    assert make_config(parse_sets(["augment=off"])).augment == "off"
