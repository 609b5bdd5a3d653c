from pathlib import Path

import numpy as np
import pytest

from detector.annotation import save_annotation
from detector.errors import FormatError, SourceError
from detector.geometry import as_boxes
from detector.results import Box, FrameRow, ModelRef, ResultsHeader, ResultsWriter
from detector.scoring import Answer, Recording, Truth
from detector.scoring.hard import Limits, find_events, pick_frames
from tests.detector.test_procedure import annotation, record
from tests.training.feedback.made import Scripted, write_procedure
from training.feedback.mine import as_incoming, mine
from training.feedback.scored import labelled_videos, read_results, run_model
from training.samples import SourceInfo, sample_image

SOURCE = SourceInfo("hard", "internal", False, "")
HERE, THERE = (20.0, 20.0, 80.0, 60.0), (100.0, 70.0, 140.0, 110.0)
NOWHERE = as_boxes([])


def recording(count, lesions=None, answers=None, reviewed=lambda i: True):
    """25 frames/s; `lesions` and `answers` by frame."""
    lesions, answers = lesions or {}, answers or {}
    truth = [
        Truth(reviewed(i), as_boxes([b for _, b in lesions.get(i, ())]), tuple(n for n, _ in lesions.get(i, ())))
        for i in range(count)
    ]
    said = []
    for i in range(count):
        found = sorted(answers.get(i, ()), key=lambda x: -x[1])
        said.append(Answer(as_boxes([b for b, _ in found]), np.array([s for _, s in found], np.float32)))
    return Recording("r", "r", (160, 120), np.arange(count) / 25, count / 25, truth, said)


def events(given, threshold=0.5):
    return find_events(given, threshold, threshold)


def test_where_nothing_is_wrong_there_is_no_event():
    right = {i: [(HERE, 0.9)] for i in range(10)}
    assert events(recording(0)) == []
    assert events(recording(10)) == []
    assert events(recording(10, {i: [("1", HERE)] for i in range(10)}, right)) == []


def test_what_nobody_reviewed_is_neither_a_false_alarm_nor_a_miss():
    lesions, answers = {i: [("1", HERE)] for i in range(20)}, {i: [(THERE, 0.9)] for i in range(20)}
    found = events(recording(20, lesions, answers, reviewed=lambda i: i < 5))
    assert {e.kind for e in found} == {"false-alarm", "miss"}
    assert all(e.rows == (0, 1, 2, 3, 4) for e in found)


def test_false_boxes_close_in_time_are_one_event_and_a_long_pause_begins_another():
    answers = {i: [(THERE, 0.6 + i / 1000)] for i in (*range(10), 15, 60)}
    found = [e for e in events(recording(80, {}, answers)) if e.kind == "false-alarm"]
    assert [e.rows for e in found] == [(*range(10), 15), (60,)]
    assert found[0].scores[3] == pytest.approx(0.603)


def test_a_false_alarm_that_stood_on_the_screen_comes_before_a_flicker_with_a_higher_score():
    answers = {2: [(THERE, 0.99)]} | {i: [(THERE, 0.6)] for i in range(30, 50)}
    found = events(recording(60, {}, answers))
    assert [(e.seen, e.rows[0]) for e in found] == [(True, 30), (False, 2)]


def test_a_second_or_badly_drawn_box_on_a_lesion_is_no_false_alarm():
    loose = (0.0, 0.0, 120.0, 100.0)
    answers = {0: [(HERE, 0.9), ((22.0, 22.0, 82.0, 62.0), 0.8)], 1: [(HERE, 0.9), (loose, 0.8)]}
    assert events(recording(2, {0: [("1", HERE)], 1: [("1", HERE)]}, answers)) == []


def test_a_box_that_does_not_count_leaves_the_lesion_missed_with_its_score():
    lesions = {i: [("1", HERE), ("2", THERE)] for i in range(3)}
    answers = {i: [(HERE, 0.9), (THERE, 0.25)] for i in range(3)}
    (found,) = events(recording(3, lesions, answers))
    assert (found.kind, found.lesion, found.seen) == ("miss", "2", True)
    assert found.scores == pytest.approx((0.25,) * 3)


def test_a_lesion_that_is_found_elsewhere_comes_behind_one_that_never_is():
    lesions = {i: [("1", HERE)] for i in range(40)} | {i: [("2", THERE)] for i in range(60, 63)}
    answers = {0: [(HERE, 0.9)]}
    assert [e.lesion for e in events(recording(70, lesions, answers))] == ["2", "1"]


def test_frames_are_taken_best_first_and_never_close_together():
    scores = [0.6, 0.7, 0.95, 0.7, 0.6] + [0.8] * 45
    given = recording(50, {}, {i: [(THERE, s)] for i, s in enumerate(scores)})
    found = events(given)
    rows = [p.row for p in pick_frames(given, found, Limits(per_event=3, every_s=0.5))]
    assert rows[0] == 2
    assert len(rows) == 3
    assert min(np.diff(given.times_s[rows])) >= 0.5 - 1e-6


def test_every_event_has_its_turn_before_one_gets_a_second_frame():
    answers = {i: [(THERE, 0.9)] for start in (0, 100, 200) for i in range(start, start + 50)}
    given = recording(260, {}, answers)
    picks = pick_frames(given, events(given), Limits(false_alarms=4, per_event=3))
    assert sorted(p.event for p in picks) == [0, 0, 1, 2]


def test_misses_are_taken_where_the_lesion_is_seen_best():
    lesions = {i: [("1", (20.0, 20.0, 40.0 + i, 60.0))] for i in range(10)}
    given = recording(10, lesions)
    (pick,) = pick_frames(given, events(given), Limits(per_event=1))
    assert pick.row == 9


