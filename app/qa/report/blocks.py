"""What a report is made of, whatever it is written as: titles, words, tables, charts, pictures. Text is not escaped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Title:
    """A heading inside of the report; level 2 or 3."""

    text: str
    level: Literal[2, 3] = 2


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph: plain, soft (small print) or a note that must be seen."""

    text: str
    kind: Literal["plain", "soft", "note"] = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their heads.

    Attributes:
        heads: of the columns; empty for facts in two columns.
        rows: each as long as `heads`, or two.
        words: how many columns from the left are words; the others are numbers. A wider column of words may also be
            the last one: see `last`.
        last: the last column is words.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    last: bool = False

    def is_words(self, column: int) -> bool:
        """Whether a column is words, and not numbers."""
        count = len(self.heads) or 2
        return not self.heads or column < self.words or (self.last and column == count - 1)


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts beside each other: title and SVG markup."""

    charts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture with what is to be said of it.

    Attributes:
        jpeg: empty where it could not be read.
        caption: what is seen.
        place: procedure and time.
    """

    jpeg: bytes
    caption: str
    place: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures."""

    shots: tuple[Shot, ...]


Block = Title | Words | Table | Charts | Gallery


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report.

    Attributes:
        title: what it is of.
        under: the line below.
        blocks: in their order.
    """

    title: str
    under: str
    blocks: tuple[Block, ...]
