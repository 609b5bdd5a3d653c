"""Presets that travel from room to room, keys that do one thing each, and the command that changes both."""

import json
from pathlib import Path

import pytest

from app.cli import main
from app.gui.keys import KEYS, Action, Key
from app.settings import keymap
from app.settings.changes import change
from app.settings.codec import decode, encode, flat
from app.settings.keymap import key_table, keys_given_up, spelt
from app.settings.model import SCHEMA, Settings
from app.settings.rooms import ROOM_SCHEMA, export_room, in_room, read_room, with_room
from app.settings.store import load_settings
from detector.errors import FormatError, UsageError


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config" / "settings.json"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a", "A"),
        ("f13", "F13"),
        ("shift+ctrl+p", "Ctrl+Shift+P"),
        ("control+Q", "Ctrl+Q"),
        ("pageup", "PgUp"),
        ("media play", "Media Play"),
        ("+", "+"),
        ("Ctrl++", "Ctrl++"),
        ("?", "?"),
        ("ù", "Ù"),
    ],
)
def test_a_key_is_spelt_as_qt_does(written: str, key: str) -> None:
    assert spelt(written) == key


def test_qt_understands_every_key_that_can_be_written() -> None:
    from PyQt6.QtGui import QKeySequence

    words = [*keymap._WORDS, "A", "+", "Ctrl++", "?", "Ctrl+Alt+Shift+Meta+F35"]
    assert [w for w in words if QKeySequence(w).toString(QKeySequence.SequenceFormat.PortableText) == ""] == []
    assert len({QKeySequence(w)[0].toCombined() for w in words}) == len(words)


@pytest.mark.parametrize("text", ["", "Banana", "Ctrl+", "Ctrl+Banana", "F36", "\n", "Hyper+A"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        spelt(text)


@pytest.mark.parametrize("action", [key.action.name.lower() for key in KEYS])
def test_every_action_can_have_another_key(action: str) -> None:
    table = key_table(change(Settings(), [f"keys.{action}=F20"]).keys)
    assert [key.keys for key in table if "F20" in key.keys] == [("F20",)]
    assert [key.action for key in table] == [key.action for key in KEYS]


def test_a_key_of_another_action_is_refused_with_both_names() -> None:
    with pytest.raises(FormatError, match="keys cannot be so") as caught:
        change(Settings(), ["keys.toggle_ai=b"])
    assert "'toggle_ai'" in caught.value.what
    assert "'hide_boxes'" in caught.value.what


def test_two_actions_can_change_their_keys_in_one_go() -> None:
    settings = change(Settings(), ["keys.toggle_ai=B", "keys.hide_boxes=A"])
    assert flat(settings)["keys.toggle_ai"] == ["B"]
    assert keys_given_up(settings.keys) == ()


def test_an_update_that_brings_an_action_on_a_taken_key_leaves_the_file_good(monkeypatch: pytest.MonkeyPatch) -> None:
    text = encode(change(Settings(), ["keys.toggle_ai=F13"]))
    newer = (*KEYS[1:], KEYS[0], Key(Action.HELP, ("F13", "F30"), "", ""))
    monkeypatch.setattr(keymap, "KEYS", newer)
    settings = decode(text, "settings.json")
    (note,) = keys_given_up(settings.keys)
    assert "'toggle_ai' and 'help'" in note
    assert next(k.keys for k in reversed(key_table(settings.keys)) if k.action is Action.HELP) == ("F30",)
    assert change(settings, ["ai.threads=2"]).ai.threads == 2


def test_a_room_file_brings_its_settings_to_another_computer_without_the_password(tmp_path: Path) -> None:
    here = change(Settings(), ["room.name=Room 2", "source.spec=rtsp://me:secret@host/live", "ai.threads=2"])
    assert export_room(here, tmp_path / "room.json")
    assert "secret" not in (tmp_path / "room.json").read_text()
    name, preset = read_room(tmp_path / "room.json")
    there = with_room(change(Settings(), ["ai.threads=7", "sound.muted=true"]), name, preset)
    held = in_room(there)
    assert (held.room.name, held.source.spec, held.ai.threads) == ("Room 2", "rtsp://host/live", 2)
    assert held.sound.muted
    assert there.ai.threads == 7


def test_a_change_goes_where_it_has_an_effect() -> None:
    settings = with_room(Settings(), "B", {"ai": {"threads": 2}})
    changed = change(settings, ["ai.threads=3", "ai.model=other"])
    assert changed.room.presets == {"B": {"ai": {"threads": 3}}}
    assert (in_room(changed).ai.threads, changed.ai.model) == (3, "other")
    assert in_room(change(changed, ["room.name=A"])).ai.threads is None


def test_presets_of_other_rooms_do_not_stand_in_each_others_way() -> None:
    settings = with_room(Settings(), "A", {"keys": {"toggle_ai": "F13"}})
    settings = with_room(settings, "B", {"keys": {"snapshot": "F13"}})
    assert flat(in_room(settings))["keys.snapshot"] == ["F13"]
    assert flat(in_room(settings))["keys.toggle_ai"] == ["A"]


def test_a_room_whose_keys_are_taken_is_refused() -> None:
    with pytest.raises(FormatError, match="'snapshot'"):
        with_room(change(Settings(), ["keys.toggle_ai=F13"]), "B", {"keys": {"snapshot": "F13"}})


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        {"schema": SCHEMA},
        {"schema": ROOM_SCHEMA, "name": "B"},
        {"schema": ROOM_SCHEMA, "name": "", "settings": {}},
        {"schema": ROOM_SCHEMA, "name": "B", "settings": {"ai": {"threads": 0}}},
        {"schema": ROOM_SCHEMA, "name": "B", "settings": {"ai": {"thread": 1}}},
        {"schema": ROOM_SCHEMA, "name": "B", "settings": {"room": {"name": "C"}}},
    ],
)
def test_a_bad_room_file_changes_nothing(config: Path, tmp_path: Path, content: object) -> None:
    room = tmp_path / "room.json"
    room.write_text(content if isinstance(content, str) else json.dumps(content))
    assert main(["settings", "--import", str(room)]) == FormatError.exit_status
    assert not config.exists()


