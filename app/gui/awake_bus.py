"""Holding off sleep, screen saver and notifications on Linux desktops, over D-Bus.

Interfaces: the Idle Inhibition specification (``org.freedesktop.ScreenSaver``), logind (``org.freedesktop.login1``),
GNOME's session manager, and ``Inhibit`` of the notification server where it says that it has it (KDE Plasma does).
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from PyQt6.QtCore import QMetaType
from PyQt6.QtDBus import QDBusArgument, QDBusConnection, QDBusMessage, QDBusUnixFileDescriptor

from app.day.awake import REASON, Hold, Of, system_holds

_log = logging.getLogger(__name__)

_PROGRAM = "org.polypwatch.Polypwatch"
_TIMEOUT_MS = 2000
_GNOME_SUSPEND_IDLE = 4 | 8
_SYSTEM_BUS = Path("/run/dbus/system_bus_socket")


def holds() -> tuple[Hold, ...]:
    """Every way that there may be on this machine."""
    if sys.platform != "linux":
        return system_holds()
    return (LogindHold(), ScreenSaverHold(), GnomeHold(), NotificationHold())


class _CookieHold:
    """A service that gives a number for a wish and takes it back for the number."""

    name = ""
    covers: frozenset[Of] = frozenset()
    service, path, interface, end = "", "", "", ""

    def __init__(self) -> None:
        self._cookie: Any = None

    def take(self) -> bool:
        """See ``app.day.awake.Hold``."""
        bus = _session_bus()
        if bus is None or not self._offered(bus):
            return False
        answer = self._call(bus, "Inhibit", *self._wish())
        self._cookie = answer[0] if answer else None
        return self._cookie is not None

    def release(self) -> None:
        """See ``app.day.awake.Hold``; a desktop that went away needs no answer."""
        bus = _session_bus()
        if bus is not None and self._cookie is not None:
            self._call(bus, self.end, _unsigned(self._cookie))
            self._cookie = None

    def _wish(self) -> tuple[Any, ...]:
        return (_PROGRAM, REASON)

    def _offered(self, bus: QDBusConnection) -> bool:
        return True

    def _call(self, bus: QDBusConnection, method: str, *arguments: Any) -> list[Any] | None:
        return _call(bus, (self.service, self.path, self.interface), method, *arguments)


class ScreenSaverHold(_CookieHold):
    """Screen saver, locking and blanking: every larger desktop has it."""

    name = "desktop"
    covers = frozenset({Of.SCREEN_SAVER})
    service = interface = "org.freedesktop.ScreenSaver"
    path, end = "/org/freedesktop/ScreenSaver", "UnInhibit"


class GnomeHold(_CookieHold):
    """GNOME's session manager: suspending and being idle."""

    name = "GNOME"
    covers = frozenset({Of.SLEEP, Of.SCREEN_SAVER})
    service = interface = "org.gnome.SessionManager"
    path, end = "/org/gnome/SessionManager", "Uninhibit"

    def _wish(self) -> tuple[Any, ...]:
        return (_PROGRAM, _unsigned(0), REASON, _unsigned(_GNOME_SUSPEND_IDLE))


class NotificationHold(_CookieHold):
    """Pop-ups over the picture, where the server can keep them back."""

    name = "notifications"
    covers = frozenset({Of.NOTIFICATIONS})
    service = interface = "org.freedesktop.Notifications"
    path, end = "/org/freedesktop/Notifications", "UnInhibit"

    def _offered(self, bus: QDBusConnection) -> bool:
        can = self._call(bus, "GetCapabilities")
        return can is not None and "inhibitions" in can[0]

    def _wish(self) -> tuple[Any, ...]:
        return (_PROGRAM, REASON, {})


class LogindHold:
    """logind: no sleep, by the lid neither, for as long as the descriptor that it gives is open."""

    name = "logind"
    covers = frozenset({Of.SLEEP})
    where = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")

    def __init__(self, bus: Callable[[], QDBusConnection | None] | None = None) -> None:
        self._bus = bus or _system_bus
        self._descriptor: int | None = None

    def take(self) -> bool:
        """See ``app.day.awake.Hold``."""
        bus = self._bus()
        if bus is None:
            return False
        answer = _call(bus, self.where, "Inhibit", "sleep:idle:handle-lid-switch", "Polypwatch", REASON, "block")
        if answer and isinstance(answer[0], QDBusUnixFileDescriptor) and answer[0].isValid():
            self._descriptor = os.dup(answer[0].fileDescriptor())
            os.set_inheritable(self._descriptor, False)
        return self._descriptor is not None

    def release(self) -> None:
        """See ``app.day.awake.Hold``."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def _session_bus() -> QDBusConnection | None:
    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # Without either Qt would start a bus of its own, on which nobody listens.
    if not address and not (runtime and Path(runtime, "bus").exists()):
        return None
    bus = QDBusConnection.sessionBus()
    return bus if bus.isConnected() else None


def _system_bus() -> QDBusConnection | None:
    if not os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") and not _SYSTEM_BUS.exists():
        return None
    bus = QDBusConnection.systemBus()
    return bus if bus.isConnected() else None


def _call(bus: QDBusConnection, where: tuple[str, str, str], method: str, *arguments: Any) -> list[Any] | None:
    """The answer's values; None if there is no such service, or it refused."""
    message = QDBusMessage.createMethodCall(*where, method)
    message.setArguments(list(arguments))
    message.setAutoStartService(False)
    answer = bus.call(message, timeout=_TIMEOUT_MS)
    if answer.type() != QDBusMessage.MessageType.ReplyMessage:
        _log.info("%s.%s: %s", where[2], method, answer.errorMessage())
        return None
    return answer.arguments()


def _unsigned(value: int) -> QDBusArgument:
    """D-Bus's ``u``; Python's numbers would go as ``i``."""
    argument = QDBusArgument()
    argument.add(value, cast(int, QMetaType.Type.UInt.value))
    return argument
