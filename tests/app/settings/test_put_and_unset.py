"""Settings put in and taken out by their keys, as the window does it."""

import pytest

from app.settings.changes import put, unset
from app.settings.codec import document_of
from app.settings.model import Settings
from app.settings.rooms import in_room, with_room
from detector.errors import FormatError, UsageError


def test_values_are_put_in_as_they_are() -> None:
    settings = put(Settings(), {"ai.threads": 2, "room.name": "2", "keys.snapshot": ["F13"], "language": "it"})
    assert (settings.ai.threads, settings.room.name, settings.keys, settings.language) == (
        2,
        "2",
        {"snapshot": ("F13",)},
        "it",
    )


def test_what_was_put_in_can_be_taken_out() -> None:
    settings = put(Settings(), {"ai.threads": 2, "language": "it", "keys.snapshot": ["F13"]})
    back = unset(settings, ["ai.threads", "language", "keys.snapshot"])
    assert (back.ai, back.language, back.keys) == (Settings().ai, "system", {})


def test_in_a_room_with_settings_of_its_own_they_are_changed_there() -> None:
    settings = with_room(put(Settings(), {"ai.threads": 7}), "B", {"ai": {"threads": 2}})
    assert in_room(put(settings, {"ai.threads": 3})).ai.threads == 3
    assert in_room(unset(settings, ["ai.threads"])).ai.threads == 7


def test_a_key_of_two_actions_is_refused_and_so_is_what_there_is_not() -> None:
    with pytest.raises(FormatError, match="snapshot"):
        put(Settings(), {"keys.toggle_ai": ["S"]})
    with pytest.raises(UsageError, match=r"ai\.threads"):
        unset(Settings(), ["ai.thread"])


def test_what_was_never_set_is_not_written() -> None:
    assert "sound" not in document_of(put(Settings(), {"ai.threads": 2}))
