"""What is drawn over a picture before it is recorded: borders, insets, text. What they hide has no box."""

from __future__ import annotations

import string

import cv2
import numpy as np

from training.data.geometry import Image, Mask, Placed, fill_shape


def border(placed: Placed, rng: np.random.Generator, cut: float) -> Mask:
    """The picture's corners are black: an octagon, two cut corners, a circle or rounded corners.

    Drawn in the picture's own frame, so that it turns and zooms with it.
    """
    shape = _border_shape(int(rng.integers(4)), cut, int(rng.integers(4)))
    corner, across, down = placed.frame[0], placed.frame[1] - placed.frame[0], placed.frame[3] - placed.frame[0]
    inner = corner + shape[:, :1] * across + shape[:, 1:] * down
    hidden = fill_shape(np.zeros(placed.image.shape[:2], np.uint8), placed.frame, 255)
    fill_shape(hidden, inner.astype(np.float32), 0)
    placed.image[hidden > 0] = int(rng.integers(0, 20))
    return hidden


def _border_shape(kind: int, cut: float, side: int) -> np.ndarray:
    """Convex points in the unit square, clockwise."""
    c = cut * 1.4
    if kind == 0:  # octagon
        ends = [(c, 0), (1 - c, 0), (1, c), (1, 1 - c), (1 - c, 1), (c, 1), (0, 1 - c), (0, c)]
    elif kind == 1:  # two corners of one side
        ends = [(0, 0), (1 - c, 0), (1, c), (1, 1 - c), (1 - c, 1), (0, 1)]
        if side % 2:
            ends = [(1 - x, y) for x, y in ends]
    elif kind == 2:  # circle, cut by the picture's edges
        radius = 0.5 * np.sqrt(2) - cut
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        ends = [(0.5 + radius * np.cos(a), 0.5 + radius * np.sin(a)) for a in angles]
    else:  # rounded corners
        turn = np.linspace(0, np.pi / 2, 10)
        arc = np.column_stack((c - c * np.cos(turn), c - c * np.sin(turn)))  # of the top left corner, clockwise
        quarter = [arc, np.array([1, 0]) - arc[::-1] * [1, -1], 1 - arc, np.array([0, 1]) + arc[::-1] * [1, -1]]
        ends = np.concatenate(quarter).tolist()
    return np.array(ends, np.float64).clip(0, 1)


def inset(placed: Placed, rng: np.random.Generator, width: float) -> Mask | None:
    """A box in a corner of the picture: a small second picture, or the endoscope's position as a curve."""
    x1, y1, x2, y2 = placed.area
    w = round(width * (x2 - x1))
    h = round(w * rng.uniform(0.7, 1.1))
    if min(w, h) < 8 or w >= x2 - x1 or h >= y2 - y1:
        return None
    gap = round(float(rng.choice((0, 0.01, 0.03))) * (x2 - x1))
    x = x1 + gap if rng.random() < 0.65 else x2 - w - gap  # most processors use the left
    y = y2 - h - gap if rng.random() < 0.75 else y1 + gap
    x, y = int(np.clip(x, x1, x2 - w)), int(np.clip(y, y1, y2 - h))
    room = placed.image[y : y + h, x : x + w]
    second = _second_picture(placed, rng, (w, h)) if rng.random() < 0.4 else None
    room[:] = _scope_position(rng, (w, h)) if second is None else second
    if second is not None:
        cv2.rectangle(placed.image, (x, y), (x + w - 1, y + h - 1), (8, 8, 8), 2)
    hidden = np.zeros(placed.image.shape[:2], np.uint8)
    hidden[y : y + h, x : x + w] = 255
    return hidden


