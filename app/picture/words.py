"""What is done to the picture, in words for the screen, and whether it may be kept."""

from __future__ import annotations

from app.picture.source import AreaState, Conditioned, PictureConditions
from app.recording.copying import CopySource


class PictureReport:
    """Tells a live session about its source's pictures; from any thread."""

    def __init__(self, source: Conditioned) -> None:
        self._source = source

    def words(self) -> tuple[str, ...]:
        """What the user should know of the picture, in sentences; changes with what is found, empty for a plain one."""
        return words_of(self._source.conditions)

    def copy_source(self) -> CopySource:
        """What a recording that copies the source's stream must know."""
        return CopySource(self._source.tap, self._source.changes, self._source.may_halve)

    def objection(self) -> str:
        """Why nothing of the picture should be recorded yet; empty if it may be."""
        return objection_to(self._source.conditions)


def words_of(conditions: PictureConditions) -> tuple[str, ...]:
    """One sentence for each thing that is done or could not be done."""
    found = []
    area = conditions.area
    if conditions.area_state is AreaState.SEARCHING:
        found.append("The picture area is being looked for; the whole picture is shown meanwhile.")
    elif conditions.area_state is AreaState.NOT_FOUND:
        found.append(f"The picture area could not be found ({conditions.reason}); the whole picture is shown.")
    elif conditions.area_state is AreaState.FOUND and area is not None:
        found.append(
            f"Picture area found: {area.width} x {area.height} pixels from {area.x}, {area.y}. "
            "Is anything of the endoscope's picture missing?"
        )
    if conditions.deinterlacing:
        order = conditions.scan.value.partition(", ")[2] if conditions.scan.interlaced else ""
        if order:
            found.append(f"The video is interlaced ({order}): each frame is shown as two pictures.")
        else:
            found.append("The video is interlaced: each frame is shown as two pictures.")
    return tuple(found)


def objection_to(conditions: PictureConditions) -> str:
    """What lies around the picture area may name a patient: nothing is kept before the area is known."""
    if conditions.area_state in (AreaState.SEARCHING, AreaState.NOT_FOUND):
        return f"the picture area {conditions.area_state.value}, and what lies around it may name a patient"
    return ""
