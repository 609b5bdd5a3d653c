"""Real screens that come and go: Qt's offscreen platform makes and deletes them at run time.

The platform offers that to Qt's own tests only (``QOffscreenPlatformNativeInterface::setConfiguration``), so the call
goes through its native interface. Where that is not to be had, ``screens_can_change`` says why.
"""

from __future__ import annotations

import ctypes
import json
import platform
import sys
from pathlib import Path

from PyQt6 import QtGui, sip
from PyQt6.QtCore import QByteArray, QJsonDocument
from PyQt6.QtGui import QGuiApplication

DESK = {"name": "desk", "x": 0, "y": 0, "width": 1280, "height": 720}
WALL = {"name": "wall", "x": 1280, "y": 0, "width": 1280, "height": 720}
CART = {"name": "cart", "x": 2560, "y": 0, "width": 800, "height": 600}
_COMMON = {"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1.0}
_NATIVE_RESOURCE = 12  # after QObject's twelve virtual functions


def screens_can_change() -> str:
    """Why screens cannot come and go here; empty if they can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the call into Qt's offscreen platform is known for Linux only"
    if QGuiApplication.platformName() != "offscreen":
        return f"the platform {QGuiApplication.platformName()} has the screens that it has"
    try:
        _libraries()
    except (OSError, AttributeError) as error:
        return f"Qt's offscreen platform cannot be told: {error}"
    return ""


def set_screens(*screens: dict[str, object]) -> None:
    """Have these screens and no others, from now on."""
    native, to_object = _libraries()
    interface = native()
    table = ctypes.cast(ctypes.c_void_p.from_address(interface).value, ctypes.POINTER(ctypes.c_void_p))
    resource = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(table[_NATIVE_RESOURCE])
    name = QByteArray(b"setConfiguration")
    found = resource(interface, sip.unwrapinstance(name))
    assert found, "the offscreen platform takes no configuration at run time"
    wanted = {"screens": [{**_COMMON, **screen} for screen in screens], "windowFrameMargins": False}
    document = QJsonDocument.fromJson(json.dumps(wanted).encode())
    built = ctypes.create_string_buffer(16)
    to_object(ctypes.addressof(built), sip.unwrapinstance(document))
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(found)(ctypes.addressof(built), interface)
    QGuiApplication.processEvents()  # a changed geometry is told in the queue


def _libraries():
    folder = Path(QtGui.__file__).parent / "Qt6" / "lib"
    native = ctypes.CDLL(str(folder / "libQt6Gui.so.6"))["_ZN15QGuiApplication23platformNativeInterfaceEv"]
    native.restype = ctypes.c_void_p
    to_object = ctypes.CDLL(str(folder / "libQt6Core.so.6"))["_ZNK13QJsonDocument6objectEv"]
    to_object.restype, to_object.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p]
    return native, to_object