def _second_picture(placed: Placed, rng: np.random.Generator, size: tuple[int, int]) -> Image | None:
    """A part of the picture without a polyp, made small; None if none is found: an inset must not show one unmarked."""
    x1, y1, x2, y2 = placed.area
    w, h = (x2 - x1) // 2, (y2 - y1) // 2
    taken = [np.concatenate((o.min(axis=0), o.max(axis=0))) for o in (*placed.outlines, *placed.ignored)]
    for _ in range(6):
        x, y = int(rng.integers(x1, x2 - w + 1)), int(rng.integers(y1, y2 - h + 1))
        if all(b[0] >= x + w or b[2] <= x or b[1] >= y + h or b[3] <= y for b in taken):
            small = cv2.resize(placed.image[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
            return np.asarray(cv2.convertScaleAbs(small, alpha=float(rng.uniform(0.7, 1.0))), np.uint8)
    return None


def _scope_position(rng: np.random.Generator, size: tuple[int, int]) -> Image:
    """A green, blue or black box with the endoscope as a light curve."""
    w, h = size
    grounds = ((70, 130, 20), (60, 160, 30), (130, 60, 10), (150, 90, 30), (15, 15, 15))  # BGR, as in the public sets
    base = np.array(grounds[int(rng.integers(len(grounds)))]) * rng.uniform(0.7, 1.15)
    box = np.empty((h, w, 3), np.uint8)
    box[:] = np.clip(base, 0, 255)
    t = np.linspace(0, 1, 24)
    loops = rng.normal(0, 0.13, (4, 2))
    waves = np.column_stack([np.sin(np.pi * t * k) for k in range(1, 5)])
    start, end = rng.uniform(0.15, 0.85, 2), rng.uniform(0.15, 0.85, 2)
    line = (start + (end - start) * t[:, None] + waves @ loops).clip(0.05, 0.95) * (w, h)
    shade = tuple(int(v) for v in np.clip(base * 0.4 + rng.uniform(120, 170, 3), 0, 255))
    thick = max(1, round(min(w, h) * float(rng.uniform(0.02, 0.045))))
    cv2.polylines(box, [np.round(line).astype(np.int32)], False, shade, thick, cv2.LINE_AA)
    return box


def banner(placed: Placed, rng: np.random.Generator, lines: float) -> Mask | None:
    """Lines of made-up patient data and settings, on the picture or on a black strip that hides it."""
    x1, y1, x2, y2 = placed.area
    scale = max(0.25, placed.image.shape[0] / 416 * float(rng.uniform(0.35, 0.6)))
    step = max(8, round(26 * scale))
    texts = [_words(rng) for _ in range(max(1, round(lines)))]
    wide = max(cv2.getTextSize(t, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0] for t in texts) + 6
    high = step * len(texts) + 4
    if wide >= 0.6 * (x2 - x1) or high >= y2 - y1:
        return None
    x = x1 if rng.random() < 0.7 else x2 - wide
    y = y1 if rng.random() < 0.6 else y2 - high
    hidden = None
    if rng.random() < 0.4:
        hidden = np.zeros(placed.image.shape[:2], np.uint8)
        hidden[y : y + high, x : x + wide] = 255
        placed.image[y : y + high, x : x + wide] = int(rng.integers(0, 16))
    colours = ((235, 235, 235), (90, 235, 235), (120, 235, 120), (235, 220, 120))
    colour = colours[int(rng.integers(len(colours)))]
    for i, text in enumerate(texts):
        at = (x + 3, y + step * (i + 1) - round(step * 0.2))
        for shade, shift in (((0, 0, 0), 1), (colour, 0)):  # a shadow, as processors draw it
            where = (at[0] + shift, at[1] + shift)
            cv2.putText(placed.image, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, shade, 1, cv2.LINE_AA)
    return hidden


def _words(rng: np.random.Generator) -> str:
    """Nobody's data: digits and letters by chance."""
    digits = "".join(str(d) for d in rng.integers(0, 10, 12))
    letters = "".join(string.ascii_uppercase[i] for i in rng.integers(0, 26, 6))
    return (
        f"{digits[:2]}/{digits[2:4]}/20{digits[4:6]}",
        f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}",
        f"ID:{digits[:7]}",
        letters,
        f"Sex:{letters[0]} Age:{digits[:2]}",
        f"Gr:{letters[0]} Eh:{letters[1]}{digits[0]} Ce:{digits[1]}",
        f"CVP:{letters[:1]}{digits[:2]}",
        f"{letters[:3]}-{digits[:4]}",
    )[int(rng.integers(8))]
