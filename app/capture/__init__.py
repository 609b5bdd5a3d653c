"""Where the pictures come from: video files, images, cameras, network streams and GStreamer, behind one contract.

The contract is :class:`detector.frame.FrameSource`. ``make_source`` builds a source from what the user typed. Nothing
here retries by itself: :class:`app.capture.retry.Backoff` says when, the live session does it. No Qt.
"""

from app.capture.camera import CameraOptions, CameraSource
from app.capture.file import FileSource
from app.capture.gstreamer import GstOptions, GstSource
from app.capture.images import ImageFolderSource
from app.capture.memory import MemorySource
from app.capture.pacing import Paced
from app.capture.retry import Backoff
from app.capture.spec import SourceSpec, file_source, make_source, parse_source
from app.capture.stream import StreamOptions, StreamSource

__all__ = [
    "Backoff",
    "CameraOptions",
    "CameraSource",
    "FileSource",
    "GstOptions",
    "GstSource",
    "ImageFolderSource",
    "MemorySource",
    "Paced",
    "SourceSpec",
    "StreamOptions",
    "StreamSource",
    "file_source",
    "make_source",
    "parse_source",
]
