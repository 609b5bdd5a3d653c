"""Settling what two readers differ on, as whoever decides does it: real logs, a real film, the real window."""

import itertools
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from app.gui.qa.keys import Act, On, row, rows_of
from app.gui.qa.pages import Tab
from app.gui.qa.review_canvas_layers import Layer
from app.gui.qa.settle_page import SettlePage
from app.gui.qa.window import QaWindow
from app.qa.checking import settle
from app.qa.library import ReviewState
from app.qa.opened import open_for_review
from app.qa.review import ReviewSession
from app.qa.review.audit import WHOLE, audited
from app.qa.review.log import read_log
from app.qa.review.settling import begin, committed_readers, pairs_of
from detector.annotation import load_annotation
from tests.app.gui.qa.judged import procedures
from tests.app.gui.qa.qa_rig import listed, window

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

Key, Held = Qt.Key, Qt.KeyboardModifier
HERE = (40.0, 30.0, 80.0, 70.0)
BESIDE = (70.0, 40.0, 110.0, 80.0)
READERS = ("Anna Rossi", "Bo Lind")


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return procedures(tmp_path_factory.mktemp("films"), 1, labels=False, models=False)[0]


@pytest.fixture
def read(film, tmp_path, monkeypatch) -> Path:
    """A film that two have read: of lesion 1 they say the same but for its shape, of 200 and 300 they do not."""
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    path = Path(shutil.copytree(film.parent, tmp_path / "films")) / film.name
    for name, second, shape in zip(READERS, (200, 300), ("Is", "IIa"), strict=True):
        say(path, name, {50: (90, HERE), second: (second + 20, HERE)}, shape)
    return path


def say(path: Path, name: str, seen: dict[int, tuple[int, tuple[float, ...]]], shape: str | None = None) -> None:
    """A reader boxes lesions from a frame to another, and commits."""
    session = ReviewSession.open(settle(open_for_review(path)), name)
    for number, (first, (last, box)) in enumerate(seen.items(), start=1):
        session.draw(first, box)
        session.draw(last, box, number, joined=True)
    if shape:
        session.describe(1, paris=shape)
    session.review(0, 499)
    session.commit()
    session.close()


class Rig:
    """The window, with the page in front."""

    def __init__(self, qtbot, opened: QaWindow) -> None:
        self.qtbot, self.window = qtbot, opened

    @property
    def page(self) -> SettlePage:
        page = self.window.replay.settling.page
        assert page is not None
        return page

    def until(self, holds) -> None:
        self.qtbot.waitUntil(holds, timeout=30_000)

    def key(self, key: Qt.Key, held: Qt.KeyboardModifier = Held.NoModifier) -> None:
        """Press it, and wait until what it did is on the disk and the picture is there."""
        QTest.keyClick(self.page.focusWidget() or self.page, key, held)
        self.ready()

    def ready(self) -> None:
        self.until(lambda: not self.page.scribe.waiting and self.page.player.state().exact)
        self.until(lambda: self.page.player.state().wanted is None)
        self.page.refresh()

    def leave(self) -> None:
        QTest.keyClick(self.page.focusWidget() or self.page, Key.Key_Escape)
        self.until(lambda: self.window.replay.settling.page is None)

    def begin(self, name: str = "Cy Moss") -> None:
        start = self.window.replay.settling.start
        self.until(lambda: start.isVisible() and start.field.hasFocus())
        start.field.setText(name)
        QTest.keyClick(start.field, Key.Key_Return)
        self.until(lambda: self.window.replay.settling.page is not None)
        self.ready()

    def drag(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        canvas = self.page.parts.canvas
        a, b = (canvas.at(point).toPoint() for point in (begin, end))
        self.qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=a)
        self.qtbot.mouseMove(canvas, (a + b) / 2)
        self.qtbot.mouseMove(canvas, b)
        self.qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=b)
        self.ready()


@contextmanager
def settling(qtbot, tmp_path, monkeypatch, path: Path, name: str = "Cy Moss", **room: object):
    with window(qtbot, tmp_path, monkeypatch, path.parent, **room) as opened:
        made = Rig(qtbot, opened)
        opened.settle(path)
        made.begin(name)
        yield made


@pytest.fixture
def rig(qtbot, read, tmp_path, monkeypatch):
    with settling(qtbot, tmp_path, monkeypatch, read) as made:
        yield made


def letter_of(page: SettlePage, reader: str) -> str:
    return "ab"[page.settling.names.index(reader)]


