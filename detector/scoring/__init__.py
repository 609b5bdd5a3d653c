"""How good detection, tracking and alerting were: the one implementation behind training, QA and the reports.

No Qt, no torch, no files: truth and answers come in as the types of `recording`, figures go out. `clinical` (all
figures at once) and `displayed` (the alert code run again) stand on the tracker and are imported by their own names.
"""

from detector.scoring.agreement import BoxAgreement, FrameAgreement, box_agreement, frame_agreement
from detector.scoring.average_precision import ApName, AveragePrecision, average_precision
from detector.scoring.bootstrap import Interval, PairedInterval, bootstrap, exact_interval, paired_bootstrap, unit_of
from detector.scoring.columns import AnswerColumns, TruthColumns
from detector.scoring.drawn_precision import ap_figure
from detector.scoring.events import DURATIONS_S, FalseEvent, ShownEvents, shown_events, shown_figure
from detector.scoring.froc import THRESHOLDS, FrocPoint, froc_lesions, froc_realcolon, froc_shown, froc_stills
from detector.scoring.intervals import Draws, Figure
from detector.scoring.lesions import HitRule, LesionFigures, LesionResult, lesion_figure, lesion_figures
from detector.scoring.realcolon import RealColonFigures, realcolon_figure, realcolon_figures
from detector.scoring.recording import Answer, Recording, Still, Truth
from detector.scoring.stills import (
    FALSE,
    HIT,
    NEUTRAL,
    BoxFigures,
    Matches,
    best_f1_threshold,
    box_figure,
    box_figures,
    match_boxes,
    threshold_for_negatives,
)

__all__ = [
    "DURATIONS_S",
    "FALSE",
    "HIT",
    "NEUTRAL",
    "THRESHOLDS",
    "Answer",
    "AnswerColumns",
    "ApName",
    "AveragePrecision",
    "BoxAgreement",
    "BoxFigures",
    "Draws",
    "FalseEvent",
    "Figure",
    "FrameAgreement",
    "FrocPoint",
    "HitRule",
    "Interval",
    "LesionFigures",
    "LesionResult",
    "Matches",
    "PairedInterval",
    "RealColonFigures",
    "Recording",
    "ShownEvents",
    "Still",
    "Truth",
    "TruthColumns",
    "ap_figure",
    "average_precision",
    "best_f1_threshold",
    "bootstrap",
    "box_agreement",
    "box_figure",
    "box_figures",
    "exact_interval",
    "frame_agreement",
    "froc_lesions",
    "froc_realcolon",
    "froc_shown",
    "froc_stills",
    "lesion_figure",
    "lesion_figures",
    "match_boxes",
    "paired_bootstrap",
    "realcolon_figure",
    "realcolon_figures",
    "shown_events",
    "shown_figure",
    "threshold_for_negatives",
    "unit_of",
]
