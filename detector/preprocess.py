"""From a frame to a model input: the one resize rule, shared by training, evaluation and the live path.

Rule ``area2-bilinear/1``: exact 2x2 averages while the picture is at least twice as large as needed, then bilinear;
top left, the rest padded. Plain bilinear aliases at 4x, ``INTER_AREA`` at an odd ratio costs seven times as much.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from detector.geometry import Letterbox, Size

RESIZE_RULE = "area2-bilinear/1"

Image = npt.NDArray[np.uint8]


def letterbox_image(image: Image, box: Letterbox, pad: int, out: Image | None = None) -> Image:
    """Lay a frame into the model's input size.

    Args:
        image: BGR ``(H, W, 3)`` uint8 of size ``box.source``.
        box: the geometry, from :meth:`Letterbox.fit`.
        pad: grey value around the picture, 0 to 255.
        out: buffer of shape ``(target height, target width, 3)`` to reuse; its padding is written each time.

    Returns:
        The ``(target height, target width, 3)`` uint8 image, in the frame's colour order.

    Raises:
        ValueError: the image is not of the size that the letterbox was made for.
    """
    if Size.of(image) != box.source:
        raise ValueError(f"image is {Size.of(image)}, letterbox is for {box.source}")
    if out is None:
        out = np.empty((box.target.height, box.target.width, 3), np.uint8)
    for _ in range(box.halvings):
        height, width = image.shape[0] // 2, image.shape[1] // 2
        even = image[: 2 * height, : 2 * width]
        image = cast(Image, cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
    content = out[: box.content.height, : box.content.width]
    if Size.of(image) == box.content:
        content[:] = image
    else:
        content[:] = cv2.resize(image, box.content, interpolation=cv2.INTER_LINEAR)
    out[box.content.height :] = pad
    out[: box.content.height, box.content.width :] = pad
    return out


class Blob:
    """A reused float32 ``(1, 3, H, W)`` model input, filled from frames without allocating.

    Args:
        target: size of the model input.
        pad: grey value around the picture, 0 to 255.
        mean: subtracted per channel, in 0 to 255 and in the model's colour order.
        std: divided by per channel, likewise.
        rgb: whether the model wants RGB; frames are BGR.
    """

    def __init__(
        self,
        target: Size,
        pad: int,
        mean: tuple[float, float, float] = (0.0, 0.0, 0.0),
        std: tuple[float, float, float] = (1.0, 1.0, 1.0),
        rgb: bool = False,
    ) -> None:
        self.target = target
        self._pad = pad
        self._rgb = rgb
        self._pixels = np.empty((target.height, target.width, 3), np.uint8)
        self.array = np.empty((1, 3, target.height, target.width), np.float32)
        self._plain = not any(mean) and all(s == 1.0 for s in std)
        self._scale = (1.0 / np.array(std, np.float32)).reshape(3, 1, 1)
        self._shift = (-np.array(mean, np.float32) / np.array(std, np.float32)).reshape(3, 1, 1)

    def fill(self, image: Image, box: Letterbox) -> npt.NDArray[np.float32]:
        """Write ``image`` into the blob and return the blob (the same array every time)."""
        letterbox_image(image, box, self._pad, self._pixels)
        for channel in range(3):
            source = 2 - channel if self._rgb else channel
            np.copyto(self.array[0, channel], self._pixels[:, :, source])
        if not self._plain:
            self.array[0] *= self._scale
            self.array[0] += self._shift
        return self.array
