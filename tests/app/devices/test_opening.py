"""Cameras are opened with the format that was chosen, and what they give instead is not kept quiet."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.capture import CameraOptions, CameraSource, make_source, parse_source
from app.capture.camera_named import NamedConnection
from app.capture.live import Shot
from app.devices.choice import choose
from app.devices.device import Bus
from app.devices.formats import Format, Wish
from detector.errors import SourceError
from detector.frame import SourceKind
from tests.app.capture.fake_camera import FakeCamera

FORMATS = (
    Format("YUYV", 1920, 1080, (Fraction(5),)),
    Format("MJPG", 1920, 1080, (Fraction(60), Fraction(50))),
)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="formats are asked of Video4Linux")


class TellingCamera(FakeCamera):
    """Tells what it was set to, unless it is told what to tell."""

    tells: dict[int, float]

    def get(self, prop: int) -> float:
        return self.tells.get(prop, dict(self.set_properties).get(prop, 0.0))


@pytest.fixture
def camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TellingCamera:
    (tmp_path / "video7").touch()
    fake = TellingCamera(tmp_path / "video7")
    fake.tells = {}
    monkeypatch.setattr("cv2.VideoCapture", fake)
    monkeypatch.setattr("app.capture.camera.choice_for", lambda _, wish: choose(FORMATS, Bus(), wish))
    return fake


def opened(camera: FakeCamera, **options: object) -> CameraSource:
    source = CameraSource(str(camera.path), CameraOptions(open_timeout_s=1.0, **options))  # type: ignore[arg-type]
    source.open()
    source.close()
    return source


@linux
def test_without_a_wish_the_rule_decides_and_says_so(camera: TellingCamera) -> None:
    source = opened(camera)
    assert camera.set_properties[:4] == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1920),
        (cv2.CAP_PROP_FRAME_HEIGHT, 1080),
        (cv2.CAP_PROP_FPS, 60.0),
    ]
    assert source.mode.startswith("MJPG@1920x1080@60: uncompressed gives 5 frames/s only")


@linux
def test_an_exact_wish_is_kept(camera: TellingCamera) -> None:
    source = opened(camera, fourcc="YUYV", width=1920, height=1080, rate=5.0, exact=True)
    assert source.mode.startswith("YUYV@1920x1080@5")


@linux
def test_an_exact_wish_that_is_not_offered_is_refused(camera: TellingCamera) -> None:
    with pytest.raises(SourceError, match="does not offer UYVY") as caught:
        opened(camera, fourcc="UYVY", exact=True)
    assert "MJPG@1920x1080 at 60, 50" in caught.value.hint
    assert camera.opened == []


@pytest.mark.parametrize(
    "tells",
    [
        {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV")},
        {cv2.CAP_PROP_FRAME_WIDTH: 640.0},
        {cv2.CAP_PROP_FPS: 5.0},
    ],
)
def test_a_device_that_gives_something_else_is_refused_or_the_mode_says_it(
    camera: TellingCamera, tells: dict[int, float]
) -> None:
    camera.tells = tells
    wish = {"fourcc": "MJPG", "width": 1920, "height": 1080, "rate": 50.0}
    with pytest.raises(SourceError, match="not MJPG@1920x1080@50 as asked for"):
        opened(camera, **wish, exact=True)
    assert "though asked for MJPG@1920x1080@50" in opened(camera, **wish).mode


def test_60_for_59_94_is_no_other_rate(camera: TellingCamera) -> None:
    camera.tells = {cv2.CAP_PROP_FPS: 59.94}
    assert "though" not in opened(camera, fourcc="MJPG", width=1920, height=1080, rate=60.0, exact=True).mode


@linux
def test_a_wish_in_the_old_form_asks_and_does_not_insist(
    camera: TellingCamera, caplog: pytest.LogCaptureFixture
) -> None:
    source = opened(camera, width=800, height=600)
    assert (cv2.CAP_PROP_FRAME_WIDTH, 800) in camera.set_properties
    assert "does not offer 800x600" in caplog.text
    assert source.mode.startswith("800x600")


@linux
def test_a_camera_that_cannot_be_opened_says_why(camera: TellingCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    camera.refuses = True
    monkeypatch.setattr("app.capture.camera.trouble_of", lambda _: ("it is open in obs (process 812)", "Close it."))
    with pytest.raises(SourceError, match=r"cannot be opened: it is open in obs \(process 812\)") as caught:
        opened(camera)
    assert caught.value.hint.startswith("Close it.")


@pytest.mark.parametrize(
    ("text", "target", "fourcc"),
    [
        ("camera:0?format=YUY2@1280x720@59.94", 0, "YUYV"),
        ("camera:/dev/v4l/by-id/usb-x-video-index0?format=MJPEG", "/dev/v4l/by-id/usb-x-video-index0", "MJPG"),
        (r"camera:dshow:@device_pnp_\\?\usb#vid_2935&pid_0006#{65e8}\global", None, None),
        (r"camera:dshow:@device_pnp_\\?\usb#vid_2935&pid_0006#{65e8}\global?format=UYVY", None, "UYVY"),
        ("camera:avfoundation:FaceTime HD Camera", "avfoundation:FaceTime HD Camera", None),
    ],
)
def test_names_and_formats_are_read_from_the_source(text: str, target: int | str | None, fourcc: str | None) -> None:
    spec = parse_source(text)
    assert spec.kind is SourceKind.CAMERA
    assert spec.camera is not None
    assert (spec.camera.fourcc, spec.camera.exact) == (fourcc, fourcc is not None)
    assert spec.target == (
        target if target is not None else r"dshow:@device_pnp_\\?\usb#vid_2935&pid_0006#{65e8}\global"
    )


@pytest.mark.skipif("dshow" in av.formats_available, reason="this machine has DirectShow")
def test_a_name_of_another_system_is_refused() -> None:
    with pytest.raises(SourceError, match="no dshow devices"):
        make_source("camera:dshow:USB Video").open()


@pytest.mark.skipif(
    "lavfi" not in av.formats_available, reason="this FFmpeg has no generated input to stand for a camera"
)
def test_a_camera_by_name_gives_pictures_in_colour_with_times() -> None:
    connection = NamedConnection("lavfi:color=c=red:size=320x240:rate=25", "camera test", Wish(), exact=False)
    shots = [connection.grab() for _ in range(3)]
    connection.close()
    assert connection.rate == 25
    assert "320x240@25 through lavfi" in connection.mode
    stamps = []
    for shot in shots:
        assert isinstance(shot, Shot)
        assert shot.image is not None
        assert shot.image.shape == (240, 320, 3)
        assert np.abs(shot.image[0, 0].astype(int) - (0, 0, 255)).max() <= 4
        assert shot.pts is not None
        stamps.append(shot.pts * connection.time_base)
    assert [later - stamps[0] for later in stamps] == [0, Fraction(1, 25), Fraction(2, 25)]
