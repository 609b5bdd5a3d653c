"""All devices of this machine, whatever its system."""

from __future__ import annotations

import sys
from pathlib import Path

from app.devices.choice import Choice, choose
from app.devices.device import Device
from app.devices.formats import Wish
from detector.errors import SourceError


def list_devices() -> list[Device]:
    """The cameras and grabbers of this machine, with what is wrong with each.

    Takes milliseconds on Linux; on Windows each device is woken to ask for its formats, which takes up to seconds and
    must not be done while one of them runs.

    Raises:
        SourceError: this system's devices cannot be listed.
    """
    from app.devices.decklink import list_decklink

    if sys.platform.startswith("linux"):
        from app.devices.linux import list_linux

        return list_linux() + list_decklink()
    if sys.platform in ("win32", "darwin"):
        from app.devices.desktop import list_macos, list_windows

        return (list_windows() if sys.platform == "win32" else list_macos()) + list_decklink()
    raise SourceError(f"Cameras of {sys.platform} cannot be listed.", "Name a video file or a network stream.")


def chosen(device: Device, wish: Wish | None = None) -> Choice | None:
    """What would be taken from the device; None where it offers nothing that can be read."""
    try:
        return choose(device.formats, device.bus, wish, device.signal)
    except SourceError:
        return None


def choice_for(node: Path, wish: Wish | None = None) -> Choice | None:
    """What to ask a Linux device node for; None if it lists no formats: then the driver's default is all there is.

    Raises:
        SourceError: it does not offer what was asked for, or nothing that can be read.
    """
    from app.devices.linux import Roots, bus_of
    from app.devices.v4l2 import probe

    found = probe(node)
    if not found.formats:
        return None
    return choose(found.formats, bus_of(Roots(), node.resolve().name), wish, found.signal)


def trouble_of(node: Path) -> tuple[str, str]:
    """Why a Linux device node cannot be used and what to do about it, in words; empty if nothing is known."""
    from app.devices.linux import open_in
    from app.devices.v4l2 import probe

    found = probe(node)
    holders = open_in(node)
    if holders and (not found.problem or "another program" in found.problem):
        return f"it is open in {', '.join(holders)}", "Close that program; a grabber serves one at a time."
    return found.problem, found.hint
