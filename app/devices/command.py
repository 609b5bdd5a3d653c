"""``polypwatch devices`` and the option ``--format``. Nothing heavy is imported before it runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.devices.device import Device
    from app.devices.formats import Format

_SCHEMA = "polypwatch.devices/1"


def add_devices(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    devices = commands.add_parser("devices", help="list cameras and grabbers with their formats")
    devices.add_argument("--json", action="store_true", help="as JSON")
    devices.set_defaults(run=run_devices)


def add_format_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--format`` to a command that opens a camera."""
    parser.add_argument(
        "--format",
        metavar="UYVY@1920x1080@50",
        help="what a camera must give, or a part of that (default: what `polypwatch devices` says it would take)",
    )


def with_format(source: str | None, wish: str | None) -> str | None:
    """The source as it would be typed with the format in it; without a format as it is.

    Raises:
        UsageError: the format is not understood, the source is no camera or not named.
    """
    if wish is None:
        return source
    from app.capture.spec import parse_source
    from app.devices.formats import parse_wish
    from detector.errors import UsageError
    from detector.frame import SourceKind

    parse_wish(wish)
    if source is None:
        raise UsageError("A --format needs its camera.", "Name the camera before it: `polypwatch live camera:0 ...`.")
    if parse_source(source).kind is not SourceKind.CAMERA:
        raise UsageError("Only cameras have a --format.", "Leave it out for files and streams.")
    if "?" in source:
        raise UsageError(f"{source} has options and there is a --format, too.", "Give one of them.")
    return f"{source}?format={wish}"


def run_devices(args: argparse.Namespace) -> int:
    """List the devices."""
    from app.devices.listing import list_devices

    found = list_devices()
    if args.json:
        print(json.dumps({"schema": _SCHEMA, "devices": [as_json(device) for device in found]}, indent=2))
    elif found:
        print("\n\n".join(as_text(device) for device in found))
    else:
        print("This machine has no camera or grabber.")
        print(_nothing_hint(sys.platform), file=sys.stderr)
    return 0


def as_json(device: Device) -> dict[str, Any]:
    """One device of schema ``polypwatch.devices/1``; rates are exact, as in "60000/1001"."""
    from app.devices.listing import chosen

    choice = chosen(device)
    return {
        "id": device.id,
        "stable": device.stable,
        "name": device.name,
        "node": device.node,
        "source": device.source,
        "bus": {"kind": device.bus.kind.value, "mbit_per_s": device.bus.mbit_per_s},
        "signal": str(device.signal) if device.signal else None,
        "formats": [_format_json(item) for item in device.formats],
        "would_take": {"format": str(choice), "reason": choice.reason} if choice else None,
        "open_in": list(device.open_in),
        "problem": device.problem,
        "hint": device.hint,
    }


def as_text(device: Device) -> str:
    """One device, for a person."""
    from app.devices.listing import chosen

    lines = [f"{device.name} ({device.bus})", f"  {device.source}{_now(device)}"]
    if device.problem:
        lines.append(f"  Cannot be used as it is: {device.problem}. {device.hint}".rstrip())
    if device.open_in:
        lines.append(f"  open in {', '.join(device.open_in)}")
    if device.signal:
        lines.append(f"  input: {device.signal}")
    lines += [f"    {line}" for line in _format_lines(device.formats)]
    choice = chosen(device)
    if choice:
        lines.append(f"  would take {choice}: {choice.reason}")
    elif device.formats:
        lines.append("  offers no pixel format that can be read")
    return "\n".join(lines)


def _format_json(item: Format) -> dict[str, Any]:
    return {
        "fourcc": item.fourcc,
        "width": item.width,
        "height": item.height,
        "rates": [str(rate) for rate in item.rates],
        "between": [str(rate) for rate in item.between] if item.between else None,
        "readable": item.readable,
    }


def _format_lines(formats: Iterable[Format]) -> list[str]:
    from app.devices.formats import rate_text

    return [
        f"{item.fourcc:<8} {f'{item.width}x{item.height}':>9}  "
        + (", ".join(map(rate_text, item.rates)) or "rates unknown")
        + ("" if item.readable else "  (cannot be read here)")
        for item in formats
    ]


def _now(device: Device) -> str:
    if not device.stable:
        return "  (its place may change after a replug)"
    return f"  now {device.node}" if device.node not in device.source else ""


def _nothing_hint(platform: str) -> str:
    if platform.startswith("linux"):
        return (
            "Plug one in; `lsusb` or `lspci` shows whether the machine sees it; a container needs --device /dev/video0."
        )
    return "Plug one in, and allow this program the camera in the system's privacy settings."
