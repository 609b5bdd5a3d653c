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
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from xml.etree import ElementTree

from PyQt6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

import app
from app.gui.templates import Templates

_log = logging.getLogger(__name__)

CONTEXT = "polypwatch"
TRANSLATIONS = Path(app.__file__).resolve().parent.parent / "assets" / "translations"

Language = Literal["en", "it"]
_installed: list[QTranslator] = []
_templates: Templates | None = None


def tr(text: str) -> str:
    """The text in the language of the window; English itself where it has no translation."""
    return QCoreApplication.translate(CONTEXT, text) if text else text


def mark(text: str) -> str:
    """The text itself: says that it is one for translators, where it stands in a table whose users call ``tr``."""
    return text


def told(text: str) -> str:
    """A finished English text from below Qt in the language of the window; itself where nothing is known of it.

    See ``templates`` for how it is found.
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
    _templates = Templates(texts, decimal) if texts else None
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


def _of_qt(language: Language) -> QTranslator | None:
    """Qt's own words: buttons and titles of its dialogs."""
    translator = QTranslator(QCoreApplication.instance())
    if translator.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        return translator
    _log.warning("Qt's own words have no translation into '%s' here.", language)
    return None
