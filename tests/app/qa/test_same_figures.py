"""One set of figures: the window's, `polypwatch score --json` and `polypwatch-train evaluate`, to the last digit."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.cli import main as polypwatch
from app.qa.figures import measure
from app.qa.scoring import Wanted, names_of, prepare, procedures_below, score
from app.recording import Recorder, RecorderOptions
from detector.frame import Frame, FrameTime
from tests.app.qa.films import RATE, picture, write_film, write_red_model
from tests.app.qa.made_results import THRESHOLD, annotate, jittered, red_boxes, write_results
from tests.detector.scoring.sides import plain, same, the_oracle
from training.cli import main as polypwatch_train
from training.evaluation.data import find_data
from training.evaluation.run import Settings, evaluate_model, evaluate_results

FRAMES = 110
OTHER = (192, 112)


def recording_of_two_sizes(folder: Path) -> Path:
    """The picture changes its size in the middle, so that there are two videos; media time begins at 2 s."""
    recorder = Recorder(folder, RATE, options=RecorderOptions(encoder="x264"))
    for n in range(FRAMES):
        image = picture(n)
        if n >= 60:
            image = np.pad(image, ((0, OTHER[1] - 96), (0, OTHER[0] - 160), (0, 0)), constant_values=90)
        recorder.offer(Frame(n, FrameTime(50 + n, Fraction(1, 25)), 1_000_000 + n * 40_000_000, image))
    recorder.close()
    return folder


@pytest.fixture(scope="module")
def ward(tmp_path_factory) -> Path:
    """Two videos and a recording with labels and a model's answers, all of it reviewed."""
    root = tmp_path_factory.mktemp("figures") / "ward"
    root.mkdir()
    for seed, name in enumerate(("op1", "op-2")):
        video = write_film(root / f"{name}.mp4", FRAMES, first=7 * seed)
        labels = annotate(
            video, video.with_suffix(".json"), FRAMES, red_boxes(FRAMES, 7 * seed), marginal=frozenset(range(40, 46))
        )
        write_results(root / f"{name}.analysis-scripted-1-fp32.json", video, jittered(labels, seed))
    folder = recording_of_two_sizes(root / "op3")
    answers = {}
    for number, count, size, first in ((1, 60, (160, 96), 0), (2, FRAMES - 60, OTHER, 60)):
        video = folder / f"video-{number:03d}.mkv"
        labels = annotate(video, folder / f"{video.stem}.annotation.json", count, red_boxes(count, first), size=size)
        answers[video] = jittered(labels, 7 + number)
    lines = []
    for video, frames in answers.items():
        path = write_results(folder / "one.json", video, frames, skipped=frozenset({33, 34}), statuses={20: "failed"})
        lines += [line.strip().rstrip(",") for line in path.read_text().splitlines()[1:-1]]
        head = path.read_text().splitlines()[0]
        path.unlink()
    text = head + "\n" + ",\n".join(lines) + '\n], "complete": true}\n'
    (folder / "analysis-scripted-1-fp32.json").write_text(text)
    return root


@pytest.fixture(scope="module")
def found(ward, tmp_path_factory):
    """The figures in the window."""
    cache = tmp_path_factory.mktemp("cache")
    paths, failures = procedures_below([ward])
    assert failures == []
    return score(paths, Wanted(cache=cache), draws=200).figures


def evaluated(ward: Path, tmp_path: Path) -> dict:
    catalog, out = tmp_path / "ward.jsonl", tmp_path / "evaluation"
    words = ["import", str(ward), "--catalog", str(catalog), "--name", "ward", "--licence", "internal"]
    assert polypwatch_train([*words, "--option", "every_s=0", "--option", "format=png"]) == 0
    results = sorted(str(p) for p in ward.rglob("*analysis-*.json"))
    words = ["evaluate", "--results", *results, "--data", str(catalog), "--draws", "200", "--out", str(out)]
    assert polypwatch_train(words) == 0
    return json.loads((out / "evaluation.json").read_text())["sequences"]


def without_names(figures: dict) -> dict:
    """Names and what intervals are drawn over differ in words only: a sequence is a procedure."""
    text = json.dumps(figures)
    for long, short in (("ward/", ""), ("procedures", "sequences")):
        text = text.replace(long, short)
    return json.loads(text)


