"""How every file format says what it is: a ``schema`` such as ``polypwatch.detect/1`` or ``polypwatch.detect/1.2``.

An unknown name or major version is refused; a newer minor version is read, and fields that are not known are kept.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from detector.errors import FormatError

_SCHEMA = re.compile(r"(?P<name>[a-z.-]+)/(?P<major>\d+)(?:\.\d+)?")


def require_schema(data: Any, expected: str, where: str) -> None:
    """Check the ``schema`` field of decoded JSON against ``expected`` (``name/major``).

    Raises:
        FormatError: it is not an object, has no schema, or is of another name or major version.
    """
    found = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(found, str):
        raise FormatError(f"{where} has no 'schema' field; expected '{expected}'.", "Is it the right file?")
    match = _SCHEMA.fullmatch(found)
    name, major = expected.split("/")
    if match is None or match["name"] != name:
        raise FormatError(f"{where} is of schema '{found}'; expected '{expected}'.", "Is it the right file?")
    if match["major"] != major:
        raise FormatError(
            f"{where} is of schema '{found}'; this version of Polypwatch reads '{expected}'.",
            "Use the version of Polypwatch that wrote it, or a newer one.",
        )


def describe_validation_error(error: ValidationError) -> str:
    """The first few problems of a validation, each as ``field.path: what is wrong``."""
    problems = []
    for item in error.errors()[:3]:
        path = ".".join(str(part) for part in item["loc"]) or "(whole)"
        problems.append(f"field '{path}': {'is missing' if item['type'] == 'missing' else item['msg']}")
    more = error.error_count() - len(problems)
    return "; ".join(problems) + (f"; and {more} more" if more > 0 else "")
