"""A report as JSON, every digit of it: schema ``polypwatch.qa-report/1``; without pictures, paths, names of readers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app import RESEARCH_USE, SOFTWARE
from app.qa.figures import Figures
from app.qa.report.gathering import Covered, Report
from app.qa.report.page import without_paths
from app.qa.report.worst import Worst

SCHEMA = "polypwatch.qa-report/1"


def record_of(report: Report, inputs_sha256: str = "") -> dict[str, Any]:
    """What is written as JSON.

    Args:
        report: what to say.
        inputs_sha256: of all that it was made from; see `app.qa.report.writing`.
    """
    return {
        "schema": SCHEMA,
        "software": SOFTWARE,
        "notice": RESEARCH_USE,
        "made_utc": report.made_utc.isoformat(),
        "kind": report.kind,
        "inputs_sha256": inputs_sha256,
        "bootstrap": {"draws": report.asked.draws, "seed": report.asked.seed, "level": 0.95},
        "models": [_model(f) for f in (report.figures, report.against) if f is not None],
        "readers": len({name for each in report.covered for name in each.readers}),
        "figures": _figures(report.figures),
        "against": _figures(report.against) if report.against is not None else None,
        "comparison": report.compared.as_dict() if report.compared is not None else None,
        "procedures": [_covered(each) for each in report.covered],
        "worst": [_worst(each) for each in report.worst],
        "not_scored": [
            {"name": report.name_of(f.path), "why": without_paths(f.why, [f.path])} for f in report.failures
        ],
    }


def _model(figures: Figures) -> dict[str, Any]:
    settings = dict.fromkeys(p.settings for p in figures.procedures)
    return {
        "label": figures.model,
        "sha256": sorted({p.sha256 for p in figures.procedures}),
        "threshold": figures.threshold,
        "alerts": [None if each is None else asdict(each) for each in settings],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    said = figures.as_dict()
    paths = [p.path for p in figures.procedures]
    return said | {"notes": [without_paths(note, paths) for note in said["notes"]]}


def _covered(each: Covered) -> dict[str, Any]:
    return {
        "name": each.name,
        "frames": each.frames,
        "seconds": each.seconds,
        "reviewed_frames": each.reviewed_frames,
        "not_analysed": each.not_analysed,
        "failed": each.failed,
        "readers": len(each.readers),
        "blinded": each.blinded,
        "sha256": each.sha256,
        "figures": [row.as_dict() for row in each.figures.rows],
    }


def _worst(each: Worst) -> dict[str, Any]:
    spot = each.spot
    return {
        "what": each.what,
        "side": each.side,
        "procedure": each.procedure,
        "first": spot.first,
        "last": spot.last,
        "focus": spot.focus,
        "time_s": each.time_s,
        "seconds": spot.seconds,
        "lesion": spot.lesion,
        "score": spot.score,
        "box": spot.box,
        "words": spot.words,
        "picture": bool(each.jpeg),
    }