# -- the page ---------------------------------------------------------------------------------------------------------


def test_every_key_of_the_page_does_something_and_none_means_two_things(rig: Rig):
    acts = rig.page.acts
    assert {each.act for each in rows_of(On.SETTLE)} <= set(acts)
    keys = [key for act in (*acts, *(r.act for r in rows_of(On.ROOM))) for key in row(act).keys]
    assert [key for key, same in itertools.groupby(sorted(keys)) if len(list(same)) > 1] == []


def test_all_is_settled_with_one_key_each_and_published(rig: Rig, read: Path, qtbot):
    page = rig.page
    assert page.parts.panel.progress.text() == "0 of 3 settled"
    assert [d.first for d in page.order.all] == [200, 300, 50]
    anna, bo = letter_of(page, "Anna Rossi"), letter_of(page, "Bo Lind")
    rig.key(Key.Key_1 if anna == "a" else Key.Key_2)
    assert page.parts.panel.progress.text() == "1 of 3 settled"
    assert page.current is page.order.all[1]
    rig.until(lambda: page.position == 310)
    rig.key(Key.Key_3)
    assert page.current is page.order.all[2]
    assert page.current.attribute == "paris"
    rig.key(Key.Key_1 if bo == "a" else Key.Key_2)
    assert page.parts.panel.progress.text() == "3 of 3 settled"
    document = page.session.document
    assert [x.stretches for x in document.lesions] == [((50, 90),), ((200, 220),)]
    assert document.lesions[0].attributes.paris == "IIa"
    assert document.reviewed == ((0, 499),)
    rig.key(Key.Key_Return, Held.ControlModifier)
    assert page.parts.question.isVisible()
    rig.key(Key.Key_Return)
    rig.until(lambda: page.session.committed)
    page.refresh()
    assert "A was" in page.parts.panel.who.text()
    labels = load_annotation(read.with_name(f"{read.stem}.annotation.json"))
    assert [x.id for x in labels.lesions] == [x.id for x in document.lesions]
    assert {r.reviewer for r in labels.reviewed} == set(READERS)
    log = page.session.path
    assert log.name.startswith(f"{read.stem}.review-cy-moss-adjudicator")
    kinds = [r.operation.kind for r in read_log(log).records]
    assert kinds == ["import", "decide", "decide", "decide", "commit", "publish"]
    assert audited(log).state == WHOLE
    rig.leave()
    opened = rig.window
    rig.until(lambda: [e.review for e in opened.library.search()] == [ReviewState.ADJUDICATED])
    rig.until(lambda: "Adjudicated" in " ".join(listed(qtbot, opened, 1)[0]))


def test_nobodys_name_is_shown_before_all_is_settled(rig: Rig):
    page = rig.page
    texts = [w.text() for w in page.findChildren(type(page.parts.panel.who))] + [b.tag for b in page.parts.canvas.boxes]
    texts += [page.parts.panel.rows.item(i).text() for i in range(page.parts.panel.rows.count())]
    for name in READERS:
        assert not any(name.split()[0] in text for text in texts)


def test_both_readers_boxes_lie_on_the_picture_with_letters(rig: Rig):
    page = rig.page
    page.choose(page.order.all[2])
    page.going.to(60)
    rig.until(lambda: page.position == 60)
    page.refresh()
    assert {(b.layer, b.tag[0], b.box) for b in page.parts.canvas.boxes} == {(Layer.A, "A", HERE), (Layer.B, "B", HERE)}


def test_backspace_takes_the_last_decision_back_and_never_more(rig: Rig):
    page = rig.page
    rig.key(Key.Key_3)
    rig.key(Key.Key_3)
    assert page.parts.panel.progress.text() == "2 of 3 settled"
    rig.key(Key.Key_Backspace)
    assert page.current is page.order.all[1]
    for _ in range(3):
        rig.key(Key.Key_Backspace)
    assert page.parts.panel.progress.text() == "0 of 3 settled"
    assert page.current is page.order.all[0]
    assert [x.stretches for x in page.session.document.lesions] == [((50, 90),)]  # what both say stays


def test_a_box_of_ones_own_is_drawn_and_stands_for_the_whole_range(rig: Rig):
    page = rig.page
    rig.key(Key.Key_4)
    assert page.parts.panel.progress.text() == "0 of 3 settled"
    assert "Draw your own box" in page.parts.status.said.text()
    rig.drag((70, 40), (110, 80))
    assert page.drawn == {page.position: BESIDE}
    rig.key(Key.Key_4)
    assert page.parts.panel.progress.text() == "1 of 3 settled"
    assert page.session.document.marks_at(200)[0].box == BESIDE
    assert page.session.document.marks_at(220)[0].box == BESIDE


