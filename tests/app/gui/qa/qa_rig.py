"""The QA window on a room of its own, for tests."""

from contextlib import contextmanager
from pathlib import Path

from app.gui.qa.library_model import Column
from app.gui.qa.pages import Tab
from app.gui.qa.window import QaWindow
from app.qa.room import Room


@contextmanager
def window(qtbot, tmp_path: Path, monkeypatch, *folders: Path, start: Tab | None = Tab.LIBRARY, **room: object):
    """An open window; `room` goes to the room."""
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    made = Room(folders=folders, preferences=tmp_path / "config" / "qa.json", **{"reviewer": "Anna Rossi", **room})
    opened = QaWindow(made, start=start)
    qtbot.addWidget(opened)
    opened.show()
    qtbot.waitExposed(opened)
    opened.activateWindow()
    qtbot.waitUntil(opened.isActiveWindow, timeout=30_000)
    try:
        yield opened
    finally:
        opened.close()


def listed(qtbot, opened: QaWindow, count: int) -> list[list[str]]:
    """The words of every row, once there are so many and all are fetched."""
    page = opened.library_page

    def there() -> bool:
        rows = range(page.model.rowCount())
        return len(rows) == count and all(page.model.entry_at(row) is not None for row in rows) and not page.asking

    qtbot.waitUntil(there, timeout=20_000)
    return [
        [str(page.model.data(page.model.index(row, column)) or "") for column in Column]
        for row in range(page.model.rowCount())
    ]


def titles(qtbot, opened: QaWindow, count: int) -> list[str]:
    return [row[Column.TITLE].split("\n")[0] for row in listed(qtbot, opened, count)]
