"""Network streams: RTSP, MPEG-TS over UDP, RTP, HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from urllib.parse import urlsplit

import av

from app.capture.decode import Damage, PictureReader
from app.capture.live import LiveSource, Shot
from app.capture.tap import PacketTap
from app.capture.troubles import reason, stream_error
from detector.errors import SourceError
from detector.frame import Interruption, SourceKind, SourceState

SCHEMES = ("rtsp", "rtsps", "udp", "rtp", "tcp", "http", "https", "rtmp", "srt")
_LOW_DELAY = 1 << 19  # AV_CODEC_FLAG_LOW_DELAY


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How a network stream is read.

    Attributes:
        transport: of RTSP: ``tcp`` loses nothing, ``udp`` waits for nothing.
        open_timeout_s: to the first picture. It must cover the sender's distance between key frames.
        lost_after_s: silence after which the signal counts as lost.
        extra: further FFmpeg options; they win.
    """

    transport: str = "tcp"
    open_timeout_s: float = 8.0
    lost_after_s: float = 2.0
    extra: Mapping[str, str] = field(default_factory=dict)


class StreamSource(LiveSource):
    """A live network stream.

    Args:
        url: its address; name and password in it are used and never shown.
        options: time limits and the like.
    """

    def __init__(self, url: str, options: StreamOptions | None = None) -> None:
        chosen, tap = options or StreamOptions(), PacketTap()
        label = public_label(url)

        def connect() -> _StreamConnection:
            return _StreamConnection(url, label, chosen, tap)

        super().__init__(SourceKind.STREAM, label, connect, chosen.open_timeout_s, chosen.lost_after_s, tap)


def public_label(url: str) -> str:
    """``url`` without name, password, query and fragment, all of which may be secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


class _StreamConnection:
    def __init__(self, url: str, label: str, options: StreamOptions, tap: PacketTap) -> None:
        self._lost_after_s = options.lost_after_s
        try:
            # Both limits hold for every single call into the network, so that neither opening nor reading can hang.
            self._container = av.open(
                _address(url),
                options=_ffmpeg_options(url, options),
                timeout=(options.open_timeout_s, options.lost_after_s),
            )
        except (av.error.FFmpegError, OSError) as error:
            # Not chained: FFmpeg's error quotes the whole address.
            raise stream_error(error, label, options.open_timeout_s) from None
        try:
            if not self._container.streams.video:
                raise SourceError(f"{label} carries no video.", "Check the address and the sender's settings.")
            # A recording behind a web address comes as fast as the line allows, which is no live picture.
            if url.lower().startswith("http") and self._container.duration:
                raise SourceError(f"{label} is a recording, not a live stream.", "Download it and open the file.")
            stream = self._container.streams.video[0]
            # Frame threads would cost a frame of delay each.
            stream.thread_type = "SLICE"
            stream.codec_context.flags |= _LOW_DELAY
            self.time_base = stream.time_base or Fraction(1, 90_000)
            self.rate = stream.average_rate or stream.guessed_rate or None
            self._reader = PictureReader(self._container, stream, self.rate, live=True, tap=tap)
        except BaseException:
            self._container.close()
            raise

    def grab(self) -> Shot | Interruption:
        """The next picture of the stream."""
        try:
            item = self._reader.read()
        except (av.error.ExitError, TimeoutError):
            return Interruption(SourceState.LOST, f"nothing received for {self._lost_after_s:g} s")
        except (av.error.FFmpegError, OSError) as error:
            return Interruption(SourceState.LOST, reason(error))
        if item is None:
            return Interruption(SourceState.LOST, "the sender ended the stream")
        fault = item.detail if isinstance(item, Damage) else ""
        return Shot(item.pts, time.perf_counter_ns(), item.image, fault)

    def close(self) -> None:
        self._container.close()


def _address(url: str) -> str:
    """``url`` as FFmpeg wants it: a listening UDP address needs a receive buffer that holds a key frame."""
    if not url.lower().startswith("udp:"):
        return url
    joint = "&" if "?" in url else "?"
    # A full buffer must lose data, not end the stream.
    extra = [text for key, text in _UDP.items() if not re.search(rf"[?&]{key}=", url)]
    return url + joint + "&".join(extra) if extra else url


_UDP = {
    "fifo_size": "fifo_size=50000",  # packets of 188 bytes: 9 MB
    "overrun_nonfatal": "overrun_nonfatal=1",
    "buffer_size": "buffer_size=4194304",
}


def _ffmpeg_options(url: str, options: StreamOptions) -> dict[str, str]:
    chosen = {
        "fflags": "nobuffer",
        # Enough to meet a key frame's parameter sets; the default waits five seconds and keeps what came meanwhile.
        "analyzeduration": "1000000",
        "probesize": "2000000",
        "protocol_whitelist": "rtsp,rtsps,rtp,rtcp,srtp,udp,tcp,tls,http,https,httpproxy,crypto,rtmp,srt",
    }
    if urlsplit(url).scheme.lower() in ("rtsp", "rtsps"):
        chosen |= {"rtsp_transport": options.transport, "reorder_queue_size": "0", "max_delay": "0"}
        if options.transport == "udp":
            # Datagrams overtake each other on the way: without a queue each that does would cost a picture.
            chosen |= {"reorder_queue_size": "32", "max_delay": "100000"}
    return chosen | dict(options.extra)
