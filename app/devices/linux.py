"""The cameras of a Linux machine: nodes from sysfs, lasting names from /dev/v4l, and who holds them open."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.devices.device import Bus, BusKind, Device
from app.devices.v4l2 import Probe, probe


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the kernel's file systems are; other folders in tests."""

    sysfs: Path = Path("/sys")
    dev: Path = Path("/dev")
    proc: Path = Path("/proc")

    @property
    def video(self) -> Path:
        """One entry per video node."""
        return self.sysfs / "class" / "video4linux"


def list_linux(roots: Roots | None = None, ask: Callable[[Path], Probe] = probe) -> list[Device]:
    """All capture devices, in the order of their nodes; metadata nodes, outputs and codecs are left out."""
    roots = roots or Roots()
    names = lasting_names(roots)
    devices = (_device(roots, entry, names, ask) for entry in video_nodes(roots))
    return [device for device in devices if device is not None]


def video_nodes(roots: Roots) -> list[str]:
    """Names of the video nodes, such as ``video0``; containers may have nodes in /dev alone."""
    found: set[str] = set()
    for folder in (roots.video, roots.dev):
        with suppress(OSError):
            found.update(name for name in os.listdir(folder) if name[:5] == "video" and name[5:].isdecimal())
    return sorted(found, key=lambda name: int(name[5:]))


def lasting_names(roots: Roots) -> dict[str, Path]:
    """From a node's name to its lasting path: by maker and serial number, or else by the socket it is plugged into.

    Two grabbers of one make without serial numbers claim the same name, and udev gives it to the one that came last:
    such a name does not last, so the socket is taken.
    """
    found: dict[str, Path] = {}
    shared = _without_serial(roots)
    for folder in ("by-path", "by-id"):
        with suppress(OSError):
            for link in sorted((roots.dev / "v4l" / folder).iterdir()):
                node = Path(os.path.realpath(link)).name
                if folder == "by-path" or node not in shared:
                    found[node] = link
    return found


def open_in(node: Path, proc: Path = Path("/proc")) -> tuple[str, ...]:
    """Programs that hold the node open, such as ``obs (process 812)``; other users' processes cannot be seen."""
    target = os.path.realpath(node)
    return tuple(
        f"{_first_line(process / 'comm') or 'a program'} (process {process.name})"
        for process in sorted(_processes(proc), key=lambda p: int(p.name))
        if int(process.name) != os.getpid() and _holds(process / "fd", target)
    )


def bus_of(roots: Roots, node: str) -> Bus:
    """Where a node's device is plugged in, from the folders above it in sysfs."""
    usb = _usb_folder(roots, node)
    if usb is not None:
        speed = _first_line(usb / "speed")
        # USB 1 has a port of 1.5 Mbit/s.
        return Bus(BusKind.USB, int(float(speed)) if speed.replace(".", "").isdecimal() else None)
    folder = _device_folder(roots, node)
    if "virtual" in folder.parts:
        return Bus(BusKind.VIRTUAL)
    return Bus(BusKind.PCI if any(part.startswith("pci") for part in folder.parts) else BusKind.OTHER)


def _device(roots: Roots, node: str, names: dict[str, Path], ask: Callable[[Path], Probe]) -> Device | None:
    path = roots.dev / node
    found = ask(path)
    # One camera has several nodes, the first is its pictures; who may not ask the others need not hear of them.
    side_node = not found.name and _first_line(roots.video / node / "index") not in ("", "0")
    if not found.captures or side_node:
        return None
    lasting = names.get(node)
    place = str(lasting or path)
    return Device(
        id=place,
        stable=lasting is not None,
        name=_first_line(roots.video / node / "name") or found.name or node,
        node=str(path),
        source=f"camera:{place}",
        bus=bus_of(roots, node),
        formats=found.formats,
        signal=found.signal,
        open_in=open_in(path, roots.proc),
        problem=found.problem,
        hint=found.hint,
    )


def _without_serial(roots: Roots) -> set[str]:
    """Nodes of USB devices that share maker and model with another device and have no serial number."""
    groups: dict[tuple[str, str], dict[Path, list[str]]] = {}
    for node in video_nodes(roots):
        usb = _usb_folder(roots, node)
        if usb is not None and not _first_line(usb / "serial"):
            model = _first_line(usb / "idVendor"), _first_line(usb / "idProduct")
            groups.setdefault(model, {}).setdefault(usb, []).append(node)
    return {node for same in groups.values() if len(same) > 1 for nodes in same.values() for node in nodes}


def _device_folder(roots: Roots, node: str) -> Path:
    return Path(os.path.realpath(roots.video / node))


def _usb_folder(roots: Roots, node: str) -> Path | None:
    """The nearest folder above that is a USB device: it has a speed and a maker."""
    top = Path(os.path.realpath(roots.sysfs))
    for folder in _device_folder(roots, node).parents:
        if folder == top:
            break
        if (folder / "idVendor").is_file() and (folder / "speed").is_file():
            return folder
    return None


def _processes(proc: Path) -> list[Path]:
    with suppress(OSError):
        return [entry for entry in proc.iterdir() if entry.name.isdecimal()]
    return []


def _holds(handles: Path, target: str) -> bool:
    with suppress(OSError):
        for handle in handles.iterdir():
            with suppress(OSError):
                if os.readlink(handle) == target:
                    return True
    return False


def _first_line(path: Path) -> str:
    with suppress(OSError, IndexError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[0].strip()
    return ""
