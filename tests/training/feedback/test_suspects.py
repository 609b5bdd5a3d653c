import dataclasses
import json

import cv2
import numpy as np
import pytest

from detector.errors import FormatError
from detector.geometry import Size, as_boxes
from detector.scoring import Answer
from training.catalog import Catalog
from training.catalog.store import image_sha256
from training.feedback.pictures import write_sheets
from training.feedback.review import FILE, Origin, apply_review, read_suspects, write_suspects
from training.feedback.suspects import find_suspects, worst_images
from training.samples import Sample, SourceInfo, corners

SOURCE = SourceInfo("ward", "internal", False, "")
HERE, NEAR, THERE = (20.0, 20.0, 80.0, 60.0), (20.0, 20.0, 80.0, 120.0), (300.0, 200.0, 380.0, 280.0)
ORIGIN = Origin({"model": "m", "version": "1"}, "0" * 64, "train", "test")


def sample(name, boxes=(), tmp_path=None, **fields):
    found = as_boxes(list(boxes))
    path = (tmp_path / f"{name}.png") if tmp_path else __file__
    if tmp_path:
        cv2.imwrite(str(path), np.full((480, 640, 3), 90, np.uint8))
    given = {"split": "train", "image_sha256": image_sha256(path) if tmp_path else "0" * 64, **fields}
    return Sample(f"ward/{name}", path, "ward", Size(640, 480), found, corners(found), **given)


def answer(*found):
    return Answer(as_boxes([b for b, _ in found]), np.array([s for _, s in found], np.float32))


def right(count):
    """Images on which the model and the labels agree."""
    return [sample(f"r{i}", [HERE]) for i in range(count)], [answer((HERE, 0.9))] * count


def kinds(samples, answers):
    return [(samples[s.sample].name, s.kind) for s in find_suspects(samples, answers, 0.5)]


def test_without_images_and_where_both_agree_nothing_is_suspicious():
    assert find_suspects([], [], 0.5) == []
    assert kinds(*right(3)) == []


@pytest.mark.parametrize(
    ("boxes", "said", "kind"),
    [
        ([], [(HERE, 0.9)], "box-on-negative"),
        ([HERE], [(HERE, 0.9), (THERE, 0.9)], "box-without-label"),
        ([HERE], [], "label-never-found"),
        ([HERE], [(NEAR, 0.9)], "box-drawn-badly"),
    ],
)
def test_each_kind_of_disagreement_is_found(boxes, said, kind):
    samples, answers = right(8)
    assert kinds([*samples, sample("x", boxes)], [*answers, answer(*said)]) == [("ward/x", kind)]


def test_what_is_unsure_unknown_or_ignored_is_no_disagreement():
    samples, answers = right(8)
    unsure = (sample("a"), answer((HERE, 0.4)))
    unknown = (sample("b", known=False), answer((HERE, 0.9)))
    ignored = (sample("c", ignored=as_boxes([HERE])), answer((HERE, 0.9)))
    weakly_found = (sample("d", [HERE]), answer((HERE, 0.02)))
    more = [unsure, unknown, ignored, weakly_found]
    assert kinds(samples + [s for s, _ in more], answers + [a for _, a in more]) == []


def test_the_surest_comes_first_judged_by_how_often_the_model_is_right_on_this_set():
    samples, answers = right(9)
    samples += [sample("sure"), sample("half")]
    answers += [answer((HERE, 0.95)), answer((HERE, 0.6))]
    found = find_suspects(samples, answers, 0.5)
    assert [samples[s.sample].name for s in found] == ["ward/sure", "ward/half"]
    # Nine of ten boxes from 0.9 up are right; the one at the top is not judged by itself alone.
    assert [s.disagreement for s in found] == pytest.approx([9 / 10, 9 / 11])


def test_the_queue_is_cut_by_images_and_keeps_all_of_an_image():
    samples, answers = right(9)
    samples += [sample("x", [HERE]), sample("y")]
    answers += [answer((THERE, 0.9)), answer((HERE, 0.9))]
    queue = worst_images(find_suspects(samples, answers, 0.5), 1)
    assert len({s.sample for s in queue}) == 1
    assert worst_images(queue, 0) == []


# -- the file, and what comes back ------------------------------------------------------------------------------------


@pytest.fixture
def queue(tmp_path):
    """A catalog with two suspicious images among ten, and the queue's file."""
    samples = [sample(f"r{i}", [HERE], tmp_path) for i in range(8)]
    samples += [sample("x", [HERE], tmp_path, lesions=("L1",)), sample("y", (), tmp_path)]
    answers = [answer((HERE, 0.9))] * 8 + [answer((NEAR, 0.9), (THERE, 0.8)), answer((HERE, 0.9))]
    found = find_suspects(samples, answers, 0.5)
    write_suspects(found, samples, ORIGIN, tmp_path / FILE)
    return Catalog.of([SOURCE], samples), tmp_path / FILE, found


