"""Blackmagic DeckLink cards, as GStreamer's plug-in lists them: they are no V4L2 or DirectShow devices with formats.

Written after GStreamer's documentation of the device provider; not run on a card yet. Without a card's driver nothing
is loaded: GStreamer takes a second to begin.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from app.devices.device import Bus, BusKind, Device
from detector.errors import SourceError

#: Where Blackmagic Desktop Video puts its nodes on Linux.
NODES = Path("/dev/blackmagic")
_PROVIDER = "decklinkdeviceprovider"
_FOR_VIDEO = "Video/Source"


def list_decklink(nodes: Path = NODES) -> list[Device]:
    """The inputs of the cards that GStreamer sees; on Linux only where their driver is there.

    A card without GStreamer is listed once, with what to install.
    """
    from app.capture.gstreamer_runtime import gstreamer

    linux = sys.platform.startswith("linux")
    if linux and not nodes.is_dir():
        return []
    try:
        gst = gstreamer()
    except SourceError as error:
        # Elsewhere nothing tells whether there is a card.
        return [_unusable(nodes, error)] if linux else []
    provider = gst.DeviceProviderFactory.get_by_name(_PROVIDER)
    if provider is None:
        missing = SourceError("this GStreamer has no decklink plug-in", "Install gstreamer1.0-plugins-bad.")
        return [_unusable(nodes, missing)] if linux else []
    found = [device for device in provider.get_devices() if device.has_classes(_FOR_VIDEO)]
    return [_input(device, place) for place, device in enumerate(found)]


def _input(device: Any, place: int) -> Device:
    """One input; its number is asked of the element that it makes, or else is its place in the list."""
    element = device.create_element(None)
    number = int(element.get_property("device-number")) if element is not None else place
    return Device(
        id=f"decklink:{number}",
        stable=False,
        name=device.get_display_name() or f"DeckLink {number}",
        node=f"decklink:{number}",
        source=f"decklink:{number}",
        bus=Bus(BusKind.PCI),
    )


def _unusable(nodes: Path, error: SourceError) -> Device:
    return Device(
        id="decklink:0",
        stable=False,
        name="Blackmagic card",
        node=str(nodes),
        source="decklink:0",
        problem=error.what.rstrip("."),
        hint=error.hint,
    )
