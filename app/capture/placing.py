"""Where a source puts its pictures: into the memory that the AI process maps, if the session has such a place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
# The same pixels, elsewhere and read-only; or the array itself, where there is no place at the moment.
Place = Callable[[Image], Image]


def where_it_is(image: Image) -> Image:
    """Leave a picture where its decoder put it."""
    return image


@runtime_checkable
class Placing(Protocol):
    """A source that can be told where to put the pictures that it gives out."""

    def place_with(self, place: Place) -> None:
        """Pass every picture that may be analysed through ``place``. Called before the source is opened."""
        ...
