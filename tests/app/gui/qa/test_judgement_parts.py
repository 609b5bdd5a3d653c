import threading
from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, Qt

from app.gui.qa.charts import Bar, BarChart, BarGroup, Curve, CurveChart, ticks
from app.gui.qa.figure_words import NONE, gain_words, interval_words, unit_of, value_words
from app.gui.qa.limits_panel import LIMITS, LimitsPanel
from app.gui.qa.newest import Newest, Tell
from app.gui.qa.sitting import Sitting
from app.gui.qa.tables import Line, LineTable
from app.gui.qa.worklist_words import clock, time_left
from app.qa.worklist.clips import Clip
from detector.alerts import AlertSettings
from detector.errors import UsageError

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


def clip(name: str, procedure: str = "a.mp4") -> Clip:
    return Clip(name, Path(procedure), 0, 149, 50, "alarm", "because", 0.5, verdicts=("right", "unsure"))


# -- newest -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def newest(qtbot):
    made = Newest("test")
    yield made
    made.close(5.0)


def test_of_waiting_wishes_only_the_newest_is_worked_on(qtbot, newest: Newest) -> None:
    begun, go = threading.Event(), threading.Event()
    worked: list[int] = []
    found: list[object] = []
    newest.done.connect(found.append)

    def first(tell: Tell) -> int:
        begun.set()
        go.wait(10)
        tell("overtaken here")
        worked.append(1)
        return 1

    def other(number: int) -> object:
        def work(tell: Tell) -> int:
            worked.append(number)
            return number

        return work

    newest.ask(first)
    assert begun.wait(10)
    for number in (2, 3, 4):
        newest.ask(other(number))
    go.set()
    qtbot.waitUntil(lambda: found == [4], timeout=30_000)
    assert worked == [4]
    assert not newest.busy


def test_work_that_fails_says_why_and_the_next_wish_is_done(qtbot, newest: Newest) -> None:
    said: list[str] = []
    found: list[object] = []
    newest.failed.connect(said.append)
    newest.done.connect(found.append)

    def broken(tell: Tell) -> None:
        raise UsageError("It cannot be.", "Do something else.")

    newest.ask(broken)
    qtbot.waitUntil(lambda: said == ["It cannot be. Do something else."], timeout=30_000)
    newest.ask(lambda tell: "fine")
    qtbot.waitUntil(lambda: found == ["fine"], timeout=30_000)


def test_what_nobody_foresaw_becomes_words_and_a_log(qtbot, newest: Newest, caplog) -> None:
    said: list[str] = []
    newest.failed.connect(said.append)
    newest.ask(lambda tell: 1 / 0)
    qtbot.waitUntil(lambda: bool(said), timeout=30_000)
    assert "could not be worked out" in said[0]
    assert "ZeroDivisionError" in caplog.text


def test_what_was_forgotten_is_not_heard_of(qtbot, newest: Newest) -> None:
    go = threading.Event()
    found: list[object] = []
    newest.done.connect(found.append)
    newest.ask(lambda tell: go.wait(10))
    newest.forget()
    go.set()
    qtbot.wait(100)
    assert found == []


# -- sitting ----------------------------------------------------------------------------------------------------------


def test_progress_counts_clips_and_procedures_and_gives_a_time_after_a_few_answers() -> None:
    sitting = Sitting(expected=3)
    sitting.add(Path("a.mp4"), [clip("1"), clip("2"), clip("3"), clip("4")])
    sitting.add(Path("b.mp4"), [clip("5", "b.mp4"), clip("6", "b.mp4")])
    assert sitting.progress().seconds_left is None
    for _ in range(4):
        sitting.answer("right", 5.0)
    progress = sitting.progress()
    assert (progress.done, progress.clips, progress.procedures_done, progress.procedures) == (4, 6, 1, 3)
    assert progress.seconds_left == 10.0
    assert time_left(progress) == "less than a minute left"


def test_whoever_goes_for_a_coffee_does_not_make_the_afternoon_longer() -> None:
    sitting = Sitting([clip(str(n)) for n in range(10)])
    for seconds in (4.0, 5.0, 3000.0):
        sitting.answer("unsure", seconds)
    assert sitting.progress().seconds_left == 35.0


def test_an_answer_that_is_taken_back_is_asked_next() -> None:
    sitting = Sitting([clip("1"), clip("2")])
    sitting.answer("right", 1.0)
    assert sitting.take_back().id == "1"
    assert sitting.current is not None
    assert sitting.current.id == "1"
    assert sitting.last is None


