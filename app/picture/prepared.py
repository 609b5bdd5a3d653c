"""From what the user named to a source of prepared pictures, at its own pace."""

from __future__ import annotations

from app.capture import Paced, SourceSpec, make_source
from app.picture.settings import PictureSettings
from app.picture.source import Conditioned
from detector.frame import FrameSource, SourceKind


def prepared_source(
    spec: SourceSpec, settings: PictureSettings, *, loop: bool = False, paced: bool = True
) -> tuple[FrameSource, Conditioned]:
    """The source for ``spec`` with its pictures prepared, not opened yet, and what tells how they are.

    Fields are told apart before the pace is kept, so that each comes at its own time.

    Args:
        spec: what it is.
        settings: what to do with the pictures.
        loop: start files and folders over at their end.
        paced: give out files and folders at their own pace.
    """
    conditioned = Conditioned(make_source(spec, loop=loop, paced=False), settings)
    waits = spec.kind in (SourceKind.FILE, SourceKind.IMAGES)
    return (Paced(conditioned) if waits and paced else conditioned), conditioned
