"""Which files are ours to read."""

from typing import Any

import pytest

from detector.errors import FormatError
from detector.schema import require_schema

EXPECTED = "polypwatch.detect/1"


@pytest.mark.parametrize("found", ["polypwatch.detect/1", "polypwatch.detect/1.0", "polypwatch.detect/1.27"])
def test_any_minor_version_is_read(found: str) -> None:
    require_schema({"schema": found}, EXPECTED, "a.json")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "a.json has no 'schema' field; expected 'polypwatch.detect/1'"),
        ([], "no 'schema' field"),
        ({}, "no 'schema' field"),
        ({"schema": 1}, "no 'schema' field"),
        ({"schema": ""}, "is of schema ''"),
        ({"schema": "polypwatch.detect"}, "is of schema"),
        ({"schema": "polypwatch.detect/one"}, "is of schema"),
        ({"schema": "polypwatch.detect/1.x"}, "is of schema"),
        ({"schema": "polypwatch.model/1"}, "is of schema 'polypwatch.model/1'; expected 'polypwatch.detect/1'"),
        ({"schema": "polypwatch.detect/2"}, "this version of Polypwatch reads 'polypwatch.detect/1'"),
        ({"schema": "polypwatch.detect/11.1"}, "this version of Polypwatch reads"),
        ({"schema": "polypwatch.detect/0"}, "this version of Polypwatch reads"),
    ],
)
def test_anything_else_is_refused_by_name(data: Any, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        require_schema(data, EXPECTED, "a.json")
