"""``polypwatch devices`` and ``--format``."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from app.cli import main
from app.devices.command import as_json, as_text, with_format
from app.devices.device import Bus, BusKind, Device, Signal
from app.devices.formats import Format
from detector.errors import UsageError

GRABBER = Device(
    id="/dev/v4l/by-id/usb-Maker_Model_D206-video-index0",
    stable=True,
    name="USB Capture HDMI",
    node="/dev/video0",
    source="camera:/dev/v4l/by-id/usb-Maker_Model_D206-video-index0",
    bus=Bus(BusKind.USB, 5000),
    formats=(
        Format("YUYV", 1920, 1080, (Fraction(60), Fraction(60_000, 1001), Fraction(50))),
        Format("RAW8", 1920, 1080),
    ),
    signal=Signal(1920, 1080, Fraction(50)),
    open_in=("obs (process 812)",),
)
FORBIDDEN = Device(
    id="/dev/video2",
    stable=False,
    name="Webcam",
    node="/dev/video2",
    source="camera:/dev/video2",
    problem="this user may not read it",
    hint="Join the group.",
)


def listed(monkeypatch: pytest.MonkeyPatch, *devices: Device) -> None:
    monkeypatch.setattr("app.devices.listing.list_devices", lambda: list(devices))


def test_the_list_says_what_to_type_and_what_would_be_taken() -> None:
    text = as_text(GRABBER)
    for part in (
        "USB Capture HDMI (USB 3, 5000 Mbit/s)",
        "camera:/dev/v4l/by-id/usb-Maker_Model_D206-video-index0  now /dev/video0",
        "input: 1920x1080p50",
        "1920x1080  60, 59.94, 50",
        "(cannot be read here)",
        "open in obs (process 812)",
        "would take YUYV@1920x1080@50: uncompressed",
    ):
        assert part in text


def test_what_is_wrong_is_said_beside_the_device() -> None:
    text = as_text(FORBIDDEN)
    assert "Cannot be used as it is: this user may not read it. Join the group." in text
    assert "may change after a replug" in text
    assert "would take" not in text


def test_the_json_holds_exact_rates(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    listed(monkeypatch, GRABBER, FORBIDDEN)
    assert main(["devices", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "polypwatch.devices/1"
    assert told["devices"] == [as_json(GRABBER), as_json(FORBIDDEN)]
    first, second = told["devices"]
    assert first["formats"][0]["rates"] == ["60", "60000/1001", "50"]
    assert first["would_take"]["format"] == "YUYV@1920x1080@50"
    assert second["would_take"] is None
    assert second["problem"]


def test_a_machine_without_cameras_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    listed(monkeypatch)
    assert main(["devices"]) == 0
    assert "no camera" in capsys.readouterr().out
    listed(monkeypatch, GRABBER, FORBIDDEN)
    assert main(["devices"]) == 0
    assert capsys.readouterr().out == f"{as_text(GRABBER)}\n\n{as_text(FORBIDDEN)}\n"


def test_a_format_goes_into_the_source() -> None:
    assert with_format("camera:0", "UYVY@1920x1080@50") == "camera:0?format=UYVY@1920x1080@50"
    assert with_format("clip.mp4", None) == "clip.mp4"


@pytest.mark.parametrize(
    ("source", "wish"),
    [
        ("clip.mp4", "UYVY"),
        ("rtsp://host/a", "UYVY"),
        ("camera:0?rate=50", "UYVY"),
        (None, "UYVY"),
        ("camera:0", "fast"),
    ],
)
def test_a_format_that_cannot_be_had_is_refused(source: str | None, wish: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_format(source, wish)
    assert caught.value.hint
