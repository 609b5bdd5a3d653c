"""What a node says about itself, from bytes laid out as the kernel documents them."""

from __future__ import annotations

import errno
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from app.devices import v4l2
from app.devices.device import Signal
from app.devices.formats import Format
from app.devices.v4l2 import Probe, probe
from tests.app.devices.fake_driver import FakeDriver, dv_timings

GRABBER = FakeDriver(
    {
        b"YUYV": {(1920, 1080): [(166667, 10_000_000), (1, 50), (333667, 10_000_000)], (720, 576): [(1, 25)]},
        b"MJPG": {(1920, 1080): [(1, 60)]},
    }
)
FULL_HD_50 = dv_timings(1920, 1080, 148_500_000, (528, 44, 148), (4, 5, 36))
FULL_HD_60 = dv_timings(1920, 1080, 148_500_000, (88, 44, 148), (4, 5, 36), flags=4)
INTERLACED_50 = dv_timings(1920, 1080, 74_250_000, (528, 44, 148), (2, 5, 15), second_field=(2, 5, 16))
HEADER = Path("/usr/include/linux/videodev2.h")
NUMBERS = {
    "VIDIOC_QUERYCAP": (v4l2.QUERYCAP, "struct v4l2_capability"),
    "VIDIOC_ENUM_FMT": (v4l2.ENUM_FMT, "struct v4l2_fmtdesc"),
    "VIDIOC_ENUM_FRAMESIZES": (v4l2.ENUM_FRAMESIZES, "struct v4l2_frmsizeenum"),
    "VIDIOC_ENUM_FRAMEINTERVALS": (v4l2.ENUM_FRAMEINTERVALS, "struct v4l2_frmivalenum"),
    "VIDIOC_ENUMINPUT": (v4l2.ENUMINPUT, "struct v4l2_input"),
    "VIDIOC_G_INPUT": (v4l2.G_INPUT, "int"),
    "VIDIOC_QUERY_DV_TIMINGS": (v4l2.QUERY_DV_TIMINGS, "struct v4l2_dv_timings"),
}


