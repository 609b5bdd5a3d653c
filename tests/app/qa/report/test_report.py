"""Reports say the figures of `app.qa.figures`: in JSON to the last digit, in HTML as they are rounded in one place."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cli import main as polypwatch
from app.qa.comparing import compare
from app.qa.figure_units import NO_FIGURES, interval, unit_of, written
from app.qa.progress import Stopped
from app.qa.report.gathering import Asked, gather, of_figures
from app.qa.report.html import html_of
from app.qa.report.page import page_of, without_paths
from app.qa.report.record import SCHEMA, record_of
from app.qa.report.worst import pair, worst_of
from app.qa.report.writing import models_of, write_reports
from app.qa.scoring import Wanted, procedures_below, score
from detector.annotation import save_annotation
from detector.errors import UsageError
from detector.results import ModelRef
from tests.app.qa import test_loading as live
from tests.app.qa.films import write_film
from tests.app.qa.made_results import annotate, jittered, red_boxes, write_results

FRAMES, DRAWS = 110, 100
RIVAL = ModelRef(name="rival", version="2", variant="fp32", sha256="7" * 64)
SECRET = "Mario Rossi, born 1950"


def add_case(root: Path, name: str, seed: int) -> Path:
    video = write_film(root / f"{name}.mp4", FRAMES, first=7 * seed)
    kinds = {1: {"size_mm": 4.0, "note": SECRET}, 2: {"size_mm": 12.0, "histology": "adenoma"}}
    boxes = red_boxes(FRAMES, 7 * seed)
    labels = annotate(video, video.with_suffix(".json"), FRAMES, boxes, reviewed=((0, 99),), lesions=kinds)
    answers = jittered(labels, seed)
    blind = [[row for row in rows if row[0] < 5] if k < 40 else rows for k, rows in enumerate(answers)]
    write_results(
        root / f"{name}.analysis-scripted-1-fp32.json", video, blind, statuses={50: "failed"}, skipped=frozenset({51})
    )
    write_results(root / f"{name}.analysis-rival-2-fp32.json", video, jittered(labels, seed + 20), model=RIVAL)
    return video


@pytest.fixture(scope="module")
def ward(tmp_path_factory) -> Path:
    """Two reviewed videos and one that nobody reviewed, with the answers of two models."""
    root = tmp_path_factory.mktemp("clinic of Dr Bianchi") / "ward"
    root.mkdir()
    for seed, name in enumerate(("op-1", "op-2")):
        add_case(root, name, seed)
    video = write_film(root / "op-3.mp4", 30)
    write_results(root / "op-3.analysis-scripted-1-fp32.json", video, [[] for _ in range(30)])
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


def asked(cache: Path, results: str = "scripted", **more) -> Asked:
    return Asked(Wanted(results, cache=cache), draws=DRAWS, **more)


@pytest.fixture(scope="module")
def report(ward, cache):
    return gather(procedures_below([ward])[0], asked(cache))


@pytest.fixture(scope="module")
def compared(ward, cache):
    return gather(procedures_below([ward])[0], asked(cache, against="rival"))


class Cells(HTMLParser):
    """The rows of all tables, what is loaded, and the pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.loaded: list[str] = []
        self.pictures: list[bytes] = []
        self.tags: set[str] = set()
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True
        for name, value in attrs:
            if name == "src" and value.startswith("data:image/jpeg;base64,"):
                self.pictures.append(base64.b64decode(value.partition(",")[2]))
            elif name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
                self.loaded.append(value)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.rows[-1][-1] += data


def test_every_figure_of_the_json_is_that_of_the_window_to_the_last_digit(ward, cache, report):
    figures = score(procedures_below([ward])[0], Wanted("scripted", cache=cache), draws=DRAWS).figures
    record = json.loads(json.dumps(record_of(report)))
    assert record["schema"] == SCHEMA
    theirs = json.loads(json.dumps(figures.as_dict()))
    assert record["figures"] == theirs
    assert len(theirs["figures"]) > 40
    alone = score([ward / "op-1.mp4"], Wanted("scripted", cache=cache), draws=DRAWS).figures
    assert record["procedures"][0]["name"] == "op-1"
    assert record["procedures"][0]["figures"] == json.loads(json.dumps([r.as_dict() for r in alone.rows]))


def test_every_figure_of_the_page_is_rounded_from_it_with_its_interval(report):
    rows = Cells(html_of(page_of(report))).rows
    for row in report.figures.rows:
        unit = unit_of(row.key)
        said = [row.words, written(row.figure.value, unit), interval(row.figure, unit), row.why_not or row.figure.over]
        assert ([row.group, *said] if row.group else said) in rows
    for each in report.covered:
        [cells] = [r for r in rows if r[0] == each.name and len(r) == 10]
        assert cells[3] == written(each.figures.row("lesion_sensitivity").figure.value, "share")
        assert cells[6] == written(each.figures.row("false_events_0s").figure.value, "count")


