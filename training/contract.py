"""What training, evaluation and the exported file agree on. Constants only."""

from __future__ import annotations

INPUT_SIZE = 416
"""Side of the network's square input in pixels; a multiple of 32."""
PAD = 114
"""Grey value around the picture, as the COCO weights were trained with."""
TOP_K = 100
"""Boxes per image that the exported graph returns, suppressed or not."""
MIN_SCORE = 0.01
"""Below this a box is never counted: enough for average precision."""
NMS_IOU = 0.55
"""Boxes that overlap more than this are one."""
CLASSES = ("polyp",)