def test_a_room_without_a_name_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no name"):
        export_room(Settings(), tmp_path / "room.json")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("ai.sensitvity=low", "the nearest is 'ai.sensitivity'"),
        ("threads=2", "the nearest is 'ai.threads'"),
        ("ai.threads", "sets nothing"),
        ("ai.threads=many", "ai.threads"),
        ("ai.sensitivity=maximal", "'high', 'normal' or 'low'"),
        ("room.presets={}", "no setting 'room.presets'"),
        ("recording.min_free_gb=NaN", "min_free_gb"),
        ("source.spec=ftp://host/x", "not known"),
    ],
)
def test_a_change_that_cannot_be_made_says_why_and_changes_nothing(
    config: Path, capfd: pytest.CaptureFixture[str], word: str, says: str
) -> None:
    assert main(["settings", "--set", "ai.threads=2", word]) != 0
    assert says in capfd.readouterr().err
    assert not config.exists()


def test_text_stays_text_where_the_setting_takes_text() -> None:
    settings = change(Settings(), ["source.spec=0", "room.name=2", "keys.snapshot=1", "ai.variant=null"])
    assert (settings.source.spec, settings.room.name, settings.ai.variant) == ("0", "2", None)


def test_the_command_shows_changes_exports_imports_and_resets(
    config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> str:
        assert main(["settings", *words]) == 0
        return capfd.readouterr().out

    assert said("--path").strip() == str(config)
    described = said("--describe")
    assert all(key in described for key in flat(Settings()))
    said("--set", "room.name=Room 2", "ai.threads=2")
    room = str(tmp_path / "room.json")
    assert said("--export", room).strip() == room
    assert "Room 2" in said("--import", room)
    shown = {line.split("  ")[0]: line.split()[-1] for line in said().splitlines() if line}
    assert (shown["ai.threads"], shown["room.name"], shown["ai.model"]) == ("room", "file", "default")
    assert "kept as" in said("--reset")
    assert load_settings().settings == Settings()
