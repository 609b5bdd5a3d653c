"""The report: nothing of the figures is lost, and it can be read."""

import json

from app.bench.figures import PaintTimes, Throughput
from app.bench.report import as_json, as_text
from app.bench.verdict import judge
from app.report import Percentiles
from tests.app.bench.cases import HD25_REC, HD50_REC, figures, trial

FIGURES = figures(
    trial(HD25_REC, record_waiting=3),
    trial(HD50_REC, late=40, box_ms=Percentiles(None, None, None)),
    throughputs=(Throughput("encode", "H.264", 1920, 1080, 60, 48.3),),
    paint=PaintTimes(1920, 1080, 100, Percentiles(4.5, 5.0, 6.0)),
)


def test_the_json_has_every_figure_and_the_reasons():
    verdict = judge(FIGURES)
    data = json.loads(as_json(FIGURES, verdict))
    assert data["schema"] == "polypwatch.bench/1"
    assert data["verdict"]["outcome"] == "holds"
    assert data["verdict"]["sentences"] == list(verdict.sentences)
    assert [t["held"] for t in data["trials"]] == [True, False]
    assert data["trials"][1]["why_not"][0] == "no answer of the AI reached the screen"
    assert data["trials"][1]["setting"] == {"width": 1920, "height": 1080, "rate": 50, "recording": True}
    assert data["calls"][0]["repeats_ms"] == [20.0, 20.5, 20.2]
    assert data["throughputs"][0]["frames_per_s"] == 48.3
    assert data["others"] == [0.01, 0.02]


def test_the_text_ends_with_the_verdict():
    text = as_text(FIGURES, judge(FIGURES))
    assert "1080p50 with recording" in text
    assert "20.0 / 22.0 / 25.0" in text
    assert "Other programs: 2% of the processor at most" in text
    *_, verdict, notice = text.split("\n\n")
    assert verdict.startswith("This machine can run `fast` on 1080p25")
    assert notice.startswith("Research use only")


def test_a_disturbance_stands_before_what_was_measured():
    disturbed = figures(trial(HD25_REC), others=(0.5,))
    text = as_text(disturbed, judge(disturbed))
    assert text.index("close them and run again") < text.index("While disturbed")
