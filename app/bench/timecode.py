"""A number as a picture that survives a monitor, a camera and a codec, and how it is read back.

White ground, four ArUco markers (4x4 dictionary, ids 0 to 3) in the corners, ten columns of cells between them. Each of
the 40 bits is a pair of cells, one white and one black: which of the two is brighter is the bit, so that no brightness
has to be known. The bits are a key (8) that tells this run's pictures from those of any other, a number (16) in Gray
code and a CRC (16). Neighbouring numbers differ in one bit of Gray code, and the CRC refuses a blend of two.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from detector.geometry import Size

COUNTS: Final = 1 << 16
_KEY_BITS, _COUNT_BITS, _CRC_BITS = 8, 16, 16
_BITS = _KEY_BITS + _COUNT_BITS + _CRC_BITS
_COLUMNS, _PAIRS = 10, 4
# The layout in units of a 320 x 180 sheet, which is also the size in which it is read.
_SHEET = Size(320, 180)
_MARKER, _MARGIN = 48, 9
_CELL_W, _CELL_H, _LEFT, _TOP = 19, 16, 65, 9
WORDS_AREA: Final = (_LEFT, 144, _CELL_W * _COLUMNS, 27)
"""x, y, width, height of the room for words on the sheet of 320 x 180."""
_DICTIONARY = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
_LOOKED_AT_PX = 640  # width in which markers are looked for: cells are then still 38 px wide
_LEAST_CONTRAST = 24.0  # grey levels between white and black
_CLEAR = 0.35  # share of the contrast by which the cells of a pair must differ

Grey = npt.NDArray[np.uint8]


class Code(NamedTuple):
    """What a picture says.

    Attributes:
        key: of the run, 0 to 255.
        number: 0 to ``COUNTS`` - 1.
    """

    key: int
    number: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a picture.

    Attributes:
        seen: there is a pattern.
        code: its number; None if it cannot be read, as in a blend of two.
    """

    seen: bool
    code: Code | None = None


def draw_code(code: Code, size: Size) -> Grey:
    """The pattern as a grey picture ``(height, width)``; on a screen of another shape than 16:9 it is centred.

    Raises:
        ValueError: key or number are out of range, or the picture is too small.
    """
    if min(size.width // 16, size.height // 9) < 16:
        raise ValueError(f"a time code needs at least 256 x 144 pixels, not {size.width} x {size.height}")
    picture = np.full((size.height, size.width), 255, np.uint8)
    for marker, (x, y) in enumerate(_marker_places()):
        left, top, right, bottom = _on_screen((x, y, x + _MARKER, y + _MARKER), size)
        side = min(right - left, bottom - top)
        picture[top : top + side, left : left + side] = cv2.aruco.generateImageMarker(_DICTIONARY, marker, side)
    for place, bit in enumerate(_bits_of(code)):
        x, y = _cell(place, second=bit)  # the black cell of a one is the second
        left, top, right, bottom = _on_screen((x, y, x + _CELL_W, y + _CELL_H), size)
        picture[top:bottom, left:right] = 0
    return picture


def words_on_screen(size: Size) -> tuple[int, int, int, int]:
    """Where words may stand: left, top, right, bottom in pixels."""
    x, y, width, height = WORDS_AREA
    return _on_screen((x, y, x + width, y + height), size)


class Reader:
    """Reads time codes; remembers where the pattern was, which makes the next reading fast. For one thread."""

    def __init__(self) -> None:
        parameters = cv2.aruco.DetectorParameters()
        # Codecs and cameras round the markers' corners: the fit over four of them evens that out.
        parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_NONE
        self._detector = cv2.aruco.ArucoDetector(_DICTIONARY, parameters)
        self._place: npt.NDArray[np.float64] | None = None
        self._size: Size | None = None

    def read(self, image: npt.NDArray[np.uint8]) -> Reading:
        """Look for the pattern in a BGR or grey picture."""
        grey = _small_grey(image)
        if self._place is not None and Size.of(image) == self._size:
            code = _read_sheet(grey, self._place)
            if code is not None:
                return Reading(True, code)
        place = self._find(grey)
        if place is None:
            return Reading(False)
        code = _read_sheet(grey, place)
        if code is not None:
            self._place, self._size = place, Size.of(image)
        return Reading(True, code)

    def _find(self, grey: Grey) -> npt.NDArray[np.float64] | None:
        """The map from the sheet to the picture; None if fewer than three markers are to be seen."""
        corners, ids, _ = self._detector.detectMarkers(grey)
        if ids is None:
            return None
        places = dict(enumerate(_marker_places()))
        known = [(places[m], c) for m, c in zip(map(int, ids.flat), corners, strict=True) if m in places]
        if len(known) < 3:
            return None
        sheet = np.concatenate([_square(*at) for at, _ in known])
        seen = np.concatenate([np.asarray(c, np.float64).reshape(4, 2) for _, c in known])
        place, _ = cv2.findHomography(sheet, seen + 0.5)
        return None if place is None else np.asarray(place, np.float64)


def _small_grey(image: npt.NDArray[np.uint8]) -> Grey:
    height, width = image.shape[:2]
    if width > _LOOKED_AT_PX:
        size = (_LOOKED_AT_PX, max(1, round(height * _LOOKED_AT_PX / width)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8) if image.ndim == 3 else image


def _read_sheet(grey: Grey, place: npt.NDArray[np.float64]) -> Code | None:
    """The code of a picture whose pattern lies at ``place``; None if it is not clear or its CRC is wrong."""
    pixels = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]]) @ place @ np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sheet = np.asarray(cv2.warpPerspective(grey, pixels, (_SHEET.width, _SHEET.height), flags=flags), np.float32)
    white = float(np.median(sheet[70:110, _MARGIN : _MARGIN + _MARKER]))
    black = float(np.median([sheet[y + 2 : y + 6, x + 4 : x + _MARKER - 4] for x, y in _marker_places()]))
    if white - black < _LEAST_CONTRAST:
        return None
    cells = np.array([[_mean(sheet, _cell(place, second)) for place in range(_BITS)] for second in (False, True)])
    differences = (cells[0] - cells[1]) / (white - black)
    if np.abs(differences).min() < _CLEAR:
        return None
    return _code_of([bool(d > 0) for d in differences])


