"""From a frame to a model input: the one resize rule, shared by training, evaluation and the live path.

Rule ``area2-bilinear/1``: exact 2x2 averages while the picture is at least twice as large as needed, then bilinear;
top left, the rest padded. Plain bilinear aliases at 4x, ``INTER_AREA`` at an odd ratio costs seven times as much.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from detector.geometry import Letterbox, Size

RESIZE_RULE = "area2-bilinear/1"

Image = npt.NDArray[np.uint8]


class Resizer:
    """The resize rule for frames of one size, with buffers that are reused: nothing is allocated per frame.

    Args:
        box: the geometry, from :meth:`Letterbox.fit`.
    """

    def __init__(self, box: Letterbox) -> None:
        self.box = box
        self._halves: list[Image] = []
        width, height = box.source
        for _ in range(box.halvings):
            width, height = width // 2, height // 2
            self._halves.append(np.empty((height, width, 3), np.uint8))

    def into(self, image: Image, content: Image) -> None:
        """Write ``image`` into ``content``, uint8 ``(content height, content width, 3)``; it may be part of an array.

        Raises:
            ValueError: the image is not of the size that the letterbox was made for.
        """
        if Size.of(image) != self.box.source:
            raise ValueError(f"image is {Size.of(image)}, letterbox is for {self.box.source}")
        for half in self._halves:
            height, width = half.shape[:2]
            cv2.resize(image[: 2 * height, : 2 * width], (width, height), dst=half, interpolation=cv2.INTER_AREA)
            image = half
        if Size.of(image) == self.box.content:
            np.copyto(content, image)
        else:
            cv2.resize(image, self.box.content, dst=content, interpolation=cv2.INTER_LINEAR)


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
    if out is None:
        out = np.empty((box.target.height, box.target.width, 3), np.uint8)
    height, width = box.content.height, box.content.width
    Resizer(box).into(image, out[:height, :width])
    out[height:] = pad
    out[:height, width:] = pad
    return out


class Blob:
    """A reused float32 ``(1, 3, H, W)`` model input, filled from frames without allocating while their size stays.

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
        self.array = np.empty((1, 3, target.height, target.width), np.float32)
        self._pad = pad
        self._rgb = rgb
        self._plain = not any(mean) and all(s == 1.0 for s in std)
        scale = 1.0 / np.array(std, np.float32)
        shift = -np.array(mean, np.float32) / np.array(std, np.float32)
        # What each of the 256 values becomes, per channel of the model: one look-up instead of two passes of floats.
        self._table = np.arange(256, dtype=np.float32) * scale[:, None] + shift[:, None]
        self._resizer: Resizer | None = None

    def fill(self, image: Image, box: Letterbox) -> npt.NDArray[np.float32]:
        """Write ``image`` into the blob and return the blob (the same array every time)."""
        if self._resizer is None or self._resizer.box != box:
            self._resizer = self._prepared(box)
        self._resizer.into(image, self._content)
        # Taking the colours apart as bytes and then widening them costs a fifth of widening every third byte.
        cv2.split(self._content, self._planes)
        for plane, values, channel in zip(self._ordered, self._table, self._channels, strict=True):
            if self._plain:
                np.copyto(channel, plane)
            else:
                cv2.LUT(plane, values, dst=channel)
        return self.array

    def _prepared(self, box: Letterbox) -> Resizer:
        """Buffers for frames of another size, and the padding around them, which no frame touches."""
        height, width = box.content.height, box.content.width
        self._content = np.empty((height, width, 3), np.uint8)
        self._planes = [np.empty((height, width), np.uint8) for _ in range(3)]
        self._ordered = self._planes[::-1] if self._rgb else self._planes
        self.array[0] = self._table[:, self._pad, None, None]
        self._channels = [self.array[0, n, :height, :width] for n in range(3)]
        return Resizer(box)
