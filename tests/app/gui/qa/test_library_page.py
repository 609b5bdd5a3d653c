"""The library in its window: found by typing, filtered by chips, sorted by a click, chosen and handed on."""

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt

from app.gui.qa.keys import Act
from app.gui.qa.library_model import Column
from app.gui.qa.pages import Tab
from app.qa.library import ReviewState
from tests.app.gui.qa.qa_rig import listed, titles, window
from tests.app.qa.library.made import review, write_examination, write_film


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two examinations and three videos; not to be changed."""
    folder = tmp_path_factory.mktemp("library")
    write_examination(folder / "room", endoscopist="E01", polyps=3, days=1)
    write_examination(folder / "room", endoscopist="E02", polyps=0, days=2, model="accurate")
    for name in ("alpha", "beta", "Gamma"):
        write_film(folder / "films" / f"{name}.mp4", 5)
    return folder


def test_rows_say_what_there_is_in_words(qtbot, tmp_path, monkeypatch, folder) -> None:
    with window(qtbot, tmp_path, monkeypatch, folder) as opened:
        rows = listed(qtbot, opened, 5)
        assert opened.library_page.count.text().startswith("Procedures: 5")
    exam = next(row for row in rows if row[Column.ENDOSCOPIST] == "E01")
    assert exam[Column.TITLE].startswith("EX-")
    assert "Examination · 160×96" in exam[Column.TITLE]
    assert exam[Column.TAKEN] == "2026-03-15\n08:05"
    assert exam[Column.MODELS] == "fast 0.1.0"
    assert exam[Column.MARKS] == "3 found\n1 removed"
    assert exam[Column.REVIEW] == "○ Not reviewed"
    assert exam[Column.SENSITIVITY] == "–"
    film = next(row for row in rows if row[Column.TITLE].startswith("alpha.mp4"))
    assert "file date" in film[Column.TAKEN]
    assert film[Column.LENGTH].startswith("~")


def test_typing_finds_and_escape_shows_all_again(qtbot, tmp_path, monkeypatch, folder) -> None:
    with window(qtbot, tmp_path, monkeypatch, folder) as opened:
        page = opened.library_page
        listed(qtbot, opened, 5)
        qtbot.keyClick(page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert page.search.hasFocus()
        qtbot.keyClicks(page.search, "gam")
        assert titles(qtbot, opened, 1) == ["Gamma.mp4"]
        assert page.count.text() == "1 of 5 procedures"
        qtbot.keyClick(page.search, Qt.Key.Key_Return)
        assert page.table.hasFocus()
        assert page.selected()
        qtbot.keyClick(page.search, Qt.Key.Key_Escape)
        listed(qtbot, opened, 5)
        qtbot.keyClicks(page.search, "nobody has this")
        qtbot.waitUntil(lambda: page.none_found.isVisible(), timeout=30_000)


def test_chips_filter_and_say_what_they_let_through(qtbot, tmp_path, monkeypatch, folder) -> None:
    with window(qtbot, tmp_path, monkeypatch, folder) as opened:
        page = opened.library_page
        listed(qtbot, opened, 5)
        page.filters.kind.action("video").trigger()
        assert set(titles(qtbot, opened, 3)) == {"alpha.mp4", "beta.mp4", "Gamma.mp4"}
        assert page.filters.kind.text() == "Kind: Video"
        qtbot.mouseClick(page.filters.clear, Qt.MouseButton.LeftButton)
        listed(qtbot, opened, 5)
        assert page.filters.kind.text() == "Kind"
        page.filters.model.action("accurate 0.1.0").trigger()
        page.filters.marks.action(False).trigger()
        rows = listed(qtbot, opened, 1)
        assert rows[0][Column.ENDOSCOPIST] == "E02"
        page.filters.marks.action(True).trigger()
        listed(qtbot, opened, 0)
        page.filters.review.action(ReviewState.NOBODY).trigger()
        page.filters.marks.action(True).trigger()
        assert page.filters.filters.marks is None
        listed(qtbot, opened, 1)


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(qtbot, tmp_path, monkeypatch, folder) -> None:
    with window(qtbot, tmp_path, monkeypatch, folder) as opened:
        page = opened.library_page
        page.filters.kind.menu_of_choices.clear()
        listed(qtbot, opened, 5)
        header = page.table.horizontalHeader()

        def click() -> list[str]:
            before = list(page.model.ids)
            x = header.sectionViewportPosition(Column.TITLE) + 20
            qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=_at(x, 10))
            qtbot.waitUntil(lambda: page.model.ids != before, timeout=30_000)
            return [t for t in titles(qtbot, opened, 5) if t.endswith(".mp4")]

        assert click() == ["alpha.mp4", "beta.mp4", "Gamma.mp4"]
        assert click() == ["Gamma.mp4", "beta.mp4", "alpha.mp4"]


def test_what_was_chosen_stays_chosen_when_more_come(qtbot, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "films"
    for name in ("b", "d"):
        write_film(folder / f"{name}.mp4", 5)
    with window(qtbot, tmp_path, monkeypatch, folder) as opened:
        page = opened.library_page
        before = titles(qtbot, opened, 2)
        page.table.selectRow(before.index("b.mp4"))
        chosen = page.selected()
        write_film(folder / "a.mp4", 5)
        qtbot.keyClick(page, Qt.Key.Key_F5)
        after = titles(qtbot, opened, 3)
        assert page.selected() == chosen
        assert page.table.currentIndex().row() == after.index("b.mp4")


def test_actions_are_told_what_was_chosen(qtbot, tmp_path, monkeypatch, folder) -> None:
    with window(qtbot, tmp_path, monkeypatch, folder) as opened:
        page = opened.library_page
        listed(qtbot, opened, 5)
        bar = page.actions_bar
        assert not any(button.isEnabled() for button in bar.buttons.values())
        page.table.selectAll()
        assert bar.words.text() == "5 chosen"
        assert not bar.open.isEnabled()
        got: list[Path] = []
        page.with_selected(got.extend)
        qtbot.waitUntil(lambda: len(got) == 5, timeout=30_000)
        assert {path.name for path in got} >= {"alpha.mp4", "beta.mp4", "Gamma.mp4"}


def test_analyses_are_put_into_the_queue(qtbot, tmp_path, monkeypatch, folder) -> None:
    with window(qtbot, tmp_path, monkeypatch, folder) as opened:
        page = opened.library_page
        rows = titles(qtbot, opened, 5)
        page.table.selectRow(rows.index("beta.mp4"))
        opened.jobs.allow_beside_live(False)
        page.with_selected(lambda paths: opened.analyse(paths, "no-such-model"))
        qtbot.waitUntil(lambda: len(opened.jobs.snapshot().jobs) == 1, timeout=30_000)
        assert opened.jobs.snapshot().jobs[0].path.name == "beta.mp4"
        qtbot.waitUntil(lambda: bool(opened._over), timeout=60_000)
        qtbot.keyClick(opened, Qt.Key.Key_F6)
        assert opened.panel.isVisible()
        assert "failed" in opened.panel.rows[1].state.text()


def test_a_procedure_opens_in_replay_and_its_review_shows_in_the_list(qtbot, tmp_path, monkeypatch) -> None:
    exam = write_examination(tmp_path / "lib")
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        listed(qtbot, opened, 1)
        opened.library_page.table.selectRow(0)
        qtbot.keyClick(opened.library_page.table, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
        assert opened.stack.currentWidget() is opened.replay
        assert opened.replay.path == exam
        opened.replay.page.session.review(0, 24)
        opened.show_tab(Tab.LIBRARY)

        def reviewed() -> bool:
            return "Anna Rossi 50 %" in str(opened.library_page.model.data(_cell(opened, Column.REVIEW)))

        qtbot.waitUntil(reviewed, timeout=20_000)


def test_thumbnails_come_by_themselves_and_a_broken_video_says_that_it_has_none(qtbot, tmp_path, monkeypatch) -> None:
    write_film(tmp_path / "lib" / "good.mp4", 10)
    (tmp_path / "lib" / "broken.mp4").write_bytes(b"\0" * 4000)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        model = opened.library_page.model
        rows = titles(qtbot, opened, 2)
        good = model.index(rows.index("good.mp4"), Column.PICTURE)
        broken = model.index(rows.index("broken.mp4"), Column.PICTURE)
        qtbot.waitUntil(lambda: model.data(good, Qt.ItemDataRole.DecorationRole) is not None, timeout=20_000)
        qtbot.waitUntil(lambda: model.data(broken) == "no picture", timeout=20_000)
        pixmap = model.data(good, Qt.ItemDataRole.DecorationRole)
        assert pixmap.deviceIndependentSize().width() <= 96


def test_a_blinded_reader_sees_cases_and_nothing_that_tells(qtbot, tmp_path, monkeypatch, folder) -> None:
    with window(qtbot, tmp_path, monkeypatch, folder, blinded=True) as opened:
        rows = listed(qtbot, opened, 5)
        page = opened.library_page
        assert [row[Column.TITLE].split("\n")[0] for row in rows] == [f"Case {n}" for n in range(1, 6)]
        told = "\n".join(" ".join(row) for row in rows)
        tips = [page.model.data(page.model.index(0, c), Qt.ItemDataRole.ToolTipRole) for c in Column]
        for secret in ("EX-", "alpha", "fast 0.1.0", "E01", "found", "2026-03"):
            assert secret not in told
            assert all(secret not in str(tip) for tip in tips)
        assert page.search.isHidden()
        assert page.filters.isHidden()
        assert opened.bar.blinded.isVisible()
        first = list(page.model.ids)
        page.ask()
        listed(qtbot, opened, 5)
        assert page.model.ids == first


def test_what_a_blinded_reader_has_committed_is_shown(qtbot, tmp_path, monkeypatch) -> None:
    exam = write_examination(tmp_path / "lib")
    review(exam, "Anna Rossi", 49, commit=True)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib", blinded=True) as opened:
        ((_, title, *_),) = listed(qtbot, opened, 1)
    assert title.startswith(exam.name)


def test_an_empty_library_says_what_to_do(qtbot, tmp_path, monkeypatch) -> None:
    with window(qtbot, tmp_path, monkeypatch) as opened:
        page = opened.library_page
        qtbot.waitUntil(lambda: page.empty.isVisible(), timeout=30_000)
        assert page.empty.title.text() == "No folder yet"
        asked = []
        page.add_wanted.disconnect()
        page.add_wanted.connect(lambda: asked.append(1))
        qtbot.mouseClick(page.empty.add, Qt.MouseButton.LeftButton)
        assert asked == [1]


def test_folders_are_added_and_taken_out_and_remembered(qtbot, tmp_path, monkeypatch, folder) -> None:
    write_film(tmp_path / "more" / "delta.mp4", 5)
    with window(qtbot, tmp_path, monkeypatch, folder) as opened:
        listed(qtbot, opened, 5)
        opened.opening.take([tmp_path / "more"])
        assert "delta.mp4" in titles(qtbot, opened, 6)
        opened.library_page.folders.say()
        assert opened.library_page.folders.text() == "Folders (2)"
        opened.library_page.remove_wanted.emit(folder)
        assert titles(qtbot, opened, 1) == ["delta.mp4"]
    with window(qtbot, tmp_path, monkeypatch) as again:
        assert titles(qtbot, again, 1) == ["delta.mp4"]


def test_every_action_of_the_list_has_a_key() -> None:
    from app.gui.qa.keys import row
    from app.gui.qa.library_actions import OFFERS

    for act in (Act.FIND, Act.REFRESH, Act.OPEN_SELECTED, Act.ADD_FOLDER, *(offer.act for offer in OFFERS)):
        assert row(act).keys


def _at(x: int, y: int):
    from PyQt6.QtCore import QPoint

    return QPoint(x, y)


def _cell(opened, column: Column):
    return opened.library_page.model.index(0, column)
