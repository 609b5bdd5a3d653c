"""Parts of the lesions and procedures, the withdrawal, detection rates, and what the command says."""

import json
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.cli import main as polypwatch
from app.examination.events import CaecumReached, InterventionEnd, InterventionStart, ScopeIn, ScopeOut
from app.qa.facts import ProcedureFacts, facts_of, withdrawal_of
from app.qa.figure_units import NO_FIGURES
from app.qa.figures import events_of, measure
from app.qa.groups import list_positions, shape_class, size_class
from app.qa.marks import ExamMark
from app.qa.opened import open_for_review
from app.qa.rates import detection_rates
from app.qa.scored import Scored, score_ready
from app.qa.scoring import Wanted, choose, score
from app.recording import Recorder, RecorderOptions
from detector.annotation import Lesion
from detector.errors import FormatError, SourceError
from detector.frame import Frame, FrameTime
from tests.app.qa.films import RATE, picture, write_film
from tests.app.qa.made_results import (
    THRESHOLD,
    annotate,
    candidates_of,
    jittered,
    phantom_with_results,
    red_boxes,
    write_results,
)
from tests.detector.scoring.sides import same, the_oracle
from training.feedback.scored import labelled_videos
from training.importers.context import Context, Report
from training.importers.registry import layouts
from training.samples import Sample, SourceInfo

