"""Stands in for a desktop on a bus of its own: takes wishes, gives numbers, and writes down what it was asked.

Run as ``python -m tests.app.gui.desktop_stand_in LOG``; prints ``ready`` when it can be called.
"""

import os
import sys
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QObject, pyqtClassInfo, pyqtSlot
from PyQt6.QtDBus import QDBusConnection, QDBusMessage, QDBusUnixFileDescriptor

LOG = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.devnull)


def note(*said: object) -> None:
    with LOG.open("a") as file:
        file.write(" ".join(map(str, said)) + "\n")


@pyqtClassInfo("D-Bus Interface", "org.freedesktop.ScreenSaver")
class ScreenSaver(QObject):
    @pyqtSlot(str, str, result="uint")
    def Inhibit(self, program: str, reason: str) -> int:
        note("screen", program, reason)
        return 7

    @pyqtSlot("uint")
    def UnInhibit(self, cookie: int) -> None:
        note("screen-end", cookie)


@pyqtClassInfo("D-Bus Interface", "org.gnome.SessionManager")
class Gnome(QObject):
    @pyqtSlot(str, "uint", str, "uint", result="uint")
    def Inhibit(self, program: str, window: int, reason: str, flags: int) -> int:
        note("gnome", window, flags)
        return 8

    @pyqtSlot("uint")
    def Uninhibit(self, cookie: int) -> None:
        note("gnome-end", cookie)


@pyqtClassInfo("D-Bus Interface", "org.freedesktop.Notifications")
class Notifications(QObject):
    @pyqtSlot(result="QStringList")
    def GetCapabilities(self) -> list[str]:
        return ["body", "inhibitions"]

    @pyqtSlot(str, str, "QVariantMap", result="uint")
    def Inhibit(self, program: str, reason: str, hints: dict) -> int:
        note("notifications", program, len(hints))
        return 9

    @pyqtSlot("uint")
    def UnInhibit(self, cookie: int) -> None:
        note("notifications-end", cookie)


@pyqtClassInfo("D-Bus Interface", "org.freedesktop.login1.Manager")
class Logind(QObject):
    @pyqtSlot(str, str, str, str, QDBusMessage)
    def Inhibit(self, what: str, who: str, why: str, mode: str, message: QDBusMessage) -> None:
        note("logind", what, mode)
        self.ours, theirs = os.pipe()
        message.setDelayedReply(True)
        QDBusConnection.sessionBus().send(message.createReply([QDBusUnixFileDescriptor(theirs)]))
        os.close(theirs)


SERVICES = (
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver", ScreenSaver),
    ("org.gnome.SessionManager", "/org/gnome/SessionManager", Gnome),
    ("org.freedesktop.Notifications", "/org/freedesktop/Notifications", Notifications),
    ("org.freedesktop.login1", "/org/freedesktop/login1", Logind),
)


def main() -> None:
    qt = QCoreApplication([])
    bus = QDBusConnection.sessionBus()
    kept = []
    for name, path, made in SERVICES:
        kept.append(made())
        registered = bus.registerObject(path, kept[-1], QDBusConnection.RegisterOption.ExportAllSlots)
        assert registered
        assert bus.registerService(name), bus.lastError().message()
    print("ready", flush=True)
    qt.exec()


if __name__ == "__main__":
    main()
