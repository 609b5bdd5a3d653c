"""What is told once when it happens: a snapshot is compared with the one before, and notices are made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.gui.errands import VIDEO_GOES_ON
from app.gui.language import told, tr
from app.gui.notices import Notice, Weight
from app.snapshot import LiveSnapshot

_FIGURES = re.compile(r"[\d.,]+")


class Tellers:
    """Notices about what changed between snapshots. To be asked once for every snapshot."""

    def __init__(self) -> None:
        self._recorder_fault = ""
        self._recorder_warning = ""
        self._sync_detail = ""
        self._picture_words: tuple[str, ...] = ()
        self._watch_fault = ""

    def told(self, snapshot: LiveSnapshot) -> Iterator[Notice]:
        """What is new."""
        yield from self._recorder(snapshot)
        yield from self._end_of_synchrony(snapshot)
        yield from self._picture(snapshot)
        yield from self._watch(snapshot)

    def _recorder(self, snapshot: LiveSnapshot) -> Iterator[Notice]:
        fault = snapshot.recorder_fault
        if fault and fault != self._recorder_fault:
            yield Notice(tr("Recording: {fault}").format(fault=told(fault)), tr(VIDEO_GOES_ON), "", Weight.ERROR)
        self._recorder_fault = fault
        warning = snapshot.recorder.warning if snapshot.recorder else ""
        if warning and not _same_but_figures(warning, self._recorder_warning):
            yield Notice(tr("Recording: {fault}").format(fault=told(warning)), tr(VIDEO_GOES_ON), "", Weight.WARNING)
        self._recorder_warning = warning

    def _end_of_synchrony(self, snapshot: LiveSnapshot) -> Iterator[Notice]:
        detail = snapshot.sync.detail
        if detail and detail != self._sync_detail:
            words = told(detail)
            words = f"{words[:1].upper()}{words[1:]}"
            yield Notice(words, tr("The picture is shown as it comes again."), tr("Press Y to try once more."))
        self._sync_detail = detail

    def _picture(self, snapshot: LiveSnapshot) -> Iterator[Notice]:
        words = snapshot.source.picture
        for sentence in words:
            if sentence not in self._picture_words:
                yield Notice(told(sentence))
        self._picture_words = words

    def _watch(self, snapshot: LiveSnapshot) -> Iterator[Notice]:
        fault = snapshot.view.fault
        if fault and fault != self._watch_fault:
            what = tr("The picture is not checked now: {fault}").format(fault=told(fault))
            shown = tr("Boxes are shown whatever the picture is.")
            yield Notice(what, shown, tr("If this stays, restart the program after the examination."), Weight.WARNING)
        self._watch_fault = fault


def _same_but_figures(words: str, before: str) -> bool:
    """A figure that counts is no news: it would hide every other notice."""
    return _FIGURES.sub("", words) == _FIGURES.sub("", before)
