"""A figure with its interval: the implementation is `detector.scoring.intervals`, which QA uses, too."""

from detector.scoring.intervals import Draws, Figure, Kind, units_that_count

__all__ = ["Draws", "Figure", "Kind", "units_that_count"]
