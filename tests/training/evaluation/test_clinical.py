import pytest

from tests.training.evaluation.made import HERE, NOTHING, THERE, answer, hit, rows, sample, video
from training.evaluation.clinical import measure_sequences


def join(*videos):
    return [s for samples, _ in videos for s in samples], [a for _, answers in videos for a in answers]


def measured(*videos, **options):
    one = options.get("one_lesion", False)
    return measure_sequences(rows(*join(*videos), one), 0.5, 200, 1, **options)


def test_stills_give_nothing():
    assert measure_sequences(rows([sample("s/1", [HERE])], [hit()]), 0.5, 200, 1) is None


def test_a_lesion_is_hit_or_missed_and_the_interval_is_exact():
    found = measured(*(video({3} if k else (), sequence=f"v{k}") for k in range(4)))
    figure = found.raw["lesion_sensitivity"]
    assert (figure.value, figure.over) == (0.75, "exact, 4 lesions")
    assert figure.low == pytest.approx(0.194, abs=1e-3)  # Clopper-Pearson, 3 of 4
    assert figure.high == pytest.approx(0.994, abs=1e-3)


def test_time_to_first_detection_is_counted_in_frames_and_in_true_seconds():
    found = measured(video({3}), video({5}, sequence="w"))
    assert found.raw["median_frames_to_first_hit"].value == 4.0
    assert found.raw["median_seconds_to_first_hit"].value == pytest.approx(0.4)
    assert [lesion.first_hit_frame for lesion in found.per_lesion] == [3, 5]


def test_without_time_there_are_frames_but_no_seconds_and_no_events():
    found = measured(video({3}, time_s=None))
    assert found.raw["median_frames_to_first_hit"].value == 3.0
    assert found.raw["median_seconds_to_first_hit"].value is None
    assert (found.shown, found.realcolon) == ({}, None)
    assert any("no true time" in note for note in found.notes)


def test_nominal_seconds_are_called_nominal():
    found = measured(video({5}, time_s=None), nominal_fps=25)
    assert found.raw["median_seconds_to_first_hit"].value == pytest.approx(0.2)
    assert found.shown == {}
    assert any("nominal: 25 frames/s" in note for note in found.notes)


def test_a_lesion_that_was_never_found_has_no_time():
    found = measured(video(()))
    assert found.raw["lesion_sensitivity"].value == 0.0
    assert found.raw["median_frames_to_first_hit"].value is None
    assert found.raw["median_seconds_to_first_hit"].value is None


def test_without_lesion_ids_there_are_events_but_no_lesions():
    boxes = [sample(f"s/{i:02}", [HERE], sequence="v", order=i, time_s=i / 10) for i in range(10)]
    found = measured((boxes, [answer((*THERE, 0.9))] * 10))
    assert (found.raw, found.per_lesion) == ({}, ())
    assert any("--one-lesion-per-sequence" in note for note in found.notes)
    assert found.shown["false_events_0.5s"].value == 1.0
    assert "lesion_sensitivity" not in found.shown


def test_one_lesion_per_sequence_is_said():
    boxes = [sample(f"s/{i:02}", [HERE, THERE], sequence="v", order=i) for i in range(3)]
    found = measured((boxes, [hit(), NOTHING, NOTHING]), one_lesion=True)
    assert found.raw["lesion_sensitivity"].over == "exact, 1 lesions"
    assert found.raw["lesion_sensitivity"].value == 1.0
    assert any("count as one lesion" in note for note in found.notes)


def test_markers_are_later_and_false_alarms_fewer_than_raw_boxes():
    negative = [sample(f"n/{i:02}", sequence="n", order=i, time_s=i / 10) for i in range(20)]
    flash = [answer((*THERE, 0.9)) if i in (2, 12, 13, 14, 15) else NOTHING for i in range(20)]
    found = measured(video(range(10)), (negative, flash))
    assert found.raw["frame_specificity"].value == 0.75
    assert found.raw["median_seconds_to_first_hit"].value == 0.0
    assert found.shown["median_seconds_to_first_hit"].value == pytest.approx(0.2)
    assert found.shown["false_events_0s"].value == 1.0
    assert found.shown["false_events_2s"].value == 0.0
    assert found.shown["reviewed_minutes"].value == pytest.approx(3.0 / 60)
    assert set(found.froc) == {"lesions, raw boxes", "realcolon-compat", "displayed markers"}
    assert found.realcolon["tau_s"] == 2.0


def test_the_json_has_null_for_what_cannot_be_given():
    made = measured(video((), time_s=None)).as_dict()
    assert made["raw"]["median_seconds_to_first_hit"]["value"] is None
    assert made["realcolon_compat"] is None
