"""One reader's review of one procedure: edits that are on the disk before they count, undo, and who may see what.

An edit returns once its line is synced; after a SIGKILL everything that was acknowledged is there. Methods may be
called from any thread; those who listen are called in the thread of the edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from app.qa.review.blinding import Visible, visible_to
from app.qa.review.boxes import fitted
from app.qa.review.document import Document
from app.qa.review.edits import arrival
from app.qa.review.labels import Taken, existing_labels, taken_over
from app.qa.review.ledger import Ledger
from app.qa.review.opening import Found, find_log
from app.qa.review.operations import (
    Answered,
    Attributes,
    Commit,
    Decide,
    Describe,
    Draw,
    Erase,
    EraseLesion,
    Import,
    Merge,
    Move,
    Piece,
    Propagate,
    Published,
    Redo,
    Review,
    SetState,
    Split,
    Undo,
    Unkey,
    Unreview,
)
from app.qa.review.propagate import Carried, PictureSource, carry
from app.qa.review.tracks import Box, State
from detector.errors import UsageError
from detector.schema import describe_validation_error

if TYPE_CHECKING:
    from app.qa.opened import Opened
    from app.qa.worklist.answers import Answer
    from detector.annotation import Annotation


_NOT_BEGUN_FROM: Final = (
    "labels lie beside these videos that this review did not begin from: publishing it puts them aside"
)


class ReviewSession:
    """One reader's review of one procedure; made by :meth:`open`.

    Attributes:
        reviewer: whose.
        path: of the log.
        blinded: begun blinded; what may be shown says :attr:`visible`.
        notes: what must be said of it, such as a torn line that was cut off.
        carried: how the last propagation went; None before the first.
    """

    def __init__(self, opened: Opened, found: Found) -> None:
        self.reviewer = found.head.reviewer
        self.path = found.path
        self.blinded = found.head.blinded
        self.notes = found.notes
        self.carried: Carried | None = None
        self._axis, self._size_of = opened.axis, opened.size_of
        self._ledger = Ledger(found.path, found.head, found.reading, found.holding, found.read_only)
        self._history, self._guard = self._ledger.history, self._ledger.guard

    @classmethod
    def open(
        cls,
        opened: Opened,
        reviewer: str,
        *,
        blinded: bool = False,
        folder: Path | None = None,
        from_labels: bool = True,
    ) -> ReviewSession:
        """Begin a review, or go on with it. Nothing is written before the first edit.

        Args:
            opened: the procedure.
            reviewer: who reviews, as they write their name.
            blinded: hide what could tell the reader what to find; counts when the review is begun, and stays.
            folder: for logs; None: with the recording, or beside the video.
            from_labels: begin a new review from the labels that are there, unless it is blinded.

        Raises:
            FormatError: the log is of another procedure or reader, or of a version that this one does not read.
            UsageError: the name has no letter or digit.
        """
        log = find_log(opened, " ".join(reviewer.split()), blinded, folder)
        try:
            session = cls(opened, log)
            if from_labels:
                session.take_labels(opened)
        except BaseException:
            if log.holding is not None:
                log.holding.release()
            raise
        return session

    def close(self) -> None:
        """Let the log go; everything is on the disk already. More than once is no mistake."""
        self._ledger.close()

    # -- looking ------------------------------------------------------------------------------------------------------

    @property
    def read_only(self) -> str:
        """Why no edit is possible, in a sentence; empty if it is."""
        return self._ledger.read_only

    @property
    def imports(self) -> tuple[tuple[str, str], ...]:
        """What was taken over, undone or not: file and SHA-256."""
        return self._ledger.imports

    @property
    def document(self) -> Document:
        """What was said so far."""
        return self._history.document

    @property
    def committed(self) -> bool:
        """Whether the reader has committed."""
        return self._history.committed is not None

    @property
    def committed_document(self) -> Document | None:
        """What was said before the first commit, by a blinded reader before unblinding; None before it."""
        return self._history.committed

    @property
    def edits_since_commit(self) -> int:
        """Edits that came after the last commit; of all edits if there was none."""
        return self._history.edits_since

    @property
    def visible(self) -> Visible:
        """What the reader may see now."""
        return visible_to(self)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return self._history.undoes is not None and not self.read_only

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to bring back."""
        return self._history.redoes is not None and not self.read_only

    @property
    def last_line(self) -> tuple[int, str]:
        """Number of the last operation in the log, and the SHA-256 of its line; (0, "") before the first."""
        return self._ledger.last_line

    def listen(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Be called after every change, without payload; returns what ends it."""
        return self._ledger.listen(callback)

    # -- boxes --------------------------------------------------------------------------------------------------------

    def draw(self, position: int, box: Box, lesion: int | None = None, *, joined: bool | None = None) -> int:
        """Draw a box; returns the lesion's number.

        Args:
            position: the frame.
            box: x1, y1, x2, y2 in frame pixels, half-open; what lies outside of the picture is cut off.
            lesion: the same lesion as before; None: a new one.
            joined: whether the lesion was in the picture all the way from and to the nearest box; None: if that is at
                most two seconds away.

        Raises:
            UsageError: the box is outside of the picture or too small, there is no such lesion, or the review cannot
                be edited.
            OutputError: it cannot be saved; nothing has changed.
        """
        cut = self._fitted(position, box)
        with self._guard:
            if lesion is None:
                number = self._history.next_lesion
                self._ledger.write(Draw(lesion=number, position=position, box=cut, new=True))
                return number
            states = arrival(self.document.lesion(lesion).track, position, self._axis, self._size_of, joined)
            self._ledger.write(Draw(lesion=lesion, position=position, box=cut, states=states))
            return lesion

    def move(self, position: int, lesion: int, box: Box) -> None:
        """Move or resize the box of a lesion in a frame, which becomes a key frame. Raises as :meth:`draw`."""
        cut = self._fitted(position, box)
        with self._guard:
            states = arrival(self.document.lesion(lesion).track, position, self._axis, self._size_of, None)
            self._ledger.write(Move(lesion=lesion, position=position, box=cut, states=states))

    def unkey(self, position: int, lesion: int) -> None:
        """Make a key frame an ordinary one, whose box lies between its neighbours'. Raises as :meth:`draw`."""
        self._ledger.write(Unkey(lesion=lesion, position=position))

    def erase(self, position: int, lesion: int) -> None:
        """Take the box of this one frame away; a lesion without boxes is gone. Raises as :meth:`draw`."""
        self._ledger.write(Erase(lesion=lesion, position=position))

    def erase_lesion(self, lesion: int) -> None:
        """Take a lesion away altogether. Raises as :meth:`draw`."""
        self._ledger.write(EraseLesion(lesion=lesion))

    def set_state(self, lesion: int, first: int, last: int, state: State) -> None:
        """Say how a lesion is to be seen from `first` to `last`, both included. Raises as :meth:`draw`."""
        self._ledger.write(SetState(lesion=lesion, first=min(first, last), last=max(first, last), state=state))

    def propagate(
        self,
        lesion: int,
        position: int,
        frames: int,
        pictures: PictureSource,
        stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Carry the box of a frame on by tracking what it shows; all boxes are one edit.

        Takes a while: not for the thread of a window. Boxes of this lesion in the frames that are reached are
        replaced. Why it ended is in :attr:`carried`.

        Args:
            lesion: whose box.
            position: where the box is.
            frames: how many frames to go, backwards if negative.
            pictures: of the procedure.
            stop: is asked before each frame.

        Returns:
            The farthest position that got a box; `position` if none did.

        Raises:
            UsageError: the lesion has no box there, or the review cannot be edited.
            SourceError: a picture cannot be read; nothing has changed.
            OutputError: it cannot be saved; nothing has changed.
        """
        self._ledger.require_editable()
        track = self.document.lesion(lesion).track
        box = track.visible_at(position)
        if box is None:
            raise UsageError(
                f"Lesion {lesion} has no box in frame {position}.", "Draw it, or go to a frame in which it has one."
            )
        carried = carry(pictures, position, box, frames, len(self._axis), stop)
        self.carried = carried
        if carried.last == position:
            return position
        piece = Piece.of(carried.track(track.state_at(position)))
        self._ledger.write(
            Propagate(lesion=lesion, position=position, last=carried.last, piece=piece, reason=carried.reason)
        )
        return carried.last

    # -- lesions, ranges, answers -------------------------------------------------------------------------------------

    def describe(self, lesion: int, **attributes: object) -> None:
        """Say what is known of a lesion.

        Args:
            lesion: which one.
            attributes: `size_mm`, `paris`, `site`, `histology`, `note`; what is not named stays, None withdraws.

        Raises:
            UsageError: an attribute is not known or its value is not one of those that exist, or as :meth:`draw`.
        """
        unknown = sorted(set(attributes) - set(Attributes.model_fields))
        if unknown:
            raise UsageError(f"A lesion has no '{unknown[0]}'.", f"Known are {', '.join(Attributes.model_fields)}.")
        if attributes.get("note", "") is None:
            attributes["note"] = ""
        with self._guard:
            said: dict[str, Any] = self.document.lesion(lesion).attributes.model_dump() | attributes
            try:
                made = Attributes.model_validate(said)
            except ValidationError as error:
                raise UsageError(f"Lesion {lesion}: {describe_validation_error(error)}.") from error
            self._ledger.write(Describe(lesion=lesion, attributes=made))

    def merge(self, a: int, b: int) -> None:
        """Say that two lesions are one, `a`. Raises as :meth:`draw`."""
        self._ledger.write(Merge(a=a, b=b))

    def split(self, lesion: int, position: int) -> int:
        """Say that a lesion is another one from a frame on; returns its number. Raises as :meth:`draw`."""
        with self._guard:
            new = self._history.next_lesion
            self._ledger.write(Split(lesion=lesion, position=position, new=new))
            return new

    def review(self, first: int, last: int) -> None:
        """Say that a range was looked at for every lesion, `first` and `last` included. Raises as :meth:`draw`."""
        self._ledger.write(Review(first=min(first, last), last=max(first, last), reviewer=self.reviewer))

    def unreview(self, first: int, last: int) -> None:
        """Take that back for a range, whoever said so. Raises as :meth:`draw`."""
        self._ledger.write(Unreview(first=min(first, last), last=max(first, last)))

    def answer(self, answer: Answer) -> None:
        """Keep an answer to a clip. Raises as :meth:`draw`."""
        said = asdict(answer)
        said["box"] = list(answer.box) if answer.box is not None else None
        self._ledger.write(Answered(answer=said))

    # -- labels that exist --------------------------------------------------------------------------------------------

    def take_labels(self, opened: Opened) -> bool:
        """Begin from the labels that lie beside the videos, if nothing was said yet and the reader may see them.

        Called when a review is opened; call it again when the labels were checked later. The import is written with
        the first edit: looking at a procedure leaves no file.

        Returns:
            Whether labels were taken over.
        """
        with self._guard:
            if self.read_only or self.blinded:
                return False
            if not self._ledger.is_new:
                self._say_what_was_left_out(opened)
                return False
            taken = existing_labels(opened)
            if taken is None:
                return False
            self._ledger.write(self._import(taken), at_once=False)
            self.notes += taken.notes
            return True

    def _say_what_was_left_out(self, opened: Opened) -> None:
        """Labels that this review neither began from nor wrote would be replaced when it is published."""
        traces = [(s.annotation.model_extra or {}).get("review") for s in opened.procedure.segments if s.annotation]
        foreign = [t for t in traces if not isinstance(t, dict) or t.get("log") != self.path.name]
        if foreign and not self.imports and _NOT_BEGUN_FROM not in self.notes:
            self.notes += (_NOT_BEGUN_FROM,)

    def import_labels(
        self, opened: Opened, labels: Mapping[int, Annotation], *, file: str, sha256: str, form: str, note: str = ""
    ) -> tuple[str, ...]:
        """Take labels over from another file, beside what is there already: one edit.

        Args:
            opened: the procedure.
            labels: by number of the video file.
            file: name of the file that they come from.
            sha256: of its bytes.
            form: which format, in a word.
            note: what was assumed.

        Returns:
            What was clipped or left out, in words.

        Raises:
            UsageError: nothing can be taken over, or as :meth:`draw`.
        """
        taken = taken_over(opened, labels, file, sha256, form)
        if not taken.lesions and not taken.reviewed:
            raise UsageError(f"{file} holds nothing that can be taken over.", " ".join(taken.notes))
        with self._guard:
            self._ledger.write(self._import(taken, note))
        return taken.notes

    def take_over(self, taken: Taken) -> None:
        """Take lesions over that were put together elsewhere: one edit. Raises as :meth:`draw`."""
        with self._guard:
            self._ledger.write(self._import(taken))

    def _import(self, taken: Taken, note: str = "") -> Import:
        shift = self._history.next_lesion - 1
        lesions = tuple(x.model_copy(update={"lesion": x.lesion + shift}) for x in taken.lesions)
        return Import(
            file=taken.file,
            sha256=taken.sha256,
            form=taken.form,
            lesions=lesions,
            reviewed=taken.reviewed,
            notes=(*taken.notes, *([note] if note else ())),
        )

    # -- going back, and standing by it -------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take the last edit back; without any there is nothing to do. Raises as :meth:`draw`."""
        with self._guard:
            if self._history.undoes is not None:
                self._ledger.write(Undo(of=self._history.undoes))

    def redo(self) -> None:
        """Bring the last edit back that was taken back. Raises as :meth:`draw`."""
        with self._guard:
            if self._history.redoes is not None:
                self._ledger.write(Redo(of=self._history.redoes))

    def commit(self) -> None:
        """Stand by what was said. A blinded reader sees the rest from here on, and later edits are marked as such."""
        self._ledger.write(Commit())

    def decide(self, decision: Decide) -> None:
        """Settle a disagreement; see :mod:`app.qa.review.adjudication`. Raises as :meth:`draw`."""
        self._ledger.write(decision)

    def save(self) -> None:
        """Write what waits for the first edit: labels that were taken over. Raises as :meth:`draw`."""
        self._ledger.save()

    def published(self, files: Mapping[str, str]) -> None:
        """Keep which labels were written: SHA-256 by file name. Raises as :meth:`draw`."""
        self._ledger.write(Published(files=dict(files)))

    # -- below --------------------------------------------------------------------------------------------------------

    def _fitted(self, position: int, box: Box) -> Box:
        if not 0 <= position < len(self._axis):
            raise UsageError(f"There is no frame {position} here: the procedure has {len(self._axis)}.")
        return fitted(box, self._size_of(position))
