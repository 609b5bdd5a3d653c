from app.day.resumption import Resumption
from app.gui.day_notices import crash_notice, retention_notice
from app.gui.notices import Weight
from tests.app.day.test_retention import recording


def test_a_window_that_comes_back_says_so_and_what_goes_on():
    said = crash_notice(Resumption("hung for 10 s", {"recording": "/rec"}), [])
    assert (said.what, said.still) == ("The window crashed and was started again.", "The recording goes on.")
    assert crash_notice(Resumption("hung for 10 s", {}), []).still == ""


def test_what_could_not_be_brought_back_is_said_loudly():
    said = crash_notice(Resumption("hung", {"recording": "/rec"}), ["The disk is gone."])
    assert (said.still, said.todo, said.weight) == ("", "The disk is gone.", Weight.ERROR)


def test_old_recordings_are_proposed_and_nothing_is_said_of_others(tmp_path):
    recording(tmp_path)
    said = retention_notice(tmp_path, 30)
    assert said is not None
    assert said.what == "One recording is older than 30 days (0.0 MB)."
    recording(tmp_path, "20250201-080000")
    assert retention_notice(tmp_path, 30).what == "2 recordings are older than 30 days (0.0 MB)."
    assert retention_notice(tmp_path, 200) is retention_notice(tmp_path, None) is None
    assert retention_notice(tmp_path / "none", 1) is None
