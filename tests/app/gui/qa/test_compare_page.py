import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication

from app.gui.qa.compare_page import DIFFERENCES, GROUPS, WHAT_IF, ComparePage
from app.gui.qa.room_dialog import RoomDialog
from app.gui.qa.whatif_view import WhatIfView
from app.qa.scoring import Wanted, score
from tests.app.gui.qa.judged import FRAMES, TestDesk, answer, film, label, procedures, red

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

WAIT_MS = 30_000
DRAWS = 100
RED, BLUE = "red 1.0 fp32 (re-analysis)", "blue 1.0 fp32 (re-analysis)"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films that no test changes, and a cache that knows them after the first test."""
    folder = tmp_path_factory.mktemp("compare")
    procedures(folder / "films", 2)
    return folder


@pytest.fixture(autouse=True)
def own_folders(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(shared / "cache"))
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path / "config"))


@pytest.fixture
def films(shared: Path) -> list[Path]:
    return sorted((shared / "films").glob("*.mp4"))


@pytest.fixture
def show(qtbot) -> Iterator[object]:
    pages: list[ComparePage] = []

    def made(desk: TestDesk, a: str = "", b: str = "") -> ComparePage:
        page = ComparePage(desk, draws=DRAWS)
        pages.append(page)
        qtbot.addWidget(page)
        page.resize(1280, 720)
        page.show()
        page.entered()
        if a:
            qtbot.waitUntil(lambda: page._material is not None, timeout=WAIT_MS)
            page.a.setCurrentText(a)
            page.b.setCurrentIndex(max(0, page.b.findText(b)))
            wait_for_figures(qtbot, page, 2 if b else 1)
        return page

    yield made
    for page in pages:
        page.close_page()


def wait_for_figures(qtbot, page: ComparePage, models: int) -> None:
    def there() -> bool:
        findings = page._findings
        return findings is not None and len(findings.models) == models

    qtbot.waitUntil(there, timeout=WAIT_MS)


def row_of(page: ComparePage, words: str) -> int:
    lines = page.figures.table.model_.lines
    return next(n for n, line in enumerate(lines) if line.words[0].startswith(words) and not line.heading)


def cells(page: ComparePage, words: str) -> tuple[str, ...]:
    return page.figures.table.model_.lines[row_of(page, words)].words


def test_the_figures_of_one_model_are_those_of_the_score_command(qtbot, show, films) -> None:
    page = show(TestDesk(films), RED)
    figures = score(films, Wanted(results="red"), draws=DRAWS).figures
    shown = {
        (line.about.key, source): line.about.figures[0]
        for line, source in _with_source(page)
        if line.about.figures and source != "rates"
    }
    assert {(row.key, row.source): row.figure for row in figures.rows if not row.group} == shown
    assert cells(page, "lesion sensitivity, IoU 0.2")[1] == "100.0 %"


def _with_source(page: ComparePage):
    source = ""
    for line in page.figures.table.model_.lines:
        if line.heading:
            source = line.about.key
        else:
            yield line, source


def test_a_figure_leads_to_its_places_and_enter_opens_replay_there(qtbot, show, films) -> None:
    desk = TestDesk(films)
    page = show(desk, RED)
    page.figures.table.choose(row_of(page, "false-positive events >= 0 s"))
    alarms = page.spots.spots
    assert {spot.kind for spot in alarms} == {"FP"}
    assert len(alarms) == 2  # one in each film
    page.spots.table.choose(1)
    qtbot.keyClick(page.spots.table, Qt.Key.Key_Return)
    spot = alarms[1]
    file = spot.path.with_name(f"{spot.path.stem}.analysis-red-1.0-fp32.json")
    assert desk.opened == [(spot.path, spot.focus, (file,))]
    assert 250 <= spot.focus < 300


def test_two_models_are_compared_in_pairs_with_a_word_for_what_is_proven(qtbot, show, films) -> None:
    page = show(TestDesk(films), RED, BLUE)
    words = cells(page, "lesion sensitivity, IoU 0.2")
    assert words[1] == "100.0 %"
    assert words[2] == "0.0 %"
    assert words[3].startswith("+100.0")
    assert words[4] == "unclear"  # two procedures prove nothing
    line = page.figures.table.model_.lines[row_of(page, "lesion sensitivity, IoU 0.2")]
    assert "fewer than 10" in line.tip


def test_what_only_one_model_has_is_listed_filtered_and_opened_with_both(qtbot, show, films) -> None:
    desk = TestDesk(films)
    page = show(desk, RED, BLUE)
    page.show_view(DIFFERENCES)
    seen = [line.about for line in page.differences.table.model_.lines]
    # In each film red finds the lesion and has an alarm of its own, blue another one.
    assert sorted((each.seen, each.spot.kind) for each in seen) == 2 * [("A", "FP")] + 2 * [("A", "TP")] + 2 * [
        ("B", "FP")
    ]
    page.differences.filter.chosen.emit("b")
    assert [line.about.seen for line in page.differences.table.model_.lines] == ["B", "B"]
    page.differences.table.choose(0)
    qtbot.keyClick(page.differences.table, Qt.Key.Key_Return)
    [(path, position, files)] = desk.opened
    assert 400 <= position < 440
    assert [file.name for file in files] == [
        f"{path.stem}.analysis-red-1.0-fp32.json",
        f"{path.stem}.analysis-blue-1.0-fp32.json",
    ]


def test_with_one_model_the_differences_say_what_to_do(qtbot, show, films) -> None:
    page = show(TestDesk(films), RED)
    page.show_view(DIFFERENCES)
    assert "second model" in page.differences.said.text()
    assert page.differences.table.isHidden()


def tried(qtbot, view: WhatIfView) -> None:
    def done() -> bool:
        return view.trial is not None and view.trial.whole and view.trial.tried.settings == view.limits.settings

    qtbot.waitUntil(done, timeout=WAIT_MS)


def test_a_slider_shows_what_comes_and_goes_at_once(qtbot, show, films) -> None:
    page = show(TestDesk(films), RED)
    page.show_view(WHAT_IF)
    view = page.what_if
    view.limits.set_limit("threshold", 0.75)  # above the false alarm's score of 0.7, below the lesion's
    tried(qtbot, view)
    changes = {line.words[0]: line.words[1:] for line in view.table.model_.lines}
    assert changes["False alarms"] == ("2", "0", "-2")
    assert changes["Lesions found"] == ("100.0 %", "100.0 %", "+0.0")
    assert "was 0.50" in view.limits.values["threshold"].text()
    less = view.changes[False, "FP"]
    assert less.text() == "2 false alarms less"
    less.click()
    assert {spot.kind for spot in page.spots.spots} == {"FP"}
    view.limits.set_limit("threshold", 0.30)  # what was followed below the threshold becomes an alarm
    tried(qtbot, view)
    assert view.changes[True, "FP"].text() == "2 false alarms more"
    view.limits.reset.click()
    tried(qtbot, view)
    assert not view.limits.changed
    assert view.changes[True, "FP"].text() == "0 false alarms more"


def test_of_many_wishes_only_the_newest_is_shown(qtbot, show, films) -> None:
    page = show(TestDesk(films), RED)
    slider = page.what_if.limits.sliders["threshold"]
    for tick in range(slider.maximum()):
        slider.setValue(tick)
    page.what_if.limits.set_limit("threshold", 0.85)
    tried(qtbot, page.what_if)
    qtbot.wait(100)
    assert page.what_if.trial.tried.settings.threshold == 0.85


def test_too_little_reviewed_video_refuses_the_preset_in_words(qtbot, show, films) -> None:
    page = show(TestDesk(films), RED)
    page.what_if.limits.set_limit("threshold", 0.75)
    tried(qtbot, page.what_if)
    assert not page.what_if.to_room.isEnabled()
    assert "a rate needs 10" in page.what_if.refused.text()


def test_settings_are_sent_to_a_room_with_their_measured_rate(qtbot, show, films, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("app.qa.room_preset.LEAST_MINUTES", 0.5)  # twice twenty seconds are reviewed
    desk = TestDesk(films)
    page = show(desk, RED)
    page.what_if.limits.set_limit("threshold", 0.75)
    tried(qtbot, page.what_if)
    assert page.what_if.to_room.isEnabled()
    page.what_if.to_room.click()
    [dialog] = [w for w in QApplication.topLevelWidgets() if isinstance(w, RoomDialog) and w.isVisible()]
    assert not dialog.here.isEnabled()  # a room has a name
    assert "0.75" in dialog.words.text()
    assert "per minute" in dialog.words.text()
    qtbot.keyClicks(dialog.name, "Room 2")
    file = tmp_path / "room.json"
    dialog.save_file(str(file))
    qtbot.waitUntil(lambda: bool(desk.said), timeout=WAIT_MS)
    room = json.loads(file.read_text())
    assert room["name"] == "Room 2"
    assert room["settings"]["ai"]["threshold"] == 0.75
    assert room["settings"]["ai"]["model"] == "red"
    assert room["measured"]["reviewed_minutes"] == pytest.approx(2 * FRAMES / 25 / 60)
    page.send_to_room(page.what_if.limits.settings)
    [again] = [w for w in QApplication.topLevelWidgets() if isinstance(w, RoomDialog) and w.isVisible()]
    qtbot.keyClicks(again.name, "Room 3")
    again.here.click()
    qtbot.waitUntil(lambda: len(desk.said) == 2, timeout=WAIT_MS)
    settings = json.loads((tmp_path / "config" / "settings.json").read_text())
    assert settings["room"]["presets"]["Room 3"]["ai"]["threshold"] == 0.75


def test_groups_are_tables_whose_lines_lead_to_frames(qtbot, show, films) -> None:
    page = show(TestDesk(films), RED)
    page.show_view(GROUPS)
    page.groups.show_by("size")
    [line] = page.groups.table.model_.lines
    assert line.words[0] == "6 to 9 mm"
    assert line.words[1].startswith("100.0 %")
    page.groups.table.choose(0)
    assert page.spots.heading.text() == "Size: 6 to 9 mm"
    assert page.spots.spots
    page.groups.show_by("endoscopist")
    assert "Nothing is known" in page.groups.said.text()


def test_each_curve_says_what_lies_across(qtbot, show, films) -> None:
    page = show(TestDesk(films), RED)
    qtbot.waitUntil(lambda: page._findings.curves is not None, timeout=WAIT_MS)
    view = page.figures
    assert view.definition.currentText() == "FROC: displayed markers"
    assert view.curve.across == "false alarms per procedure"
    view.definition.setCurrentIndex(view.definition.findText("FROC: lesions, raw boxes"))
    assert view.curve.across == "false boxes per frame without a lesion"
    assert view.curve.curves[0].name == RED


def test_without_a_reviewed_range_no_figure_is_given_and_it_says_why(qtbot, show, tmp_path) -> None:
    path = film(tmp_path / "p.mp4")
    answer(path, "red", red)
    label(path, reviewed=False)
    page = show(TestDesk([path]), RED)
    assert page.figures.table.model_.rowCount() == 0
    assert "nobody reviewed any of this" in page.notes.text()
    page.what_if.limits.set_limit("threshold", 0.75)
    qtbot.waitUntil(lambda: "nothing to try" in page.what_if.said.text(), timeout=WAIT_MS)


def test_a_figure_that_cannot_be_given_is_a_dash_with_its_reason(qtbot, show, tmp_path) -> None:
    path = film(tmp_path / "p.mp4")
    answer(path, "blue", lambda index: [])
    label(path)
    page = show(TestDesk([path]), BLUE)
    words = cells(page, "seconds to first detection")
    assert words[1] == "\N{EN DASH}"
    assert "none was found" in words[-1]
    assert FRAMES == 500


def test_a_procedure_that_cannot_be_read_is_named_and_the_others_count(qtbot, show, films, tmp_path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no video")
    page = show(TestDesk([*films, broken]), RED)
    assert "broken.mp4" in page.notes.text()
    assert cells(page, "lesion sensitivity, IoU 0.2")[1] == "100.0 %"


def test_without_results_the_page_offers_to_analyse(qtbot, show, tmp_path) -> None:
    films = procedures(tmp_path / "bare", 1, models=False)
    desk = TestDesk(films)
    page = show(desk)
    qtbot.waitUntil(lambda: bool(page.saying.buttons), timeout=WAIT_MS)
    page.saying.buttons[0].click()
    assert desk.analysed == [tuple(films)]


def test_a_blinded_reader_is_shown_no_figure(qtbot, show, films) -> None:
    page = show(TestDesk(films, blinded=True))
    assert "Figures would tell" in page.saying.title.text()
    assert page._material is None
