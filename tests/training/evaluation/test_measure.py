import pytest

from detector.geometry import as_boxes
from detector.scoring import average_precision
from tests.training.evaluation.made import HERE, NOTHING, THERE, answer, evaluation, hit, rows, sample, video
from training.evaluation.figures import dev_figures
from training.evaluation.measure import by_size, measure_stills, parts, size_class
from training.evaluation.rows import over, stills


def mixed():
    """Twelve images: eight with a lesion, of which six are hit; four without, of which one has a false box."""
    samples = [sample(f"s/{i:02}", [HERE] if i < 8 else []) for i in range(12)]
    answers = [hit(0.9 - i / 100) if i < 6 else NOTHING for i in range(8)]
    return samples, [*answers, answer((*THERE, 0.6)), NOTHING, answer((*THERE, 0.2)), NOTHING]


def test_an_empty_set_has_no_figure_and_no_interval():
    section = measure_stills([], 0.5, 200, 1)
    assert (section.images, section.over) == (0, "nothing")
    assert {(f.value, f.low, f.high) for f in section.figures.values()} == {(None, None, None)}


def test_one_image_has_figures_but_no_interval_of_ap():
    section = measure_stills(rows([sample("s/1", [HERE])], [hit()]), 0.5, 200, 1)
    assert section.figures["ap50"].value == pytest.approx(1.0)
    assert section.figures["ap50"].low is None


def test_figures_are_those_of_the_short_list():
    samples, answers = mixed()
    section, short = measure_stills(rows(samples, answers), 0.5, 200, 1), dev_figures(samples, answers, 0.5)
    for name in ("ap50", "ap50_95", "recall", "recall_iou20", "precision", "f1", "false_boxes_per_image"):
        assert section.figures[name].value == getattr(short, name), name
    assert section.figures["recall"].value == 0.75
    assert section.figures["negatives_with_false_box"].value == 0.25
    assert section.figures["frame_specificity"].value == 0.75


def test_every_interval_holds_its_value_and_names_its_units():
    section = measure_stills(rows(*mixed()), 0.5, 400, 1)
    for name, figure in section.figures.items():
        assert figure.low is not None, name
        assert figure.low <= figure.value <= figure.high, name
    assert section.figures["ap50"].over == "12 images"


def test_frames_of_one_sequence_are_drawn_together():
    samples, answers = [], []
    for k in range(4):  # in two sequences all is hit, in two nothing
        made, found = video(range(10) if k < 2 else (), sequence=f"v{k}")
        samples, answers = samples + made, answers + found
    together = measure_stills(rows(samples, answers), 0.5, 400, 1)
    apart = measure_stills(rows([sample(s.name, s.boxes) for s in samples], answers), 0.5, 400, 1)
    assert (together.over, apart.over) == ("4 sequences", "40 images")
    wide, narrow = together.figures["recall"], apart.figures["recall"]
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_all_of_a_few_units_is_no_certainty():
    figure = measure_stills(rows(*video(range(10))), 0.5, 200, 1).figures["recall"]
    assert (figure.value, figure.low, figure.over) == (1.0, pytest.approx(0.025), "exact, 1 sequence")
    samples = [sample(f"s/{i}", [HERE] if i else []) for i in range(5)]
    clean = measure_stills(rows(samples, [NOTHING] * 5), 0.5, 200, 1).figures["frame_specificity"]
    # one negative image alone says something about specificity
    assert (clean.value, clean.low, clean.over) == (1.0, pytest.approx(0.025), "exact, 1 of 5 images")


def test_a_rate_of_nothing_has_no_interval():
    """That no false box was seen on ten images does not say that there are none on the eleventh."""
    figures = measure_stills(rows([sample(f"s/{i}") for i in range(10)], [NOTHING] * 10), 0.5, 200, 1).figures
    for name in ("false_boxes_per_negative_frame", "false_boxes_per_image"):
        assert (figures[name].value, figures[name].low, figures[name].high) == (0.0, None, None)
    assert figures["negatives_with_false_box"].high == pytest.approx(0.308, abs=1e-3)


def test_parts_are_given_only_where_there_are_several():
    one, two = rows([sample("s/1")], [NOTHING]), rows([sample("t/1", source="other", centre="C1")], [NOTHING])
    assert parts(one, "source") == {}
    assert list(parts(one + two, "source")) == ["made-up", "other"]
    assert parts(one + two, "centre") == {}
    assert list(parts(two + rows([sample("t/2", centre="C2")], [NOTHING]), "centre")) == ["made-up C2", "other C1"]


def test_sizes_are_those_of_an_image_of_640_pixels():
    assert size_class((640, 480), 32 * 32 - 1) == "small"
    assert size_class((640, 480), 32 * 32) == "medium"
    assert size_class((1280, 960), 32 * 32 * 4 - 1) == "small"
    assert size_class((640, 480), 96 * 96) == "large"


def test_a_hit_counts_in_its_own_size_alone():
    small, large = (0, 0, 9, 9), (50, 10, 150, 90)
    samples = [sample(f"s/{i}", [small, large]) for i in range(3)]
    found = by_size(rows(samples, [answer((*large, 0.9))] * 3), 0.5, 200, 1)
    assert list(found) == ["small", "large"]
    assert (found["small"].lesions, found["small"].figures["recall"].value) == (3, 0.0)
    assert (found["large"].lesions, found["large"].figures["recall"].value) == (3, 1.0)
    ap = average_precision(stills(samples, [answer((*large, 0.9))] * 3))
    assert (found["small"].figures["ap50_95"].value, found["large"].figures["ap50_95"].value) == (
        ap.ap_small,
        ap.ap_large,
    )


def test_units_are_counted_in_words():
    made = [sample("s/1", patient="p"), sample("s/2", patient="p"), sample("s/3", sequence="v"), sample("s/4")]
    assert over(rows(made, [NOTHING] * 4)) == "1 patient, 1 sequence and 1 image"


def test_unknown_images_are_kept_but_not_counted():
    found = evaluation([sample("s/1", known=False), sample("s/2", [HERE])], [hit(), hit()])
    assert (len(found.rows), found.images, found.total.figures["precision"].value) == (2, 1, 1.0)


def test_an_ignored_region_makes_no_negative_image():
    section = measure_stills(rows([sample("s/1", ignored=as_boxes([HERE]))], [hit()]), 0.5, 200, 1)
    assert (section.negative_images, section.figures["false_boxes_per_image"].value) == (0, 0.0)


def test_flat_values_carry_their_intervals():
    values = evaluation(*mixed()).values()
    assert values["lesions"] == 8
    assert values["recall"] == 0.75
    assert values["recall_low"] < 0.75 < values["recall_high"]
    assert all(isinstance(v, int | float) for v in values.values())