def _mean(sheet: npt.NDArray[np.float32], corner: tuple[int, int]) -> float:
    """Mean of the inner part of a cell: its edges bleed."""
    x, y = corner
    return float(sheet[y + 4 : y + _CELL_H - 4, x + 5 : x + _CELL_W - 5].mean())


def _bits_of(code: Code) -> list[bool]:
    if not (0 <= code.key < 1 << _KEY_BITS and 0 <= code.number < COUNTS):
        raise ValueError(f"no time code has {code}")
    grey = code.number ^ code.number >> 1
    word = (code.key << _COUNT_BITS | grey) << _CRC_BITS | _crc(code.key, grey)
    return [bool(word >> place & 1) for place in range(_BITS)]


def _code_of(bits: list[bool]) -> Code | None:
    word = sum(int(bit) << place for place, bit in enumerate(bits))
    crc, grey = word & (1 << _CRC_BITS) - 1, word >> _CRC_BITS & COUNTS - 1
    key = word >> _CRC_BITS + _COUNT_BITS
    if crc != _crc(key, grey):
        return None
    count = grey
    for shift in (8, 4, 2, 1):  # back from Gray code
        count ^= count >> shift
    return Code(key, count)


def _crc(key: int, grey: int) -> int:
    """CRC-16/CCITT of the three bytes; not of nothing, so that an all-black word is no code."""
    return binascii.crc_hqx(bytes((key, grey >> 8, grey & 255)), 0xFFFF)


def _cell(place: int, second: bool) -> tuple[int, int]:
    """Upper left corner of one of a bit's two cells on the sheet."""
    row, column = divmod(place, _COLUMNS)
    return _LEFT + column * _CELL_W, _TOP + (2 * row + second) * _CELL_H


def _marker_places() -> list[tuple[int, int]]:
    right, bottom = _SHEET.width - _MARGIN - _MARKER, _SHEET.height - _MARGIN - _MARKER
    return [(_MARGIN, _MARGIN), (right, _MARGIN), (right, bottom), (_MARGIN, bottom)]


def _square(x: int, y: int) -> npt.NDArray[np.float64]:
    return np.array([(x, y), (x + _MARKER, y), (x + _MARKER, y + _MARKER), (x, y + _MARKER)], np.float64)


def _on_screen(box: tuple[int, int, int, int], size: Size) -> tuple[int, int, int, int]:
    scale = min(size.width / _SHEET.width, size.height / _SHEET.height)
    x0, y0 = (size.width - scale * _SHEET.width) / 2, (size.height - scale * _SHEET.height) / 2
    left, top, right, bottom = (round(v * scale) for v in box)
    return round(x0) + left, round(y0) + top, round(x0) + right, round(y0) + bottom
