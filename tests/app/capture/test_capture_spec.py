"""What the user types, and which source it becomes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.capture import (
    CameraSource,
    FileSource,
    ImageFolderSource,
    Paced,
    StreamSource,
    file_source,
    make_source,
    parse_source,
)
from detector.errors import SourceError, UsageError
from detector.frame import SourceKind


@pytest.mark.parametrize(
    ("text", "kind", "target", "label"),
    [
        ("0", SourceKind.CAMERA, 0, "camera 0"),
        ("camera:1", SourceKind.CAMERA, 1, "camera 1"),
        ("/dev/video2", SourceKind.CAMERA, "/dev/video2", "camera /dev/video2"),
        ("camera:/dev/v4l/by-id/grabber", SourceKind.CAMERA, "/dev/v4l/by-id/grabber", "camera /dev/v4l/by-id/grabber"),
        ("rtsp://me:secret@host:554/a?token=x", SourceKind.STREAM, None, "rtsp://host:554/a"),
        ("UDP://@239.0.0.1:1234", SourceKind.STREAM, None, "udp://239.0.0.1:1234"),
        ("https://host/live.m3u8#x", SourceKind.STREAM, None, "https://host/live.m3u8"),
        ("clip.mp4", SourceKind.FILE, Path("clip.mp4"), "clip.mp4"),
        ("a folder/clip", SourceKind.FILE, Path("a folder/clip"), "clip"),
        ("still.JPG", SourceKind.IMAGES, Path("still.JPG"), "still.JPG"),
        ("file:///tmp/a%20b.mkv", SourceKind.FILE, Path("/tmp/a b.mkv"), "a b.mkv"),
        (" clip.mp4 ", SourceKind.FILE, Path("clip.mp4"), "clip.mp4"),
    ],
)
def test_the_kind_of_source_is_told_from_the_text(
    text: str, kind: SourceKind, target: Path | int | str | None, label: str
) -> None:
    spec = parse_source(text)
    assert (spec.kind, spec.label) == (kind, label)
    assert target is None or spec.target == target


def test_a_folder_holds_images(tmp_path: Path) -> None:
    assert parse_source(str(tmp_path)).kind is SourceKind.IMAGES


def test_a_camera_can_be_asked_for_a_format() -> None:
    options = parse_source("camera:0?size=1920x1080&rate=59.94&fourcc=MJPG").camera
    assert options is not None
    assert (options.width, options.height, options.rate, options.fourcc) == (1920, 1080, 59.94, "MJPG")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "camera:",
        "camera:front",
        "ftp://host/a.mp4",
        "camera:0?size=big",
        "camera:0?fourcc=MJPEG",
        "camera:0?rate=0",
        "camera:0?colour=red",
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.hint


def test_sources_are_built_and_not_opened(tmp_path: Path) -> None:
    built = [make_source(text, paced=False) for text in ("0", "udp://127.0.0.1:1", "no.mp4", str(tmp_path))]
    assert [type(source) for source in built] == [CameraSource, StreamSource, FileSource, ImageFolderSource]
    assert [type(make_source(text)) for text in ("0", "no.mp4", str(tmp_path))] == [CameraSource, Paced, Paced]
    assert [type(file_source(path)) for path in ("no.mp4", tmp_path)] == [FileSource, ImageFolderSource]
    for source in built:
        source.close()


def test_opening_what_is_not_there_says_so() -> None:
    with pytest.raises(SourceError, match=r"no\.mp4 does not exist"):
        make_source("no.mp4").open()


def test_capture_brings_neither_qt_nor_torch() -> None:
    code = "import sys, app.capture; print([m for m in ('PyQt6', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
