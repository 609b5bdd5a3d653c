"""Which settings are tried, and in which order."""

import pytest

from app.bench.plan import next_setting

# What a machine holds, as the heaviest load in pixels per second with and without a recorder.
HD = 1920 * 1080


def tried(with_recorder: float, without: float, quick: bool = False) -> list[str]:
    """What is tried on a machine that holds so much."""
    held = {}
    while (setting := next_setting(held, quick)) is not None:
        assert setting not in held
        held[setting] = setting.load <= (with_recorder if setting.recording else without)
    return [str(setting) for setting in held]


@pytest.mark.parametrize(
    ("with_recorder", "without", "expected"),
    [
        (HD * 500, HD * 500, ["1080p25 with recording", "1080p50 with recording", "1080p60 with recording",
                              "2160p25 with recording"]),
        (HD * 60, HD * 500, ["1080p25 with recording", "1080p50 with recording", "1080p60 with recording",
                             "2160p25 with recording", "2160p25"]),
        (HD * 30, HD * 60, ["1080p25 with recording", "1080p50 with recording", "1080p50"]),
        (HD * 20, HD * 30, ["1080p25 with recording", "1080p25", "720p25 with recording"]),
        (0, HD * 20, ["1080p25 with recording", "1080p25", "720p25"]),
        (0, 0, ["1080p25 with recording", "1080p25", "720p25"]),
    ],
)  # fmt: skip
def test_from_the_middle_outwards(with_recorder, without, expected):
    assert tried(with_recorder, without) == expected


@pytest.mark.parametrize("holds", [0, HD * 30, HD * 500])
def test_a_quick_run_tries_at_most_two(holds):
    assert 1 <= len(tried(holds, holds, quick=True)) <= 2
