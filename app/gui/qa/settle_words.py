"""What two readers differ on, in words: nobody's name, only A and B."""

from __future__ import annotations

from typing import Final

from app.gui.language import decimal, mark, tr
from app.gui.qa.keys import Act
from app.gui.qa.lesion_words import HISTOLOGIES, SITES
from app.gui.qa.timeline_ruler import clock
from app.qa.axis import FrameAxis
from app.qa.review.agreement import Agreement, Comparison, Disagreement
from app.qa.review.document import Document

ATTRIBUTES: Final = {
    "size_mm": mark("Size, mm"),
    "paris": mark("Paris"),
    "lst": mark("LST"),
    "site": mark("Site"),
    "histology": mark("Histology"),
}
SETTLED, MOOT, OPEN = "\N{CHECK MARK}", "\N{EN DASH}", "\N{WHITE CIRCLE}"


def list_words(d: Disagreement, axis: FrameAxis, sign: str) -> str:
    """One line of the list: whether it is settled, when it is, what it is."""
    return f"{sign}   {clock(float(axis.times_s[d.first]), 1)}   {kind_words(d)}"


def kind_words(d: Disagreement) -> str:
    """What they differ on, in a few words."""
    if d.kind == "only_a":
        return tr("Only A has a box")
    if d.kind == "only_b":
        return tr("Only B has a box")
    if d.kind == "box":
        return tr("The boxes lie apart")
    return tr("They differ: {what}").format(what=tr(ATTRIBUTES[d.attribute]))


def question_words(d: Disagreement, a: Document, b: Document) -> str:
    """What is to be decided, in a sentence or two."""
    if d.kind == "only_a":
        return tr("A has boxed lesion {n} here. B has looked at these frames, too, and has no box.").format(
            n=d.lesion_a
        )
    if d.kind == "only_b":
        return tr("B has boxed lesion {n} here. A has looked at these frames, too, and has no box.").format(
            n=d.lesion_b
        )
    if d.kind == "box":
        iou = decimal(f"{d.iou or 0:.2f}")
        return tr(
            "Both have boxed it, as lesion {a} of A and {b} of B. The boxes overlap by as little as {iou}."
        ).format(a=d.lesion_a, b=d.lesion_b, iou=iou)
    values = {letter: value_words(d.attribute, value) for letter, value in zip("ab", values_of(d, a, b), strict=True)}
    return tr("{what} of one lesion. A says: {a}. B says: {b}.").format(what=tr(ATTRIBUTES[d.attribute]), **values)


def answer_words(d: Disagreement) -> dict[Act, str]:
    """The answers, by their keys."""
    return {
        Act.SETTLE_A: tr("A is right"),
        Act.SETTLE_B: tr("B is right"),
        Act.SETTLE_NEITHER: tr("Neither: it stays unknown") if d.attribute else tr("Neither: no lesion here"),
        Act.SETTLE_OWN: tr("My own value") if d.attribute else tr("My own box: draw it"),
    }


def nothing_words(comparison: Comparison) -> str:
    """Why there is nothing to decide."""
    if not comparison.both:
        return tr("The two have looked at no frame in common, so that nothing can be compared.")
    if not comparison.disagreements:
        return tr("Both say the same of all frames that both looked at.")
    return tr("All differences are settled.")


def place_words(d: Disagreement, axis: FrameAxis) -> str:
    """Where it is."""
    first, last = clock(float(axis.times_s[d.first]), 1), clock(axis.until_s(d.last), 1)
    count = d.last - d.first + 1
    if count == 1:
        return tr("{first}, one frame").format(first=first)
    return tr("{first} to {last}, {n} frames").format(first=first, last=last, n=count)


def values_of(d: Disagreement, a: Document, b: Document) -> tuple[object, object]:
    """What both say of an attribute."""
    assert d.lesion_a is not None  # an attribute is of a lesion that both have
    assert d.lesion_b is not None
    one, other = a.lesion(d.lesion_a), b.lesion(d.lesion_b)
    return getattr(one.attributes, d.attribute), getattr(other.attributes, d.attribute)


def value_words(attribute: str, value: object) -> str:
    """The value of an attribute."""
    if value is None:
        return tr("not said")
    if attribute == "size_mm":
        return tr("{size} mm").format(size=decimal(f"{value:g}"))
    if attribute == "paris":
        return f"0-{value}"
    names = {"site": SITES, "histology": HISTOLOGIES}.get(attribute, {})
    return tr(names[str(value)]) if str(value) in names else str(value)


def agreement_words(agreement: Agreement) -> str:
    """Box F1 and kappa as the readers had them; what nobody can know is no zero."""
    boxes, frames = agreement.boxes, agreement.frames
    f1 = tr("unknown") if boxes.f1 is None else decimal(f"{boxes.f1:.3f}")
    kappa = tr("unknown") if frames.kappa is None else decimal(f"{frames.kappa:.3f}")
    return tr("Of {n} frames that both reviewed: box F1 {f1} (IoU {iou}), kappa {kappa}").format(
        n=boxes.frames, f1=f1, iou=decimal(f"{boxes.iou:g}"), kappa=kappa
    )
