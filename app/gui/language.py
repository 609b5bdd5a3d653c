"""The language of everything that a person reads: ``tr`` around every text, Qt's translators behind it.

Texts are English in the code. Values are put in afterwards, so that a translation may move them:
``tr("Trying again ({n}).").format(n=3)``. Translations are Qt's own ``.ts`` files in ``assets/translations``; they are
read as they are, so that nothing has to be compiled, and ``python -m app.gui.catalogue`` keeps them complete.

What is composed below Qt (errors, reasons, what a recorder says) arrives as finished English; ``told`` finds what it
was made from: ``Cannot write {0}: {1}.`` in the catalogue stands for ``f"Cannot write {path}: {why}."`` in the source.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from xml.etree import ElementTree

from PyQt6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

import app

_log = logging.getLogger(__name__)

CONTEXT = "polypwatch"
TRANSLATIONS = Path(app.__file__).resolve().parent.parent / "assets" / "translations"

Language = Literal["en", "it"]
_installed: list[QTranslator] = []
_NUMBER = re.compile(r"-?\d+\.\d+")
_PLACE = re.compile(r"\{(\d+)\}")
_END_OF_SENTENCE = re.compile(r"(?<=[.!?]) ")
_CLAUSES = ("; ", ": ", ", ")


def tr(text: str) -> str:
    """The text in the language of the window; English itself where it has no translation."""
    return QCoreApplication.translate(CONTEXT, text) if text else text


def mark(text: str) -> str:
    """The text itself: says that it is one for translators, where it stands in a table whose users call ``tr``."""
    return text


def told(text: str) -> str:
    """A finished English text from below Qt in the language of the window; itself where nothing is known of it.

    A sentence is looked up as it is, then by the catalogue's templates, the one with most words of its own first. Parts
    that were put into it are translated, too, if they are texts themselves. Several sentences are told one by one.
    """
    return _templates.told(text) if _templates is not None and text else text


def decimal(text: str) -> str:
    """A number as Python prints it, with the decimal point of the language: ``12.5`` is 12,5 in Italian."""
    return text.replace(".", QLocale().decimalPoint())


def choose_language(wanted: Literal["system", "en", "it"]) -> Language:
    """The language for a setting: Italian on an Italian system, English on all others that nobody set."""
    if wanted != "system":
        return wanted
    return "it" if QLocale.system().language() == QLocale.Language.Italian else "en"


def use_language(language: Language) -> None:
    """Speak it from now on; texts that are on the screen already change when they are painted anew.

    An application must exist. A catalogue that cannot be read is logged and the window speaks English: it must open.
    """
    qt = QCoreApplication.instance()
    assert qt is not None
    global _templates
    for translator in _installed:
        qt.removeTranslator(translator)
    _installed.clear()
    texts = _texts_of(language)
    _templates = Templates(texts) if texts else None
    if texts:
        _installed.append(Catalogue(texts, qt))
        if (own := _of_qt(language)) is not None:
            _installed.append(own)
    for translator in _installed:
        qt.installTranslator(translator)
    QLocale.setDefault(QLocale(language if texts else "en"))


def _texts_of(language: Language) -> Mapping[str, str]:
    """Its catalogue; empty for English."""
    if language == "en":
        return {}
    try:
        return read_catalogue(catalogue_path(language))
    except (OSError, ElementTree.ParseError) as error:
        _log.error("The window speaks English: %s: %s. Reinstall Polypwatch.", catalogue_path(language), error)
        return {}


def catalogue_path(language: str) -> Path:
    """The file with the translations into a language."""
    return TRANSLATIONS / f"polypwatch_{language}.ts"


@functools.cache
def read_catalogue(path: Path) -> Mapping[str, str]:
    """Translations by English text; what is marked as unfinished is left out.

    Raises:
        OSError, ElementTree.ParseError: the file is missing or damaged: an installation that is not whole.
    """
    found: dict[str, str] = {}
    for message in ElementTree.parse(path).iter("message"):
        source, translation = message.find("source"), message.find("translation")
        if source is None or translation is None or translation.get("type") is not None:
            continue
        if source.text and translation.text:
            found[source.text] = translation.text
    return MappingProxyType(found)


class Catalogue(QTranslator):
    """A ``.ts`` file as one of Qt's translators."""

    def __init__(self, texts: Mapping[str, str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._texts = texts

    def isEmpty(self) -> bool:
        """Whether there is nothing in it."""
        return not self._texts

    def translate(  # type: ignore[override]  # the stubs leave out None, which lets the next translator try
        self, context: str | None, sourceText: str | None, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        """The translation; None where there is none."""
        return self._texts.get(sourceText or "") if context == CONTEXT else None


class Templates:
    """Finds what a finished text was made from.

    Args:
        texts: translations by English text; numbered places (``{0}``) mark what was put in.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        forms = [text for text in texts if _PLACE.search(text)]
        forms.sort(key=lambda text: (-len(_PLACE.sub("", text)), text))
        self._forms = tuple((_longest_piece(text), text) for text in forms)
        self.told = functools.lru_cache(1024)(self._told)

    def _told(self, text: str) -> str:
        found = self._found(text)
        return text if found is None else found

    def _found(self, text: str) -> str | None:
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
                return f"{known} {self._told(rest)}"
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
        return decimal(text) if _NUMBER.fullmatch(text) else self._told(text)


def _longest_piece(text: str) -> str:
    """What a text must hold to be worth a closer look."""
    return max(_PLACE.split(text)[::2], key=len)


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    """Matches what the template makes."""
    pieces = _PLACE.split(text)
    made = "".join("(.*?)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces))
    return re.compile(made, re.DOTALL)


_templates: Templates | None = None


def _of_qt(language: Language) -> QTranslator | None:
    """Qt's own words: buttons and titles of its dialogs."""
    translator = QTranslator(QCoreApplication.instance())
    if translator.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        return translator
    _log.warning("Qt's own words have no translation into '%s' here.", language)
    return None