COUNT = 100


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two small lesions with attributes, three reviewed seconds of four, and answers."""
    folder = tmp_path_factory.mktemp("film")
    video = write_film(folder / "op.mp4", COUNT)
    told = {1: {"size_mm": 4.0, "paris": "IIa"}, 2: {"size_mm": 8.0, "paris": "Is"}, 3: {"size_mm": 12.0}}
    labels = annotate(video, folder / "op.json", COUNT, red_boxes(COUNT), lesions=told, reviewed=((0, 94),))
    from app.qa.checking import settle

    return settle(open_for_review(video, folder / "cache"), folder / "cache"), labels


def read_procedures(folder: Path, work: Path) -> list[Sample]:
    source = SourceInfo("made", "CC0-1.0", True, "")
    context = Context(source, Report(strict=True), work, {"every_s": "0"})
    return list(layouts()["procedure"].read(folder, context))


def scored(film, **changes) -> Scored:
    opened, labels = film
    ready = score_ready(opened, candidates_of(jittered(labels, 2)))
    from dataclasses import replace

    return replace(ready, **changes)


def test_lesions_of_a_size_are_scored_by_themselves_and_others_are_ignored(film):
    found = measure([scored(film)], 100)
    for name, lesion in (("up to 5 mm", "1"), ("6 to 9 mm", "2"), ("10 mm and more", "3")):
        row = found.row("lesion_sensitivity", "group", f"size: {name}")
        assert {s.lesion for s in row.where} == {lesion}
        assert row.figure.value == (1.0 if row.where[0].kind == "TP" else 0.0)
    frames = found.row("frame_sensitivity", "group", "size: 6 to 9 mm").figure.value
    one = [s for s in measure([scored(film)], 100).clinical.per_lesion if s.lesion == "2"]
    assert 0 <= frames <= 1
    assert one[0].frames == sum(2 in marks for k, marks in red_boxes(COUNT).items() if k <= 94)
    assert found.row("lesion_sensitivity", "group", "shape: flat (0-II, 0-III)") is not None


def test_limits_between_the_sizes_are_those_of_the_guidelines():
    def of(size):
        return size_class(Lesion(id=1, paris=None, size_mm=size, note=""))

    assert [of(s) for s in (5.0, 5.9, 6.0, 9.0, 10.0, None)] == [
        "up to 5 mm", "up to 5 mm", "6 to 9 mm", "6 to 9 mm", "10 mm and more", "unknown",
    ]  # fmt: skip
    assert shape_class(Lesion(id=1, paris="IIb", size_mm=None, note="")) == "flat (0-II, 0-III)"


def test_the_place_in_the_days_list_counts_by_room_and_day(film):
    def at(hour, room, day=1):
        return scored(film, facts=ProcedureFacts(room=room, started_utc=datetime(2026, 3, day, hour, tzinfo=UTC)))

    listed = [at(9, "1"), at(8, "1"), at(11, "1"), at(12, "1"), at(8, "2"), at(8, "1", day=2), scored(film)]
    places = list_positions(listed)
    assert [places.get(p) for p in listed] == ["2.", "1.", "3. or later", "3. or later", "1.", "1.", None]


def test_an_adenoma_detection_rate_needs_the_histology_of_every_procedure_with_a_polyp(film):
    def of(histology, found=1):
        lesion = Lesion(id=1, paris=None, size_mm=None, note="", histology=histology)
        return scored(film, lesions={"1": lesion}, facts=ProcedureFacts(polyps_found=found))

    told = detection_rates([of("adenoma"), of("hyperplastic"), of(None, found=0), of("carcinoma")])
    assert (told.polyps.value, told.adenomas.value, told.serrated.value) == (0.75, 0.5, 0.0)
    assert told.polyps.over == "exact, 4 procedures"
    missing = detection_rates([of("adenoma"), of(None)])
    assert missing.adenomas.value is None
    assert "histology of 1 procedures" in missing.note


def test_a_lesion_without_histology_beside_a_hyperplastic_one_may_be_an_adenoma(film):
    known, unknown = (
        Lesion(id=k, paris=None, size_mm=None, note="", histology=h) for k, h in ((1, "hyperplastic"), (2, None))
    )
    mixed = scored(film, lesions={"1": known, "2": unknown}, facts=ProcedureFacts(polyps_found=2))
    assert detection_rates([mixed]).adenomas.value is None


def test_without_a_journal_only_what_was_reviewed_from_end_to_end_enters_a_detection_rate(film):
    part, whole = scored(film), scored(film, whole=True, lesions={})
    assert not part.whole  # 95 of its 100 frames
    told = detection_rates([part, whole])
    assert (told.procedures, told.polyps.value) == (1, 0.0)
    assert "1 procedures without a journal were reviewed in part only" in told.note


def test_the_withdrawal_is_without_interventions_and_without_the_time_outside():
    def mark(position, what):
        return ExamMark(position, what)

    marks = [
        mark(0, ScopeIn()),
        mark(10, CaecumReached()),
        mark(20, InterventionStart()),
        mark(30, InterventionEnd()),
        mark(50, ScopeOut()),
        mark(60, ScopeIn()),
        mark(70, InterventionStart()),
        mark(80, ScopeOut()),
    ]
    inside = withdrawal_of(marks, 100)
    assert np.flatnonzero(inside).tolist() == [*range(10, 20), *range(30, 50), *range(60, 70)]
    assert withdrawal_of(marks[:4], 100) is None  # nobody marked the way out
    assert withdrawal_of(marks[:1], 100) is None


def test_false_alarms_a_minute_of_withdrawal_count_what_was_seen_in_it(film):
    inside = np.zeros(COUNT, bool)
    inside[:50] = True
    ready = scored(film, facts=ProcedureFacts(withdrawal=inside))
    found = measure([ready], 100)
    row = found.row("false_events_0s_per_minute", "withdrawal")
    events = [s for s in found.row("false_events_0s").where if s.first < 50]
    assert row.figure.value == pytest.approx(len(events) / (50 / 25 / 60))
    assert row.where == tuple(events)
    assert measure([scored(film)], 100).row("false_events_0s_per_minute", "withdrawal") is None


def test_events_of_a_procedure_lie_in_order_and_only_where_somebody_reviewed(film):
    events = events_of(scored(film))
    assert [e.first for e in events] == sorted(e.first for e in events)
    assert {e.kind for e in events} >= {"TP", "FP"}
    assert all(e.first <= 94 for e in events)
    for event in events:
        assert event.box is not None
        assert event.words


def test_black_pictures_were_reviewed_by_nobody(tmp_path):
    recorder = Recorder(tmp_path / "rec", RATE, options=RecorderOptions(encoder="x264"))
    for n in range(30):
        recorder.offer(Frame(n, FrameTime(n, Fraction(1, 25)), n * 40_000_000, picture(n)))
    recorder.close()
    sidecar = tmp_path / "rec" / "frames.jsonl"
    lines = [json.loads(line) for line in sidecar.read_text().splitlines()]
    for line in lines[1:11]:
        line["blanked"] = True
    sidecar.write_text("".join(json.dumps(line) + "\n" for line in lines))
    video = tmp_path / "rec" / "video-001.mkv"
    annotate(video, tmp_path / "rec" / "video-001.annotation.json", 30, red_boxes(30))
    opened = open_for_review(tmp_path / "rec", tmp_path / "cache")
    ready = score_ready(opened, candidates_of([[] for _ in range(30)]))
    assert [t.reviewed for t in ready.raw.truth] == [False] * 10 + [True] * 20
    _, [labelled] = labelled_videos(tmp_path / "rec")  # what is mined
    assert [labelled.truth(k).reviewed for k in range(30)] == [False] * 10 + [True] * 20
    samples = read_procedures(tmp_path / "rec", tmp_path / "work")  # what is trained on
    assert [s.name.rpartition("/")[2] for s in samples] == [f"{k:06d}" for k in range(10, 30)]


def test_answers_of_another_length_are_refused(film):
    with pytest.raises(FormatError, match="of 10 frames"):
        score_ready(film[0], candidates_of([[] for _ in range(10)]))


def test_nothing_reviewed_gives_no_figure_and_says_so(film):
    opened, labels = film
    ready = score_ready(opened, candidates_of(jittered(labels, 2)), annotations={})
    found = measure([ready])
    assert (found.clinical, found.rows, found.left_out) == (None, (), ("op",))
    assert any("nobody reviewed anything" in note for note in found.notes)
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_which_results_count_must_be_said_where_there_are_several(tmp_path):
    video = write_film(tmp_path / "a.mp4", 30)
    labels = annotate(video, tmp_path / "a.json", 30, red_boxes(30))
    write_results(tmp_path / "a.one.json", video, jittered(labels, 1))
    other = {"name": "other", "version": "2", "variant": "fp32", "sha256": "7" * 64}
    from detector.results import ModelRef

    write_results(tmp_path / "a.two.json", video, jittered(labels, 2), model=ModelRef(**other))
    run = score([video], Wanted(cache=tmp_path / "cache"), draws=100)
    assert "several results" in run.failures[0].why
    assert score([video], Wanted("other", cache=tmp_path / "cache"), draws=100).figures.model == "other 2 fp32"
    assert score([video], Wanted("a.one", cache=tmp_path / "cache"), draws=100).figures.model == "scripted 1 fp32"
    missing = score([video], Wanted("third", cache=tmp_path / "cache"), draws=100)
    assert "no results called 'third'" in missing.failures[0].why


def test_the_command_names_what_could_not_be_scored_and_scores_the_rest(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "ward"
    root.mkdir()
    video = write_film(root / "a.mp4", 30)
    labels = annotate(video, root / "a.json", 30, red_boxes(30))
    write_results(root / "a.one.json", video, jittered(labels, 1))
    write_film(root / "b.mp4", 10)
    (root / "broken.mp4").write_bytes(b"no video at all")
    out = tmp_path / "out.json"
    words = ["score", str(root), "--json", str(out), "--draws", "100", "--processes", "1", "--quiet"]
    assert polypwatch(words) == 9
    told = capsys.readouterr()
    assert "not scored" in told.err
    assert "b.mp4" in told.err
    content = json.loads(out.read_text())
    assert content["schema"] == "polypwatch.score/1"
    assert content["procedures"] == ["a"]
    assert sorted(Path(f["path"]).name for f in content["not_scored"]) == ["b.mp4", "broken.mp4"]
    assert polypwatch(["score", str(tmp_path / "nowhere"), "--quiet"]) == 3
    assert polypwatch(["score", str(root / "b.mp4"), "--draws", "3"]) == 2


def test_what_was_reviewed_but_never_analysed_is_not_called_unreviewed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    video = write_film(tmp_path / "a.mp4", 30)
    annotate(video, tmp_path / "a.json", 30, red_boxes(30))
    assert polypwatch(["score", str(video), "--quiet"]) == 9
    told = capsys.readouterr()
    assert "Nobody reviewed" not in told.out
    assert NO_FIGURES in told.out
    assert "has no results. Analyse it" in told.err


def test_the_phantom_scores_as_the_oracle_says(tmp_path):
    video = phantom_with_results(tmp_path / "set", seed=5)
    found = score([video], Wanted(cache=tmp_path / "cache"), draws=100).figures
    [procedure] = found.procedures
    oracle = the_oracle()
    raw = oracle.lesion_figures([procedure.raw], THRESHOLD, 0.2)
    events = oracle.shown_events([procedure.shown])
    assert same(found.clinical.raw["frame_sensitivity"].value, raw["frame_sensitivity"]) == []
    assert same(found.clinical.raw["frame_specificity"].value, raw["frame_specificity"]) == []
    assert found.row("false_events_0.5s").figure.value == events["events"][0.5]
    assert same(found.row("false_events_0s_per_minute").figure.value, events["per_minute"][0.0]) == []
    assert same(found.clinical.realcolon, oracle.realcolon_figures([procedure.raw], THRESHOLD)) == []
    assert found.row("reviewed_minutes").figure.value == pytest.approx(92 / 60)


def test_a_plain_video_has_no_journal(film):
    facts = facts_of(film[0])
    assert (facts.examination, facts.endoscopist, facts.withdrawal) == (None, None, None)


def test_choosing_live_results_needs_a_record_of_what_was_shown(film):
    from app.qa.loading import Results

    with pytest.raises(SourceError, match="no record of what was shown live"):
        choose(Results((candidates_of([[]]),), (), ()), "live", Path("x"))
