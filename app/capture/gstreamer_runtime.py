"""GStreamer, where it is installed: an optional part, loaded when a source or a list of devices asks for it.

PyGObject (``gi``, LGPL-2.1-or-later) is the way in. It comes from the system or from PyPI; GStreamer itself, its
plug-ins and its description for ``gi`` come from the system alone.
"""

from __future__ import annotations

import functools
import importlib
import sys
import warnings
from typing import Any

from detector.errors import SourceError

#: What a Linux distribution calls the parts (Debian and Ubuntu).
PACKAGES = "python3-gi gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-bad"
_PARSE_ERRORS = "gst_parse_error"
# Codes of GstParseError whose words name elements and properties only; others quote values, which may be secret.
_SPEAKABLE = (0, 1, 2, 3, 5, 6)


@functools.cache
def gstreamer() -> Any:
    """The ``Gst`` namespace, initialised.

    Raises:
        SourceError: PyGObject or GStreamer is not installed, with what to install.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # PyGObject 3.42 imports in a way that Python 3.12 drops
            gi = importlib.import_module("gi")
            gi.require_version("Gst", "1.0")
            gst = importlib.import_module("gi.repository.Gst")
            importlib.import_module("gi.repository.GLib")
    except (ImportError, ValueError, AttributeError) as error:  # ValueError: no description of Gst for gi
        raise SourceError(f"GStreamer is not installed here ({error}).", _how_to_install()) from error
    started, _ = gst.init_check(None)
    if not started:
        raise SourceError("GStreamer is installed and does not start.", "Try `gst-inspect-1.0 videotestsrc`.")
    return gst


def has_element(name: str) -> bool:
    """Whether a plug-in with this element is installed; False where there is no GStreamer."""
    try:
        return gstreamer().ElementFactory.find(name) is not None
    except SourceError:
        return False


def choices(element: str, name: str) -> tuple[str, ...]:
    """The values that a property of an element takes, in words; empty if it takes no words or is not there."""
    made = gstreamer().ElementFactory.make(element, None)
    found = made.find_property(name) if made is not None else None
    values = getattr(getattr(found, "enum_class", None), "__enum_values__", {})
    return tuple(value.value_nick for value in values.values())


def parsed(description: str, label: str) -> Any:
    """The pipeline that a description builds.

    Raises:
        SourceError: it is not understood; values of its properties are not quoted.
    """
    gst = gstreamer()
    glib = importlib.import_module("gi.repository.GLib")
    try:
        pipeline = gst.parse_launch(description)
    except glib.Error as error:
        speakable = error.domain == _PARSE_ERRORS and error.code in _SPEAKABLE
        why = error.message if speakable else "a property has a value that its element does not take"
        # Not chained: the error quotes the values.
        raise SourceError(
            f"{label} is no pipeline that can be built here: {why}.",
            "Try it with gst-launch-1.0, ending in `! autovideosink`; install the plug-in that a missing element is "
            "from. Write no appsink: it is added.",
        ) from None
    return pipeline


def _how_to_install() -> str:
    if sys.platform.startswith("linux"):
        return (
            f"Install it (on Debian and Ubuntu: apt install {PACKAGES}) and make the environment with "
            "--system-site-packages, or pip install 'polypwatch[gstreamer]'. A grabber that is a V4L2 device needs "
            "none of this."
        )
    return (
        "Install GStreamer 1.x from gstreamer.freedesktop.org with its Python bindings, or choose the card's own "
        "camera device: `polypwatch devices` lists it."
    )
