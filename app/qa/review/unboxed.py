"""What a reader called a polyp in the worklist, but left without a box in a stretch that they marked as reviewed.

A reviewed frame without a box says 'no polyp' to every figure and to every training. Who answered 'right' or 'missed'
to a clip there has said the opposite, and must hear of it before they stand by both.
"""

from __future__ import annotations

from app.qa.review.document import Document


def unboxed(document: Document) -> tuple[int, ...]:
    """Positions that those clips are about, in ascending order: reviewed, and no box of the reader's in the clip."""
    return tuple(
        sorted(
            {
                answer.focus
                for answer in document.answers
                if answer.verdict in ("right", "missed")
                and document.is_reviewed(answer.focus)
                and not any(document.marks_at(position) for position in range(answer.first, answer.last + 1))
            }
        )
    )
