"""How long the disk lasts: from what was written in the last minute, and never into the journal's reserve."""

import pytest

from app.recording.space import GB, JOURNAL_BYTES, SpaceGuard


def test_hours_are_what_is_left_above_the_limit_at_the_pace_of_the_last_minute() -> None:
    guard = SpaceGuard(10 * GB)
    guard.look(0.0, 0, 30 * GB)
    for second in range(1, 200):
        space = guard.look(float(second), second * 2_000_000, 24 * GB + 400_000_000)
    assert space.hours_left == pytest.approx(2.0)
    assert (space.warning, space.full) == ("", False)


def test_less_than_an_hour_is_a_warning_in_minutes() -> None:
    guard = SpaceGuard(10 * GB)
    guard.look(0.0, 0, 13 * GB)
    space = guard.look(10.0, 20_000_000, 13 * GB)
    assert space.hours_left == pytest.approx(3e9 / 2e6 / 3600)
    assert space.warning.startswith("The disk lasts for about 25 more minutes of recording (13.0 GB are free")


def test_nothing_is_known_at_first_but_a_disk_that_is_nearly_full_is_said() -> None:
    guard = SpaceGuard(10 * GB)
    assert guard.look(0.0, 0, 100 * GB).hours_left is None
    assert "nearly full: 11.0 GB" in SpaceGuard(10 * GB).look(0.0, 0, 11 * GB).warning


def test_the_journal_keeps_its_reserve_whatever_is_asked_for() -> None:
    assert SpaceGuard(0).look(0.0, 0, JOURNAL_BYTES).full
    assert not SpaceGuard(0).look(0.0, 0, JOURNAL_BYTES + 1).full


def test_a_slower_pace_is_known_after_a_minute() -> None:
    guard = SpaceGuard(1 * GB)
    written = 0
    for second in range(200):
        written += 10_000_000 if second < 60 else 1_000_000
        space = guard.look(float(second), written, 37 * GB)
    assert space.hours_left == pytest.approx(10.0, rel=0.05)
