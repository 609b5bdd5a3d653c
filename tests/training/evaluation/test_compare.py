import numpy as np
import pytest

from detector.errors import FormatError, UsageError
from tests.training.evaluation.made import HERE, NOTHING, THERE, answer, evaluation, hit, predictions, sample, video
from training.evaluation.compare import FIGURES, compare_models, judge
from training.evaluation.store import write_predictions


def model(found, images=40, **options):
    """A model that hits the lesions of the images in `found`."""
    samples = [sample(f"s/{i:02}", [HERE]) for i in range(images)]
    return predictions(samples, [hit() if i in found else NOTHING for i in range(images)], **options)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.02, "better"),
        (-0.01, 0.02, "not worse"),
        (-0.009, -0.001, "not worse"),
        (-0.03, -0.02, "worse"),
        (-0.02, -0.001, "worse"),
        (-0.03, 0.02, "too small to tell"),
    ],
)
def test_what_an_interval_proves(low, high, verdict):
    assert judge(low, high, 0.01, 29)[0] == verdict


def test_few_units_prove_nothing():
    verdict, reason = judge(0.1, 0.2, 0.01, 4)
    assert verdict == "too small to tell"
    assert "only 4 units" in reason


def test_a_model_is_not_worse_than_itself():
    same = model(range(30))
    for figure in FIGURES:
        found = compare_models(same, same, figure, draws=200)
        expected = "not worse" if found.gain is not None else "too small to tell"
        assert found.verdict == expected, figure
        assert found.gain in (0.0, None)


def test_better_is_better_and_the_other_way_round_worse():
    good, poor = model(range(38)), model(range(20))
    won, lost = compare_models(good, poor, "recall", draws=400), compare_models(poor, good, "recall", draws=400)
    assert (won.verdict, lost.verdict) == ("better", "worse")
    assert won.gain == pytest.approx(18 / 40)
    assert (won.low, won.high) == (-lost.high, -lost.low)
    assert won.low <= won.gain <= won.high
    assert won.over == "40 images"


def test_pairing_sees_what_two_intervals_would_hide():
    """One model finds what the other finds and six more: in pairs that is certain, by the two intervals it is not."""
    samples = [sample(f"s/{i:02}", [HERE]) for i in range(40)]
    good, poor = (evaluation(samples, [hit() if i < n else NOTHING for i in range(40)]) for n in (24, 18))
    assert good.total.figures["recall"].low < poor.total.figures["recall"].high
    assert compare_models(good, poor, "recall", draws=400).verdict == "better"


def test_where_less_is_better_a_gain_is_still_positive():
    samples = [sample(f"s/{i:02}") for i in range(40)]
    noisy = predictions(samples, [answer((*THERE, 0.9)) if i < 20 else NOTHING for i in range(40)])
    clean = predictions(samples, [NOTHING] * 40)
    found = compare_models(clean, noisy, "negatives_with_false_box", draws=400)
    assert (found.candidate, found.current, found.gain, found.verdict) == (0.0, 0.5, 0.5, "better")


def test_each_model_counts_from_its_own_threshold():
    samples = [sample(f"s/{i:02}", [HERE]) for i in range(20)]
    answers = [hit(0.4)] * 20
    low, high = predictions(samples, answers, threshold=0.3), predictions(samples, answers, threshold=0.5)
    found = compare_models(low, high, "recall", draws=200)
    assert (found.candidate, found.current) == (1.0, 0.0)
    assert compare_models(low, high, "ap50", draws=200).gain == 0.0


def test_four_sequences_are_too_few():
    def made(found):
        videos = [video(found, sequence=f"v{k}") for k in range(4)]
        return predictions([s for v, _ in videos for s in v], [a for _, v in videos for a in v])

    found = compare_models(made(range(10)), made(range(5)), "recall", draws=200)
    assert (found.verdict, found.over) == ("too small to tell", "4 sequences")
    lesions = compare_models(made(range(10)), made(()), "lesion_sensitivity", draws=200)
    assert (lesions.candidate, lesions.current) == (1.0, 0.0)


def test_units_without_the_figure_do_not_count():
    """Ninety images with a polyp say nothing about false alarms on the four without."""
    samples = [sample(f"s/{i:02}", [HERE] if i >= 4 else []) for i in range(94)]
    noisy = predictions(samples, [answer((*THERE, 0.9))] * 94)
    clean = predictions(samples, [NOTHING] * 94)
    found = compare_models(clean, noisy, "negatives_with_false_box", draws=200)
    assert found.verdict == "too small to tell"
    assert "only 4 units" in found.reason


def test_other_data_is_refused():
    with pytest.raises(FormatError, match="not measured on the same data"):
        compare_models(model(range(3)), model(range(3), images=39))


def test_unknown_figures_and_negative_margins_are_refused():
    with pytest.raises(UsageError, match="ap50_95"):
        compare_models(model(()), model(()), "beauty")
    for margin in (-0.1, float("nan")):
        with pytest.raises(UsageError, match="margin"):
            compare_models(model(()), model(()), margin=margin)


def test_files_give_what_objects_give(tmp_path):
    rng = np.random.default_rng(1)
    a, b = model(set(rng.choice(40, 25).tolist())), model(set(rng.choice(40, 25).tolist()))
    write_predictions(a, tmp_path / "a" / "predictions.jsonl", "test")
    write_predictions(b, tmp_path / "b" / "predictions.jsonl", "test")
    told = compare_models(tmp_path / "a", tmp_path / "b" / "predictions.jsonl", "f1", draws=200)
    assert told == compare_models(a, b, "f1", draws=200)