def decide(path, decisions):
    """Fill in decisions: name -> fields of its lines."""
    head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row | decisions.get(row["name"], {}) for row in rows]
    path.write_text("\n".join(json.dumps(r) for r in [head, *rows]) + "\n")
    return read_suspects(path)


def test_the_file_says_what_is_doubted_and_why(queue):
    _, path, found = queue
    rows = read_suspects(path)
    assert [r.rank for r in rows] == [1, 2, 3]
    assert {(r.name, r.kind) for r in rows} == {
        ("ward/x", "box-drawn-badly"),
        ("ward/x", "box-without-label"),
        ("ward/y", "box-on-negative"),
    }
    assert next(r for r in rows if r.name == "ward/x").boxes == [HERE]
    assert len(found) == 3


def test_every_tile_of_a_sheet_is_drawn(queue, tmp_path):
    catalog, _, found = queue
    samples = {s.name: s for s in catalog.samples}
    ordered = [samples[n] for n in [f"ward/r{i}" for i in range(8)] + ["ward/x", "ward/y"]]
    (sheet,) = write_sheets(found, ordered, tmp_path)
    picture = cv2.imread(str(sheet))
    assert picture.shape == (256, 3 * 256, 3)
    assert write_sheets([], ordered, tmp_path) == []


def test_undecided_and_kept_labels_stay_and_the_catalog_hash_with_them(queue):
    catalog, path, _ = queue
    same = apply_review(catalog, read_suspects(path))
    assert same.catalog.sha256 == catalog.sha256
    assert same.counts == {"": 2}
    kept = apply_review(catalog, decide(path, {"ward/x": {"decision": "keep"}}))
    assert kept.catalog.sha256 == catalog.sha256
    assert {s.name: s.facts.get("review") for s in kept.catalog.samples}["ward/x"] == "keep"


def test_decisions_change_the_catalog(queue):
    catalog, path, _ = queue
    moved = [list(NEAR), list(THERE)]
    done = apply_review(
        catalog, decide(path, {"ward/x": {"decision": "boxes", "boxes": moved}, "ward/y": {"decision": "unknown"}})
    ).catalog
    by_name = {s.name: s for s in done.samples}
    assert by_name["ward/x"].boxes.tolist() == moved
    assert by_name["ward/x"].lesions == ("L1", "")
    assert not by_name["ward/y"].known
    assert by_name["ward/y"].split == "left-out"
    dropped = apply_review(catalog, decide(path, {"ward/y": {"decision": "drop"}})).catalog
    assert "ward/y" not in {s.name for s in dropped.samples}


def test_no_boxes_means_no_polyp(queue):
    catalog, path, _ = queue
    done = apply_review(catalog, decide(path, {"ward/x": {"decision": "boxes", "boxes": []}})).catalog
    assert next(s for s in done.samples if s.name == "ward/x").negative


def test_contradictions_are_refused(queue):
    catalog, path, _ = queue
    rows = read_suspects(path)
    mine = [r for r in rows if r.name == "ward/x"]
    split = [mine[0].model_copy(update={"decision": "drop"}), mine[1].model_copy(update={"decision": "unknown"})]
    with pytest.raises(FormatError, match="decided twice"):
        apply_review(catalog, split)
    outside = mine[0].model_copy(update={"decision": "boxes", "boxes": [(700.0, 0.0, 800.0, 50.0)]})
    with pytest.raises(FormatError, match="no area inside"):
        apply_review(catalog, [outside])


def test_a_review_of_other_labels_is_refused(queue):
    catalog, path, _ = queue
    changed = [
        dataclasses.replace(s, boxes=as_boxes([NEAR]), outlines=corners(as_boxes([NEAR]))) if s.name == "ward/x" else s
        for s in catalog.samples
    ]
    with pytest.raises(FormatError, match="not those that were reviewed"):
        apply_review(Catalog.of([SOURCE], changed), read_suspects(path))
    with pytest.raises(FormatError, match="not in the catalog"):
        apply_review(catalog.where(lambda s: s.name != "ward/y"), read_suspects(path))


def test_a_decision_that_nobody_knows_is_named_with_its_line(queue):
    _, path, _ = queue
    with pytest.raises(FormatError, match=r"line \d.*decision"):
        decide(path, {"ward/x": {"decision": "perhaps"}})
