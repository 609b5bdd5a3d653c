"""The library of the QA room: an index of all procedures in the chosen folders. The folders stay the truth."""

from app.qa.library.entries import (
    KINDS,
    NO_FILTERS,
    Entry,
    Facets,
    Filters,
    Kind,
    Reader,
    ReviewState,
    ScanState,
    Sort,
)
from app.qa.library.library import Library, library_path

__all__ = [
    "KINDS",
    "NO_FILTERS",
    "Entry",
    "Facets",
    "Filters",
    "Kind",
    "Library",
    "Reader",
    "ReviewState",
    "ScanState",
    "Sort",
    "library_path",
]