def test_the_head_says_what_was_measured_on_what_and_by_how_many(report):
    rows = Cells(html_of(page_of(report))).rows
    assert ["Model", "scripted 1 fp32"] in rows
    assert ["Model file, SHA-256", "5" * 64] in rows
    assert ["Threshold", "0.5"] in rows
    assert ["Readers", "1, not blinded"] in rows
    assert ["Procedures that count", "2"] in rows
    minutes = written(report.figures.row("reviewed_minutes").figure.value, "minutes")
    assert ["Reviewed", f"{minutes} of {2 * FRAMES / 25 / 60:.1f} min"] in rows


def test_what_was_not_reviewed_or_not_analysed_is_said(report):
    text = html_of(page_of(report))
    assert ["op-1", f"{FRAMES - 100} of {FRAMES}", "1", "1"] in Cells(text).rows
    assert "Nobody reviewed anything of op-3." in text


def test_the_worst_are_there_as_pictures_beside_the_original(report):
    found = Cells(html_of(page_of(report))).pictures
    assert len(found) == len(report.worst) > 2
    assert {each.what for each in report.worst} == {"miss", "false alarm"}
    for data in found:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (96, 2 * 160 + 6, 3)
        assert b"Exif" not in data


def test_misses_come_largest_first_and_each_lesion_once(report):
    misses = [each for each in worst_of(report.figures, 10) if each.what == "miss"]
    assert len({(m.procedure, m.spot.lesion) for m in misses}) == len(misses)
    never = [m for m in misses if "never" in m.spot.words]
    assert misses[: len(never)] == never
    alarms = [each.spot.seconds for each in worst_of(report.figures, 10) if each.what == "false alarm"]
    assert alarms == sorted(alarms, reverse=True)


def test_the_box_of_the_miss_is_drawn_on_the_right_only(report):
    miss = next(each for each in report.worst if each.what == "miss")
    scored = next(p for p in report.figures.procedures if p.name == miss.procedure)
    grey = np.full((96, 160, 3), 90, np.uint8)
    both = cv2.imdecode(np.frombuffer(pair(grey, scored, miss.spot), np.uint8), cv2.IMREAD_COLOR).astype(int)
    left, right = both[:, :150], both[:, 170:]
    assert abs(left - 90).max() < 12
    assert (right[..., 1] - right[..., 2] > 80).any()
    assert (grey == 90).all()