def test_a_procedure_that_is_left_out_counts_neither_as_done_nor_as_waiting() -> None:
    sitting = Sitting(expected=2)
    sitting.add(Path("a.mp4"), [clip("1")])
    sitting.add(Path("b.mp4"), [clip("2", "b.mp4"), clip("3", "b.mp4")])
    assert sitting.leave_out(Path("b.mp4")) == 2
    assert (sitting.progress().clips, sitting.progress().procedures) == (1, 1)


# -- words and charts -------------------------------------------------------------------------------------------------


def test_times_are_printed_as_on_a_clock() -> None:
    assert [clock(s) for s in (0, 61.9, 3727)] == ["0:00", "1:01", "1:02:07"]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("lesion_sensitivity", 0.9138, "91.4 %"),
        ("false_events_0s_per_minute", 0.333, "0.33"),
        ("false_events_0s", 12.0, "12"),
        ("median_seconds_to_first_hit", 0.48, "0.48 s"),
        ("reviewed_minutes", 3.067, "3.1 min"),
        ("lesion_sensitivity", None, NONE),
    ],
)
def test_a_figure_is_written_in_its_unit_and_never_as_0_where_there_is_none(key, value, words) -> None:
    assert value_words(value, unit_of(key)) == words


def test_a_difference_has_a_sign_unless_it_rounds_to_nothing() -> None:
    assert gain_words(0.081, "share") == "+8.1"
    assert gain_words(-0.00001, "seconds") == "+0.00 s"
    assert interval_words(0.82, 0.971, "share") == "82.0 to 97.1 %"
    assert interval_words(None, 0.9, "share") == ""


def test_ticks_are_round_and_cover_everything() -> None:
    assert ticks(4.3) == (0, 1, 2, 3, 4, 5)
    assert ticks(0.0) == (0.0, 1.0)
    assert ticks(117)[-1] >= 117


def test_a_chart_without_anything_to_draw_says_why(qtbot) -> None:
    chart = CurveChart("across", "up")
    qtbot.addWidget(chart)
    chart.resize(420, 300)
    chart.show_curves((), "No lesion was reviewed.")
    empty = chart.grab().toImage()
    chart.show_curves((Curve("red", ((0.0, 0.2), (1.0, 0.8)), (0.5, 0.5)), Curve("blue", ((0.0, 0.1), (2.0, 0.9)))))
    assert chart.grab().toImage() != empty
    assert chart.accessibleDescription() == "red; blue"


def test_a_bar_that_cannot_be_given_is_drawn_empty_and_a_click_tells_its_group(qtbot) -> None:
    chart = BarChart()
    qtbot.addWidget(chart)
    chart.show_groups((BarGroup("small", (Bar(0.5, "1 / 2", 0.1, 0.9),)), BarGroup("large", (Bar(None, "none"),))))
    chart.resize(420, 200)
    chart.show()
    chart.grab()
    chosen: list[int] = []
    chart.chosen.connect(chosen.append)
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))
    assert chosen == [1]


def test_sliders_begin_at_the_very_settings_though_these_lie_between_two_steps(qtbot) -> None:
    panel = LimitsPanel()
    qtbot.addWidget(panel)
    base = AlertSettings(0.4321)
    panel.show_base(base)
    assert panel.settings == base
    assert not panel.changed
    panel.set_limit("hold_s", 1.0)
    assert panel.settings.tracking.max_gap_s == 1.0
    assert panel.settings.threshold == 0.4321
    panel.take_base()
    assert panel.settings == base


def test_every_slider_covers_what_the_alert_code_takes(qtbot) -> None:
    panel = LimitsPanel()
    qtbot.addWidget(panel)
    panel.show_base(AlertSettings(0.5))
    for limit in LIMITS:
        for value in (limit.lowest, limit.highest):
            panel.set_limit(limit.key, value)
            assert limit.read(panel.settings) == value


def test_a_heading_in_a_table_cannot_be_opened(qtbot) -> None:
    table: LineTable[str] = LineTable()
    qtbot.addWidget(table)
    table.show_lines(("Name",), (Line(("Heading",), "h", heading=True), Line(("Line",), "l")))
    opened: list[str] = []
    table.opened.connect(opened.append)
    for row in (0, 1):
        table.choose(row)
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert opened == ["l"]