@pytest.mark.filterwarnings("default")  # of torch
def test_window_command_and_training_give_the_same_digits(ward, found, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "score.json"
    assert polypwatch(["score", str(ward), "--json", str(out), "--draws", "200", "--processes", "1", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "displayed markers:" in printed
    scored = json.loads(out.read_text())
    assert scored["sequences"] == json.loads(json.dumps(found.clinical.as_dict()))
    trained = evaluated(ward, tmp_path)
    ours, theirs = without_names(scored["sequences"]), without_names(trained)
    for each in (ours, theirs):
        each.pop("notes")
    assert ours == theirs
    assert ours["recordings"] == 3
    assert ours["shown"]["false_events_0s"]["value"] >= 1
    assert 0 < ours["shown"]["frame_sensitivity"]["value"] < 1
    assert ours["raw"]["lesion_frame_sensitivity"]["low"] is not None


def test_they_are_those_of_the_oracle(found):
    ours, oracle = found.clinical, the_oracle()
    raw, shown = [p.raw for p in found.procedures], [p.shown for p in found.procedures]
    theirs = oracle.lesion_figures(raw, THRESHOLD, 0.2)
    for name in ("lesion_sensitivity", "frame_sensitivity", "frame_specificity", "median_seconds_to_first_hit"):
        assert same(ours.raw[name].value, theirs[name]) == []
    assert same(plain(list(ours.per_lesion)), theirs["per_lesion"]) == []
    on_screen, events = oracle.lesion_figures(shown, 0.0, 0.2), oracle.shown_events(shown)
    assert same(ours.shown["frame_sensitivity"].value, on_screen["frame_sensitivity"]) == []
    for duration in (0, 0.2, 0.5, 1, 2):
        key = f"false_events_{duration:g}s"
        assert ours.shown[key].value == events["events"][duration]
        assert same(ours.shown[f"{key}_per_minute"].value, events["per_minute"][duration]) == []
    assert same(ours.shown["false_time_share"].value, events["false_time_share"]) == []
    assert same(ours.realcolon, oracle.realcolon_figures(raw, THRESHOLD)) == []


def test_each_row_of_the_table_is_the_figure_of_the_set_and_leads_to_its_frames(found):
    for key, figure in found.clinical.shown.items():
        assert found.row(key).figure == figure
    for duration in ("0", "0.2", "0.5", "1", "2"):
        row = found.row(f"false_events_{duration}s")
        assert len(row.where) == row.figure.value
        assert all(spot.kind == "FP" and spot.track is not None for spot in row.where)
    lesions = found.row("lesion_sensitivity")
    kinds = [spot.kind for spot in lesions.where]
    assert kinds.count("TP") / len(kinds) == lesions.figure.value
    by_name = {p.name: p for p in found.procedures}
    for spot in found.events:
        procedure = next(p for p in by_name.values() if p.path == spot.path)
        assert 0 <= spot.first <= spot.focus <= spot.last < len(procedure.raw.times_s)


def test_procedures_are_called_by_their_path_below_what_they_share(ward):
    paths, _ = procedures_below([ward])
    assert sorted(names_of(paths)) == ["op-2", "op1", "op3"]
    assert names_of([ward / "op1.mp4"]) == ["op1"]


def test_several_processes_give_the_same_as_one(ward, found, tmp_path):
    paths, _ = procedures_below([ward])
    again = score(paths, Wanted(cache=tmp_path), draws=200, processes=2)
    assert again.failures == ()
    assert again.figures.as_dict() == found.as_dict()


def test_what_nobody_reviewed_is_in_no_denominator(tmp_path):
    video = write_film(tmp_path / "half.mp4", FRAMES)
    labels = annotate(video, tmp_path / "half.json", FRAMES, red_boxes(FRAMES), reviewed=((20, 69),))
    write_results(tmp_path / "half.analysis-x.json", video, jittered(labels, 3))
    half = prepare(video, "half", Wanted(cache=tmp_path / "cache"))
    found = measure([half], 100)
    assert found.row("reviewed_minutes").figure.value == pytest.approx(50 / 25 / 60)
    negative = [k for k in range(20, 70) if k not in red_boxes(FRAMES)]
    assert the_oracle().lesion_figures([half.shown], 0.0)["negative_frames"] == len(negative)
    assert all(spot.last >= 20 and spot.first <= 69 for spot in found.events)


def test_a_model_on_the_frames_gives_the_boxes_of_the_results_file(tmp_path):
    """`evaluate --model` on PNG frames and `detect` on the video are one and the same."""
    root = tmp_path / "set"
    root.mkdir()
    video = write_film(root / "op.mp4", 60)
    annotate(video, root / "op.json", 60, red_boxes(60))
    model = write_red_model(tmp_path / "model")
    results = root / "op.analysis-red.json"
    words = ["detect", str(video), "--json", str(results), "--min-score", "0.01", "--model", str(model), "--quiet"]
    assert polypwatch([*words, "--provider", "cpu"]) == 0
    catalog = tmp_path / "set.jsonl"
    words = ["import", str(root), "--catalog", str(catalog), "--name", "set", "--licence", "internal"]
    assert polypwatch_train([*words, "--option", "every_s=0", "--option", "format=png"]) == 0
    data = find_data(str(catalog))
    asked, _ = evaluate_results([results], data, Settings(draws=100))
    ran = evaluate_model(model, data, Settings(draws=100, provider="cpu"))
    for a, b in zip(asked.rows, ran.rows, strict=True):
        assert a.answer.scores.tolist() == b.answer.scores.tolist()
        assert np.allclose(a.answer.boxes, b.answer.boxes, atol=1e-3)  # results have three decimals
    assert asked.sequences.shown["frame_sensitivity"].value == ran.sequences.shown["frame_sensitivity"].value > 0.5
