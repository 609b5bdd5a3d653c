"""The words of the report: every string in English, marked for Qt's translation tools, with its Italian.

The language of a report is chosen apart from that of the window. ``Words`` says a string in one language;
``ReportTranslator`` can be installed into an application that speaks the other strings of the context ``Report``.
"""

from __future__ import annotations

from typing import Final, Literal

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QTranslator

Language = Literal["en", "it"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "it")
CONTEXT: Final = "Report"

ITALIAN: Final[dict[str, str]] = {
    QT_TRANSLATE_NOOP("Report", "Colonoscopy report"): "Referto di colonscopia",
    QT_TRANSLATE_NOOP("Report", "Technical report of a colonoscopy"): "Rapporto tecnico della colonscopia",
    QT_TRANSLATE_NOOP("Report", "Research software, not a medical device"): (
        "Software di ricerca, non è un dispositivo medico"
    ),
    QT_TRANSLATE_NOOP("Report", "Page {page} of {pages}"): "Pagina {page} di {pages}",
    QT_TRANSLATE_NOOP("Report", "Preliminary: the examination was not ended"): (
        "Provvisorio: l'esame non è stato concluso"
    ),
    # The head.
    QT_TRANSLATE_NOOP("Report", "Examination"): "Esame",
    QT_TRANSLATE_NOOP("Report", "Begun"): "Inizio",
    QT_TRANSLATE_NOOP("Report", "Duration"): "Durata",
    QT_TRANSLATE_NOOP("Report", "Indication"): "Indicazione",
    QT_TRANSLATE_NOOP("Report", "Endoscopist"): "Endoscopista",
    QT_TRANSLATE_NOOP("Report", "Room"): "Sala",
    QT_TRANSLATE_NOOP("Report", "not stated"): "non indicato",
    QT_TRANSLATE_NOOP("Report", "yes"): "sì",
    QT_TRANSLATE_NOOP("Report", "not marked"): "non indicato",
    # Quality.
    QT_TRANSLATE_NOOP("Report", "Quality indicators"): "Indicatori di qualità",
    QT_TRANSLATE_NOOP("Report", "Caecum reached"): "Cieco raggiunto",
    QT_TRANSLATE_NOOP("Report", "Insertion time"): "Tempo di introduzione",
    QT_TRANSLATE_NOOP("Report", "Withdrawal time"): "Tempo di retrazione",
    QT_TRANSLATE_NOOP("Report", "without interventions"): "senza interventi",
    QT_TRANSLATE_NOOP("Report", "end of the withdrawal not marked"): "fine della retrazione non indicata",
    QT_TRANSLATE_NOOP("Report", "Photographs of the caecum"): "Fotografie del cieco",
    QT_TRANSLATE_NOOP("Report", "Ileocaecal valve"): "Valvola ileocecale",
    QT_TRANSLATE_NOOP("Report", "Appendiceal orifice"): "Orifizio appendicolare",
    QT_TRANSLATE_NOOP("Report", "none"): "nessuna",
    QT_TRANSLATE_NOOP("Report", "Bowel preparation (BBPS)"): "Preparazione intestinale (BBPS)",
    QT_TRANSLATE_NOOP("Report", "right"): "destro",
    QT_TRANSLATE_NOOP("Report", "transverse"): "trasverso",
    QT_TRANSLATE_NOOP("Report", "left"): "sinistro",
    QT_TRANSLATE_NOOP("Report", "adequate"): "adeguata",
    QT_TRANSLATE_NOOP("Report", "not adequate"): "non adeguata",
    QT_TRANSLATE_NOOP("Report", "incomplete"): "incompleta",
    QT_TRANSLATE_NOOP("Report", "Polyps found / removed"): "Polipi trovati / rimossi",
    QT_TRANSLATE_NOOP("Report", "Polyp detection by software"): "Rilevamento di polipi con software",
    QT_TRANSLATE_NOOP("Report", "active for {time}"): "attivo per {time}",
    QT_TRANSLATE_NOOP("Report", "recorded only, not shown"): "solo registrato, non mostrato",
    QT_TRANSLATE_NOOP("Report", "not used"): "non utilizzato",
    # Lesions.
    QT_TRANSLATE_NOOP("Report", "Lesions"): "Lesioni",
    QT_TRANSLATE_NOOP("Report", "No lesion was marked."): "Nessuna lesione è stata indicata.",
    QT_TRANSLATE_NOOP("Report", "Segment"): "Sede",
    QT_TRANSLATE_NOOP("Report", "Size"): "Dimensione",
    QT_TRANSLATE_NOOP("Report", "Paris"): "Parigi",
    QT_TRANSLATE_NOOP("Report", "Resection"): "Resezione",
    QT_TRANSLATE_NOOP("Report", "Remark"): "Nota",
    QT_TRANSLATE_NOOP("Report", "Lesion {number}"): "Lesione {number}",
    QT_TRANSLATE_NOOP("Report", "Snapshot {time}"): "Immagine {time}",
    QT_TRANSLATE_NOOP("Report", "{count} more lesions stand in the technical report."): (
        "Altre {count} lesioni sono nel rapporto tecnico."
    ),
    QT_TRANSLATE_NOOP("Report", "{count} more pictures lie with the examination."): (
        "Altre {count} immagini sono conservate con l'esame."
    ),
    QT_TRANSLATE_NOOP("Report", "(in full in the technical report)"): "(per intero nel rapporto tecnico)",
    QT_TRANSLATE_NOOP("Report", "The picture cannot be read."): "L'immagine non può essere letta.",
    QT_TRANSLATE_NOOP("Report", "terminal ileum"): "ileo terminale",
    QT_TRANSLATE_NOOP("Report", "caecum"): "cieco",
    QT_TRANSLATE_NOOP("Report", "ascending colon"): "colon ascendente",
    QT_TRANSLATE_NOOP("Report", "hepatic flexure"): "flessura epatica",
    QT_TRANSLATE_NOOP("Report", "transverse colon"): "colon trasverso",
    QT_TRANSLATE_NOOP("Report", "splenic flexure"): "flessura splenica",
    QT_TRANSLATE_NOOP("Report", "descending colon"): "colon discendente",
    QT_TRANSLATE_NOOP("Report", "sigmoid colon"): "sigma",
    QT_TRANSLATE_NOOP("Report", "rectum"): "retto",
    QT_TRANSLATE_NOOP("Report", "left in place"): "lasciata in sede",
    QT_TRANSLATE_NOOP("Report", "biopsy"): "biopsia",
    QT_TRANSLATE_NOOP("Report", "cold forceps"): "pinza a freddo",
    QT_TRANSLATE_NOOP("Report", "cold snare"): "ansa fredda",
    QT_TRANSLATE_NOOP("Report", "hot snare"): "ansa diatermica",
    QT_TRANSLATE_NOOP("Report", "mucosal resection (EMR)"): "resezione mucosa (EMR)",
    QT_TRANSLATE_NOOP("Report", "submucosal dissection (ESD)"): "dissezione sottomucosa (ESD)",
    QT_TRANSLATE_NOOP("Report", "other"): "altro",
    QT_TRANSLATE_NOOP("Report", "removed"): "rimossa",
    # Texts.
    QT_TRANSLATE_NOOP("Report", "Conclusion"): "Conclusioni",
    QT_TRANSLATE_NOOP("Report", "Notes"): "Note",
    QT_TRANSLATE_NOOP("Report", "The record has gaps ({count}): see the technical report."): (
        "La registrazione è lacunosa ({count}): vedere il rapporto tecnico."
    ),
    # The technical report.
    QT_TRANSLATE_NOOP("Report", "Written by"): "Scritto da",
    QT_TRANSLATE_NOOP("Report", "Report made"): "Rapporto creato",
    QT_TRANSLATE_NOOP("Report", "Gaps of the record"): "Lacune della registrazione",
    QT_TRANSLATE_NOOP("Report", "Models"): "Modelli",
    QT_TRANSLATE_NOOP("Report", "threshold"): "soglia",
    QT_TRANSLATE_NOOP("Report", "AI statistics"): "Statistiche dell'IA",
    QT_TRANSLATE_NOOP("Report", "Nothing was noted."): "Non è stato annotato nulla.",
    QT_TRANSLATE_NOOP("Report", "Active"): "Attiva",
    QT_TRANSLATE_NOOP("Report", "Suppressed"): "Soppressa",
    QT_TRANSLATE_NOOP("Report", "Markers shown"): "Marcatori mostrati",
    QT_TRANSLATE_NOOP("Report", "Time with a marker on the screen"): "Tempo con un marcatore sullo schermo",
    QT_TRANSLATE_NOOP("Report", "Frames analysed / skipped / failed"): "Fotogrammi analizzati / saltati / falliti",
    QT_TRANSLATE_NOOP("Report", "Restarts of the AI"): "Riavvii dell'IA",
    QT_TRANSLATE_NOOP("Report", "Latency, median / 95 %"): "Latenza, mediana / 95 %",
    QT_TRANSLATE_NOOP("Report", "Sensitivity preset"): "Preimpostazione di sensibilità",
    QT_TRANSLATE_NOOP("Report", "Settings"): "Impostazioni",
    QT_TRANSLATE_NOOP("Report", "Events"): "Eventi",
    QT_TRANSLATE_NOOP("Report", "Time"): "Tempo",
    QT_TRANSLATE_NOOP("Report", "Frame"): "Fotogramma",
    QT_TRANSLATE_NOOP("Report", "Event"): "Evento",
    QT_TRANSLATE_NOOP("Report", "Details"): "Dettagli",
    QT_TRANSLATE_NOOP("Report", "withdrawn"): "annullato",
    QT_TRANSLATE_NOOP("Report", "Pictures"): "Immagini",
    QT_TRANSLATE_NOOP("Report", "Journal"): "Registro",
}

