"""Blackmagic DeckLink cards, and any other picture that GStreamer can get: ``decklink:0?mode=1080p50`` and ``gst:...``.

Written after GStreamer's documentation of decklinkvideosrc, appsink and videoconvert (1.22). The newest picture alone
is kept (``max-buffers=1 drop=true``); fields stay woven and are taken apart by :mod:`app.picture`, which looks at the
content; colours are turned into BGR by videoconvert, which knows the matrix from the signal. Sound is never opened: of
a card only its video source is built, and of a pipeline only the picture is linked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from app.capture.gstreamer_runtime import choices, gstreamer, has_element, parsed
from app.capture.live import LiveSource, Shot
from detector.errors import SourceError, UsageError
from detector.frame import Interruption, SourceKind, SourceState

SCHEMES = ("decklink:", "gst:")
_NS = Fraction(1, 1_000_000_000)
_CLOCK_TIME_NONE = 2**64 - 1
_POLL_NS = 100_000_000  # how often the pipeline is asked whether it failed while no picture comes
_SINK = "polypwatch_sink"
_TAIL = f"videoconvert n-threads=2 ! video/x-raw,format=BGR ! appsink name={_SINK} sync=false max-buffers=1 drop=true"
_CARD = "polypwatch_card"
_WORD = re.compile(r"[a-z0-9-]+")
_DECKLINK_OPTIONS = ("mode", "connection", "format")


@dataclass(frozen=True, slots=True)
class GstOptions:
    """A pipeline up to its picture, and how long it may be silent.

    Attributes:
        description: as for gst-launch, without a sink.
        decklink: whether it is a DeckLink card, which can be asked for its signal.
        open_timeout_s: to the first picture; a card that finds its mode by itself takes a second or two.
        lost_after_s: silence after which the signal counts as lost.
    """

    description: str
    decklink: bool = False
    open_timeout_s: float = 8.0
    lost_after_s: float = 2.0


class GstSource(LiveSource):
    """A live picture from a GStreamer pipeline. Media time is the pipeline's running time.

    Args:
        label: for the status line and for errors.
        options: the pipeline and time limits.
    """

    def __init__(self, label: str, options: GstOptions) -> None:
        self._mode = ""

        def connect() -> _Pipeline:
            return _Pipeline(label, options, self._tell_mode)

        # Not a camera: what a camera is asked for (--format) is part of the pipeline here.
        super().__init__(SourceKind.STREAM, label, connect, options.open_timeout_s, options.lost_after_s)

    def _tell_mode(self, mode: str) -> None:
        self._mode = mode

    @property
    def mode(self) -> str:
        """What arrives, such as ``1920x1080i25 (25 frames/s)``, for the status line."""
        return self._mode


def parse_gst(text: str) -> tuple[str, GstOptions]:
    """Label and pipeline of what the user typed; nothing is loaded.

    ``decklink:0``, ``decklink:0?mode=1080p50&connection=sdi&format=8bit-yuv``: values are those of decklinkvideosrc's
    properties mode, connection and video-format. ``gst:PIPELINE``: as for gst-launch, without a sink.

    Raises:
        UsageError: it is not understood.
    """
    if text.startswith("gst:"):
        return _pipeline(text.removeprefix("gst:").strip())
    device, _, query = text.removeprefix("decklink:").partition("?")
    pairs = [part.partition("=") for part in query.split("&")] if query else []
    options = {key: value for key, _, value in pairs}
    sound = all(key in _DECKLINK_OPTIONS and _WORD.fullmatch(value) for key, value in options.items())
    if not device.isdecimal() or not sound or len(options) != len(pairs):
        raise UsageError(
            f"{text} names no DeckLink card.",
            "Write decklink:0 or decklink:0?mode=1080p50&connection=sdi; cards are numbered from 0.",
        )
    mode, connection = options.get("mode", "auto"), options.get("connection", "auto")
    # Only with an automatic mode may the pixel format be automatic; eight bits are all that is looked at.
    pixels = options.get("format", "auto" if mode == "auto" else "8bit-yuv")
    description = (
        f"decklinkvideosrc name={_CARD} device-number={int(device)} mode={mode} connection={connection} "
        f"video-format={pixels} drop-no-signal-frames=true"
    )
    return f"DeckLink {int(device)}", GstOptions(description, decklink=True)


def _pipeline(description: str) -> tuple[str, GstOptions]:
    first = re.match(r"[A-Za-z][\w-]*", description)
    if first is None or "appsink" in description:
        raise UsageError(
            f"gst:{'...' if description else ''} names no pipeline.",
            "Write it as for gst-launch-1.0 and without its sink, such as gst:v4l2src device=/dev/video0.",
        )
    # Properties may hold passwords: the first element's name is all that is shown.
    return f"GStreamer {first[0]}", GstOptions(description)


class _Pipeline:
    """One run of a pipeline. Made, used and closed by the reader thread alone."""

    time_base = _NS

    def __init__(self, label: str, options: GstOptions, tell_mode: Callable[[str], None]) -> None:
        self._gst = gstreamer()
        self._label = label
        self._options = options
        self._tell_mode = tell_mode
        if options.decklink and not has_element("decklinkvideosrc"):
            raise SourceError(
                "This GStreamer has no decklinkvideosrc.",
                "Install the package with its decklink plug-in (Debian and Ubuntu: gstreamer1.0-plugins-bad).",
            )
        self._pipeline = self._built()
        self._sink = self._pipeline.get_by_name(_SINK)
        self._card = self._pipeline.get_by_name(_CARD)
        self._bus = self._pipeline.get_bus()
        self._begun = False
        self._caps = ""
        self._width = self._height = 0
        self.rate: Fraction | None = None
        try:
            self._play()
        except SourceError:
            self.close()
            raise

    def _built(self) -> Any:
        try:
            return parsed(f"{self._options.description} ! {_TAIL}", self._label)
        except SourceError as error:
            if not self._options.decklink:
                raise
            modes, inputs = choices("decklinkvideosrc", "mode"), choices("decklinkvideosrc", "connection")
            raise SourceError(
                f"{self._label} does not take these options.",
                f"Known to this GStreamer are mode={', '.join(modes)} and connection={', '.join(inputs)}.",
            ) from error

    def _play(self) -> None:
        gst = self._gst
        self._pipeline.set_state(gst.State.PAUSED)
        result, _, _ = self._pipeline.get_state(round(self._options.open_timeout_s * gst.SECOND))
        if result == gst.StateChangeReturn.FAILURE:
            raise self._refused()
        # What is not live comes as fast as it can: then it is shown at its own pace.
        self._sink.set_property("sync", result != gst.StateChangeReturn.NO_PREROLL)
        if self._pipeline.set_state(gst.State.PLAYING) == gst.StateChangeReturn.FAILURE:
            raise self._refused()

    def _refused(self) -> SourceError:
        why = self._failure()
        if self._options.decklink:
            return SourceError(
                f"{self._label} cannot be opened{f': {why}' if why else ''}.",
                "Check that Blackmagic Desktop Video is installed, that `polypwatch devices` lists the card, and that "
                "no other program (Media Express, OBS) uses that input.",
            )
        return SourceError(
            f"{self._label} cannot be opened{f': {why}' if why else ''}.",
            "Try the pipeline with gst-launch-1.0, ending in `! autovideosink`.",
        )

    def _failure(self) -> str:
        """What the bus says of an error, without addresses; empty if nothing."""
        message = self._bus.pop_filtered(self._gst.MessageType.ERROR)
        if message is None:
            return ""
        error, _ = message.parse_error()  # the second part quotes addresses
        return re.sub(r"\S*://\S*", "...", error.message).rstrip(".")

    def grab(self) -> Shot | Interruption:
        """The next picture of the pipeline."""
        limit_s = self._options.lost_after_s if self._begun else self._options.open_timeout_s
        deadline = time.perf_counter() + limit_s
        while True:
            sample = self._sink.emit("try-pull-sample", _POLL_NS)
            if sample is not None:
                self._begun = True
                return self._shot(sample)
            if why := self._failure():
                return Interruption(SourceState.LOST, why)
            if self._sink.get_property("eos"):
                return Interruption(SourceState.LOST, "the pipeline ended")
            if time.perf_counter() >= deadline:
                return Interruption(SourceState.LOST, self._silence(limit_s))

    def _silence(self, limit_s: float) -> str:
        if self._card is not None and not self._card.get_property("signal"):
            return "no signal at the card's input"
        return f"no picture for {limit_s:g} s"

    def _shot(self, sample: Any) -> Shot:
        taken_ns = time.perf_counter_ns()
        self._learn(sample.get_caps())
        buffer = sample.get_buffer()
        pts = None if buffer.pts == _CLOCK_TIME_NONE else int(buffer.pts)
        # A copy: the pipeline fills its memory anew.
        data = buffer.extract_dup(0, buffer.get_size())
        image = _picture(data, self._width, self._height)
        return Shot(pts, taken_ns, image, "" if image is not None else "a picture of an unexpected size")

    def _learn(self, caps: Any) -> None:
        """Size and rate; they may change with the signal."""
        text = caps.to_string()
        if text == self._caps:
            return
        self._caps = text
        known = caps.get_structure(0)
        self._width, self._height = known.get_int("width")[1], known.get_int("height")[1]
        given, above, below = known.get_fraction("framerate")
        self.rate = Fraction(above, below) if given and above > 0 and below > 0 else None
        woven = (known.get_string("interlace-mode") or "progressive") != "progressive"
        rate = f"{float(self.rate):.5g} frames/s" if self.rate else "rate unknown"
        mode = f"{self._width}x{self._height}, {rate}" + (", said to be interlaced" if woven else "")
        square, across, down = known.get_fraction("pixel-aspect-ratio")
        if square and across != down:
            mode += f", pixels {across}:{down}"
        self._tell_mode(f"{mode}, through GStreamer")

    def close(self) -> None:
        """Let go of the card."""
        self._pipeline.set_state(self._gst.State.NULL)


def _picture(data: bytes, width: int, height: int) -> npt.NDArray[np.uint8] | None:
    """BGR uint8 ``(height, width, 3)`` from rows that are padded to four bytes; None if that is not what it is."""
    row = -(-3 * width // 4) * 4
    if not height or len(data) < row * height:
        return None
    rows = np.frombuffer(data, np.uint8, row * height).reshape(height, row)
    return np.ascontiguousarray(rows[:, : 3 * width]).reshape(height, width, 3)
