"""The thread that writes edits: what was clicked is written, also when the page is gone before it is."""

import threading
import time
from pathlib import Path

import app.qa.review.publish as publish
from app.gui.qa.replay_scribe import Scribe
from app.qa.opened import open_for_review
from app.qa.review import ReviewSession
from tests.app.gui.qa.qa_rig import window
from tests.app.qa.playback.films import recorded


def test_a_page_that_closes_does_not_wait_for_long_work_and_loses_none_of_it(qtbot) -> None:
    scribe, may_go_on, written = Scribe(), threading.Event(), []
    scribe.do(may_go_on.wait)  # as labels that need the hash of a whole video
    scribe.do(lambda: written.append("an edit behind it"))
    assert not scribe.close(0.05)
    may_go_on.set()
    assert scribe.wait(10.0)
    assert written == ["an edit behind it"]


def test_labels_that_were_asked_for_just_before_the_window_was_closed_are_written(
    qtbot, tmp_path: Path, monkeypatch
) -> None:
    folder = recorded(tmp_path / "lib" / "r", 60)
    at_once = publish.annotation_of

    def slow(*args: object, **more: object) -> object:
        time.sleep(1.3)  # the hash of an hour takes minutes
        return at_once(*args, **more)

    monkeypatch.setattr(publish, "annotation_of", slow)
    with window(qtbot, tmp_path, monkeypatch, tmp_path / "lib") as opened:
        opened.open(folder)
        qtbot.waitUntil(lambda: opened.replay.page is not None, timeout=20_000)
        page = opened.replay.page
        page.edits.drawn(5, (20.0, 20.0, 60.0, 60.0))
        page.scribe.do(lambda: publish.publish(page.session, page.opened))
        page.edits.drawn(9, (80.0, 20.0, 120.0, 60.0))
    assert (folder / "video-001.annotation.json").is_file()
    assert not list(folder.glob("*.lock"))
    session = ReviewSession.open(open_for_review(folder), "Anna Rossi")
    assert len(session.document.lesions) == 2
    session.close()
