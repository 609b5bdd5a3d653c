"""The list of cameras, from a machine made of folders."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import pytest

from app.devices.device import Bus, BusKind
from app.devices.formats import Format
from app.devices.linux import Roots, list_linux, open_in
from app.devices.listing import list_devices
from app.devices.v4l2 import Probe, refusal
from tests.app.devices.fake_tree import FakeMachine

FORMATS = (Format("UYVY", 1920, 1080, (Fraction(50),)),)


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def answer(node: Path) -> Probe:
    return Probe("card", formats=FORMATS)


def metadata_at_odd_nodes(node: Path) -> Probe:
    return Probe("card", captures=int(node.name[5:]) % 2 == 0, formats=FORMATS)


def test_a_machine_without_cameras_has_an_empty_list(machine: FakeMachine, tmp_path: Path) -> None:
    assert list_linux(machine.roots, answer) == []
    nowhere = tmp_path / "nowhere"
    assert list_linux(Roots(nowhere, nowhere, nowhere), answer) == []


def test_a_camera_is_listed_once_by_its_lasting_name(machine: FakeMachine) -> None:
    machine.plug_usb("2-1", ("video0", "video1"), serial="D206")
    (device,) = list_linux(machine.roots, metadata_at_odd_nodes)
    assert device.name == "USB Capture HDMI"
    assert device.id == str(machine.roots.dev / "v4l/by-id/usb-Maker_Model_D206-video-index0")
    assert device.stable
    assert device.source == f"camera:{device.id}"
    assert device.node == str(machine.roots.dev / "video0")
    assert device.bus == Bus(BusKind.USB, 5000)
    assert str(device.bus) == "USB 3, 5000 Mbit/s"
    assert device.formats == FORMATS


def test_the_name_lasts_over_a_replug_at_another_node(machine: FakeMachine) -> None:
    machine.plug_usb("2-1", ("video0",), serial="D206")
    before = list_linux(machine.roots, answer)[0]
    machine.unplug("video0")
    machine.plug_usb("2-4", ("video7",), serial="D206", speed="480")
    after = list_linux(machine.roots, answer)[0]
    assert after.id == before.id
    assert (before.node[-6:], after.node[-6:]) == ("video0", "video7")
    assert str(after.bus) == "USB 2, 480 Mbit/s"


def test_two_of_a_kind_without_serial_numbers_are_known_by_their_sockets(machine: FakeMachine) -> None:
    machine.plug_usb("2-1", ("video0",))
    machine.plug_usb("2-2", ("video2",))
    first, second = list_linux(machine.roots, answer)
    assert "by-path" in first.id
    assert "2-1" in first.id
    assert "by-path" in second.id
    assert "2-2" in second.id


def test_cards_and_loop_devices_are_told_apart(machine: FakeMachine) -> None:
    machine.plug_pci("video10")
    machine.plug_virtual("video9")
    loop, card = list_linux(machine.roots, answer)
    assert (loop.bus.kind, loop.stable, loop.source) == (
        BusKind.VIRTUAL,
        False,
        f"camera:{machine.roots.dev / 'video9'}",
    )
    assert (card.bus.kind, card.stable) == (BusKind.PCI, True)
    assert card.bus.bytes_per_s is None


def test_a_container_that_has_nodes_but_no_sysfs_lists_them(machine: FakeMachine) -> None:
    (machine.roots.dev / "video0").touch()
    (machine.roots.dev / "videos").touch()
    (device,) = list_linux(machine.roots, answer)
    assert (device.name, device.bus.kind) == ("card", BusKind.OTHER)


def test_what_may_not_be_asked_is_listed_with_its_problem_and_without_its_side_nodes(machine: FakeMachine) -> None:
    machine.plug_usb("2-1", ("video0", "video1"), serial="D206")
    (device,) = list_linux(machine.roots, lambda node: refusal(node, PermissionError(13, "no")))
    assert device.problem == "this user may not read it"
    assert device.name == "USB Capture HDMI"


def test_programs_that_hold_a_camera_are_named(machine: FakeMachine) -> None:
    machine.plug_usb("2-1", ("video0",), serial="D206")
    machine.run(812, "obs", "video0")
    machine.run(90, "cheese", "video0", "video1")
    machine.run(91, "other", "video1")
    (device,) = list_linux(machine.roots, answer)
    assert device.open_in == ("cheese (process 90)", "obs (process 812)")
    # A lasting name leads to the same node.
    assert open_in(Path(device.id), machine.roots.proc) == device.open_in


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the machine's own Video4Linux devices")
def test_the_list_of_this_machine_can_be_made() -> None:
    found = list_devices()
    if not found:
        pytest.skip("no camera: no video device on this machine")
    assert all(device.formats or device.problem for device in found)
