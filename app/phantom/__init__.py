"""The phantom procedure: a rendered colonoscopy with exact truth. Numpy and OpenCV only: no Qt, no torch.

``render`` draws a procedure from a seed into ``OUT.mp4`` and ``OUT.json`` (schema ``polypwatch.annotation/1``). A frame
is a pure function of seed, length, size, rate and its index, so that any number of processes gives the same pixels.
"""

from app.phantom.bundled import Bundled, Excerpt, bundled, liveliest, load_bundled
from app.phantom.rendering import Rendered, render

__all__ = ["Bundled", "Excerpt", "Rendered", "bundled", "liveliest", "load_bundled", "render"]
