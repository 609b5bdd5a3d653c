import numpy as np
import pytest

from detector.errors import FormatError
from detector.scoring import shown_events
from tests.training.evaluation.made import HERE, NOTHING, answer, hit, rows, sample, video
from training.evaluation.sequences import displayed, sequences_of


def test_stills_are_no_sequence():
    found = sequences_of(rows([sample("s/1", [HERE])], [NOTHING]))
    assert (found.recordings, found.notes) == ([], [])


def test_true_times_make_a_recording_with_true_time():
    [recording] = sequences_of(rows(*video({1}, count=4))).recordings
    assert recording.time == "true"
    assert recording.times_s == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert recording.end_s == pytest.approx(0.4)


def test_frames_are_put_in_order():
    samples, answers = video({0}, count=3)
    [recording] = sequences_of(rows(samples[::-1], answers[::-1])).recordings
    assert [len(a.boxes) for a in recording.answers] == [1, 0, 0]


def test_a_thinned_sequence_has_no_time_and_says_so():
    found = sequences_of(rows(*video({1}, count=4, step_s=2.0)))
    assert [r.time for r in found.recordings] == ["none"]
    assert "holes of up to 2.0 s" in found.notes[0]


def test_a_nominal_rate_is_used_only_where_the_data_says_nothing():
    untimed = video({1}, count=3, sequence="untimed", time_s=None)
    thinned = video({1}, count=3, sequence="thinned", step_s=1.0)
    found = sequences_of(rows([*untimed[0], *thinned[0]], [*untimed[1], *thinned[1]]), nominal_fps=25)
    by_name = {r.name: r for r in found.recordings}
    assert by_name["made-up/untimed"].time == "nominal"
    assert by_name["made-up/untimed"].times_s == pytest.approx([0, 0.04, 0.08])
    assert by_name["made-up/thinned"].time == "none"


def test_a_single_frame_has_no_time():
    assert [r.time for r in sequences_of(rows(*video({0}, count=1))).recordings] == ["none"]


def test_two_frames_in_one_place_and_times_that_run_back_are_refused():
    samples, answers = video({0}, count=2)
    with pytest.raises(FormatError, match="same position"):
        sequences_of(rows([samples[0], samples[0]], answers))
    backwards = [sample(f"s/{i}", sequence="v", order=i, time_s=1.0 - i) for i in range(2)]
    with pytest.raises(FormatError, match="do not increase"):
        sequences_of(rows(backwards, answers))


def test_frames_without_a_position_are_counted():
    found = sequences_of(rows([sample("s/1", sequence="v")], [NOTHING]))
    assert found.recordings == []
    assert found.notes == ["1 frames name a sequence, but no position in it"]


def test_one_lesion_per_sequence_is_never_assumed():
    samples = [sample(f"s/{i}", [HERE], sequence="v", order=i) for i in range(2)]
    assert not sequences_of(rows(samples, [NOTHING] * 2)).lesions_known
    assert sequences_of(rows(samples, [NOTHING] * 2, one_lesion=True)).lesions_known


def test_a_marker_appears_late_and_stays_over_a_gap():
    samples, answers = video(set(range(10)) - {6}, count=10)
    [recording] = sequences_of(rows(samples, answers)).recordings
    shown = displayed(recording, 0.5)
    # a box must be seen for 0.2 s and thrice; the gap in frame 6 is held
    assert [len(a.boxes) for a in shown.answers] == [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    assert {m for a in shown.answers for m in a.markers} == {1}


def test_a_flash_is_no_false_alarm_on_the_screen():
    samples = [sample(f"s/{i}", sequence="v", order=i, time_s=i * 0.1) for i in range(10)]
    [recording] = sequences_of(rows(samples, [hit() if i == 4 else NOTHING for i in range(10)])).recordings
    assert shown_events([displayed(recording, 0.5)]).events[0.0] == 0
    [long] = sequences_of(rows(samples, [answer((*HERE, 0.9))] * 10)).recordings
    assert shown_events([displayed(long, 0.5)]).events[0.5] == 1


def test_markers_need_a_time():
    [recording] = sequences_of(rows(*video({0}, count=2, time_s=None))).recordings
    assert np.array_equal(recording.times_s, [0, 1])
    with pytest.raises(ValueError, match="need a time"):
        displayed(recording, 0.5)
