"""One set of figures of a real model: in the window, in the report, from `polypwatch score` and from training.

On two stretches of the phantom, on the 29 sequences of CVC-ClinicDB with their masks, and on the spliced procedure: all
four are equal to the last digit. They are also those of the tests' oracle, which gets what the files say, read here in
plain loops.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from app.cli import main as polypwatch
from app.gui.qa.compare_page import ComparePage
from app.qa.figures import Figures
from app.qa.scoring import Wanted, procedures_below, score
from detector.geometry import Size, as_boxes
from detector.scoring import Answer, Recording, Truth
from tests.app.gui.qa.judged import TestDesk
from tests.detector.scoring.sides import plain, same, the_oracle
from tests.spliced import RATE, clinicdb_procedures, phantom_procedure, spliced_procedure
from training.cli import main as polypwatch_train

pytestmark = [
    pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints"),
    pytest.mark.filterwarnings("default"),  # of torch
]

DRAWS = 100
SETS = {"phantom": phantom_procedure, "clinicdb": clinicdb_procedures, "spliced": spliced_procedure}
LOOSE, HALF = 0.2, 0.5  # IoU


@dataclass(frozen=True)
class Ward:
    """Labelled videos with the answers of the bundled model beside them, and their figures from two commands.

    Attributes:
        folder: of the videos.
        videos: each.
        scored: what `polypwatch score --json` wrote.
        figures: the same from the function below it.
    """

    folder: Path
    videos: list[Path]
    scored: dict
    figures: Figures


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[] if name == "phantom" else [pytest.mark.data]) for name in SETS]
)
def ward(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    folder = root / "ward"
    SETS[request.param](folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLYPWATCH_CACHE", str(root / "cache"))
        model = ["--model", "fast", "--provider", "cpu", "--processes", "1", "--quiet"]
        assert polypwatch(["detect", str(folder), "--beside", *model]) == 0
        out = root / "score.json"
        how = ["--draws", str(DRAWS), "--processes", "1", "--quiet"]
        assert polypwatch(["score", str(folder), "--json", str(out), *how]) == 0
        videos = sorted(folder.glob("*.mp4"))
        figures = score(procedures_below([folder])[0], Wanted(), draws=DRAWS).figures
        yield Ward(folder, videos, json.loads(out.read_text()), figures)


def test_score_writes_what_was_measured(ward: Ward):
    assert ward.scored["figures"] == _as_json([row.as_dict() for row in ward.figures.rows])
    assert ward.scored["sequences"] == _as_json(ward.figures.clinical.as_dict())
    values = [row["value"] for row in ward.scored["figures"]]
    assert len([v for v in values if v is not None]) > 20


def test_the_window_shows_the_same(ward: Ward, qtbot, monkeypatch):
    page = ComparePage(TestDesk(ward.videos), draws=DRAWS)
    qtbot.addWidget(page)
    page.show()
    page.entered()
    try:
        qtbot.waitUntil(lambda: page._findings is not None and bool(page._findings.curves), timeout=60_000)
        findings = page._findings
        on_screen = [line.about for line in page.figures.table.model_.lines]
    finally:
        page.close_page()
    shown, source = {}, ""
    for line in on_screen:
        source = line.key if line.heading else source
        if not line.heading and source != "rates":
            shown[line.key, source] = _as_json(line.figures[0].as_dict())
    written = {(r["key"], r["source"]): {k: r[k] for k in ("value", "low", "high", "over")} for r in ungrouped(ward)}
    assert shown == written
    assert findings.procedures == len(ward.videos)
    drawn = {name: curve.points for name, [curve] in findings.curves.items()}
    assert drawn == {name: points for name, points in joined(ward).items() if points}


def test_the_report_says_the_same(ward: Ward, tmp_path):
    how = ["--no-pdf", "--no-pictures", "--draws", str(DRAWS), "--processes", "1", "--quiet"]
    assert polypwatch(["report", "--qa", str(ward.folder), "--out", str(tmp_path), *how]) == 0
    record = json.loads((tmp_path / "qa-report.json").read_text())
    assert record["figures"]["sequences"] == ward.scored["sequences"]
    assert record["figures"]["figures"] == ward.scored["figures"]
    assert record["figures"]["rates"] == ward.scored["rates"]
    assert len(record["procedures"]) == len(ward.videos)


def test_training_measures_the_same_on_stored_answers_and_png_frames(ward: Ward, tmp_path):
    catalog, out = tmp_path / "ward.jsonl", tmp_path / "evaluation"
    words = ["import", str(ward.folder), "--catalog", str(catalog), "--name", "ward", "--licence", "internal"]
    options = ("every_s=0", "unreviewed=frames", "format=png")
    assert polypwatch_train([*words, *(word for option in options for word in ("--option", option))]) == 0
    results = sorted(str(p) for p in ward.folder.glob("*.analysis-fast-*.json"))
    assert len(results) == len(ward.videos)
    words = ["evaluate", "--results", *results, "--data", str(catalog), "--draws", str(DRAWS), "--pictures", "0"]
    assert polypwatch_train([*words, "--out", str(out)]) == 0
    trained = json.loads((out / "evaluation.json").read_text())["sequences"]
    assert trained["shown"]["reviewed_minutes"]["value"] > 0
    assert in_one_language(trained) == in_one_language(ward.scored["sequences"])


def test_the_oracle_finds_the_same_in_the_files(ward: Ward):
    ours, oracle = ward.figures.clinical, the_oracle()
    threshold = ward.figures.threshold
    raw = [by_hand(video) for video in ward.videos]
    shown = [with_markers(r, p.shown) for r, p in zip(raw, ward.figures.procedures, strict=True)]
    theirs = oracle.lesion_figures(raw, threshold, LOOSE)
    names = ("lesion_sensitivity", "lesion_frame_sensitivity", "frame_sensitivity", "frame_specificity")
    assert {n: ours.raw[n].value for n in names} == {n: theirs[n] for n in names}
    assert same(ours.raw["median_seconds_to_first_hit"].value, theirs["median_seconds_to_first_hit"]) == []
    assert ours.raw["lesion_sensitivity_iou50"].value == oracle.lesion_figures(raw, threshold, HALF)[names[0]]
    assert same(plain(list(ours.per_lesion)), theirs["per_lesion"]) == []
    on_screen, events = oracle.lesion_figures(shown, 0.0, LOOSE), oracle.shown_events(shown)
    assert {n: ours.shown[n].value for n in names} == {n: on_screen[n] for n in names}
    for duration in (0, 0.2, 0.5, 1, 2):
        key = f"false_events_{duration:g}s"
        assert ours.shown[key].value == events["events"][duration]
        assert same(ours.shown[f"{key}_per_minute"].value, events["per_minute"][duration]) == []
    assert same(ours.shown["false_time_share"].value, events["false_time_share"]) == []
    assert same(ours.shown["reviewed_minutes"].value, events["reviewed_s"] / 60) == []
    assert same(ours.realcolon, oracle.realcolon_figures(raw, threshold)) == []
    curve = [plain(p) for p in ours.froc["lesions, raw boxes"]]
    assert same(curve, oracle.froc_lesions(raw, [p["threshold"] for p in curve])) == []


def test_the_oracle_draws_the_same_interval(ward: Ward):
    raw, oracle, threshold = [by_hand(video) for video in ward.videos], the_oracle(), ward.figures.threshold

    def sensitivity(recordings):
        return oracle.lesion_figures(recordings, threshold, LOOSE)["lesion_frame_sensitivity"]

    theirs = oracle.bootstrap(raw, lambda r: r.unit, sensitivity, DRAWS)
    ours = ward.figures.clinical.raw["lesion_frame_sensitivity"]
    if len(ward.videos) == 1:
        assert (theirs, ours.low, ours.high) == (None, None, None)
    else:
        assert same({"low": ours.low, "high": ours.high}, {"low": theirs["low"], "high": theirs["high"]}) == []


def ungrouped(ward: Ward) -> list[dict]:
    return [row for row in ward.scored["figures"] if not row["group"]]


def joined(ward: Ward) -> dict[str, tuple[tuple[float, float], ...]]:
    """The points of each curve that can be drawn."""
    found = {}
    for name, points in ward.scored["sequences"]["froc"].items():
        known = [(p["false_per_unit"], p["sensitivity"]) for p in points]
        found[name] = tuple(sorted(p for p in known if None not in p))
    return found


def in_one_language(sequences: dict) -> dict:
    """Training speaks of sequences and names them below the imported folder; notes are for each its own."""
    text = json.dumps({key: value for key, value in sequences.items() if key != "notes"})
    return json.loads(text.replace("ward/", "").replace("procedure", "sequence"))


def by_hand(video: Path) -> Recording:
    """A video's labels and answers, from the two files beside it."""
    labels = json.loads(video.with_suffix(".annotation.json").read_text())
    [file] = video.parent.glob(f"{video.stem}.analysis-fast-*.json")
    rows = {row["index"]: row for row in json.loads(file.read_text())["frames"]}
    count, size = labels["video"]["frame_count"], Size(labels["video"]["width"], labels["video"]["height"])
    marks = {frame["index"]: frame["marks"] for frame in labels["frames"]}
    looked = {k for r in labels["reviewed"] for k in range(r["first"], r["last"] + 1)}
    truth, answers = [], []
    for k in range(count):
        clear = [m for m in marks.get(k, ()) if m["state"] == "clear"]
        vague = [m for m in marks.get(k, ()) if m["state"] == "marginal"]
        boxes, ignored = (within([m["box"] for m in each], size) for each in (clear, vague))
        truth.append(Truth(k in looked, boxes, tuple(str(m["lesion"]) for m in clear), ignored))
        found = sorted(rows[k]["detections"], key=lambda d: -d["score"])
        assert rows[k]["status"] == "ok"
        scores = np.array([d["score"] for d in found], np.float32)
        answers.append(Answer(as_boxes([d["box"] for d in found]), scores))
    times_s = np.array([k / RATE for k in range(count)])
    return Recording(video.stem, video.stem, size, times_s, count / RATE, truth, answers, "true")


def within(boxes: list[list[float]], size: Size) -> np.ndarray:
    """Cut off at the picture's borders."""
    return as_boxes([np.clip(box, 0, [size.width, size.height] * 2).tolist() for box in boxes])


def with_markers(recording: Recording, shown: Recording) -> Recording:
    """The same labels, with what stood on the screen: the tracker and the alerts are not what is in question here."""
    assert shown.name == recording.name
    return replace(recording, answers=list(shown.answers))


def _as_json(value: object) -> object:
    return json.loads(json.dumps(value))
