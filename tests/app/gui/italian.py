"""What tests of the translations share: English that is left in a text, and texts that have no translation."""

import re

from PyQt6.QtCore import QCoreApplication, QTranslator

from app.gui.language import CONTEXT, catalogue_path, read_catalogue

# Hardly an English sentence is without one of these, and no Italian one has any.
ENGLISH = re.compile(r"\b(the|is|are|not|of|and|to|was|were|with|for|cannot|picture|recording|it)\b", re.IGNORECASE)


def english_of(text: str) -> list[str]:
    """English words in a text; what stands between backticks is to be typed as it is."""
    return ENGLISH.findall(re.sub(r"`[^`]*`", "", text))


class Missed(QTranslator):
    """Notes every text that was asked for and has no translation."""

    def __init__(self) -> None:
        super().__init__(QCoreApplication.instance())
        self.texts: set[str] = set()
        self._known = read_catalogue(catalogue_path("it"))

    def isEmpty(self) -> bool:
        return False

    def translate(  # type: ignore[override]
        self, context: str | None, sourceText: str | None, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        if context == CONTEXT and sourceText and sourceText not in self._known:
            self.texts.add(sourceText)
        return None  # the next translator's turn
