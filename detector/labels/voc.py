"""One Pascal VOC file: its objects as marks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from detector.errors import FormatError
from detector.geometry import Size
from detector.labels.mark import Mark
from detector.labels.text import number, read_xml, text_of


@dataclass(frozen=True, slots=True, eq=False)
class VocFile:
    """What one file says.

    Attributes:
        filename: the image's name as written; often wrong.
        size: of the image; None if it is not said.
        marks: one per object; `difficult` ones are ignored regions, as in the VOC challenge.
    """

    filename: str
    size: Size | None
    marks: list[Mark]

    @property
    def zeros(self) -> int:
        """How many boxes begin before pixel 1 in VOC's count."""
        return sum(m.box[0] < 0 or m.box[1] < 0 for m in self.marks)


def read_voc(path: Path, zero_based: bool) -> VocFile:
    """Read a file.

    Args:
        path: the XML.
        zero_based: the coordinates are corners counted from 0, half-open, and are taken as they are written. Else VOC's
            own rule (development kit, section 2: the top left pixel is 1, 1 and the last pixel belongs to the box):
            xmin - 1, ymin - 1, xmax, ymax.

    Raises:
        SourceError: it cannot be read.
        FormatError: it is not well-formed, or no annotation.
    """
    root = read_xml(path)
    if root.tag != "annotation":
        raise FormatError(f"{path} is no Pascal VOC file: its root is <{root.tag}>.")
    marks = [_mark(element, path, zero_based) for element in root.iter("object")]
    return VocFile(text_of(root, "filename"), _size(root), marks)


def _size(root: Element) -> Size | None:
    width, height = number(root.findtext("size/width")), number(root.findtext("size/height"))
    # Some writers put 0 where they do not know.
    return Size(int(width), int(height)) if width > 0 and height > 0 else None


def _mark(element: Element, path: Path, zero_based: bool) -> Mark:
    box = element.find("bndbox")
    if box is None:
        raise FormatError(f"{path}: an object has no bndbox.")
    x1, y1, x2, y2 = (number(box.findtext(tag)) for tag in ("xmin", "ymin", "xmax", "ymax"))
    shift = 0.0 if zero_based else 1.0
    return Mark(
        (x1 - shift, y1 - shift, x2, y2),
        text_of(element, "name"),
        text_of(element, "unique_id"),
        ignored=text_of(element, "difficult") == "1",
    )
