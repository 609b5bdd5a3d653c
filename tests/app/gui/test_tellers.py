from dataclasses import replace

from app.gui.flags import flag_signs
from app.gui.signs import View
from app.gui.tellers import Tellers
from app.snapshot import RecorderSnapshot, ViewSnapshot
from tests.app.gui.fakes import snapshot


def test_a_picture_that_nobody_checks_any_more_is_told_once_and_flagged_as_long_as_it_lasts() -> None:
    tellers = Tellers()
    broken = replace(snapshot(), view=ViewSnapshot(fault="the watch stopped"))
    assert [notice.what for notice in tellers.told(broken)] == ["The picture is not checked now: the watch stopped"]
    assert list(tellers.told(broken)) == []
    assert [flag.text for flag in flag_signs(broken, View())] == ["PICTURE NOT CHECKED"]
    assert list(tellers.told(snapshot())) == []
    assert len(list(tellers.told(broken))) == 1


def test_a_warning_of_the_recorder_is_told_once() -> None:
    tellers = Tellers()
    warned = replace(snapshot(), recording="/a", recorder=RecorderSnapshot("/a", warning="the disk is nearly full"))
    assert [notice.what for notice in tellers.told(warned)] == ["Recording: the disk is nearly full"]
    assert list(tellers.told(warned)) == []


def test_a_figure_that_counts_makes_no_new_notice() -> None:
    tellers = Tellers()
    for waiting, notices in ((76, 1), (79, 0), (1080, 0)):
        warning = f"the recording falls behind: {waiting} pictures wait"
        now = replace(snapshot(), recording="/a", recorder=RecorderSnapshot("/a", warning=warning))
        assert len(list(tellers.told(now))) == notices
