import json

import numpy as np
import pytest

from detector.errors import FormatError, OutputError
from detector.geometry import as_boxes
from detector.scoring.recording import Answer
from tests.training.evaluation.made import HERE, NOTHING, evaluation, hit, sample, video
from training.evaluation.measure import measure_stills
from training.evaluation.store import read_predictions, same_images, write_json, write_predictions


def written(tmp_path, samples, answers):
    found = evaluation(samples, answers, draws=100)
    path = tmp_path / "out" / "predictions.jsonl"
    write_predictions(found.predictions, path, "polypwatch test")
    return found, path


def test_what_is_read_is_what_was_measured_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(3)
    samples, answers = video({1, 2}, count=4)
    for i in range(20):
        corner = rng.uniform(0, 50, (5, 2))
        boxes = as_boxes(np.concatenate([corner, corner + rng.uniform(1, 50, (5, 2))], axis=1))
        scores = np.sort(rng.random(5).astype(np.float32))[::-1].copy()
        samples.append(sample(f"t/{i:02}", [HERE], centre="C1", patient="p", ignored=boxes[:1]))
        answers.append(Answer(boxes, scores))
    samples.append(sample("u/1", known=False))
    answers.append(hit(0.3))
    found, path = written(tmp_path, samples, answers)
    back = read_predictions(path.parent)
    assert back.model == found.predictions.model
    assert back.data == found.predictions.data
    assert same_images(back.rows, found.rows) == ""
    for ours, theirs in zip(found.rows, back.rows, strict=True):
        assert np.array_equal(ours.answer.boxes, theirs.answer.boxes)
        assert np.array_equal(ours.answer.scores, theirs.answer.scores)
        assert (ours.sequence, ours.order, ours.time_s, ours.unit, ours.truth.lesions) == (
            theirs.sequence,
            theirs.order,
            theirs.time_s,
            theirs.unit,
            theirs.truth.lesions,
        )
    assert measure_stills(back.rows, 0.5, 100, 1) == found.total


def test_no_path_of_an_image_is_written(tmp_path):
    _, path = written(tmp_path, [sample("s/1", [HERE], image=tmp_path / "secret" / "x.png")], [NOTHING])
    assert "secret" not in path.read_text()


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    _, path = written(tmp_path, [sample(f"s/{i}") for i in range(3)], [NOTHING] * 3)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]))
    with pytest.raises(FormatError, match="2 of 3 images"):
        read_predictions(path)
    path.write_text("".join(lines)[:-20])
    with pytest.raises(FormatError, match="line 4 is not JSON"):
        read_predictions(path)
    path.write_text("")
    with pytest.raises(FormatError, match="is empty"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("scores", [0.5], "0 boxes, but 1 scores"), ("lesions", ["a"], "lesion ids"), ("reviewed", "perhaps", "reviewed")],
)
def test_a_bad_line_is_named(tmp_path, field, value, said):
    _, path = written(tmp_path, [sample("s/1")], [NOTHING])
    head, line = path.read_text().splitlines()
    path.write_text(head + "\n" + json.dumps(json.loads(line) | {field: value}))
    with pytest.raises(FormatError, match=f"line 2.*{said}"):
        read_predictions(path)


def test_another_schema_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "predictions.jsonl").write_text('{"schema": "polypwatch.predictions/2"}\n')
    with pytest.raises(FormatError, match=r"polypwatch\.predictions/2"):
        read_predictions(tmp_path)
    with pytest.raises(FormatError, match="evaluate --out"):
        read_predictions(tmp_path / "nowhere")


def test_a_result_that_cannot_be_written_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_json({}, tmp_path / "file" / "evaluation.json")


def test_other_images_and_other_labels_are_noticed():
    one = evaluation([sample("s/1", [HERE]), sample("s/2")], [NOTHING] * 2).rows
    assert "1 images are in one of them only" in same_images(one, one[:1])
    other = evaluation([sample("s/1"), sample("s/2")], [NOTHING] * 2).rows
    assert same_images(one, other) == "s/1 is labelled differently"
