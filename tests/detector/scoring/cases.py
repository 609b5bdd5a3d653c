"""Short words for hand-made stills and recordings. Boxes are x1, y1, x2, y2; scored ones have the score behind."""

import numpy as np

from detector.geometry import Size, as_boxes
from detector.scoring import Answer, Recording, Still, Truth

LESION = (0, 0, 10, 10)
FAR = (50, 50, 60, 60)
SIZE = Size(640, 480)


def truth(*boxes, ids=(), ignored=(), reviewed=True) -> Truth:
    return Truth(reviewed, as_boxes(boxes), tuple(ids), as_boxes(ignored))


def answer(*rows, status="ok") -> Answer:
    return Answer(as_boxes([r[:4] for r in rows]), np.array([r[4] for r in rows], np.float32), (), status)


def still(seen: Truth, found: Answer, unit="p", size=SIZE) -> Still:
    return Still("image", unit, size, seen, found)


def shown(**markers) -> Answer:
    """Displayed markers: ``m3=(x1, y1, x2, y2)`` is marker 3."""
    boxes = as_boxes(list(markers.values()))
    return Answer(boxes, np.full(len(boxes), 0.5, np.float32), tuple(int(name[1:]) for name in markers))


def recording(frames, rate=10.0, time="true", unit="p", name="r") -> Recording:
    """Frames of (truth, answer) at a steady rate from 0 s."""
    times_s = np.arange(len(frames)) / rate
    return Recording(
        name, unit, SIZE, times_s, len(frames) / rate, [f[0] for f in frames], [f[1] for f in frames], time
    )


NOTHING = answer()
CLEAR = truth()
