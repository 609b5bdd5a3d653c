"""What FFmpeg prints and lists of the cameras of Windows and macOS."""

from __future__ import annotations

import sys
from fractions import Fraction

import pytest

from app.devices.desktop import list_macos, list_windows, parse_options
from app.devices.formats import Format
from detector.errors import SourceError

# As libavdevice/dshow.c prints it, with the colours that some drivers tell and formats that FFmpeg does not know.
PRINTED = """DirectShow video device options (from video devices)
 Pin "Capture" (alternative pin name "0")
  pixel_format=yuyv422  min s=1920x1080 fps=25 max s=1920x1080 fps=60.0002
  pixel_format=yuyv422  min s=1920x1080 fps=25 max s=1920x1080 fps=60.0002 (tv, bt709/bt709/bt709, left)
  vcodec=mjpeg  min s=1280x720 fps=50 max s=1280x720 fps=50
  pixel_format=nv12  min s=720x480 fps=59.9402 max s=720x480 fps=59.9402
  unknown compression type 0x43564448  min s=1920x1080 fps=30 max s=1920x1080 fps=30
"""


def test_printed_formats_are_read() -> None:
    assert parse_options(PRINTED) == (
        Format(
            "YUYV",
            1920,
            1080,
            (Fraction(60), Fraction(50), Fraction(30), Fraction(25)),
            (Fraction(25), Fraction(60)),
        ),
        Format("MJPG", 1280, 720, (Fraction(50),)),
        Format("NV12", 720, 480, (Fraction(60_000, 1001),)),
    )
    assert parse_options("") == ()


def test_a_system_that_lists_no_cameras_says_so() -> None:
    for system, listed in (("win32", list_windows), ("darwin", list_macos)):
        if sys.platform != system:
            with pytest.raises(SourceError, match="cannot be listed") as caught:
                listed()
            assert "camera:0" in caught.value.hint


@pytest.mark.skipif(sys.platform != "win32", reason="DirectShow exists on Windows only; not run yet")
def test_directshow_devices_have_lasting_names_and_formats() -> None:
    found = list_windows()
    if not found:
        pytest.skip("no camera on this machine")
    assert all(device.source.startswith("camera:dshow:@device_") for device in found)
    assert all(device.formats or device.problem for device in found)


@pytest.mark.skipif(sys.platform != "darwin", reason="AVFoundation exists on macOS only; not run yet")
def test_avfoundation_devices_have_names() -> None:
    found = list_macos()
    if not found:
        pytest.skip("no camera on this machine")
    assert all(device.name and device.source.startswith("camera:avfoundation:") for device in found)
