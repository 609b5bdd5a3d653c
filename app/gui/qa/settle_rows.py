"""The row of the timeline that shows what two readers differ on: open above, settled below."""

from __future__ import annotations

from collections.abc import Container, Sequence

from app.gui import theme
from app.gui.language import tr
from app.gui.qa.timeline_rows import Lane, Spans, TimelineRow
from app.gui.sign_kinds import Tone
from app.qa.review.agreement import Disagreement


def differences_row(differences: Sequence[Disagreement], still_open: Container[str]) -> TimelineRow:
    """All of them; those of attributes are of a whole lesion, and have no place of their own."""
    placed = [d for d in differences if not d.attribute]
    open_ones = Spans((d.first, d.last) for d in placed if d.name in still_open)
    done = Spans((d.first, d.last) for d in placed if d.name not in still_open)
    caution, good = theme.TONES[Tone.CAUTION].rgb(), theme.TONES[Tone.GOOD].rgb()
    lanes = (Lane(open_ones, caution, 0.0, 0.5, hatched=True), Lane(done, good, 0.55, 1.0))
    return TimelineRow(tr("Open, settled"), theme.TEXT.rgb(), lanes, share=1.2)
