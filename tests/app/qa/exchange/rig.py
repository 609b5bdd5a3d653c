"""Labels of small videos that were never decoded, and the way out and back through a format."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from hypothesis import strategies as st

from app.qa.exchange.formats import FORMATS
from app.qa.exchange.joining import Rule, to_annotation
from app.qa.exchange.model import Item, Job
from app.qa.exchange.side import read_side, write_side
from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video
from detector.geometry import Size

WIDTH, HEIGHT, COUNT = 160, 96, 40


def video(name: str = "a.mp4", count: int = COUNT, digest: str | None = None) -> Video:
    sha256 = digest or hashlib.sha256(name.encode()).hexdigest()
    return Video(name=name, sha256=sha256, frame_count=count, width=WIDTH, height=HEIGHT, time_base=Fraction(1, 1000))


def labels(
    marks: Mapping[int, Sequence[Mark]],
    lesions: Sequence[Lesion] = (),
    reviewed: Sequence[tuple[int, int]] = ((0, COUNT - 1),),
    of: Video | None = None,
) -> Annotation:
    named = {x.id for x in lesions} | {m.lesion for ms in marks.values() for m in ms}
    known = {x.id: x for x in lesions}
    return Annotation(
        software="test",
        source="reader A",
        video=of or video(),
        lesions=tuple(known.get(i, Lesion(id=i, paris=None, size_mm=None, note="")) for i in sorted(named)),
        reviewed=tuple(ReviewedRange(first=a, last=b, reviewer="A") for a, b in reviewed),
        frames=tuple(MarkedFrame(index=i, pts=None, marks=tuple(ms)) for i, ms in sorted(marks.items()) if ms),
    )


def mark(box: Sequence[float], lesion: int = 1, state: str = "clear", visibility: float | None = None) -> Mark:
    x1, y1, x2, y2 = box
    return Mark(lesion=lesion, state=state, box=(x1, y1, x2, y2), visibility=visibility)  # type: ignore[arg-type]


def out_and_back(form: str, items: Sequence[Item], *, side: bool = True) -> dict[str, tuple[Annotation, list[str]]]:
    """Each item's labels after an export and an import, without any video and any picture; by key."""
    chosen = FORMATS[form]
    by_key = {i.key: i for i in items}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen.write(items, Job(folder, every=7, pictures=False))
        write_side(folder, form, items, chosen.loses)
        before = read_side(folder / "polypwatch.json") if side else {}
        read = chosen.read(folder, lambda _: Size(WIDTH, HEIGHT))
        rule = Rule("import", "B")
        found = {f.name: to_annotation(f, by_key[f.name].annotation.video, rule, before.get(f.name)) for f in read}
    return found


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    def span(limit: int) -> tuple[float, float]:
        a = draw(st.floats(0, limit - 2, allow_nan=False))
        return a, draw(st.floats(a + 1, limit, allow_nan=False))

    (x1, x2), (y1, y2) = span(WIDTH), span(HEIGHT)
    return x1, y1, x2, y2


LESIONS = st.builds(
    Lesion,
    id=st.just(1),
    paris=st.sampled_from([None, "Is", "IIa"]),
    size_mm=st.one_of(st.none(), st.floats(0.5, 60)),
    note=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12),
    site=st.sampled_from([None, "caecum"]),
    histology=st.sampled_from([None, "adenoma"]),
    lst=st.sampled_from([None, "LST-NG-PD"]),
)


@st.composite
def annotations(draw: st.DrawFn, digest: str | None = None) -> Annotation:
    """Labels with overlapping boxes, marginal ones, gaps, unreviewed marks, attributes and fields of newer versions."""
    ids = draw(st.lists(st.integers(1, 30), unique=True, max_size=3))
    marks: dict[int, list[Mark]] = {}
    for index in draw(st.lists(st.integers(0, COUNT - 1), unique=True, max_size=8)):
        here = draw(st.lists(st.sampled_from(ids), unique=True, max_size=3)) if ids else []
        seen = st.one_of(st.none(), st.floats(0, 1))
        marks[index] = [
            Mark(
                lesion=i,
                state=draw(st.sampled_from(["clear", "clear", "marginal"])),
                box=draw(boxes()),
                visibility=draw(seen),
                occluded=draw(st.booleans()),
            )
            for i in here
        ]
    lesions = [draw(LESIONS).model_copy(update={"id": i}) for i in ids]
    firsts = draw(st.lists(st.integers(0, COUNT - 1), max_size=3))
    ranges = [(a, draw(st.integers(a, COUNT - 1))) for a in firsts]
    return labels(marks, lesions, ranges, video(digest=digest))
