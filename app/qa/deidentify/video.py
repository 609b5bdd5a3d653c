"""The video of a copy: its stream without metadata, or encoded anew where it is cropped; and checked frame by frame."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.bitstream import BitStreamFilterContext

from app.qa.progress import Progress, Stop, go_on
from app.recording.video_file import Converter, VideoFile
from detector.decode import FORMATS, DecodedFrame, DecodeTally, decode_frames
from detector.errors import OutputError, SourceError, UsageError
from detector.geometry import Size
from detector.picture.area import Area, AreaFinder

# Supplemental information can hold anything: clocks, device names, what a program wants to remember. Which units it is
# in, by codec (ITU-T H.264 table 7-1; H.265 table 7-1).
_STRIPPED = {"h264": "filter_units=remove_types=6", "hevc": "filter_units=remove_types=39-40"}
_BLACK_MEAN, _BLACK_MAX = 8.0, 48
_SAME_MEAN = 10.0  # grey levels; x264 at crf 18 stays below 4 on the phantom, another place of the picture is above 20
_EVERY = 100


@dataclass(slots=True)
class CopiedVideo:
    """A video of the copy, as it was checked.

    Attributes:
        path: the file.
        size: of every frame.
        pts: of every frame, in ticks of `time_base`.
        time_base: seconds per tick.
        encoded: it was encoded anew.
    """

    path: Path
    size: Size
    pts: list[int] = field(default_factory=list)
    time_base: Fraction = Fraction(1, 1000)
    encoded: bool = False

    def time_s(self, index: int) -> float:
        """Media time of a frame."""
        return float(self.pts[index] * self.time_base)


def find_area(video: Path, stop: Stop) -> Area:
    """The live picture on a processor's screen, by what moves.

    Raises:
        UsageError: it cannot be told.
        SourceError: the video cannot be read.
    """
    finder: AreaFinder | None = None
    last = ""
    for frame in decode_frames(video, 5):
        go_on(stop, "The copy")
        finder = finder or AreaFinder(Size.of(frame.image))
        found = finder.update(frame.image, frame.time_s)
        if found is not None:
            if found.area is not None:
                return found.area
            last = found.reason
            break
    if finder is not None and not last:
        guess = finder.guess()
        last = guess.reason or "The video is too short to find its picture area."
    raise UsageError(last or f"{video} shows nothing.", "Say --crop X,Y,W,H, or --crop full if nothing is beside it.")


def write_copy(
    source: Path,
    target: Path,
    crop: Area | None,
    blanked: Collection[int],
    progress: Progress,
    stop: Stop,
    count: int | None = None,
) -> CopiedVideo:
    """Copy a video, and check every frame of the copy.

    Args:
        source: the video.
        target: the copy, `.mkv`.
        crop: of every picture; None: as it is.
        blanked: frames that are black, and must be.
        progress: told how far it is.
        stop: asked whether to end early.
        count: how many frames it has; None: as many as can be decoded.

    Raises:
        SourceError: the video is damaged.
        UsageError: the crop lies outside of the picture.
        OutputError: the copy cannot be written, or is not what it must be: nothing is kept of it then.
        Stopped: the user stopped it.
    """
    size = _size(source)
    if crop is not None and not crop.fits(size):
        raise UsageError(f"The crop {tuple(crop)} is not inside of the picture of {size.width}x{size.height}.")
    whole = crop is None or (crop.x == 0 and crop.y == 0 and crop.size == size)
    if whole and _stream_copied(source, target, stop):
        copied = _checked(source, target, None, blanked, progress, stop, count)
        if copied is not None:
            return copied
    area = crop or Area(0, 0, size.width // 2 * 2, size.height // 2 * 2)
    _encoded(source, target, area, frozenset(blanked), progress, stop)
    copied = _checked(source, target, area, blanked, progress, stop, count)
    if copied is None:
        raise OutputError(f"The copy of {source.name} holds another number of pictures.", "Is the disk full?")
    copied.encoded = True
    return copied


def _size(source: Path) -> Size:
    tally = DecodeTally()
    for _ in decode_frames(source, frozenset({0}), tally, whole=False):
        pass
    if tally.size is None:
        raise SourceError(f"{source} holds no picture that can be decoded.", "Copy or record it again.")
    return tally.size


# -- the stream as it is ----------------------------------------------------------------------------------------------


def _stream_copied(source: Path, target: Path, stop: Stop) -> bool:
    """Copy the pictures' packets and nothing else; False where that cannot be done cleanly."""
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        with (
            av.open("file:" + os.fspath(source), options=options) as inner,
            av.open(str(target), "w", format="matroska", options={"fflags": "+bitexact"}) as outer,
        ):
            streams = [s for s in inner.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
            stream = streams[0] if streams else None
            name = stream.codec_context.name if stream is not None else ""
            if stream is None or name not in _STRIPPED or stream.codec_context.width <= 0:
                return False
            made = outer.add_stream_from_template(stream)
            made.metadata.clear()
            filtering = BitStreamFilterContext(_STRIPPED[name], stream, made)
            for count, packet in enumerate(inner.demux(stream)):
                if count % _EVERY == 0:
                    go_on(stop, "The copy")
                if packet.dts is None and packet.size:
                    return False  # without times of its own a container must guess
                for kept in filtering.filter(packet) if packet.size else ():
                    kept.stream = made
                    outer.mux(kept)
            for kept in filtering.filter(None):
                kept.stream = made
                outer.mux(kept)
    except (av.error.FFmpegError, ValueError):
        return False
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}.", "Is the disk full or gone?") from error
    return True


