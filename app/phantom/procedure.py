"""One procedure, ready to be drawn: everything that its seed decides, made once per process."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from app.phantom.anatomy import grow
from app.phantom.camera import lens_for
from app.phantom.lesions import Lesion
from app.phantom.optics import Image, compose, develop, displaced
from app.phantom.route import Plan
from app.phantom.shade import Lit, Look, Materials, shade
from app.phantom.story import Story
from app.phantom.textures import bubbles, mucosa, pits
from app.phantom.trace import Scene, trace
from app.phantom.truth import Shell, marks
from detector.annotation import Mark
from detector.geometry import Size


@dataclass(frozen=True, slots=True)
class Script:
    """What decides every pixel of a procedure.

    Attributes:
        seed: which patient, which lesions, which hand.
        seconds: length of the film.
        size: of the picture.
        rate: frames per second.
    """

    seed: int
    seconds: float
    size: Size
    rate: Fraction

    @property
    def frame_count(self) -> int:
        """How many frames the film has."""
        return round(self.seconds * self.rate)


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawn frame.

    Attributes:
        image: BGR uint8 ``(H, W, 3)``.
        ids: int32 ``(H, W)``: lesion ids, 0 elsewhere.
        marks: what is true of it.
    """

    image: Image
    ids: npt.NDArray[np.int32]
    marks: tuple[Mark, ...]


def _base_seed(script: Script) -> int:
    """Neighbouring seeds must not share noise fields, whose own seeds are counted up from this number."""
    return script.seed * 7919 % 1_000_003 + 17


def write_story(script: Script) -> Story:
    """The colon, its lesions and the camera's way: all but what is needed to draw."""
    plan, seed = Plan.of(script.seconds), _base_seed(script)
    return Story(grow(seed, plan.colon_mm), plan, seed + 100)


class Procedure:
    """Draws the frames of a script, each as a function of its index alone."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._seed = _base_seed(script)
        self.story = write_story(script)
        self.plan = self.story.plan
        self._scene = Scene(self.story.colon, self.story.lesions)
        self._materials = Materials(
            mucosa(self._seed + 200, 1536 if script.size.height > 400 else 768),
            pits(self._seed + 300),
            bubbles(self._seed + 400),
            Look.of(self._seed + 500),
        )
        self._lens = lens_for(*script.size)
        self._shells = {x.id: Shell.of(self._scene, x) for x in self.lesions}

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """Every lesion of the colon."""
        return self.story.lesions

    def draw(self, index: int) -> Picture:
        """Frame ``index`` with its truth."""
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # frames are drawn side by side in several processes
        try:
            return self._draw(index)
        finally:
            cv2.setNumThreads(threads)

    def _draw(self, index: int) -> Picture:
        lens, script = self._lens, self.script
        shot = self.story.shot(float(index / script.rate), lens)
        if shot.effects.outside < 1:
            lit = shade(self._scene, lens, shot.pose, trace(self._scene, lens, shot.pose), self._materials)
        else:
            shape = (lens.height, lens.width)
            lit = Lit(np.zeros((*shape, 3), np.float32), np.zeros(shape, np.int32), np.ones(shape, np.float32))
        image = develop(lit.light, lens, shot.effects, self._seed + 600, index)
        ids = displaced(lit.ids, lens, shot.effects, self._seed + 600, index)
        found = marks(self._shells, lens, shot, ids, lit.depth, image)
        whole = np.zeros((script.size.height, script.size.width), np.int32)
        whole[lens.top : lens.top + lens.height, lens.left : lens.left + lens.width] = ids
        return Picture(compose(image, lens), whole, found)
