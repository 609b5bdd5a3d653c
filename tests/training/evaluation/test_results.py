"""Stored answers for samples: joined by video and frame, and never guessed."""

import numpy as np
import pytest

from detector.errors import FormatError
from detector.results import ModelRef
from tests.app.qa.made_results import MODEL, write_results
from tests.training.evaluation.made import HERE, sample
from training.cli import main
from training.evaluation.results import answers_from_results

ROW = (10.0, 10.0, 60.0, 60.0, 0.9)


def samples(*clips: str, count: int = 3) -> list:
    return [sample(f"{clip}/{k:06d}", [HERE], sequence=clip, order=k) for clip in clips for k in range(count)]


def test_rows_belong_to_samples_by_video_and_frame(tmp_path):
    path = write_results(tmp_path / "a.json", tmp_path / "op1.mp4", [[], [ROW], []], statuses={2: "failed"})
    found = answers_from_results(samples("ward/op1"), [path], None)
    assert [len(a.boxes) for a in found.answers] == [0, 1, 0]
    assert [a.status for a in found.answers] == ["ok", "ok", "failed"]
    assert found.answers[1].scores.tolist() == [np.float32(0.9)]
    assert (found.model.name, found.model.threshold, found.notes) == ("scripted", 0.5, [])


def test_a_frame_without_a_row_was_not_analysed_and_that_is_said(tmp_path):
    path = write_results(tmp_path / "a.json", tmp_path / "op1.mp4", [[ROW], [ROW], [ROW]], skipped=frozenset({1}))
    found = answers_from_results(samples("ward/op1"), [path], 0.7)
    assert [a.status for a in found.answers] == ["ok", "skipped", "ok"]
    assert found.notes == ["1 of 3 images have no row in the results: not analysed"]
    assert found.model.threshold == 0.7


def test_videos_of_one_name_are_told_apart_by_their_folder(tmp_path):
    files = []
    for k, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        video = tmp_path / folder / "video-001.mkv"
        files.append(write_results(tmp_path / folder / "r.json", video, [[ROW]] if k else [[]]))
    found = answers_from_results(samples("w/one/video-001", "w/two/video-001", count=1), files, None)
    assert [len(a.boxes) for a in found.answers] == [0, 1]


def test_results_of_other_videos_or_of_two_models_are_refused(tmp_path):
    path = write_results(tmp_path / "a.json", tmp_path / "other.mp4", [[ROW]])
    with pytest.raises(FormatError, match="no frame of these samples; they are of"):
        answers_from_results(samples("ward/op1"), [path], None)
    other = ModelRef(**(MODEL.model_dump() | {"sha256": "8" * 64}))
    second = write_results(tmp_path / "b.json", tmp_path / "op1.mp4", [[ROW]], model=other)
    with pytest.raises(FormatError, match="different models"):
        answers_from_results(samples("ward/op1"), [path, second], None)


def test_a_damaged_results_file_is_named_by_the_command(tmp_path, capsys):
    (tmp_path / "bad.json").write_text("{}")
    assert main(["evaluate", "--results", str(tmp_path / "bad.json"), "--data", str(tmp_path / "no.jsonl")]) != 0
    assert capsys.readouterr().err