SEGMENTS: Final = {
    "terminal_ileum": "terminal ileum",
    "caecum": "caecum",
    "ascending": "ascending colon",
    "hepatic_flexure": "hepatic flexure",
    "transverse": "transverse colon",
    "splenic_flexure": "splenic flexure",
    "descending": "descending colon",
    "sigmoid": "sigmoid colon",
    "rectum": "rectum",
}
METHODS: Final = {
    "none": "left in place",
    "biopsy": "biopsy",
    "cold_forceps": "cold forceps",
    "cold_snare": "cold snare",
    "hot_snare": "hot snare",
    "emr": "mucosal resection (EMR)",
    "esd": "submucosal dissection (ESD)",
    "other": "other",
}


class ReportTranslator(QTranslator):
    """Translates the context ``Report`` from the table above."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._table = ITALIAN if language == "it" else {}

    def isEmpty(self) -> bool:
        """Qt asks whether there is anything in it."""
        return not self._table

    def translate(self, context: str | None, source: str | None, disambiguation: str | None = None, n: int = -1) -> str:
        """The translation; empty where there is none, as Qt wants it."""
        return self._table.get(source or "", "") if context == CONTEXT else ""


class Words:
    """Says the report's strings in one language.

    Args:
        language: ``en``, ``it``; None for the language of the running application.
    """

    def __init__(self, language: Language | None = None) -> None:
        self._translator = None if language is None else ReportTranslator(language)

    def __call__(self, text: str, **values: object) -> str:
        """The string in this language, with its values filled in.

        Raises:
            KeyError: it is not in the table, so that nobody could have translated it.
        """
        if text not in ITALIAN:
            raise KeyError(text)
        if self._translator is None:
            said = QCoreApplication.translate(CONTEXT, text)
        else:
            said = self._translator.translate(CONTEXT, text) or text
        return said.format(**values) if values else said
