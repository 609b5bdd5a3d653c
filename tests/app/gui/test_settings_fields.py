"""The rows of the settings page follow the model, and each has words of its own."""

import pytest

from app.gui.settings_fields import Kind, Row, rows
from app.gui.settings_texts import CHOICES, NAMES, NOTHING, SECTIONS
from app.settings.changes import put
from app.settings.codec import flat
from app.settings.model import Settings
from detector.errors import FormatError

ROWS = {row.key: row for row in rows()}
NUMBERS = [row for row in ROWS.values() if row.kind is Kind.NUMBER]


def test_there_is_a_row_for_every_setting_and_words_for_every_row() -> None:
    settings = {key for key in flat(Settings()) if not key.startswith("keys.")}
    assert set(ROWS) == settings == set(NAMES)
    assert {row.section for row in ROWS.values()} | {"keys"} == set(SECTIONS)
    assert {word for row in ROWS.values() for word in row.choices} <= set(CHOICES)
    assert set(NOTHING) == {row.key for row in NUMBERS if row.optional}


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.key)
def test_the_default_of_a_row_is_the_models(row: Row) -> None:
    assert row.default == flat(Settings())[row.key]
    if row.optional:
        assert flat(put(Settings(), {row.key: None}))[row.key] is None
    for word in row.choices:
        assert flat(put(Settings(), {row.key: word}))[row.key] == word


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.key)
@pytest.mark.parametrize("by", [-1, 1])
def test_a_number_can_be_stepped_to_its_limits_and_the_model_takes_every_step(row: Row, by: int) -> None:
    value = row.stepped(None, by)
    for _ in range(60):
        assert flat(put(Settings(), {row.key: value}))[row.key] == pytest.approx(value)
        value = row.stepped(value, by)


@pytest.mark.parametrize("row", [row for row in NUMBERS if row.high is not None], ids=lambda row: row.key)
def test_beyond_the_limit_that_a_row_knows_the_model_refuses(row: Row) -> None:
    assert row.high is not None
    with pytest.raises(FormatError):
        put(Settings(), {row.key: int(row.high) + 1})
