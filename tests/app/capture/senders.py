"""Senders on the loopback interface: MPEG-TS over UDP, and an RTSP server that is just enough of one."""

from __future__ import annotations

import functools
import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Self

import av

from tests.clips import SMALL, painted_frames, to_yuv

RATE = 50
CYCLE = 50  # the painted indices of a sender go round after this many
TICKS = 90_000 // RATE
# The senders state their rate: no need to measure it over twenty frames, each time.
QUICK = {"fpsprobesize": "2"}
_CODING = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "threads": "1"}


@functools.cache
def _pictures() -> list[av.VideoFrame]:
    return [to_yuv(image) for image in painted_frames(CYCLE)]


class Sender:
    """Sends painted frames in real time until the ``with`` block ends."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender")

    def __enter__(self) -> Self:
        _pictures()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def fall_silent(self) -> None:
        """Send nothing more, and keep everything open."""
        self._quiet.set()

    def _run(self) -> None:
        raise NotImplementedError

    def _frames(self) -> Iterator[av.VideoFrame]:
        """Frames at ``RATE``, each when it is due."""
        start = time.monotonic()
        for number in itertools.count():
            if self._stop.wait(max(0.0, start + number / RATE - time.monotonic())):
                return
            if self._quiet.is_set():
                self._stop.wait()
                return
            frame = _pictures()[number % CYCLE]
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            yield frame


class UdpSender(Sender):
    """MPEG-TS to a UDP port."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.url = f"udp://127.0.0.1:{port}"

    def _run(self) -> None:
        options = {"flush_packets": "1"}
        with av.open(f"{self.url}?pkt_size=1316", "w", format="mpegts", options=options) as container:
            stream = container.add_stream("libx264", rate=RATE, options=_CODING)
            (stream.width, stream.height), stream.pix_fmt = SMALL, "yuv420p"
            for frame in self._frames():
                container.mux(stream.encode(frame))


class RtspServer(Sender):
    """Serves H.264 to one RTSP client at a time, RTP interleaved in the TCP connection."""

    def __init__(self, credentials: str = "") -> None:
        super().__init__()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        at = f"{credentials}@" if credentials else ""
        self.url = f"rtsp://{at}127.0.0.1:{self._listener.getsockname()[1]}/live"
        self.requests: list[str] = []

    def _run(self) -> None:
        with self._listener:
            while not self._stop.is_set():
                try:
                    connection, _ = self._listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(2)
        try:
            while self._answer(connection) != "PLAY":
                pass
            self._stream(connection)
        except OSError:
            pass  # the client hung up

    def _answer(self, connection: socket.socket) -> str:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            received = connection.recv(4096)
            if not received:
                raise ConnectionResetError
            request += received
        text = request.decode()
        method = text.split(" ", 1)[0]
        self.requests.append(method)
        sequence = re.search(r"CSeq: *(\d+)", text)
        assert sequence is not None
        extra, body = "", ""
        if method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                "a=control:trackID=0\r\n"
            )
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        elif method == "PLAY":
            extra = "Session: 1\r\nRTP-Info: url=trackID=0;seq=0;rtptime=0\r\n"
        connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {sequence[1]}\r\n{extra}\r\n{body}".encode())
        return method

    def _stream(self, connection: socket.socket) -> None:
        encoder = av.CodecContext.create("libx264", "w")
        (encoder.width, encoder.height), encoder.pix_fmt = SMALL, "yuv420p"
        encoder.framerate, encoder.time_base, encoder.options = Fraction(RATE), Fraction(1, RATE), _CODING
        counter = itertools.count()
        for frame in self._frames():
            for packet in encoder.encode(frame):
                payloads = list(_rtp_payloads(bytes(packet)))
                for place, payload in enumerate(payloads):
                    last = place == len(payloads) - 1
                    stamp = int(packet.pts or 0) * TICKS
                    header = struct.pack(">BBHII", 0x80, 96 | last << 7, next(counter) & 0xFFFF, stamp, 1)
                    connection.sendall(struct.pack(">cBH", b"$", 0, len(header) + len(payload)) + header + payload)


def _rtp_payloads(access_unit: bytes) -> Iterator[bytes]:
    """The payloads of RFC 6184 for one picture: small units as they are, large ones in fragments (FU-A)."""
    for unit in re.split(rb"\x00\x00\x00?\x01", access_unit):
        if len(unit) <= 1200:
            if unit:
                yield unit
            continue
        body = [unit[at : at + 1200] for at in range(1, len(unit), 1200)]
        for place, part in enumerate(body):
            mark = (place == 0) << 7 | (place == len(body) - 1) << 6
            yield bytes([unit[0] & 0xE0 | 28, mark | unit[0] & 0x1F]) + part


def free_udp_port() -> int:
    """A UDP port that nobody uses right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
