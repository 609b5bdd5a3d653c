"""A copy of a procedure without anything that tells whose it is, for another hospital. No Qt.

Names, dates, ids, free texts and metadata go; pictures stay, cropped where that was asked for, and are checked frame by
frame. What stands *in* a picture nobody can check: the copy says so.
"""

from app.qa.deidentify.copy import Copied, deidentify

__all__ = ["Copied", "deidentify"]
