"""Average precision equals pycocotools' to 1e-6: on random images, on awkward ones, and on real predictions."""

import contextlib
import io
import random
import time
from typing import get_args

import numpy as np
import pytest

from detector import scoring
from detector.geometry import Size, as_boxes
from detector.scoring.average_precision import ApName
from detector.scoring.recording import Answer, Still, Truth
from tests.detector.scoring import oracle_statistics
from training.places import data_root

coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is in the dev extra")
cocoeval = pytest.importorskip("pycocotools.cocoeval")
pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is in the train extra")

NAMES = ("ap50_95", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
"""In the order of pycocotools' `stats`."""
VGA = Size(640, 480)


def by_pycocotools(stills):
    """All six, None where pycocotools says -1; None without lesions."""
    images, labels, boxes = [], [], []
    for number, still in enumerate((s for s in stills if s.truth.reviewed), start=1):
        images.append({"id": number})
        scale = (640 / max(still.size)) ** 2
        for crowd, group in ((0, still.truth.boxes), (1, still.truth.ignored)):
            labels += [entry(number, box, scale) | {"iscrowd": crowd} for box in group.tolist()]
        scored = zip(still.answer.boxes.tolist(), still.answer.scores.tolist(), strict=True)
        boxes += [entry(number, box, scale) | {"score": score} for box, score in scored]
    if all(label["iscrowd"] for label in labels):
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        result = cocoeval.COCOeval(dataset(images, labels), dataset(images, boxes), "bbox")
        result.evaluate()
        result.accumulate()
        result.summarize()
    return {name: None if value < 0 else float(value) for name, value in zip(NAMES, result.stats[:6], strict=True)}


def entry(image, box, scale):
    x1, y1, x2, y2 = box
    area = (x2 - x1) * (y2 - y1) * scale
    return {"image_id": image, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": area}


def dataset(images, entries):
    """Not through loadRes, which would compute the areas anew."""
    out = coco.COCO()
    numbered = [e | {"id": n} for n, e in enumerate(entries, start=1)]
    out.dataset = {"images": images, "annotations": numbered, "categories": [{"id": 1}]}
    out.createIndex()
    return out


def equal(stills):
    """What both say, after they have been found equal."""
    ours, theirs = scoring.average_precision(stills), by_pycocotools(stills)
    if theirs is None:
        assert ours is None
        return None
    for name, value in theirs.items():
        assert getattr(ours, name) == (None if value is None else pytest.approx(value, abs=1e-6)), name
    return theirs


def a_still(rng, number=0, size=None, lesions=(0, 1, 1, 2, 3), crowds=(0, 0, 0, 1), ties=False):
    """An image with lesions of all sizes, and boxes that meet them more or less."""
    size = size or rng.choice((Size(640, 480), Size(1920, 1080), Size(300, 400), Size(608, 608)))
    truths = [a_box(rng, size) for _ in range(rng.choice(lesions))]
    regions = [a_box(rng, size) for _ in range(rng.choice(crowds))]
    found = [shaken(rng, box, size) for box in truths + regions for _ in range(rng.choice((0, 1, 1, 2)))]
    found += [a_box(rng, size) for _ in range(rng.choice((0, 0, 1, 3)))]
    scores = [rng.choice((0.2, 0.5, 0.8)) if ties else rng.uniform(0.01, 1) for _ in found]
    order = sorted(range(len(found)), key=lambda n: -np.float32(scores[n]))
    return Still(
        f"image {number}",
        f"patient {rng.randrange(4)}",
        size,
        Truth(rng.random() < 0.9, as_boxes(truths), (), as_boxes(regions)),
        Answer(as_boxes([found[n] for n in order]), np.array([scores[n] for n in order], np.float32)),
    )


def a_box(rng, size):
    side = max(size) * rng.choice((0.02, 0.04, 0.1, 0.3))
    w, h = side * rng.uniform(0.7, 1.4), side * rng.uniform(0.7, 1.4)
    x, y = rng.uniform(-5, size.width - w), rng.uniform(-5, size.height - h)
    return (x, y, x + w, y + h)


def shaken(rng, box, size):
    w, h = box[2] - box[0], box[3] - box[1]
    by = rng.choice((0, 0.05, 0.15, 0.4))
    x1, y1 = box[0] + rng.uniform(-by, by) * w, box[1] + rng.uniform(-by, by) * h
    return (x1, y1, x1 + w * rng.uniform(1 - by, 1 + by), y1 + h * rng.uniform(1 - by, 1 + by))


def exactly(*boxes, found=None, scores=None, ignored=(), size=VGA, reviewed=True):
    hits = boxes if found is None else found
    values = scores or [0.9] * len(hits)
    answer = Answer(as_boxes(hits), np.array(values, np.float32))
    return Still("image", "patient", size, Truth(reviewed, as_boxes(boxes), (), as_boxes(ignored)), answer)


A = (10, 10, 50, 50)
FAR = (300, 300, 340, 340)


class TestRandomImages:
    @pytest.mark.parametrize("seed", range(25))
    def test_all_six_are_equal(self, seed):
        rng = random.Random(f"coco {seed}")
        equal([a_still(rng, n) for n in range(rng.randrange(30))])

    @pytest.mark.parametrize("seed", range(8))
    def test_with_equal_scores_in_one_image_and_in_several(self, seed):
        rng = random.Random(f"ties {seed}")
        equal([a_still(rng, n, ties=True) for n in range(20)])

    @pytest.mark.parametrize("seed", range(5))
    def test_with_crowds_everywhere(self, seed):
        rng = random.Random(f"crowds {seed}")
        equal([a_still(rng, n, lesions=(0, 1, 2), crowds=(1, 2, 3)) for n in range(20)])

    def test_the_random_images_have_all_sizes_and_middling_figures(self):
        rng = random.Random("coco sizes")
        figures = equal([a_still(rng, n) for n in range(40)])
        assert all(0.05 < figures[name] < 0.95 for name in NAMES)


class TestAwkwardImages:
    @pytest.mark.parametrize(
        "stills",
        [
            [],
            [exactly()],
            [exactly(found=[A])],
            [exactly(ignored=[A], found=[A])],
            [exactly(A, reviewed=False)],
        ],
    )
    def test_without_a_lesion_there_is_no_figure(self, stills):
        assert equal(stills) is None

    @pytest.mark.parametrize(
        "still",
        [
            exactly(A, found=[]),
            exactly(A),
            exactly(A, found=[FAR]),
            exactly(A, found=[A, A], scores=[0.9, 0.8]),
            exactly(A, found=[FAR, A], scores=[0.9, 0.8]),
            exactly(A, ignored=[FAR], found=[FAR, A], scores=[0.9, 0.8]),
            exactly(A, ignored=[A], found=[A, A], scores=[0.9, 0.8]),
            exactly(A, found=[(10, 10, 50, 30)]),  # IoU exactly 1/2
            exactly(A, found=[(10, 10, 50, 40)]),  # IoU exactly 3/4
            exactly(A, A, found=[A, A], scores=[0.9, 0.8]),
        ],
    )
    def test_one_image(self, still):
        assert equal([still]) is not None

    @pytest.mark.parametrize("side", [32, 96, 31.9, 96.1])
    @pytest.mark.parametrize("size", [Size(640, 480), Size(480, 640), Size(1280, 960), Size(320, 200)])
    def test_at_the_limits_of_the_sizes_in_images_of_any_size(self, side, size):
        scale = max(size) / 640
        box = (0, 0, side * scale, side * scale)
        larger = (0, 0, side * scale, side * scale * 1.05)
        assert equal([exactly(box, found=[larger], size=size), exactly(box, found=[FAR], size=size)]) is not None

    def test_only_the_first_hundred_boxes_of_an_image_count(self):
        scores = np.linspace(0.99, 0.5, 120).tolist()
        beside = [(200 + n, 200, 220 + n, 220) for n in range(119)]
        assert equal([exactly(A, found=[*beside, A], scores=scores)])["ap50"] == 0
        assert equal([exactly(A, found=[*beside[:99], A], scores=scores[:100])])["ap50"] > 0


class TestIntervals:
    @pytest.mark.parametrize("name", get_args(ApName))
    def test_the_quick_figure_gives_the_interval_that_pycocotools_gives(self, name):
        rng = random.Random("coco intervals")
        stills = [a_still(rng, n) for n in range(14)]

        def slow(drawn):
            figures = by_pycocotools(drawn)
            return None if figures is None else figures[name]

        ours = scoring.bootstrap(stills, scoring.unit_of, scoring.ap_figure(name), draws=15)
        theirs = oracle_statistics.bootstrap(stills, scoring.unit_of, slow, draws=15)
        assert (ours.low, ours.high) == pytest.approx((theirs["low"], theirs["high"]), abs=1e-6)
        assert (ours.draws, ours.units) == (theirs["draws"], theirs["units"])

    def test_there_is_no_other_figure(self):
        with pytest.raises(ValueError, match="ap60"):
            scoring.ap_figure("ap60")


@pytest.mark.data
class TestRealPredictions:
    """The shipped model on real images: 40 with polyps, 20 without."""

    def test_all_six_are_equal(self, real_stills):
        figures = equal(real_stills)
        assert figures["ap50"] > 0.5

    def test_with_the_smallest_lesions_declared_ignored(self, real_stills):
        with_regions = []
        for s in real_stills:
            small = (s.truth.boxes[:, 2] - s.truth.boxes[:, 0]) < 200
            truth = Truth(True, s.truth.boxes[~small], (), s.truth.boxes[small])
            with_regions.append(Still(s.name, s.unit, s.size, truth, s.answer))
        assert sum(len(s.truth.ignored) for s in with_regions) > 5
        equal(with_regions)


@pytest.fixture(scope="module")
def real_stills():
    polyp_set, negative_set = data_root() / "kvasir_seg", data_root() / "polypgen_negseq"
    if not polyp_set.is_dir() or not negative_set.is_dir():
        pytest.skip(f"no image sets at {data_root()} (set POLYPWATCH_DATA)")
    # Training images only: what is held out is scored once per release, and not here.
    stems = (polyp_set / "official_train.txt").read_text().split()[::22]
    held_out = {"seq3", "seq8", "seq12", "seq16"}
    negatives = [p for p in sorted(negative_set.rglob("*.jpg")) if p.parent.name not in held_out][::27]
    pairs = [(polyp_set / "images" / f"{stem}.jpg", polyp_set / "masks" / f"{stem}.png") for stem in stems]
    return predicted(pairs + [(path, None) for path in negatives])


def predicted(images_and_masks):
    import cv2

    from detector.frame import Frame
    from detector.manifest import find_model
    from detector.runtime import MIN_SCORE, OnnxDetector

    detector = OnnxDetector(find_model("fast"), provider="cpu", threads=1)
    out = []
    for path, mask in images_and_masks:
        image = cv2.imread(str(path))
        found = detector.detect(Frame(0, None, time.perf_counter_ns(), image), MIN_SCORE)
        truth = Truth(True, polyps(cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE) if mask else image[..., 0] * 0))
        out.append(Still(path.name, path.name, Size.of(image), truth, Answer(found.boxes, found.scores)))
    return out


def polyps(mask):
    """One box per connected component of at least 0.02 % of the image."""
    import cv2

    _, _, rows, _ = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8))
    return as_boxes([(x, y, x + w, y + h) for x, y, w, h, area in rows[1:].tolist() if area >= mask.size * 2e-4])