# -- whole procedures -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def procedure(tmp_path_factory) -> Path:
    """Two seconds; the lesion is there from frame 10 to 39; frames from 45 on were not reviewed."""
    boxes = {i: HERE for i in range(10, 40)}
    return write_procedure(tmp_path_factory.mktemp("ward") / "op1.mp4", boxes, 50, [(0, 44)])


def scored(procedure, answers):
    _, (video,) = labelled_videos(procedure)
    return run_model(video, Scripted(answers))


def test_the_model_sees_the_reviewed_frames_and_no_others(procedure):
    detector = Scripted({})
    _, (video,) = labelled_videos(procedure)
    found = run_model(video, detector, step=4)
    assert detector.asked == [*range(0, 45, 4)] == found.index.tolist()


def test_a_mined_frame_is_a_whole_sample_with_its_lesions_and_the_reason(procedure, tmp_path):
    answers = {i: [(HERE, 0.9)] for i in range(10, 40)} | {i: [(HERE, 0.9), (THERE, 0.8)] for i in range(20, 25)}
    found = mine(scored(procedure, answers), SOURCE, tmp_path / "work", Limits(), patient="P7", centre="Ulm")
    (sample,) = found.samples
    assert sample.name == "hard/op1/000020"
    assert (sample.sequence, sample.patient, sample.centre, sample.order) == ("op1", "P7", "Ulm", 20)
    assert sample.time_s == pytest.approx(0.8)
    assert sample.boxes.tolist() == [list(HERE)]
    assert sample.lesions == ("1",)
    assert sample.facts["hard"] == "false-alarm"
    assert sample.facts["score"] == "0.800"
    assert sample_image(sample).shape == (120, 160, 3)
    assert "1 of 5 frames" in "\n".join(found.words())


def test_misses_say_which_lesion_and_false_alarms_elsewhere_are_negatives(procedure, tmp_path):
    found = mine(scored(procedure, {i: [(THERE, 0.8)] for i in range(0, 5)}), SOURCE, tmp_path / "work", Limits())
    by_kind = {s.facts["hard"]: s for s in found.samples}
    assert by_kind["false-alarm"].negative
    assert by_kind["miss"].facts["missed"] == "1"
    assert all(s.image_sha256 for s in as_incoming([found], SOURCE).samples)
    assert all(s.order < 45 for s in found.samples)


def test_a_model_that_is_right_gives_no_sample_and_writes_nothing(procedure, tmp_path):
    found = mine(scored(procedure, {i: [(HERE, 0.9)] for i in range(10, 40)}), SOURCE, tmp_path / "work", Limits())
    assert not found.samples
    assert not (tmp_path / "work").exists()


def test_an_unreviewed_video_is_refused(tmp_path):
    path = write_procedure(tmp_path / "op2.mp4", {3: HERE}, 6, [])
    with pytest.raises(SourceError, match="nobody looked"):
        labelled_videos(path)


# -- results files ----------------------------------------------------------------------------------------------------


def results(path: Path, video: str, rows) -> Path:
    reference = ModelRef(name="m", version="1", variant="cpu", sha256="0" * 64)
    header = ResultsHeader(
        model=reference, software="t", threshold=0.5, min_score=0.1, provider="cpu", time_base="1/25"
    )
    with ResultsWriter(path, header) as writer:
        for index, status, boxes in rows:
            found = tuple(Box.model_validate({"box": b, "score": s, "class": "polyp", "track": None}) for b, s in boxes)
            writer.write(
                FrameRow(
                    file=video,
                    index=index,
                    pts=index,
                    time_s=index / 25,
                    width=160,
                    height=120,
                    status=status,
                    error=None if status == "ok" else "broken",
                    detections=found,
                )
            )
    return path


def test_answers_can_come_from_a_results_file(procedure, tmp_path):
    rows = [(i, "ok", [(THERE, 0.3), (HERE, 0.9)] if 10 <= i < 40 else []) for i in range(50)]
    _, (video,) = labelled_videos(procedure)
    found = read_results(video, results(tmp_path / "r.json", "/elsewhere/op1.mp4", rows))
    assert found.index.tolist() == list(range(45))
    assert found.threshold == 0.5
    assert events(found.recording) == []


def test_a_frame_that_was_not_analysed_is_no_miss(procedure, tmp_path):
    rows = [(i, "failed" if i >= 10 else "ok", []) for i in range(50)]
    _, (video,) = labelled_videos(procedure)
    found = read_results(video, results(tmp_path / "r.json", "op1.mp4", rows))
    assert events(found.recording) == []
    assert "35 reviewed frames were not analysed" in found.notes[0]


def test_live_results_in_a_recording_are_joined_on_the_capture_index(tmp_path):
    folder = record(tmp_path / "session", count=20, first=100)
    video = folder / "video-001.mkv"
    save_annotation(folder / "annotation.json", annotation(video, 20))
    live = results(folder / "results.json", "tower 3", [(100 + i, "ok", [(THERE, 0.8)]) for i in range(0, 20, 2)])
    _, (labelled,) = labelled_videos(folder)
    found = read_results(labelled, live)
    reviewed = [i for i in range(0, 20, 2) if labelled.annotation.is_reviewed(i)]
    assert found.index.tolist() == reviewed
    assert labelled.place(4, 0.0)[0] == 104
    elsewhere = results(tmp_path / "other.json", "tower 3", [(100, "ok", [])])
    with pytest.raises(FormatError, match="tower 3"):
        read_results(labelled, elsewhere)


def test_results_of_another_video_are_refused(procedure, tmp_path):
    _, (video,) = labelled_videos(procedure)
    with pytest.raises(FormatError, match=r"other\.mp4"):
        read_results(video, results(tmp_path / "r.json", "other.mp4", [(0, "ok", [])]))
