"""A video as Video Endoscopic Images: encoded anew as DICOM asks, every picture once, at its own time.

What is lost: one more generation of H.264 at CRF 16, a last odd row or column, and where the rate is even to the
millisecond, that millisecond. Sound never comes along.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from app.dicom.identity import Identity
from app.dicom.modules import VIDEO_ENDOSCOPIC, common, date_time, file_meta, picture, series_number
from app.dicom.pace import Level, Pace, Stretch, decimal, level_for, pace_of
from app.dicom.source import Look, look_at, pictures_420
from app.dicom.staging import Staging
from app.dicom.stream import FRAGMENT_LIMIT, RECIPE, Mp4Part
from detector.decode import DecodeTally, decode_frames
from detector.errors import OutputError, SourceError
from detector.geometry import Size

if TYPE_CHECKING:
    from pydicom import Dataset

Progress = Callable[[int, int], None]
_MAKES_LOSS = "ISO_14496_10"  # H.264, as PS3.3 C.7.6.1.1.5.1 names it
_FRAME_TIME, _FRAME_TIME_VECTOR = 0x00181063, 0x00181065
_METHODS = {"h264": "ISO_14496_10", "hevc": "ISO_23008_2", "mpeg2video": "ISO_13818_2", "mjpeg": "ISO_10918_1"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A video that was looked through and can be exported.

    Attributes:
        video: the file.
        sha256: of it.
        look: how it is stored.
        size: of the exported pictures: even, with square pixels.
        pace: their times.
        level: of H.264.
        notes: what is no error and yet must be said.
        source_ratio: by how much the source is compressed; None if its size is not that of its pictures.
        source_method: how, by DICOM's name; None if DICOM has none.
    """

    video: Path
    sha256: str
    look: Look
    size: Size
    pace: Pace
    level: Level
    notes: tuple[str, ...]
    source_ratio: float | None
    source_method: str | None


@dataclass(frozen=True, slots=True)
class Series:
    """Where the instances of a video belong.

    Attributes:
        study: whose, and when the examination began.
        taken: when the recording began; None if nobody knows.
        uid: of the series.
        number: of the video in the export, from 0.
        offset_ms: from the recording's first picture to the video's.
    """

    study: Identity
    taken: datetime | None
    uid: str
    number: int = 0
    offset_ms: float = 0.0


