"""Cameras that come and go."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from app.devices.watch import Change, DeviceWatcher
from tests.app.devices.fake_tree import FakeMachine


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path)
    machine.plug_pci("video0")
    return machine


def ignore(change: Change) -> None:
    raise AssertionError(change)


def nodes(change: Change) -> tuple[list[str], list[str]]:
    return [Path(s.node).name for s in change.added], [Path(s.node).name for s in change.removed]


def test_what_is_there_at_the_start_is_no_news(machine: FakeMachine) -> None:
    watcher = DeviceWatcher(ignore, roots=machine.roots)
    assert not watcher.look()
    assert not watcher.look()


def test_a_camera_counts_as_added_once_it_has_settled(machine: FakeMachine) -> None:
    watcher = DeviceWatcher(ignore, roots=machine.roots)
    machine.plug_usb("2-1", ("video2",), serial="D206")
    assert not watcher.look()
    change = watcher.look()
    assert nodes(change) == (["video2"], [])
    assert change.added[0].id.endswith("usb-Maker_Model_D206-video-index0")
    assert not watcher.look()


def test_a_link_that_comes_late_restarts_the_wait(machine: FakeMachine) -> None:
    watcher = DeviceWatcher(ignore, roots=machine.roots)
    machine.plug_virtual("video5")
    assert not watcher.look()
    (machine.roots.dev / "v4l" / "by-id").mkdir()
    (machine.roots.dev / "v4l" / "by-id" / "late").symlink_to("../../video5")
    assert not watcher.look()
    assert watcher.look().added[0].id.endswith("late")


def test_removal_is_reported_at_once(machine: FakeMachine) -> None:
    watcher = DeviceWatcher(ignore, roots=machine.roots)
    machine.unplug("video0")
    assert nodes(watcher.look()) == ([], ["video0"])
    assert not watcher.look()


def test_a_camera_that_goes_before_it_settled_was_never_there(machine: FakeMachine) -> None:
    watcher = DeviceWatcher(ignore, roots=machine.roots)
    machine.plug_virtual("video5")
    watcher.look()
    machine.unplug("video5")
    assert not watcher.look()


def test_another_camera_at_the_same_node_is_a_removal_and_an_addition(machine: FakeMachine) -> None:
    watcher = DeviceWatcher(ignore, roots=machine.roots)
    machine.unplug("video0")
    machine.plug_usb("2-1", ("video0",), serial="D206")
    assert nodes(watcher.look()) == ([], ["video0"])
    assert nodes(watcher.look()) == (["video0"], [])


def test_the_thread_reports_and_stops(machine: FakeMachine, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Change] = []
    done = threading.Event()

    def note(change: Change) -> None:
        seen.append(change)
        if change.removed:
            raise RuntimeError("a listener that stumbles does not end the watch")
        done.set()

    watcher = DeviceWatcher(note, interval_s=0.01, roots=machine.roots)
    watcher.start()
    watcher.start()
    machine.unplug("video0")
    machine.plug_virtual("video5")
    assert done.wait(10)
    watcher.close()
    watcher.close()
    assert [nodes(change) for change in seen if change.added] == [(["video5"], [])]
    assert "the device watcher stumbled" in caplog.text
    assert not any(thread.name == "device watcher" for thread in threading.enumerate())
