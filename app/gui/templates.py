"""Finds what a finished English text was made from, to tell it in another language. No Qt.

A text is looked up as it is, then by the templates: the one with most words of its own first. Parts that were put into
it are told, too, if they are texts themselves. Several sentences are told one by one, reasons in a row only if all of
them are known.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping

_NUMBER = re.compile(r"-?\d+\.\d+")
_PLACE = re.compile(r"\{(\d+)\}")
_END_OF_SENTENCE = re.compile(r"(?<=[.!?]) ")
_CLAUSES = ("; ", ": ", ", ")
# Nothing that is written for a person is longer; what a library says may be, and must not hold up a paint.
_LONGEST = 1000


class Templates:
    """Tells finished English texts in another language.

    Args:
        texts: translations by English text; numbered places (``{0}``) mark what was put in.
        number: writes a number with a decimal point as that language does.
    """

    def __init__(self, texts: Mapping[str, str], number: Callable[[str], str]) -> None:
        self._texts, self._number = texts, number
        forms = [text for text in texts if _PLACE.search(text)]
        forms.sort(key=lambda text: (-len(_PLACE.sub("", text)), text))
        self._forms = tuple((_longest_piece(text), text) for text in forms)
        self._found = functools.lru_cache(4096)(self._look)  # also keeps many sentences from being cut over and over

    def told(self, text: str) -> str:
        """The text in that language; itself where nothing is known of it."""
        found = self._found(text) if len(text) <= _LONGEST else None
        return text if found is None else found

    def _look(self, text: str) -> str | None:
        """The translation; None where nothing is known."""
        if (whole := self._whole(text)) is not None:
            return whole
        for matched, form in self._matches(text):
            if not any(_END_OF_SENTENCE.search(part) for part in matched.groups()):
                return self._filled(form, matched)
        if (sentences := self._sentences(text)) is not None:
            return sentences
        for matched, form in self._matches(text):
            return self._filled(form, matched)
        return self._clauses(text)

    def _sentences(self, text: str) -> str | None:
        """One after the other; what is not known stays as it is."""
        cuts = [(text[: cut.start()], text[cut.end() :]) for cut in _END_OF_SENTENCE.finditer(text)]
        for first, rest in reversed(cuts):
            if (known := self._found(first)) is not None:
                return f"{known} {self.told(rest)}"
        for first, rest in cuts:
            if (known := self._found(rest)) is not None:
                return f"{first} {known}"
        return None

    def _clauses(self, text: str) -> str | None:
        """Reasons in a row, if all of them are known."""
        for between in _CLAUSES:
            if between in text and all(known := [self._found(part) for part in text.split(between)]):
                return between.join(part or "" for part in known)
        return None

    def _whole(self, text: str) -> str | None:
        """As it is, or as a sentence that lost its full stop when it became a part of another one."""
        if text in self._texts:
            return self._texts[text]
        sentence = self._texts.get(f"{text}.")
        return None if sentence is None else sentence.removesuffix(".")

    def _matches(self, text: str) -> Iterator[tuple[re.Match[str], str]]:
        for piece, form in self._forms:
            if piece in text and (matched := _pattern(form).fullmatch(text)) is not None:
                yield matched, self._texts[form]

    def _filled(self, form: str, matched: re.Match[str]) -> str:
        return _PLACE.sub(lambda place: self._part(matched[int(place[1]) + 1]), form)

    def _part(self, text: str) -> str:
        return self._number(text) if _NUMBER.fullmatch(text) else self.told(text)


def _longest_piece(text: str) -> str:
    """What a text must hold to be worth a closer look."""
    return max(_PLACE.split(text)[::2], key=len)


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    """Matches what the template makes."""
    pieces = _PLACE.split(text)
    made = "".join("(.*?)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces))
    return re.compile(made, re.DOTALL)
