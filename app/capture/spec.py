"""From what the user typed to a source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from urllib.request import url2pathname

from app.capture.camera import NAMED, CameraOptions, CameraSource
from app.capture.file import FileSource
from app.capture.gstreamer import SCHEMES as GST_SCHEMES
from app.capture.gstreamer import GstOptions, GstSource, parse_gst
from app.capture.images import SUFFIXES, ImageFolderSource
from app.capture.pacing import Paced
from app.capture.stream import SCHEMES, StreamOptions, StreamSource, public_label
from app.devices.formats import parse_wish
from detector.errors import UsageError
from detector.frame import FrameSource, SourceKind


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What a source is, before it is opened.

    Attributes:
        kind: of source.
        label: short name without credentials.
        target: path, device or address.
        camera: what to ask a camera for.
        stream: how to read a stream.
        gst: the pipeline of a DeckLink card or of GStreamer.
    """

    kind: SourceKind
    label: str
    target: Path | int | str
    camera: CameraOptions | None = None
    stream: StreamOptions | None = None
    gst: GstOptions | None = None


def parse_source(text: str) -> SourceSpec:
    """Tell what kind of source ``text`` names; nothing is opened.

    ``camera:0``, ``camera:/dev/video0``, ``/dev/video0``, a bare number and what ``polypwatch devices`` lists are
    cameras. ``camera:0?format=UYVY@1920x1080@50`` says what one must give, and what it should give is said as in
    ``camera:0?size=1920x1080&rate=60&fourcc=MJPG``. Addresses such as ``rtsp://`` and ``udp://`` are streams.
    ``decklink:0?mode=1080p50`` and ``gst:PIPELINE`` come through GStreamer. All else is a path: of a folder of images,
    an image, or a video.

    Raises:
        UsageError: it is none of these.
    """
    text = text.strip()
    if not text:
        raise UsageError("No source was given.", "Name a video, a folder of images, a camera or a network address.")
    if text.isdecimal() or text.startswith(("camera:", "/dev/video")):
        return _camera(text.removeprefix("camera:"))
    if text.startswith(GST_SCHEMES):
        label, pipeline = parse_gst(text)
        return SourceSpec(SourceKind.STREAM, label, text, gst=pipeline)
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() == "file":
        return file_spec(Path(url2pathname(urlsplit(text).path)))
    if separator and scheme.lower() in SCHEMES:
        return SourceSpec(SourceKind.STREAM, public_label(text), text, stream=StreamOptions())
    if separator and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        raise UsageError(f"Sources of the kind {scheme}:// are not known.", f"Known are {', '.join(SCHEMES)} and file.")
    return file_spec(Path(text))


def file_spec(path: Path) -> SourceSpec:
    """The source for a path: a folder or an image file holds stills, anything else is taken for a video."""
    stills = path.is_dir() or path.suffix.lower() in SUFFIXES
    return SourceSpec(SourceKind.IMAGES if stills else SourceKind.FILE, path.resolve().name, path)


def file_source(path: Path | str) -> FrameSource:
    """A video, image or folder of images as fast as it can be read: for analysis without a screen. Not opened yet."""
    return make_source(file_spec(Path(path)), paced=False)


def make_source(
    spec: SourceSpec | str,
    *,
    loop: bool = False,
    paced: bool = True,
    rate: float = 1.0,
    stills_per_s: float = 1.0,
) -> FrameSource:
    """Build the source for ``spec``, not opened yet.

    Args:
        spec: what it is, or what the user typed.
        loop: start files and folders over at their end.
        paced: give out the frames of files and folders at their own pace, as a screen needs them.
        rate: of a paced file; 2.0 plays twice as fast.
        stills_per_s: pace of images.

    Raises:
        UsageError: ``spec`` is text that names no source.
    """
    known = parse_source(spec) if isinstance(spec, str) else spec
    if known.gst is not None:
        return GstSource(known.label, known.gst)
    if known.kind is SourceKind.CAMERA and not isinstance(known.target, Path):
        return CameraSource(known.target, known.camera)
    if known.kind is SourceKind.STREAM:
        return StreamSource(str(known.target), known.stream)
    path = Path(str(known.target))
    stills = known.kind is SourceKind.IMAGES
    source: FrameSource = ImageFolderSource(path, loop=loop) if stills else FileSource(path, loop=loop)
    return Paced(source, rate, stills_per_s) if paced else source


def _camera(text: str) -> SourceSpec:
    # Windows' own names of devices hold question marks: options are what follows the last.
    device, mark, query = text.rpartition("?")
    if not mark or not re.fullmatch(r"(\w+=[^&?]*)?(&\w+=[^&?]*)*", query):
        device, query = text, ""
    if not device.isdecimal() and not device.startswith(("/", *NAMED)):
        raise UsageError(
            f"camera:{device} names no camera.",
            "Write camera:0, camera:/dev/video0, or a source that `polypwatch devices` lists.",
        )
    options: dict[str, str] = dict(parse_qsl(query, keep_blank_values=True))
    target: int | str = int(device) if device.isdecimal() else device
    return SourceSpec(SourceKind.CAMERA, f"camera {device}", target, camera=_camera_options(options, text))


def _camera_options(options: dict[str, str], text: str) -> CameraOptions:
    if options.keys() == {"format"}:
        wish = parse_wish(options["format"])
        rate = float(wish.rate) if wish.rate is not None else None
        return CameraOptions(wish.width, wish.height, rate, wish.fourcc, exact=True)
    size, rate_text, fourcc = (options.pop(key, None) for key in ("size", "rate", "fourcc"))
    width, height = _size(size) if size is not None else (None, None)
    if options or (fourcc is not None and len(fourcc) != 4) or (rate_text is not None and not _positive(rate_text)):
        raise UsageError(
            f"The camera options in {text} are not understood.",
            "Write them as camera:0?format=MJPG@1920x1080@60 or as camera:0?size=1920x1080&rate=60&fourcc=MJPG.",
        )
    return CameraOptions(width, height, float(rate_text) if rate_text else None, fourcc)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)[xX]([1-9]\d*)", text)
    if match is None:
        raise UsageError(f"{text} is no picture size.", "Write it as 1920x1080.")
    return int(match[1]), int(match[2])


def _positive(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None and float(text) > 0
