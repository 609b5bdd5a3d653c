"""A machine with cameras as folders: sysfs, /dev and /proc as the kernel and udev lay them out."""

from __future__ import annotations

from pathlib import Path

from app.devices.linux import Roots


class FakeMachine:
    """Plugs cameras in and out below a folder.

    Args:
        folder: empty.
    """

    def __init__(self, folder: Path) -> None:
        self.roots = Roots(folder / "sys", folder / "dev", folder / "proc")
        for path in (self.roots.video, self.roots.dev, self.roots.proc):
            path.mkdir(parents=True)

    def plug_usb(
        self, port: str, nodes: tuple[str, ...], *, model: str = "2935:0006", serial: str = "", speed: str = "5000"
    ) -> None:
        """A USB camera: one node per interface, ``port`` such as ``2-1``."""
        device = self.roots.sysfs / "devices" / "pci0000:00" / "0000:00:14.0" / "usb2" / port
        vendor, product = model.split(":")
        for index, node in enumerate(nodes):
            self._node(device / f"{port}:1.0" / "video4linux" / node, "USB Capture HDMI", index)
            self._link("by-path", f"pci-0000:00:14.0-usb-0:{port}:1.0-video-index{index}", node)
            self._link("by-id", f"usb-Maker_Model{'_' + serial if serial else ''}-video-index{index}", node)
        files = {"idVendor": vendor, "idProduct": product, "speed": speed} | ({"serial": serial} if serial else {})
        for name, value in files.items():
            (device / name).write_text(value + "\n")

    def plug_pci(self, node: str) -> None:
        """A PCI card; such cards have no by-id name."""
        device = self.roots.sysfs / "devices" / "pci0000:00" / "0000:03:00.0"
        self._node(device / "video4linux" / node, "Pro Capture", 0)
        self._link("by-path", "pci-0000:03:00.0-video-index0", node)

    def plug_virtual(self, node: str) -> None:
        """A loop device, which no link leads to."""
        self._node(self.roots.sysfs / "devices" / "virtual" / "video4linux" / node, "Dummy", 0)

    def unplug(self, *nodes: str) -> None:
        """Take nodes and the links to them away, as udev does."""
        for link in [*self.roots.dev.glob("v4l/*/*")]:
            if Path(link).resolve().name in nodes:
                link.unlink()
        for node in nodes:
            (self.roots.video / node).unlink()
            (self.roots.dev / node).unlink()

    def run(self, process: int, name: str, *opened: str) -> None:
        """A program that holds nodes open."""
        handles = self.roots.proc / str(process) / "fd"
        handles.mkdir(parents=True)
        (handles.parent / "comm").write_text(name + "\n")
        for number, node in enumerate(opened):
            (handles / str(number)).symlink_to(self.roots.dev / node)

    def _node(self, folder: Path, name: str, index: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "name").write_text(name + "\n")
        (folder / "index").write_text(f"{index}\n")
        (self.roots.video / folder.name).symlink_to(folder)
        (self.roots.dev / folder.name).touch()

    def _link(self, kind: str, name: str, node: str) -> None:
        link = self.roots.dev / "v4l" / kind / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)  # udev: who comes last owns the name
        link.symlink_to(f"../../{node}")
