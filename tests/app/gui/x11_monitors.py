"""Monitors of an X server that come and go at run time, as plugging and unplugging makes them: RandR 1.5, by Xlib."""

from __future__ import annotations

import ctypes


class _Monitor(ctypes.Structure):
    """``XRRMonitorInfo`` of X11/extensions/Xrandr.h."""

    _fields_ = (
        ("name", ctypes.c_ulong),
        ("primary", ctypes.c_int),
        ("automatic", ctypes.c_int),
        ("noutput", ctypes.c_int),
        ("x", ctypes.c_int),
        ("y", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("mwidth", ctypes.c_int),
        ("mheight", ctypes.c_int),
        ("outputs", ctypes.POINTER(ctypes.c_ulong)),
    )


class _Resources(ctypes.Structure):
    """The beginning of ``XRRScreenResources``."""

    _fields_ = (
        ("timestamp", ctypes.c_ulong),
        ("config_timestamp", ctypes.c_ulong),
        ("ncrtc", ctypes.c_int),
        ("crtcs", ctypes.POINTER(ctypes.c_ulong)),
        ("noutput", ctypes.c_int),
        ("outputs", ctypes.POINTER(ctypes.c_ulong)),
    )


class Monitors:
    """Of the display that ``DISPLAY`` names.

    Raises:
        OSError: Xlib or its RandR part is not installed, or the server does not answer.
    """

    def __init__(self) -> None:
        self._x, self._randr = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXrandr.so.2")
        pointer, number = ctypes.c_void_p, ctypes.c_ulong
        self._x.XOpenDisplay.restype = pointer
        self._x.XDefaultRootWindow.restype, self._x.XDefaultRootWindow.argtypes = number, [pointer]
        self._x.XInternAtom.restype = number
        self._x.XInternAtom.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int]
        self._x.XSync.argtypes = [pointer, ctypes.c_int]
        self._randr.XRRGetScreenResources.restype = ctypes.POINTER(_Resources)
        self._randr.XRRGetScreenResources.argtypes = [pointer, number]
        self._randr.XRRSetMonitor.argtypes = [pointer, number, ctypes.POINTER(_Monitor)]
        self._randr.XRRDeleteMonitor.argtypes = [pointer, number, number]
        self._display = self._x.XOpenDisplay(None)
        if not self._display:
            raise OSError("the X server does not answer")
        self._root = self._x.XDefaultRootWindow(self._display)

    def plug(self, name: str, area: tuple[int, int, int, int], first: bool = False) -> None:
        """A monitor at x, y, width, height; the first one takes the place of the server's own."""
        outputs = (ctypes.c_ulong * 1)(0)
        if first:
            outputs[0] = self._randr.XRRGetScreenResources(self._display, self._root).contents.outputs[0]
        width, height = area[2:]
        monitor = _Monitor(self._atom(name), first, 0, int(first), *area, width // 4, height // 4, outputs)
        self._randr.XRRSetMonitor(self._display, self._root, ctypes.byref(monitor))
        self._x.XSync(self._display, 0)

    def unplug(self, name: str) -> None:
        """Take a monitor away."""
        self._randr.XRRDeleteMonitor(self._display, self._root, self._atom(name))
        self._x.XSync(self._display, 0)

    def _atom(self, name: str) -> int:
        return int(self._x.XInternAtom(self._display, name.encode(), 0))