@pytest.mark.parametrize("name", ["report", "compared"])
def test_nothing_is_loaded_and_nobody_is_named(name, request, ward):
    found = request.getfixturevalue(name)
    text = html_of(page_of(found))
    cells = Cells(text)
    assert cells.loaded == []
    assert not cells.tags & {"script", "link", "iframe", "object", "embed"}
    assert set(re.findall(r"https?://[^\"'<\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in text
    record = json.dumps(record_of(found))
    for said in (text, record):
        assert "Bianchi" not in said
        assert str(ward) not in said
        assert SECRET not in said
        assert "Research use only" in said


def test_a_comparison_has_the_differences_of_both_and_the_figures_of_each(compared, ward, cache):
    sides = [
        score(procedures_below([ward])[0], Wanted(name, cache=cache), draws=DRAWS).figures
        for name in ("scripted", "rival")
    ]
    expected = compare(*(f.procedures for f in sides), DRAWS, 1)
    record = json.loads(json.dumps(record_of(compared)))
    assert record["kind"] == "comparison"
    assert record["comparison"] == json.loads(json.dumps(expected.as_dict()))
    ours, theirs = record["against"]["figures"], json.loads(json.dumps([r.as_dict() for r in sides[1].rows]))
    assert ours == theirs
    rows = Cells(html_of(page_of(compared))).rows
    first = expected.differences[0]
    assert [first.words, written(first.a, "share"), written(first.b, "share")] in [r[:3] for r in rows]
    missed = {(w.procedure, w.spot.lesion) for w in compared.worst if w.what == "miss" and w.side == "a"}
    found = {(s.path.stem, s.lesion) for s in expected.only("b") if s.kind == "TP"}
    assert missed == found
    assert missed


def test_the_models_that_can_be_asked_for_are_named_the_most_frequent_first(ward, cache):
    names = models_of(procedures_below([ward])[0], cache)
    assert names == ("scripted 1 fp32", "rival 2 fp32")
    found = gather([ward / "op-1.mp4"], asked(cache, names[1], pictures=False))
    assert found.kind == "procedure"
    assert found.figures.model == names[1]


def test_what_was_shown_live_is_reported_as_it_was_with_who_read_it_blinded(tmp_path, cache):
    folder = tmp_path / "EX-1"
    live.record(folder)
    live.write_log(folder, [live.head(), *(live.row(k, track=3 if 4 <= k < 20 else None) for k in range(live.COUNT))])
    video = folder / "video-001.mkv"
    labels = annotate(video, folder / "video-001.annotation.json", live.COUNT, red_boxes(live.COUNT))
    changed = {"source": "reviewed by A, blinded"}
    save_annotation(folder / "video-001.annotation.json", labels.model_copy(update=changed))
    found = gather([folder], asked(cache, ""))
    rows = Cells(html_of(page_of(found))).rows
    assert ["Markers", "as they were recorded live"] in rows
    assert ["Readers", "1, blinded"] in rows
    assert found.figures.procedures[0].settings is None
    assert record_of(found)["models"][0]["alerts"] == [None]
    assert record_of(found)["procedures"][0]["blinded"] is True
    assert page_of(found).title == "Quality report: EX-1"


def test_where_nobody_reviewed_anything_there_are_no_figures(ward, cache):
    found = gather([ward / "op-3.mp4"], asked(cache))
    text = html_of(page_of(found))
    assert NO_FIGURES in text
    assert record_of(found)["figures"]["sequences"] is None
    assert Cells(text).pictures == []
    assert " 0 %" not in text


def test_without_procedures_there_is_no_report(tmp_path, cache):
    with pytest.raises(UsageError, match="no recording"):
        write_reports([], tmp_path / "out", asked(cache))
    assert not (tmp_path / "out").exists()


def test_a_picture_that_cannot_be_read_is_said_in_its_place(tmp_path, cache):
    video = add_case(tmp_path, "op-9", 3)
    paths = [video]
    whole = gather(paths, asked(cache))
    video.write_bytes(b"")
    broken = of_figures(whole.figures, (), asked(cache))
    assert whole.worst
    assert len(broken.worst) == len(whole.worst)
    assert "The picture cannot be read." in html_of(page_of(broken))


def test_a_run_goes_on_where_it_was_and_what_changed_is_written_anew(tmp_path, cache):
    root, out = tmp_path / "ward", tmp_path / "out"
    root.mkdir()
    for seed, name in enumerate(("a.1", "b")):
        add_case(root, name, seed)
    paths = procedures_below([root])[0]
    how = asked(cache, pictures=False)
    calls = []

    def stop() -> bool:
        return len(calls) > 2

    with pytest.raises(Stopped):
        write_reports(paths, out, how, each=True, progress=lambda *a: calls.append(a), stop=stop)
    first = write_reports(paths, out, how, each=True)
    assert [w.html.relative_to(out).as_posix() for w in first] == [
        "qa-report.html",
        "procedures/a.1.html",
        "procedures/b.html",
    ]
    assert first[0].was_there
    assert not first[2].was_there
    assert all(w.was_there for w in write_reports(paths, out, how, each=True))
    before = first[0].html.stat().st_mtime_ns
    labels = root / "b.json"
    labels.write_text(labels.read_text() + "\n")
    again = write_reports(paths, out, how, each=True)
    assert [w.was_there for w in again] == [False, True, False]
    assert again[0].html.stat().st_mtime_ns > before


def test_reports_do_not_go_into_a_recording(tmp_path, cache):
    folder = tmp_path / "recording"
    folder.mkdir()
    with pytest.raises(UsageError, match="one of the procedures"):
        write_reports([folder], folder, asked(cache))


def test_names_of_folders_do_not_reach_the_reader():
    path = Path("/hospital/Rossi Mario/film.mp4")
    said = without_paths(f"{path} has no results; /hospital/Rossi Mario/other.json is damaged", [path])
    assert said == "film.mp4 has no results; other.json is damaged"


def test_the_command_writes_all_of_it_and_says_what_has_no_figures(ward, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    out = tmp_path / "out"
    words = ["report", str(ward), "--qa", "--results", "scripted", "--out", str(out), "--draws", "100"]
    more = ["--processes", "1", "--quiet", "--no-pictures"]
    assert polypwatch([*words, *more]) == 0
    said = capsys.readouterr()
    assert str(out / "qa-report.pdf") in said.out
    assert (out / "qa-report.pdf").read_bytes().startswith(b"%PDF-")
    assert json.loads((out / "qa-report.json").read_text())["figures"]["not_reviewed"] == ["op-3"]
    assert polypwatch([*words, *more]) == 0
    assert "(as it was)" in capsys.readouterr().out
    words[4] = "rival"
    assert polypwatch([*words, *more, "--no-pdf"]) == 9
    assert "not scored: op-3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--results", "fast"], "--results goes with --qa"),
        (["--qa", "--language", "it"], "Reports of QA are in English"),
        (["--qa", "--draws", "3"], "100 draws"),
        (["--qa", "--results", "a", "--against", "a"], "not compared with itself"),
        (["--qa", "--threshold", "2"], "A threshold lies above 0"),
    ],
)
def test_options_that_cannot_be_are_refused(words, said, tmp_path, capsys):
    assert polypwatch(["report", str(tmp_path), "--out", str(tmp_path / "out"), *words]) != 0
    assert said in capsys.readouterr().err
