"""The settings as rows of a page, made from the model: what kind of thing each is, its choices and limits. No Qt."""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from app.settings.model import SECTIONS, Settings


class Kind(enum.Enum):
    """How a setting is chosen."""

    SWITCH = "on or off"
    CHOICE = "one of a few"
    NUMBER = "a number"
    TEXT = "text"
    FOLDER = "a folder"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting.

    Attributes:
        key: as in ``ai.threads``.
        kind: how it is chosen.
        default: what holds where it was not set, as JSON has it.
        optional: whether it can be nothing (null).
        choices: of a CHOICE.
        low: of a NUMBER, if there is a limit.
        high: of a NUMBER, if there is a limit.
        step: of a NUMBER.
        whole: a NUMBER without a fraction.
        help: the model's own line, in English.
    """

    key: str
    kind: Kind
    default: Any
    optional: bool = False
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float = 1
    whole: bool = True
    help: str = ""

    @property
    def section(self) -> str:
        """The part of the key before the dot."""
        return self.key.partition(".")[0]

    def stepped(self, value: float | None, by: int) -> float:
        """The next value of a NUMBER, within its limits."""
        if value is None:
            return self._limited(self._first())
        return self._limited(round((value + by * self.step) / self.step) * self.step)

    def _first(self) -> float:
        """Where to begin if there was nothing: never at an extreme."""
        if self.default is not None:
            return float(self.default)
        return 0.5 if self.high is not None and self.high <= 1 else self.step

    def _limited(self, value: float) -> float:
        low = self.low if self.low is not None else self.step
        value = max(low, value if self.high is None else min(value, self.high))
        return int(value) if self.whole else round(value, 6)


def rows() -> tuple[Row, ...]:
    """Every setting but the presets of rooms and the keys, in the order of the model."""
    found = [
        _row(f"{section}.{name}", field)
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
        if (section, name) != ("room", "presets")
    ]
    return (*found, _row("language", Settings.model_fields["language"]))


def _row(key: str, field: FieldInfo) -> Row:
    kinds, marks = _unwrapped(field.annotation, list(field.metadata))
    optional = types.NoneType in kinds
    kind, choices = _kind(next(kind for kind in kinds if kind is not types.NoneType))
    default = field.get_default(call_default_factory=True)
    whole = int in kinds
    low, high = _limits(marks)
    return Row(
        key=key,
        kind=kind,
        default=str(default) if isinstance(default, Path) else default,
        optional=optional,
        choices=choices,
        low=low,
        high=high,
        step=_step(whole, high, default) if kind is Kind.NUMBER else 1,
        whole=whole,
        help=field.description or "",
    )


def _unwrapped(annotation: Any, marks: list[Any]) -> tuple[list[Any], list[Any]]:
    """The plain types behind unions and annotations, and all that was noted on them."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        kinds: list[Any] = []
        for part in typing.get_args(annotation):
            inner, marks = _unwrapped(part, marks)
            kinds += inner
        return kinds, marks
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *noted = typing.get_args(annotation)
        return _unwrapped(inner, [*marks, *noted])
    return [annotation], marks


def _kind(plain: Any) -> tuple[Kind, tuple[str, ...]]:
    if typing.get_origin(plain) is typing.Literal:
        return Kind.CHOICE, tuple(map(str, typing.get_args(plain)))
    if plain is bool:
        return Kind.SWITCH, ()
    if plain in (int, float):
        return Kind.NUMBER, ()
    return (Kind.FOLDER if plain is Path else Kind.TEXT), ()


def _limits(marks: list[Any]) -> tuple[float | None, float | None]:
    low = high = None
    for mark in marks:
        for inner in (mark, *(mark.metadata if isinstance(mark, FieldInfo) else ())):
            low = getattr(inner, "ge", None) or getattr(inner, "gt", None) or low  # zero itself: the model's to refuse
            low = 0.0 if getattr(inner, "ge", None) == 0 else low
            high = getattr(inner, "le", high)
    return low, high


def _step(whole: bool, high: float | None, default: Any) -> float:
    """A step that crosses the usual range in a dozen touches."""
    if not whole:
        return 0.05 if high is not None and high <= 1 else 0.5 if default is None or default < 10 else 5.0
    if high is None or high > 500:
        return 50 if high is None or high <= 5000 else 30
    return 10 if high >= 300 else 5 if high == 100 else 1
