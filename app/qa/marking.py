"""A procedure's raw boxes through tracking and alerts, each setting once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace

import numpy as np

from app.qa.cache import Kept
from detector.alerts import AlertSettings
from detector.scoring import AnswerColumns, Recording
from detector.scoring.displayed import Rerun

_VERSION = 1
_MOST_IN_MEMORY = 16


class Marking:
    """Displayed markers of a recording with any settings.

    Args:
        raw: raw detections with true time.
        kept: where markers are kept between two runs; None: nowhere.
    """

    def __init__(self, raw: Recording, kept: Kept | None = None) -> None:
        self.raw = raw
        self._kept = kept
        self._rerun: Rerun | None = None
        self._content = ""
        self._known: OrderedDict[AlertSettings, AnswerColumns] = OrderedDict()

    def shown(self, settings: AlertSettings, *, keep: bool = True) -> Recording:
        """The recording with the markers that these settings would have put on the screen.

        Args:
            settings: of the alerts.
            keep: on the disk, too; not for what is only tried.
        """
        if settings not in self._known:
            self.learn(settings, self._markers(settings, keep))
        self._known.move_to_end(settings)
        return replace(self.raw, answers=self._known[settings])

    def knows(self, settings: AlertSettings) -> bool:
        """Whether these settings were run already."""
        return settings in self._known

    def learn(self, settings: AlertSettings, markers: AnswerColumns) -> None:
        """Take in what another process has run."""
        self._known[settings] = markers
        if len(self._known) > _MOST_IN_MEMORY:
            self._known.popitem(last=False)

    def renamed(self, name: str) -> Marking:
        """The same under another name; what was found out is shared."""
        other = Marking(replace(self.raw, name=name, unit=name), self._kept)
        other._known = self._known
        return other

    def _markers(self, settings: AlertSettings, keep: bool) -> AnswerColumns:
        if self._kept is None or not keep:
            return self._run(settings)
        file = self._kept.folder / "markers" / f"{self._key(settings)}.npz"
        stored = self._kept.arrays(file)
        try:
            if stored is not None:
                return AnswerColumns(
                    stored["starts"], stored["boxes"], stored["scores"], stored["markers"], stored["status"]
                )
        except (KeyError, ValueError):
            pass  # damaged: made anew
        found = self._run(settings)
        names = ("starts", "boxes", "scores", "markers", "status")
        self._kept.keep_arrays(file, {name: np.asarray(getattr(found, name)) for name in names})
        return found

    def _run(self, settings: AlertSettings) -> AnswerColumns:
        if self._rerun is None:
            self._rerun = Rerun(self.raw)
        return self._rerun.markers(settings)

    def _key(self, settings: AlertSettings) -> str:
        """By content: boxes, times and settings, whatever the files are called."""
        if not self._content:
            answers = AnswerColumns.of(self.raw.answers)
            digest = hashlib.sha256(repr((_VERSION, self.raw.breaks)).encode())
            for column in (answers.starts, answers.boxes, answers.scores, answers.status, self.raw.times_s):
                digest.update(np.ascontiguousarray(column).tobytes())
            self._content = digest.hexdigest()
        return hashlib.sha256(f"{self._content} {settings!r}".encode()).hexdigest()[:32]