# -- encoded anew -----------------------------------------------------------------------------------------------------


def _encoded(source: Path, target: Path, area: Area, blanked: frozenset[int], progress: Progress, stop: Stop) -> None:
    target.unlink(missing_ok=True)
    video: VideoFile | None = None
    convert = Converter()
    start_s, black = 0.0, False
    try:
        for frame in decode_frames(source):
            if frame.index % _EVERY == 0:
                go_on(stop, "The copy")
                progress(f"encoding {target.name}", frame.index, 0)
            if video is None:
                video, start_s = VideoFile(target, area.size, None), frame.time_s
            image = area.of(frame.image)
            now = frame.index in blanked
            if now:
                image = np.zeros_like(image)
            # Nothing of a picture that may not be kept may be left in what follows.
            video.put(convert(np.ascontiguousarray(image)), frame.time_s - start_s, key=now != black)
            black = now
    finally:
        if video is not None:
            video.close()


# -- the check --------------------------------------------------------------------------------------------------------


def _checked(
    source: Path,
    target: Path,
    area: Area | None,
    blanked: Collection[int],
    progress: Progress,
    stop: Stop,
    count: int | None,
) -> CopiedVideo | None:
    """Look at every frame of the copy; None if it does not hold as many as it must.

    Raises:
        OutputError: a frame is not what it must be.
    """
    tally = DecodeTally()
    original = decode_frames(source)
    made: CopiedVideo | None = None
    for frame in decode_frames(target, 1, tally):
        if frame.index % _EVERY == 0:
            go_on(stop, "The copy")
            progress(f"checking {target.name}", frame.index, count or 0)
        before = next(original, None)
        if before is None:
            return None
        expected = area.size if area is not None else Size.of(before.image)
        made = made or CopiedVideo(target, expected)
        _check_frame(frame, before, expected, area, frame.index in blanked, target)
        made.pts.append(frame.pts)
    if made is None or next(original, None) is not None or (count is not None and len(made.pts) < count):
        return None
    if any(b <= a for a, b in zip(made.pts, made.pts[1:], strict=False)):
        return None
    made.time_base = tally.time_base or made.time_base
    return made


def _check_frame(
    frame: DecodedFrame, before: DecodedFrame, expected: Size, area: Area | None, black: bool, target: Path
) -> None:
    size = Size.of(frame.image)
    where = f"Frame {frame.index} of the copy {target.name}"
    if size != expected:
        raise OutputError(f"{where} is {size.width}x{size.height}, not {expected.width}x{expected.height}.", _GONE)
    if black:
        if frame.image.mean() > _BLACK_MEAN or int(frame.image.max()) > _BLACK_MAX:
            raise OutputError(f"{where} should be black and is not.", _GONE)
        return
    wanted = area.of(before.image) if area is not None else before.image
    differs = float(np.abs(frame.image.astype(np.int16) - wanted).mean())
    limit = _SAME_MEAN if area is not None else 1.0
    if differs > limit:
        raise OutputError(f"{where} does not show the picture that was to be copied.", _GONE)


_GONE = "Nothing of the copy was kept; please report this."