@pytest.fixture
def node(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


def ask(node: Path, **changes: object) -> Probe:
    merged = {"formats": GRABBER.formats} | changes
    return probe(node, FakeDriver(**merged))  # type: ignore[arg-type]


def test_formats_sizes_and_rates_are_read(node: Path) -> None:
    found = ask(node)
    assert (found.name, found.captures, found.problem) == ("USB Capture HDMI: Test", True, "")
    assert found.formats == (
        Format("YUYV", 1920, 1080, (Fraction(60), Fraction(50), Fraction(30_000, 1001))),
        Format("YUYV", 720, 576, (Fraction(25),)),
        Format("MJPG", 1920, 1080, (Fraction(60),)),
    )


def test_ranges_of_sizes_and_rates_become_the_usual_ones(node: Path) -> None:
    driver = FakeDriver(
        {b"UYVY": {}, b"NV12": {(1920, 1080): []}},
        size_ranges={b"UYVY": (2, 2048, 2, 2, 1200, 2)},
        interval_ranges={b"UYVY": (2, 1, 60, 1, 1, 0, 0), b"NV12": (3, 1, 50, 1, 25, 1, 50)},
    )
    found = {(item.fourcc, item.width): item for item in probe(node, driver).formats}
    assert {width for fourcc, width in found if fourcc == "UYVY"} == {640, 720, 1024, 1280, 1920, 2048}
    assert found["UYVY", 1920].between == (Fraction(1), Fraction(60))
    assert Fraction(50) in found["UYVY", 1920].rates
    assert found["NV12", 1920].rates == (Fraction(50), Fraction(25))
    assert found["NV12", 1920].between is None


def test_a_driver_that_tells_no_rates_still_lists_its_sizes(node: Path) -> None:
    found = ask(node, formats={b"UYVY": {(1920, 1080): []}}, fails={75: errno.ENOTTY})
    assert found.formats == (Format("UYVY", 1920, 1080),)


def test_a_driver_that_never_ends_its_list_does_not_hang(node: Path) -> None:
    class Endless(FakeDriver):
        def _interval(self, answer: bytearray) -> None:
            answer[16:28] = b"\1\0\0\0" + b"\1\0\0\0" + b"\x19\0\0\0"

    found = probe(node, Endless({b"UYVY": {(1920, 1080): []}}))
    assert found.formats == (Format("UYVY", 1920, 1080, (Fraction(25),)),)


def test_multi_planar_devices_are_capture_devices_and_metadata_nodes_are_not(node: Path) -> None:
    assert ask(node, capabilities=0x04001000).formats
    metadata = ask(node, capabilities=0x04A00000)
    assert not metadata.captures
    assert not metadata.formats


@pytest.mark.parametrize(
    ("timings", "signal", "words"),
    [
        (FULL_HD_50, Signal(1920, 1080, Fraction(50)), "1920x1080p50"),
        (FULL_HD_60, Signal(1920, 1080, Fraction(60_000, 1001)), "1920x1080p59.94"),
        (INTERLACED_50, Signal(1920, 1080, Fraction(25), True), "1920x1080i50"),
    ],
)
def test_what_arrives_at_the_input_is_told(node: Path, timings: bytes, signal: Signal, words: str) -> None:
    found = ask(node, timings=timings)
    assert found.signal == signal
    assert str(found.signal) == words
    assert not found.problem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"timings": errno.ENOLINK}, "no signal at its input"),
        ({"timings": errno.ENOLCK}, "not stable"),
        ({"timings": errno.ERANGE}, "beyond what it can take"),
        ({"input_status": 0x2}, "no signal at its input HDMI"),
        ({"input_status": 0x1}, "is off"),
        ({"formats": {}}, "lists no formats"),
        ({"fails": {0: errno.EBUSY}}, "another program uses it"),
        ({"fails": {2: errno.EIO}}, "does not answer"),
        ({"fails": {0: errno.ENODEV}}, "no longer there"),
        ({"fails": {0: errno.EUCLEAN}}, "the system says: as the test wants"),
    ],
)
def test_what_is_wrong_is_said_in_words(node: Path, changes: dict[str, object], words: str) -> None:
    assert words in ask(node, **changes).problem


def test_rights_that_are_missing_name_the_group(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.open", denied)
    found = probe(node)
    assert found.problem == "this user may not read it"
    assert "video" in found.hint


def test_a_node_that_is_gone_and_a_file_that_is_no_device_are_told_apart(node: Path) -> None:
    assert "no longer there" in probe(node.with_name("video9")).problem
    plain = probe(node)  # the kernel's own answer to a plain file
    assert (plain.problem, plain.captures) == ("it is no video device", False)


def test_asking_never_changes_anything(node: Path) -> None:
    driver = FakeDriver(GRABBER.formats, timings=FULL_HD_50)
    probe(node, driver)
    # G, ENUM and QUERY ioctls only: no S_FMT (5), REQBUFS (8), STREAMON (18), S_PARM (22), S_INPUT (39).
    assert set(driver.asked) <= {0, 2, 26, 38, 74, 75, 99}


@pytest.mark.skipif(
    not HEADER.exists() or shutil.which("cc") is None, reason="needs linux/videodev2.h and a C compiler"
)
def test_numbers_and_sizes_are_those_of_the_kernels_header(tmp_path: Path) -> None:
    lines = [f'printf("%lu %zu\\n", (unsigned long){name}, sizeof({kind}));' for name, (_, kind) in NUMBERS.items()]
    body = "\n".join(("#include <stdio.h>", "#include <linux/videodev2.h>", "int main(void) {", *lines, "return 0; }"))
    (tmp_path / "a.c").write_text(body)
    subprocess.run(["cc", "-o", tmp_path / "a", tmp_path / "a.c"], check=True, timeout=60)
    said = subprocess.run([tmp_path / "a"], check=True, capture_output=True, text=True, timeout=10).stdout
    assert [tuple(map(int, line.split())) for line in said.splitlines()] == [
        (number, (number >> 16) & 0x3FFF) for number, _ in NUMBERS.values()
    ]