def plan_video(video: Path, sha256: str, known_times_s: Sequence[float] = ()) -> Plan:
    """Decode a video once from end to end: damage, size and times are known before anything is written.

    Args:
        video: the file.
        sha256: of it.
        known_times_s: of its pictures, where a sidecar knows better; pictures behind the last of them are left out.

    Raises:
        SourceError: the video cannot be read, or is damaged before its end.
        OutputError: it is more than DICOM's H.264 holds.
    """
    times: list[float] = []

    def note_time(_: int, time_s: float) -> bool:
        times.append(time_s)
        return False

    tally = DecodeTally()
    for _ in decode_frames(video, note_time, tally):
        pass
    assert tally.size is not None
    look = look_at(video)
    notes = [f"the end of {video.name} is lost: {tally.lost_at_end}"] if tally.lost_at_end else []
    used = list(known_times_s)[: tally.count] if known_times_s else times
    square = _square(tally.size, look.aspect)
    size = Size(square.width // 2 * 2, square.height // 2 * 2)
    if square != tally.size:
        notes.append(
            f"pixels that are not square ({look.aspect}): scaled to {square.width} x {square.height}, as DICOM asks"
        )
    if size != square:
        notes.append("H.264 has even sizes: the last row or column was left out")
    if min(size) < 16:
        raise OutputError(f"Pictures of {size.width} x {size.height} pixels are too small for H.264.")
    pace = pace_of(used)
    if pace.even and pace.deviation_ms > 0.01:
        notes.append(
            f"an even {float(pace.rate):.6g} pictures/s was written; the source's times differ by at most "
            f"{pace.deviation_ms:.2f} ms"
        )
    if not pace.even:
        step = 10**-pace.decimals
        notes.append(
            f"an uneven rate: times are exact to 1/90000 s in the video, to {step:g} ms in the Frame Time Vector"
        )
    ratio = tally.size.width * tally.size.height * 3 * tally.count / max(1, video.stat().st_size)
    return Plan(
        video, sha256, look, size, pace, level_for(size, pace.rate), tuple(notes), ratio, _METHODS.get(look.codec)
    )


def export_video(
    plan: Plan,
    series: Series,
    name: str,
    staging: Staging,
    *,
    first_instance: int = 1,
    limit: int = FRAGMENT_LIMIT,
    progress: Progress | None = None,
) -> list[str]:
    """Encode a video into instances.

    Args:
        plan: the video.
        series: where they belong.
        name: begin of their file names.
        staging: where they are written.
        first_instance: Instance Number of the first.
        limit: most bytes of a fragment.
        progress: called with pictures done and all.

    Returns:
        The names of the files, in order.

    Raises:
        SourceError: the video changed since it was planned.
        OutputError: the disk is full or gone.
    """
    names: list[str] = []
    for number, (stretch, mp4) in enumerate(_encoded(plan, staging.folder / f"{name}.mp4", limit, progress)):
        try:
            data = _instance(plan, series, stretch, first_instance + number, mp4.stat().st_size)
            names.append(f"{name}.dcm" if number == 0 else f"{name}-part{number + 1}.dcm")
            _write(staging, names[-1], data, mp4)
        finally:
            mp4.unlink(missing_ok=True)
    return names


def _encoded(plan: Plan, mp4: Path, limit: int, progress: Progress | None) -> Iterator[tuple[Stretch, Path]]:
    """Encode part by part; each file is the caller's until the next is asked for."""
    total, first, end = len(plan.pace.ticks), 0, 0
    part: Mp4Part | None = None
    frames = pictures_420(plan.video, plan.look, plan.size)
    try:
        for done, frame in enumerate(itertools.islice(frames, total), start=1):
            if part is None:
                part = Mp4Part(mp4, plan.size, plan.pace, first, plan.level, plan.look.matrix, limit)
                end = plan.pace.vector_end(first)
            part.write(frame)
            if progress is not None:
                progress(done, total)
            if done in (end, total) or part.full:
                part.close()
                part = None
                yield plan.pace.stretch(first, done), mp4
                first = done
    finally:
        if part is not None:
            part.abandon()
    if first != total:
        raise SourceError(f"{plan.video} changed while it was exported.", "Export it again.")


def _instance(plan: Plan, series: Series, stretch: Stretch, number: int, size_bytes: int) -> Dataset:
    uid = series.study.instance_uid(series.uid, plan.sha256, RECIPE, f"{stretch.first}-{stretch.end}", str(number))
    data = common(series.study, VIDEO_ENDOSCOPIC, series.uid, uid)
    data.SeriesNumber, data.SeriesDescription = series_number(series.number), "Video"
    data.InstanceNumber = number
    if series.taken is not None:  # absent where unknown: the VL Image Module allows no empty Content Time
        data.ContentDate, data.ContentTime = date_time(series.taken)
    # Decoded and encoded again: not the pixels that the recorder wrote.
    data.ImageType = ["DERIVED", "PRIMARY"]
    data.DerivationDescription = f"Encoded again as H.264 ({RECIPE}) by {data.SoftwareVersions}; no sound"[:1024]
    picture(data, plan.size, "YBR_PARTIAL_420")
    _cine(data, series, stretch)
    raw = plan.size.width * plan.size.height * 3 * stretch.count
    data.LossyImageCompression = "01"
    ratio = decimal(raw / size_bytes, 2)
    twice = plan.source_method is not None and plan.source_ratio is not None
    data.LossyImageCompressionRatio = [decimal(plan.source_ratio or 0, 2), ratio] if twice else ratio
    data.LossyImageCompressionMethod = [plan.source_method, _MAKES_LOSS] if twice else _MAKES_LOSS
    data.file_meta = file_meta(VIDEO_ENDOSCOPIC, uid, plan.level.syntax)
    return data


def _cine(data: Dataset, series: Series, stretch: Stretch) -> None:
    """Cine and Multi-frame modules (PS3.3 C.7.6.5 and C.7.6.6)."""
    from pydicom.tag import Tag

    data.NumberOfFrames = stretch.count
    if stretch.pace.even:
        data.FrameTime, data.FrameIncrementPointer = stretch.frame_time_ms, Tag(_FRAME_TIME)
    else:
        data.FrameTimeVector, data.FrameIncrementPointer = stretch.vector_ms, Tag(_FRAME_TIME_VECTOR)
    data.CineRate = data.RecommendedDisplayFrameRate = max(1, round(stretch.pace.rate))
    # From Content Time, which is that of the whole recording, to the first picture.
    data.FrameDelay = decimal(series.offset_ms + stretch.offset_ms, 3)


def _write(staging: Staging, name: str, data: Dataset, mp4: Path) -> None:
    """The whole stream in one fragment behind an empty offset table (PS3.5 8.2.7, A.4), without loading it."""
    from pydicom.encaps import encapsulate_buffer

    with mp4.open("rb") as file:
        data.add_new("PixelData", "OB", encapsulate_buffer([file], has_bot=False))
        data["PixelData"].is_undefined_length = True
        staging.write(name, data)


def _square(size: Size, aspect: Fraction) -> Size:
    """The size with square pixels: only ever wider or higher, so that nothing is thrown away."""
    if aspect == 1 or aspect <= 0:
        return size
    return (
        Size(round(size.width * aspect), size.height) if aspect > 1 else Size(size.width, round(size.height / aspect))
    )
