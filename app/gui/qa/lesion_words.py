"""Names of what is said of a lesion: shape, site, histology, state. Words only, no widgets."""

from __future__ import annotations

from typing import Final

from app.gui.language import decimal, mark, tr
from app.qa.review import Attributes

SITES: Final = {
    "terminal_ileum": mark("terminal ileum"),
    "caecum": mark("caecum"),
    "ascending": mark("ascending colon"),
    "hepatic_flexure": mark("hepatic flexure"),
    "transverse": mark("transverse colon"),
    "splenic_flexure": mark("splenic flexure"),
    "descending": mark("descending colon"),
    "sigmoid": mark("sigmoid colon"),
    "rectum": mark("rectum"),
}
HISTOLOGIES: Final = {
    "adenoma": mark("adenoma"),
    "sessile_serrated_lesion": mark("sessile serrated lesion"),
    "traditional_serrated_adenoma": mark("traditional serrated adenoma"),
    "hyperplastic": mark("hyperplastic"),
    "carcinoma": mark("carcinoma"),
    "inflammatory": mark("inflammatory"),
    "normal_mucosa": mark("normal mucosa"),
    "other": mark("other"),
    "not_retrieved": mark("not retrieved"),
}
PARIS: Final = ("Ip", "Isp", "Is", "IIa", "IIb", "IIc", "III")
LSTS: Final = ("LST-G", "LST-G-H", "LST-G-NM", "LST-NG", "LST-NG-FE", "LST-NG-PD")
STATES: Final = {
    "clear": mark("clear"),
    "marginal": mark("marginal"),
    "occluded": mark("occluded"),
    "out_of_view": mark("out of view"),
}


def attribute_words(attributes: Attributes) -> str:
    """What is known of a lesion in one line; says so if nothing is."""
    parts = []
    if attributes.size_mm is not None:
        parts.append(tr("{size} mm").format(size=decimal(f"{attributes.size_mm:g}")))
    if attributes.paris is not None:
        parts.append(f"0-{attributes.paris}")
    if attributes.lst is not None:
        parts.append(attributes.lst)
    if attributes.site is not None:
        parts.append(tr(SITES[attributes.site]))
    if attributes.histology is not None:
        parts.append(tr(HISTOLOGIES[attributes.histology]))
    return ", ".join(parts) or tr("nothing described yet")
