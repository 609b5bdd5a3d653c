"""The background analyses: what runs, how far it is, and stopping it."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.gui.language import mark, told, tr
from app.gui.qa.library_words import whole
from app.gui.qa.saying import progress_bar
from app.gui.setup_parts import button, label, scrolling
from app.qa.jobs import Job, JobQueue, Jobs, JobState

_WIDTH_PX = 520
_STATES = {
    JobState.QUEUED: mark("waits"),
    JobState.RUNNING: mark("running"),
    JobState.PAUSED: mark("paused"),
    JobState.DONE: mark("done"),
    JobState.FAILED: mark("failed"),
    JobState.CANCELLED: mark("stopped"),
}


class JobsPanel(QFrame):
    """A panel at the side of the pages.

    Args:
        queue: of the analyses.
        named: say which procedures these are; False for a blinded reader.

    Attributes:
        left: the panel is to be put away.
    """

    left = pyqtSignal()

    def __init__(self, queue: JobQueue, parent: QWidget | None = None, *, named: bool = True) -> None:
        super().__init__(parent)
        self._named = named
        self.setObjectName("bar")
        self.setFixedWidth(_WIDTH_PX)
        self._queue = queue
        self._shown: Jobs | None = None
        self.rows: dict[int, JobRow] = {}
        self.waiting = label(kind="caution")
        self.beside_live = button(tr("Analyse beside the live window all the same"), self._allow)
        self.nothing = label(
            tr("Nothing is being analysed. Choose procedures in the library and press 'Analyse'."), "soft"
        )
        self.pause_all = button(tr("Pause all"), queue.pause)
        self.go_on_all = button(tr("Go on with all"), queue.go_on)
        self.clear = button(tr("Clear what is over"), queue.clear)
        top = QHBoxLayout()
        top.addWidget(label(tr("Background analyses"), "title"), 1)
        top.addWidget(button(tr("Close"), self.left.emit))
        content = QWidget()
        self._list = QVBoxLayout(content)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(8)
        self._list.addStretch(1)
        all_of_them = QHBoxLayout()
        for each in (self.pause_all, self.go_on_all, self.clear):
            all_of_them.addWidget(each)
        all_of_them.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 12, 10)
        box.addLayout(top)
        box.addWidget(self.waiting)
        box.addWidget(self.beside_live, 0, Qt.AlignmentFlag.AlignLeft)
        box.addWidget(self.nothing)
        box.addWidget(scrolling(content), 1)
        box.addLayout(all_of_them)
        self.show_jobs(queue.snapshot())

    def show_jobs(self, jobs: Jobs) -> None:
        """Show how they stand; what has not changed is not touched."""
        if jobs == self._shown:
            return
        self._shown = jobs
        for gone in self.rows.keys() - {job.id for job in jobs.jobs}:
            row = self.rows.pop(gone)
            self._list.removeWidget(row)
            row.deleteLater()
        for job in jobs.jobs:
            if job.id not in self.rows:
                self.rows[job.id] = JobRow(job.id, self._queue, named=self._named)
                self._list.insertWidget(self._list.count() - 1, self.rows[job.id])
            self.rows[job.id].show_job(job)
        waits = tr("Waiting: {why}. A live examination comes first.").format(why=told(jobs.waiting))
        self.waiting.setText(waits if jobs.waiting else "")
        self.waiting.setVisible(bool(jobs.waiting))
        self.beside_live.setVisible(bool(jobs.waiting))
        self.nothing.setVisible(not jobs.jobs)
        self.pause_all.setEnabled(jobs.busy)
        self.go_on_all.setEnabled(bool(jobs.of_state(JobState.PAUSED)))
        self.clear.setEnabled(any(job.state.over for job in jobs.jobs))

    def _allow(self) -> None:
        self._queue.allow_beside_live(True)


class JobRow(QFrame):
    """One analysis."""

    def __init__(self, number: int, queue: JobQueue, *, named: bool = True) -> None:
        super().__init__()
        self._named = named
        self.setObjectName("card")
        self._number = number
        self._queue = queue
        self.title = label(kind="heading")
        self.state = label(kind="soft")
        self.bar = progress_bar(self)  # shown without a parent it would be a window, and take the keyboard
        self.bar.setFixedHeight(8)
        self.bar.show()
        self.pause = button(tr("Pause"), lambda: self._ask(self._queue.pause))
        self.go_on = button(tr("Go on"), lambda: self._ask(self._queue.go_on))
        self.stop = button(tr("Stop"), lambda: self._ask(self._queue.cancel))
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 8, 10, 8)
        grid.addWidget(self.title, 0, 0)
        grid.addWidget(self.bar, 1, 0)
        grid.addWidget(self.state, 2, 0)
        for column, each in enumerate((self.pause, self.go_on, self.stop), start=1):
            grid.addWidget(each, 0, column, 3, 1, Qt.AlignmentFlag.AlignVCenter)
        grid.setColumnStretch(0, 1)

    def show_job(self, job: Job) -> None:
        """Show how it stands."""
        name = job.path.name if self._named else tr("a procedure")
        self.title.setText(f"{name} · {job.choice.model}")
        self.state.setText(state_words(job))
        self.state.setObjectName("fault" if job.state is JobState.FAILED else "soft")
        self.bar.setRange(0, job.of or (0 if job.state is JobState.RUNNING else 1))
        self.bar.setValue(min(job.frames, job.of) if job.of else (1 if job.state is JobState.DONE else 0))
        self.pause.setVisible(job.state in (JobState.QUEUED, JobState.RUNNING))
        self.go_on.setVisible(job.state is JobState.PAUSED)
        self.stop.setVisible(not job.state.over)

    def _ask(self, what: Callable[[int], object]) -> None:
        what(self._number)


def state_words(job: Job) -> str:
    """How a job stands, in words."""
    parts = [tr(_STATES[job.state])]
    if job.frames and job.of:
        parts.append(tr("{n} of {all} frames").format(n=whole(job.frames), all=whole(job.of)))
    elif job.frames:
        parts.append(tr("{n} frames").format(n=whole(job.frames)))
    if job.rate:
        parts.append(tr("{n} frames/s").format(n=f"{job.rate:.0f}"))
    left = job.remaining_s
    if left is not None:
        parts.append(tr("about {n} min left").format(n=max(1, round(left / 60))))
    if job.not_analysed:
        parts.append(tr("{n} frames could not be analysed").format(n=whole(job.not_analysed)))
    if job.why:
        parts.append(told(job.why))
    return " · ".join(parts)


def summary(jobs: Jobs) -> str:
    """All of them in a few words, for the button in the bar."""
    failed = len(jobs.of_state(JobState.FAILED))
    paused = len(jobs.of_state(JobState.PAUSED))
    running = jobs.of_state(JobState.RUNNING)
    open_ones = len(jobs.of_state(JobState.QUEUED, JobState.RUNNING))
    parts = []
    if jobs.waiting:
        parts.append(tr("waiting for the live window"))
    elif running and running[0].of:
        share = 100 * running[0].frames // running[0].of
        parts.append(tr("{n} to do, {share} %").format(n=open_ones, share=share))
    elif open_ones:
        parts.append(tr("{n} to do").format(n=open_ones))
    if paused:
        parts.append(tr("{n} paused").format(n=paused))
    if failed:
        parts.append(tr("{n} failed").format(n=failed))
    return tr("Analyses: {state}").format(state=", ".join(parts)) if parts else tr("Analyses")