def test_a_value_of_ones_own_can_be_chosen(rig: Rig):
    page = rig.page
    for _ in range(2):
        rig.key(Key.Key_3)
    assert page.parts.panel.values.isVisible()
    page.parts.panel.values.setCurrentIndex(page.parts.panel.values.findData("Isp"))
    page.parts.panel.values.activated.emit(page.parts.panel.values.currentIndex())
    rig.ready()
    assert page.parts.panel.progress.text() == "3 of 3 settled"
    assert page.session.document.lesions[0].attributes.paris == "Isp"


def test_publishing_waits_until_nothing_is_open(rig: Rig):
    rig.key(Key.Key_3)
    rig.key(Key.Key_Return, Held.ControlModifier)
    assert not rig.page.parts.question.isVisible()
    assert "still open" in rig.page.parts.status.said.text()
    assert not rig.page.session.committed


def test_it_goes_on_where_it_stopped(qtbot, read, tmp_path, monkeypatch):
    with settling(qtbot, tmp_path, monkeypatch, read) as rig:
        rig.key(Key.Key_3)
        names = rig.page.settling.names
        rig.leave()
        rig.window.settle(read)
        rig.begin()
        assert rig.page.settling.names == names
        assert rig.page.parts.panel.progress.text() == "1 of 3 settled"
        assert rig.page.current is rig.page.order.all[1]
        rig.key(Key.Key_Backspace)
        assert rig.page.parts.panel.progress.text() == "0 of 3 settled"


def test_boxes_of_lesions_that_are_not_in_question_are_faint(rig: Rig):
    page = rig.page
    page.going.to(60)
    rig.until(lambda: page.position == 60)
    page.refresh()
    assert {(b.layer, b.tag) for b in page.parts.canvas.boxes} == {(Layer.RAW, "A 1"), (Layer.RAW, "B 1")}


def test_what_another_window_settles_can_be_looked_at_only(qtbot, read, tmp_path, monkeypatch):
    opened = settle(open_for_review(read))
    other = begin(opened, pairs_of(committed_readers(opened)[0])[0], "Cy Moss").adjudication.session
    with settling(qtbot, tmp_path, monkeypatch, read) as rig:
        assert "another window" in rig.page.parts.banner.text()
        rig.key(Key.Key_1)
        assert "another window" in rig.page.parts.status.said.text()
        assert rig.page.parts.panel.progress.text() == "0 of 3 settled"
        assert not rig.page.parts.panel.buttons[Act.SETTLE_A].isEnabled()
    other.close()


