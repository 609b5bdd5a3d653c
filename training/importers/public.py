"""The public sets under POLYPWATCH_DATA: where each lies, what it allows, and which layout reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from detector.errors import SourceError, UsageError
from training.importers.context import Context, Report
from training.importers.intake import UNLABELLED
from training.importers.registry import layouts
from training.samples import Sample, SourceInfo

_POLYPGEN = (
    "Ali et al., A multi-centre polyp detection and segmentation dataset for generalisability assessment, "
    "Scientific Data 10:75, 2023"
)
_COMPLETE = {UNLABELLED: "bad"}
"""These sets label every image, so an image without a label means that the copy is damaged."""


@dataclass(frozen=True, slots=True)
class PublicSet:
    """One public set.

    Attributes:
        source: its name, licence and citation.
        folder: its folder below the data root, and the first part of its samples' names.
        layout: name of the layout that reads it.
        options: for the layout.
    """

    source: SourceInfo
    folder: str
    layout: str
    options: Mapping[str, str] = field(default_factory=dict)


PUBLIC: dict[str, PublicSet] = {
    known.source.name: known
    for known in (
        PublicSet(
            SourceInfo(
                "kvasir-seg",
                "research and education",
                False,
                "Jha et al., Kvasir-SEG: A Segmented Polyp Dataset, MMM 2020",
            ),
            "kvasir_seg",
            "masks",
            _COMPLETE,
        ),
        PublicSet(SourceInfo("polypgen", "CC BY 4.0", True, _POLYPGEN), "polypgen", "masks", _COMPLETE),
        PublicSet(
            SourceInfo("polypgen-negatives", "CC BY 4.0", True, f"{_POLYPGEN} (negative sequences)"),
            "polypgen_negseq",
            "negatives",
        ),
        PublicSet(
            SourceInfo(
                "bkai-neopolyp",
                "Kaggle competition, non-commercial research",
                False,
                "Nguyen An et al., BlazeNeo: Blazing Fast Polyp Segmentation and Neoplasm Detection, IEEE Access 10, "
                "2022; Ngoc Lan et al., NeoUNet: Towards Accurate Colon Polyp Segmentation and Neoplasm Detection, "
                "ISVC 2021",
            ),
            "bkai_neopolyp",
            "colour-masks",
            _COMPLETE,
        ),
        PublicSet(
            SourceInfo(
                "cvc-clinicdb",
                "research, with citation",
                False,
                "Bernal et al., WM-DOVA maps for accurate polyp highlighting in colonoscopy, "
                "Computerized Medical Imaging and Graphics 43, 2015",
            ),
            "cvc_clinicdb",
            "masks",
            _COMPLETE,
        ),
    )
}


def read_public(name: str, root: Path, report: Report) -> list[Sample]:
    """All samples of one public set, in the order of their names.

    Args:
        name: key of `PUBLIC`.
        root: the folder that holds the sets' folders.
        report: where bad records go.

    Raises:
        UsageError: there is no such set.
        SourceError: its folder is missing or incomplete.
        FormatError: a record is bad and the report strict, or a table of the set is damaged.
    """
    known = PUBLIC.get(name)
    if known is None:
        raise UsageError(f"There is no public set '{name}'.", f"Known: {', '.join(PUBLIC)}.")
    folder = root / known.folder
    if not folder.is_dir():
        raise SourceError(f"The data set {name} is not at {folder}.", "Set POLYPWATCH_DATA to where the sets are.")
    options = {"prefix": known.folder, **known.options}
    # Stills are never cut out of anything: the work folder stays unused.
    context = Context(known.source, report, folder, options)
    return sorted(layouts()[known.layout].read(folder, context), key=lambda s: s.name)
