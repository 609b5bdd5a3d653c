"""How good the picture was, as the live room said it: poor view, frozen, outside of the body, light not validated.

Taken from the reasons for which no box was shown (`withheld` in `polypwatch.live-results/1`). Nobody looks at pictures
in a re-analysis: a procedure without a live log has no such stretches, which is not the same as a good view.
"""

from __future__ import annotations

import json
from typing import Final

from app.qa.live_log import Places
from app.qa.opened import Opened
from app.recording.mark import RESULTS_NAME
from app.results_log import CANDIDATE, LiveResult
from app.snapshot import Quiet

SAID: Final = (Quiet.POOR_VIEW, Quiet.FROZEN, Quiet.OUTSIDE, Quiet.LIGHT)
"""What is said of the picture itself; other reasons are of the AI or of a person."""
_STANDS_S = 0.5  # between two analysed pictures the view is as it was


def views_of(opened: Opened) -> dict[Quiet, tuple[tuple[int, int], ...]]:
    """First and last position of each stretch, by what was said. A line that cannot be read says nothing.

    Raises:
        OSError: the log cannot be read.
    """
    path = opened.path / RESULTS_NAME
    if not opened.path.is_dir() or not path.is_file():
        return {}
    places = Places(opened)
    found: dict[Quiet, list[int]] = {each: [] for each in SAID}
    names = {each.value: each for each in SAID}
    with path.open("rb") as file:
        for line in file:
            if b'"withheld": null' in line or b'"withheld"' not in line:
                continue  # most lines: no need to read them as JSON
            try:
                row = json.loads(line)
                quiet = names.get(row["withheld"])
                if quiet is None or row.get("role") == CANDIDATE:
                    continue
                position, _ = places.of(LiveResult({}, row))
            except (LookupError, TypeError, ValueError):
                continue
            if position is not None:
                found[quiet].append(position)
    return {quiet: _stretches(positions, opened) for quiet, positions in found.items() if positions}


def _stretches(positions: list[int], opened: Opened) -> tuple[tuple[int, int], ...]:
    times, made = opened.axis.times_s, []
    first = last = positions[0]
    for position in positions[1:]:
        if position < last or times[position] - times[last] > _STANDS_S:
            made.append((first, last))
            first = position
        last = position
    return (*made, (first, last))
