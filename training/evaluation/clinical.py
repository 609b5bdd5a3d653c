"""Per-lesion, time and false-alarm-event figures of the sequences of a set.

The figures are `detector.scoring.measure_recordings`, as in the QA room; here rows become recordings. Definitions:
docs/scoring.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from detector.scoring.clinical import Clinical, measure_recordings
from detector.scoring.intervals import Draws
from training.evaluation.rows import Row, over
from training.evaluation.sequences import sequences_of

__all__ = ["Clinical", "measure_sequences"]


def measure_sequences(
    rows: Sequence[Row],
    threshold: float,
    draws: int,
    seed: int,
    nominal_fps: float | None = None,
    one_lesion: bool = False,
) -> Clinical | None:
    """All figures of the sequences among `rows`; None if there are none.

    Args:
        rows: truth and answers; those that are no part of a sequence are left out.
        threshold: the operating point, of boxes and of alerts.
        draws: of the bootstrap.
        seed: of the bootstrap.
        nominal_fps: the declared rate of consecutive frames without true times.
        one_lesion: the lesion ids were made from 'one lesion per sequence'; to be said.

    Raises:
        FormatError: the frames of a sequence are not in an order.
    """
    found = sequences_of(rows, nominal_fps)
    if not found.recordings:
        return None
    members = [r for r in rows if r.sequence and r.order is not None]
    notes = list(found.notes)
    notes += ["all boxes of a sequence count as one lesion: hit means that any of them was"] if one_lesion else []
    if any(r.time == "nominal" for r in found.recordings):
        notes.append(f"seconds are nominal: {nominal_fps:g} frames/s was declared, the data does not say")
    measured = measure_recordings(
        found.recordings, threshold, Draws(draws, seed, over(members)), notes, lesions_known=found.lesions_known
    )
    if not found.lesions_known:
        measured.notes.append(
            "no lesion ids: no per-lesion figures (--one-lesion-per-sequence if each sequence shows one lesion)"
        )
    return measured
