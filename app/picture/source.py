"""A source whose frames are the picture area, whole and upright in time: fields apart, borders off, pixels square.

In this order: cut to the area (even-aligned, so that lines keep their field), two frames from two fields, colours,
square pixels. Boxes, recordings, snapshots and reports know nothing of it: a frame *is* what the user chose to see, and
a frame of another size begins another segment.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from app.capture.placing import Place, where_it_is
from app.capture.tap import PacketTap, tap_of
from app.picture.settings import AreaMode, Deinterlace, PictureSettings, square_pixels
from app.picture.shaping import shaped
from detector.errors import SourceError
from detector.frame import Frame, FrameSource, FrameTime, Interruption, SourceInfo, SourceState
from detector.geometry import Size
from detector.picture.area import Area, AreaFinder
from detector.picture.interlace import InterlaceDetector, Scan, bob

Image = npt.NDArray[np.uint8]

_USUAL_INTERVAL_S = Fraction(1, 25)
# Two frames further apart than this do not follow each other: their distance is no frame interval.
_LONGEST_INTERVAL_S = Fraction(1, 8)
_SET_BY_HAND = "Choose the picture area anew (--area X,Y,W,H, auto or full)."


class AreaState(enum.Enum):
    """Where the picture area comes from."""

    FULL = "the whole picture"
    BY_HAND = "set by hand"
    SEARCHING = "being looked for"  # the whole picture is shown meanwhile: nothing should be recorded yet
    FOUND = "found; please confirm"
    NOT_FOUND = "could not be found"


@dataclass(frozen=True, slots=True)
class PictureConditions:
    """What is done to the picture, and what was found out about it.

    Attributes:
        scan: how the source is scanned, as far as its content tells; UNKNOWN where nobody looks (set by hand or off).
        deinterlacing: whether each frame is given out as two.
        scan_since_ns: when that began, on the clock of ``Frame.captured_ns``; 0 before the first frame.
        area_state: where the area comes from.
        area: the area in pixels of the whole picture; None before the first frame.
        full: size of the whole picture; None before the first frame.
        confidence: of a found area, 0 to 1.
        reason: why no area was found, in words.
        area_since_ns: when this area came into use.
    """

    scan: Scan = Scan.UNKNOWN
    deinterlacing: bool = False
    scan_since_ns: int = 0
    area_state: AreaState = AreaState.FULL
    area: Area | None = None
    full: Size | None = None
    confidence: float = 0.0
    reason: str = ""
    area_since_ns: int = 0

    @property
    def settled(self) -> bool:
        """Whether the area is what the user asked for: before that nothing should be kept of the picture."""
        return self.area is not None and self.area_state in (AreaState.FULL, AreaState.BY_HAND, AreaState.FOUND)


class Conditioned:
    """A source that gives out prepared pictures.

    Interruptions pass through. Unless deinterlacing is off, media time counts in half ticks, so that the second field
    has a time of its own; indices count frames that were given out, and are the source's own where there is one each.
    Where the picture is live, the second field is held back for half an interval: otherwise nobody would ever see the
    first. Wrap this in ``Paced``, not the other way about.

    Args:
        source: opened and closed by this one.
        settings: what to do.
        clock_ns: replaced in tests; that of ``Frame.captured_ns``.
    """

    def __init__(
        self,
        source: FrameSource,
        settings: PictureSettings | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._source = source
        self._settings = settings or PictureSettings()
        self._clock_ns = clock_ns
        self._place: Place = where_it_is
        self._closed = threading.Event()
        self._interlace = InterlaceDetector()
        self._finder: AreaFinder | None = None
        self._full: Size | None = None
        self._conditions = PictureConditions()
        self._info: SourceInfo | None = None
        self._second: Frame | None = None
        self._second_due_ns = 0
        self._extra = 0
        self._before: FrameTime | None = None
        self._last_pts: int | None = None

    @property
    def conditions(self) -> PictureConditions:
        """What is done to the picture at the moment; from any thread."""
        return self._conditions

    def place_with(self, place: Place) -> None:
        """See :class:`app.capture.placing.Placing`: only what is given out is put there."""
        self._place = place

    @property
    def tap(self) -> PacketTap | None:
        """The packets of the source below, before anything was done to them; see :class:`app.capture.tap.Tapped`."""
        return tap_of(self._source)

    @property
    def changes(self) -> tuple[str, ...]:
        """What the source's own packets show otherwise than the frames that are given out, in words."""
        cropped = self._conditions.area is None or self._conditions.area.size != self._conditions.full
        found = {
            "the stream shows more than the picture area": cropped,
            "its colours are not put right in it": self._settings.colour is not None,
            "its pixels are not made square in it": self._settings.aspect is not None,
        }
        return tuple(words for words, is_so in found.items() if is_so)

    @property
    def may_halve(self) -> bool:
        """Whether each of the source's pictures becomes two frames, or may once its fields are known."""
        unknown = self._settings.deinterlace is Deinterlace.AUTO and self._conditions.scan is Scan.UNKNOWN
        return self._conditions.deinterlacing or unknown

    def open(self) -> SourceInfo:
        """Open the source; the size, rate and time base are those of the frames that will be given out.

        While it is not known yet whether there are fields, the rate is that of whole frames.

        Raises:
            SourceError: it cannot be opened, or the area that was set does not fit into its picture.
        """
        self._closed.clear()
        self._second = self._before = None
        self._interlace.interrupted()
        info = self._info = self._source.open()
        if isinstance(self._settings.area, Area) and not self._settings.area.fits(info.size):
            self._source.close()
            raise SourceError(self._misfit(info.size), _SET_BY_HAND)
        self._meet(info.size, self._clock_ns())
        area = self._conditions.area or Area(0, 0, *info.size)
        return replace(
            info,
            size=square_pixels(area.size, info.size, self._settings.aspect),
            rate=info.rate * 2 if info.rate and self._conditions.deinterlacing else info.rate,
            time_base=info.time_base / 2 if info.time_base and self._halves else info.time_base,
            frame_count=info.frame_count * 2
            if info.frame_count and self._conditions.deinterlacing
            else info.frame_count,
        )

    def read(self) -> Frame | Interruption:
        """The next prepared frame, or why there is none."""
        if self._second is not None:
            return self._held_back()
        item = self._source.read()
        if isinstance(item, Interruption):
            return self._passed(item)
        size = item.size
        if size != self._full:
            self._meet(size, item.captured_ns)
        area = self._conditions.area
        if area is None:
            return self._unfit(item, size)
        self._look(item)
        area = self._conditions.area or area
        return self._given(item, area.of(item.image))

    def close(self) -> None:
        """Close the source; a read that waits for the second field's time returns at once."""
        self._closed.set()
        self._source.close()

    # -- what is known of the picture -----------------------------------------------------------------------------

    @property
    def _halves(self) -> bool:
        return self._settings.deinterlace is not Deinterlace.OFF

    def _meet(self, full: Size, now_ns: int) -> None:
        """A picture of this size comes now: nothing that was found in another one holds."""
        if full == self._full:
            return
        self._full = full
        self._interlace.reset()
        self._finder = AreaFinder(full) if self._settings.area is AreaMode.AUTO else None
        wanted = self._settings.area
        everything = Area(0, 0, *full)
        if isinstance(wanted, Area):
            area, state = (wanted if wanted.fits(full) else None), AreaState.BY_HAND
        else:
            area, state = everything, (AreaState.SEARCHING if self._finder else AreaState.FULL)
        self._conditions = PictureConditions(
            scan_since_ns=now_ns,
            deinterlacing=self._settings.deinterlace in (Deinterlace.TOP, Deinterlace.BOTTOM),
            area_state=state,
            area=area,
            full=full,
            area_since_ns=now_ns,
        )

    def _look(self, frame: Frame) -> None:
        """Learn from a frame; stills teach nothing."""
        if frame.time is None:
            if self._finder is not None:
                self._finder = None
                reason = f"Stills do not move, so that the picture area cannot be found. {_SET_BY_HAND}"
                self._conditions = replace(self._conditions, area_state=AreaState.NOT_FOUND, reason=reason)
            return
        if self._settings.deinterlace is Deinterlace.AUTO:
            scan = self._interlace.update(frame.image)
            if scan is not self._conditions.scan:
                self._conditions = replace(
                    self._conditions, scan=scan, deinterlacing=scan.interlaced, scan_since_ns=frame.captured_ns
                )
        if self._finder is not None:
            found = self._finder.update(frame.image, frame.time.seconds)
            if found is not None:
                self._finder = None
                self._conditions = replace(
                    self._conditions,
                    area_state=AreaState.FOUND if found.area else AreaState.NOT_FOUND,
                    area=found.area or self._conditions.area,
                    confidence=found.confidence,
                    reason=found.reason,
                    area_since_ns=frame.captured_ns,
                )

    def _misfit(self, size: Size) -> str:
        wanted = self._settings.area
        assert isinstance(wanted, Area)
        return (
            f"The picture is {size.width} x {size.height} pixels: the area {','.join(str(v) for v in wanted)} that was "
            "set for it does not fit."
        )

    def _unfit(self, item: Frame, size: Size) -> Interruption:
        """Outside of what the user chose nothing is shown or kept: a still is left out, a video counts as lost."""
        detail = f"{self._misfit(size)} {_SET_BY_HAND}"
        if item.time is None:
            return Interruption(SourceState.UNDECODABLE, detail, item.index + self._extra, None, item.name)
        self._source.close()
        return Interruption(SourceState.LOST, detail)

    # -- giving out -----------------------------------------------------------------------------------------------

    def _given(self, item: Frame, picture: Image) -> Frame:
        assert self._full is not None
        moment = self._moment(item.time)
        if not self._conditions.deinterlacing or item.time is None or picture.shape[0] < 2:
            return replace(item, index=item.index + self._extra, time=moment, image=self._finished(picture))
        assert moment is not None
        top = self._settings.deinterlace is Deinterlace.TOP or self._conditions.scan is Scan.TOP_FIRST
        first = replace(item, index=item.index + self._extra, time=moment, image=self._finished(bob(picture, top=top)))
        half = self._interval(item.time)
        self._extra += 1
        self._second = replace(
            item,
            index=item.index + self._extra,
            time=FrameTime(moment.pts + half, moment.time_base),
            image=self._finished(bob(picture, top=not top)),
        )
        self._last_pts = moment.pts + half
        self._second_due_ns = item.captured_ns + round(half * moment.time_base * 1_000_000_000)
        return first

    def _finished(self, picture: Image) -> Image:
        assert self._full is not None
        settings = self._settings
        size = square_pixels(Size.of(picture), self._full, settings.aspect)
        return self._place(shaped(picture, size, settings.colour))

    def _held_back(self) -> Frame | Interruption:
        second, self._second = self._second, None
        assert second is not None
        if self._info is None or not self._info.live:
            return second
        left_s = (self._second_due_ns - self._clock_ns()) / 1e9
        if left_s > 0 and self._closed.wait(left_s):
            return Interruption(SourceState.END, "closed")
        return replace(second, captured_ns=self._clock_ns())

    def _moment(self, time: FrameTime | None) -> FrameTime | None:
        """The time in half ticks, never before what was given out already."""
        if time is None or not self._halves:
            return time
        pts = 2 * time.pts
        if self._last_pts is not None and pts <= self._last_pts and self._conditions.deinterlacing:
            pts = self._last_pts + 1
        self._last_pts = pts
        return FrameTime(pts, time.time_base / 2)

    def _interval(self, time: FrameTime) -> int:
        """Ticks between whole frames, which are as many half ticks between fields."""
        before, self._before = self._before, time
        if before is not None and before.time_base == time.time_base and time.pts > before.pts:
            ticks = time.pts - before.pts
            if ticks * time.time_base <= _LONGEST_INTERVAL_S:
                return ticks
        nominal = 1 / self._info.rate if self._info and self._info.rate else _USUAL_INTERVAL_S
        return max(1, round(nominal / time.time_base))

    def _passed(self, item: Interruption) -> Interruption:
        self._interlace.interrupted()
        self._before = None
        if item.state is not SourceState.UNDECODABLE:
            return item
        picture = item.picture
        if picture is not None:
            area = self._conditions.area if Size.of(picture) == self._full else None
            # Damaged or not: what lies outside of the area is not shown. Two fields stay woven together.
            picture = None if area is None else self._finished(area.of(picture))
        index = None if item.index is None else item.index + self._extra
        return replace(item, index=index, time=self._moment(item.time), picture=picture)
