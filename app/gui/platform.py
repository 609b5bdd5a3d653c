"""Whether a window can be opened here. Asked before Qt is imported, which ends the process if it cannot. No Qt."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys

# What Qt's X11 and OpenGL parts need beyond a bare Debian, and the package that has it.
_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libglib-2.0.so.0": "libglib2.0-0",
}
_X11_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


def missing_libraries(with_display: bool) -> list[str]:
    """Debian packages whose libraries Qt needs and does not find; always empty outside Linux.

    Args:
        with_display: for a real window, not only for painting offscreen.
    """
    if sys.platform != "linux":
        return []
    wanted = _LIBRARIES | (_X11_LIBRARIES if with_display else {})
    return [package for library, package in wanted.items() if not _loads(library)]


def display_problem() -> str:
    """Why no window can be opened here, in words; empty if one can."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM", "xcb").split(":")[0] not in ("xcb", "wayland"):
        return ""
    if os.environ.get("WAYLAND_DISPLAY"):
        return _library_problem()
    name = os.environ.get("DISPLAY")
    if not name:
        return "There is no display (DISPLAY and WAYLAND_DISPLAY are not set)."
    return _library_problem() or ("" if _x_server_answers(name) else f"The display {name} does not answer.")


def _library_problem() -> str:
    missing = missing_libraries(with_display=True)
    return f"System libraries are missing; install them with: apt-get install {' '.join(missing)}" if missing else ""


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _x_server_answers(name: str) -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return False
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(name.encode(), None)
    try:
        return int(xcb.xcb_connection_has_error(connection)) == 0
    finally:
        xcb.xcb_disconnect(connection)
