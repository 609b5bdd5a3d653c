"""Reviewing a procedure: what a reader says of it, edit by edit, kept so that nothing is ever lost. No Qt.

`ReviewSession` is the door: it holds the log on the disk and the `Document` that the log amounts to.
"""

from app.qa.review.blinding import Visible, blinded_order, visible_to
from app.qa.review.document import DocMark, Document, Lesion
from app.qa.review.operations import Attributes
from app.qa.review.session import ReviewSession
from app.qa.review.tracks import State

__all__ = [
    "Attributes",
    "DocMark",
    "Document",
    "Lesion",
    "ReviewSession",
    "State",
    "Visible",
    "blinded_order",
    "visible_to",
]
