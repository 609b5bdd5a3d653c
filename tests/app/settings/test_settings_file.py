"""Whatever the settings file holds, an examination can begin, and nothing of it is lost in silence."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.settings import files
from app.settings.changes import change
from app.settings.codec import decode, encode, flat
from app.settings.model import SCHEMA, Settings
from app.settings.store import config_folder, load_settings, reset_settings, settings_path, update_settings
from detector.errors import FormatError, OutputError
from tests.full_disk import files_may_grow_to

WORDS = [
    "room.name=Room 2",
    "source.spec=camera:0",
    "source.format=size=1920x1080&rate=60&fourcc=UYVY",
    "source.area=420,0,1080,1080",
    "source.aspect=16:9",
    "ai.threads=2",
    "ai.threshold=0.5",
    "sound.muted=true",
    "recording.folder=~/recordings",
    "procedure.withdrawal_hint_min=null",
    'keys.toggle_ai=["F13", "ctrl+a"]',
    "keys.snapshot=1",
    "language=it",
]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path / "config"))
    return settings_path()


def put(path: Path, content: str | bytes | dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def beside(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir() if not p.name.endswith(".lock"))


def test_without_a_file_the_defaults_hold_and_nothing_is_said_or_written(path: Path) -> None:
    loaded = load_settings()
    assert loaded.settings == Settings()
    assert loaded.notes == ()
    assert not path.parent.exists()


def test_what_was_set_is_there_at_the_next_start(path: Path) -> None:
    written = update_settings(lambda settings: change(settings, WORDS)).settings
    read = load_settings().settings
    assert read == written
    values = flat(read)
    assert values["source.format"] == "size=1920x1080&rate=60&fourcc=UYVY"
    assert values["procedure.withdrawal_hint_min"] is None
    assert values["keys.toggle_ai"] == ["F13", "Ctrl+A"]
    assert values["keys.snapshot"] == ["1"]
    assert values["ai.threads"] == 2
    assert beside(path) == ["settings.json"]


def test_only_what_was_set_is_written_so_that_the_rest_follows_newer_defaults(path: Path) -> None:
    update_settings(lambda settings: change(settings, ["ai.threads=2"]))
    assert json.loads(path.read_text()) == {"schema": SCHEMA, "ai": {"threads": 2}}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes of files")
def test_the_file_is_for_its_owner_alone_because_an_address_may_hold_a_password(path: Path) -> None:
    update_settings(lambda settings: change(settings, ["source.spec=rtsp://me:secret@host/live"]))
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not valid JSON"),
        ("{bad", "not valid JSON"),
        (encode(change(Settings(), WORDS))[:60], "not valid JSON"),
        (b"\0" * 200, "not valid JSON"),
        (b"\xff\xfe{", "not UTF-8"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no 'schema'"),
        ({"schema": "polypwatch.settings/2"}, "polypwatch.settings/2"),
        ({"schema": "polypwatch.model/1"}, "polypwatch.model/1"),
        ({"schema": SCHEMA, "ai": {"thread": 2}}, "'ai.thread' that there is not; the nearest is 'ai.threads'"),
        ({"schema": SCHEMA, "sounds": {}}, "the nearest is 'sound'"),
        ({"schema": SCHEMA, "screen": {"muted": True}}, "the nearest is 'sound.muted'"),
        ({"schema": SCHEMA, "ai": {"threads": "two"}}, "ai.threads"),
        ({"schema": SCHEMA, "ai": {"threads": True}}, "ai.threads"),
        ({"schema": SCHEMA, "ai": 3}, "'ai'"),
        ({"schema": SCHEMA, "source": {"area": "1,2,3"}}, "no picture area"),
        ({"schema": SCHEMA, "recording": {"folder": "here"}}, "absolute path"),
        ({"schema": SCHEMA, "keys": {"toggle_ai": "F13", "snapshot": "f13"}}, "'toggle_ai' and 'snapshot'"),
        ({"schema": SCHEMA, "keys": {"fly": "F13"}}, "no action 'fly'"),
        ({"schema": SCHEMA, "keys": {"snapshot": []}}, "'snapshot' must have a key"),
        ({"schema": SCHEMA, "keys": {"snapshot": "Banana"}}, "'Banana' is no key"),
        ({"schema": SCHEMA, "room": {"presets": {"B": {"ai": {"model": 1}}}}}, "the preset of room 'B'"),
        ('{"schema": "polypwatch.settings/1", "ai": {"threads": 1, "threads": 2}}', "'threads' stands there twice"),
        (" " * 1_000_001, "too large"),
    ],
)
def test_a_bad_file_is_kept_aside_and_named_and_the_defaults_are_used(path: Path, content: object, says: str) -> None:
    put(path, content)  # type: ignore[arg-type]
    bad = path.read_bytes()
    loaded = load_settings()
    assert loaded.settings == Settings()
    (note,) = loaded.notes
    (aside,) = beside(path)
    assert aside.startswith("settings.bad-")
    assert aside in note
    assert says in note
    assert "default settings are used" in note
    assert (path.parent / aside).read_bytes() == bad


def test_settings_that_were_lost_are_missed_until_something_is_set_or_the_defaults_are_accepted(path: Path) -> None:
    for accept in (lambda: update_settings(lambda settings: change(settings, ["ai.threads=2"])), reset_settings):
        put(path, "{")
        assert load_settings().lost
        again = load_settings()
        assert again.lost
        assert "nothing was set since" in again.notes[0]
        accept()
        assert not load_settings().lost
        assert load_settings().notes == ()


def test_what_a_run_left_that_died_while_writing_is_cleared_away(path: Path) -> None:
    put(path, {"schema": SCHEMA})
    (path.parent / ".settings.json.abc.part").write_text("{")
    (path.parent / ".settings.json.mine").write_text("{")
    update_settings(lambda settings: change(settings, ["ai.threads=2"]))
    assert beside(path) == [".settings.json.mine", "settings.json"]


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_a_writer_that_is_killed_at_any_moment_leaves_a_whole_file(path: Path) -> None:
    code = (
        "from app.settings.changes import change\nfrom app.settings.store import update_settings\n"
        "print('up', flush=True)\n"
        "for n in range(5000): update_settings(lambda s: change(s, [f'ai.hold_ms={n}', 'ai.threads=2']))\n"
    )
    root = Path(__file__).resolve().parents[3]
    for wait_s in (0.003, 0.011):
        with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == "up\n"
            while not path.exists():
                time.sleep(0.001)
            time.sleep(wait_s)
            run.kill()
        loaded = load_settings()
        assert loaded.notes == ()
        assert loaded.settings.ai.threads == 2
    update_settings(lambda settings: settings)  # the lock of the dead is free
    assert beside(path) == ["settings.json"]


def test_two_bad_files_in_one_second_are_both_kept(path: Path) -> None:
    for content in ("first", "second"):
        put(path, content)
        load_settings()
    assert {(path.parent / name).read_text() for name in beside(path)} == {"first", "second"}


def test_a_bad_file_in_a_folder_that_cannot_be_written_stays_and_is_named() -> None:
    loaded = load_settings(Path("/proc/version") if sys.platform == "linux" else Path(os.devnull))
    assert loaded.settings == Settings()
    assert "stays where it is" in loaded.notes[0]
    assert "default settings are used" in loaded.notes[0]


def test_what_cannot_be_read_is_said_and_never_written_over(path: Path) -> None:
    path.mkdir(parents=True)
    assert "cannot be read" in load_settings().notes[0]
    with pytest.raises(OutputError, match="Cannot read"):
        update_settings(lambda settings: settings)
    assert path.is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder that not even root can write")
def test_a_folder_that_cannot_be_written_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CONFIG", "/proc/polypwatch")
    with pytest.raises(OutputError, match="Cannot write /proc/polypwatch"):
        update_settings(lambda settings: change(settings, ["ai.threads=2"]))


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files by POSIX means")
def test_on_a_full_disk_the_old_file_stays_whole(path: Path) -> None:
    update_settings(lambda settings: change(settings, ["ai.threads=2"]))
    before = path.read_bytes()
    with files_may_grow_to(20), pytest.raises(OutputError, match="Cannot write"):
        update_settings(lambda settings: change(settings, WORDS))
    assert path.read_bytes() == before
    assert beside(path) == ["settings.json"]


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    put(real, {"schema": SCHEMA})
    path.parent.mkdir(parents=True)
    path.symlink_to(real)
    update_settings(lambda settings: change(settings, ["ai.threads=2"]))
    assert path.is_symlink()
    assert json.loads(real.read_text())["ai"] == {"threads": 2}


def test_a_newer_minor_version_is_read_and_what_is_not_known_is_kept(path: Path) -> None:
    newer = {"schema": SCHEMA + ".7", "ai": {"mood": "calm"}, "tea": {"sugar": 2}, "keys": {"brew": ["F14"]}}
    put(path, newer)
    assert load_settings().notes == ()
    update_settings(lambda settings: change(settings, ["ai.threads=2"]))
    assert json.loads(path.read_text()) == newer | {"ai": {"mood": "calm", "threads": 2}}


def test_an_old_minor_version_gets_the_defaults_of_what_it_lacks(path: Path) -> None:
    put(path, {"schema": SCHEMA + ".0", "ai": {"model": "fast"}})
    loaded = load_settings()
    assert loaded.notes == ()
    assert flat(loaded.settings) == flat(Settings())


def test_a_mark_that_windows_puts_in_front_does_no_harm(path: Path) -> None:
    put(path, b"\xef\xbb\xbf" + encode(change(Settings(), ["ai.threads=2"])).encode())
    assert load_settings().settings.ai.threads == 2


def test_two_processes_that_write_at_once_lose_nothing_of_each_other(path: Path) -> None:
    code = (
        "import sys\nfrom app.settings.changes import change\nfrom app.settings.store import update_settings\n"
        "sys.stdin.readline()\n"
        "for n in range(20): update_settings(lambda s: change(s, [f'{sys.argv[1]}={100 + n}']))\n"
    )
    root = Path(__file__).resolve().parents[3]
    runs = [
        subprocess.Popen([sys.executable, "-c", code, key], cwd=root, stdin=subprocess.PIPE, text=True)
        for key in ("ai.min_seen_ms", "ai.hold_ms")
    ]
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    assert [run.communicate(timeout=60) and run.returncode for run in runs] == [0, 0]
    assert json.loads(path.read_text())["ai"] == {"min_seen_ms": 119, "hold_ms": 119}
    assert beside(path) == ["settings.json"]


def test_a_writer_that_does_not_let_go_is_a_message(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LOCK_WITHIN_S", 0.05)
    with files.one_writer(path), pytest.raises(OutputError, match="Another Polypwatch"):
        update_settings(lambda settings: settings)


def test_what_the_next_start_would_refuse_is_not_written(path: Path) -> None:
    wrong = Settings().model_copy(update={"language": "latin"})
    with pytest.raises(FormatError, match="language"):
        update_settings(lambda settings: wrong)
    assert not path.exists()


def test_a_reset_keeps_the_old_file(path: Path) -> None:
    update_settings(lambda settings: change(settings, ["ai.threads=2"]))
    aside = reset_settings()
    assert aside is not None
    assert load_settings().settings == Settings()
    assert decode(aside.read_text(), "aside").ai.threads == 2


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")
def test_the_folder_is_the_users_own_unless_another_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("POLYPWATCH_CONFIG", raising=False)
    assert config_folder() == tmp_path / "polypwatch"
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path / "other"))
    assert config_folder() == tmp_path / "other"