def test_a_lesion_is_decided_on_before_what_is_said_of_it(qtbot, film, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    path = Path(shutil.copytree(film.parent, tmp_path / "films")) / film.name
    for name, x, shape in zip(READERS, (0, 25), ("Is", "IIa"), strict=True):
        say(path, name, {50: (90, (40 + x, 30, 80 + x, 70))}, shape)
    with settling(qtbot, tmp_path, monkeypatch, path) as rig:
        boxes, attribute = rig.page.order.all
        rig.page.choose(attribute)
        rig.key(Key.Key_1)
        assert rig.page.current is boxes
        rig.key(Key.Key_3)
        assert rig.page.parts.panel.progress.text() == "2 of 2 settled"
        rig.page.choose(attribute)
        rig.key(Key.Key_1)
        assert "no such lesion" in rig.page.parts.status.said.text()


# -- who decides ------------------------------------------------------------------------------------------------------


def test_a_reader_cannot_decide_on_their_own_review(qtbot, read, tmp_path, monkeypatch):
    with window(qtbot, tmp_path, monkeypatch, read.parent) as opened:
        rig = Rig(qtbot, opened)
        opened.settle(read)
        start = opened.replay.settling.start
        rig.until(start.field.hasFocus)
        assert start.field.text() == ""  # Anna Rossi sits here, and is one of the two
        start.field.setText("bo  LIND")
        QTest.keyClick(start.field, Key.Key_Return)
        assert "one of the two readers" in start.problem.text()
        assert opened.replay.settling.page is None


def test_of_three_readers_two_are_chosen(qtbot, read, tmp_path, monkeypatch):
    say(read, "Dee Ray", {50: (90, HERE)})
    with window(qtbot, tmp_path, monkeypatch, read.parent) as opened:
        rig = Rig(qtbot, opened)
        opened.settle(read)
        start = opened.replay.settling.start
        rig.until(start.field.hasFocus)
        assert start.pair.isVisible()
        assert [start.pair.itemText(i) for i in range(3)] == [
            "Anna Rossi and Bo Lind",
            "Anna Rossi and Dee Ray",
            "Bo Lind and Dee Ray",
        ]
        start.pair.setCurrentIndex(2)
        rig.begin("Anna Rossi")
        assert set(rig.page.settling.names) == {"Bo Lind", "Dee Ray"}
        assert [d.kind for d in rig.page.order.all] == [f"only_{letter_of(rig.page, 'Bo Lind')}"]


# -- what is said of a lesion --------------------------------------------------------------------------------------


def test_the_lesion_panel_offers_laterally_spreading_tumours(qtbot, read, tmp_path, monkeypatch):
    with window(qtbot, tmp_path, monkeypatch, read.parent) as opened:
        rig = Rig(qtbot, opened)
        opened.open(read)
        # Once its pictures are counted the page is made anew, with a session that can be written.
        rig.until(lambda: opened.replay.page is not None and not opened.replay.page.session.read_only)
        page = opened.replay.page
        assert page is not None
        page.edits.choose(1)
        page.refresh()
        panel = page.parts.lesions
        panel.lst.setCurrentIndex(panel.lst.findData("LST-NG"))
        panel.lst.activated.emit(panel.lst.currentIndex())
        rig.until(lambda: page.session.document.lesion(1).attributes.lst == "LST-NG")
        page.refresh()
        assert panel.rows.item(0).text().endswith("0-Is, LST-NG")  # type: ignore[union-attr]


# -- where it is offered ----------------------------------------------------------------------------------------------


def test_the_library_offers_it_where_two_have_committed(qtbot, read, film, tmp_path, monkeypatch):
    other = Path(shutil.copyfile(film, read.with_name("unread.mp4")))
    with window(qtbot, tmp_path, monkeypatch, read.parent) as opened:
        listed(qtbot, opened, 2)
        page = opened.library_page
        offer = page.actions_bar.buttons["Settle differences"]
        rows = {page.model.entry_at(n).path: n for n in range(2)}  # type: ignore[union-attr]
        page.table.selectRow(rows[other])
        assert offer.isHidden()
        page.table.selectRow(rows[read])
        assert offer.isVisible()
        page.table.setFocus()
        QTest.keyClick(page.table, Key.Key_E, Held.ControlModifier)
        qtbot.waitUntil(lambda: opened.replay.settling.start.field.hasFocus(), timeout=30_000)
        QTest.keyClick(opened.replay.settling.start, Key.Key_Escape)
        assert opened.stack.currentWidget() is page


def test_a_blinded_reader_is_not_told_that_others_differ(qtbot, read, tmp_path, monkeypatch):
    with window(qtbot, tmp_path, monkeypatch, read.parent, blinded=True) as opened:
        assert "Settle differences" not in opened.library_page.actions_bar.buttons


def test_the_replay_page_offers_it_and_gets_it_back(qtbot, read, tmp_path, monkeypatch):
    with window(qtbot, tmp_path, monkeypatch, read.parent, reviewer="Cy Moss") as opened:
        rig = Rig(qtbot, opened)
        opened.open(read)
        rig.until(lambda: opened.replay.page is not None and not opened.replay.page.parts.review.settle.isHidden())
        opened.replay.page.acts[Act.SETTLE]()  # type: ignore[union-attr]
        rig.begin()
        assert opened.replay.page is None
        rig.leave()
        rig.until(lambda: opened.replay.page is not None)
        assert opened.replay.path == read


def test_one_review_is_nothing_to_settle(qtbot, film, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    path = Path(shutil.copytree(film.parent, tmp_path / "films")) / film.name
    say(path, "Anna Rossi", {50: (90, HERE)})
    with window(qtbot, tmp_path, monkeypatch, path.parent) as opened:
        opened.settle(path)
        saying = opened.replay.settling.saying
        qtbot.waitUntil(lambda: "Committed so far: 1." in saying.words.text(), timeout=30_000)
        saying.buttons[0].click()
        assert opened.stack.currentWidget() is opened.library_page
        assert opened.bar is not None
        assert Tab.LIBRARY in opened._pages
