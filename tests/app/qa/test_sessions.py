"""One session per procedure and window, and none after the window is gone."""

from pathlib import Path

import pytest

from app.qa.sessions import Sessions
from detector.errors import UsageError
from tests.app.qa.playback.films import film


def test_work_that_the_window_left_behind_opens_no_log_any_more(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 12)
    sessions = Sessions("Anna")
    lease = sessions.lease(path)
    lease.session.review(0, 3)
    sessions.close()
    assert lease.session.read_only
    with pytest.raises(UsageError, match="being closed"):
        sessions.lease(path)
    assert not list(tmp_path.glob("*.lock"))
    lease.release()
