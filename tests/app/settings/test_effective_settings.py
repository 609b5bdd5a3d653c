"""The command line goes before the room, the room before the file, the file before the defaults; each is told apart."""

import argparse
from pathlib import Path

import pytest

from app import live_room
from app.cli import _parser
from app.cli import main as polypwatch
from app.day.resumption import Resumption
from app.gui import window
from app.live import LiveSession, LiveSettings
from app.phantom import bundled
from app.settings.changes import change
from app.settings.codec import document_of, flat, known_keys
from app.settings.effective import OPTIONS, Effective, effective
from app.settings.model import SECTIONS, Settings
from app.settings.rooms import with_room
from app.settings.store import Loaded
from detector.errors import UsageError
from detector.tracking import TrackingSettings
from tests.app.test_live import ScriptedAi

FILE = ["source.spec=camera:1", "source.area=0,0,640,480", "ai.threads=2", "sound.muted=true", "room.name=B"]


def held(*words: str, settings: Settings | None = None) -> tuple[Effective, argparse.Namespace]:
    args = _parser().parse_args(["live", *words])
    chosen = effective(args, Loaded(settings or Settings(), Path("settings.json")))
    return chosen, chosen.arguments(args)


def test_each_value_comes_from_the_layer_that_set_it_last() -> None:
    settings = with_room(change(Settings(), FILE), "B", {"ai": {"threads": 3, "provider": "cpu"}})
    chosen, args = held("camera:7", "--provider", "cuda", settings=settings)
    assert (args.source, args.area, args.threads, args.provider) == ("camera:7", "0,0,640,480", 3, "cuda")
    assert chosen.settings.sound.muted
    wanted = {
        "source.spec": "command line",
        "ai.provider": "command line",
        "ai.threads": "room",
        "source.area": "file",
        "sound.muted": "file",
        "ai.model": "default",
    }
    assert {key: chosen.origins[key] for key in wanted} == wanted


def test_without_settings_the_command_line_means_what_it_meant_before() -> None:
    for words in (["a.mp4"], ["a.mp4", "--loop", "--deinterlace", "off", "--threads", "4", "--synchronised"]):
        before = vars(_parser().parse_args(["live", *words]))
        assert vars(held(*words)[1]) == before


def test_an_option_is_known_to_be_written_even_if_it_says_the_default() -> None:
    settings = change(Settings(), ["ai.model=other", "source.deinterlace=top"])
    assert held("a.mp4", settings=settings)[1].model == "other"
    args = held("a.mp4", "--model", "fast", "--deinterlace=auto", settings=settings)[1]
    assert (args.model, args.deinterlace) == ("fast", "auto")


def test_the_settings_name_the_source_and_what_to_ask_the_camera_for() -> None:
    settings = change(Settings(), ["source.spec=camera:1", "source.format=size=1280x720"])
    assert held(settings=settings)[1].source == "camera:1?size=1280x720"
    assert held("camera:2", settings=settings)[1].source == "camera:2"
    asked = change(settings, ["source.spec=camera:1?rate=60"])
    assert held(settings=asked)[1].source == "camera:1?rate=60"
    video = change(settings, ["source.spec=a.mp4"])
    assert held(settings=video)[1].source == "a.mp4"


def test_folders_are_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = change(Settings(), ["recording.folder=~/recordings"])
    args = held(settings=settings)[1]
    assert args.record == tmp_path / "recordings"
    assert args.snapshots == Path("polypwatch-out")
    chosen, args = held("--record", "here", settings=settings)
    assert args.record == Path.cwd() / "here"
    assert flat(chosen.settings)["recording.folder"] == str(Path.cwd() / "here")


def test_the_audit_log_gets_every_setting_and_no_password() -> None:
    settings = change(Settings(), ["source.spec=rtsp://me:secret@host/live?token=secret"])
    chosen, args = held(settings=settings)
    audit = chosen.audit()
    assert set(audit) == set(known_keys()) - {"room.presets"}
    assert audit["source.spec"] == {"value": "rtsp://host/live", "from": "file"}
    assert "secret" not in str(audit)
    assert args.source == "rtsp://me:secret@host/live?token=secret"


def test_a_wrong_word_on_the_command_line_is_the_users_and_not_the_files() -> None:
    with pytest.raises(UsageError, match=r"source\.area.*no picture area"):
        held("a.mp4", "--area", "1,2")


def test_with_a_lost_picture_area_nothing_is_recorded_until_there_is_one_again(tmp_path: Path) -> None:
    def recorded(*words: str, lost: bool) -> tuple[Path | None, tuple[str, ...]]:
        args = _parser().parse_args(["live", "camera:0", *words])
        chosen = effective(args, Loaded(Settings(), Path("settings.json"), lost=lost))
        return chosen.arguments(args).record, chosen.notes

    record = ("--record", str(tmp_path))
    assert recorded(*record, lost=False) == (tmp_path, ())
    folder, (note,) = recorded(*record, lost=True)
    assert folder is None
    assert "Nothing can be recorded" in note
    assert recorded(*record, "--area", "full", lost=True) == (tmp_path, ())
    assert recorded(lost=True) == (None, ())


def without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def test_live_without_any_source_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path))
    without_a_display(monkeypatch)
    assert polypwatch(["live", "--no-supervisor"]) == 2
    assert "settings --set source.spec=camera:0" in capfd.readouterr().err


def test_live_says_that_its_settings_file_was_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path))
    (tmp_path / "settings.json").write_text("{")
    without_a_display(monkeypatch)
    assert polypwatch(["live", "--no-supervisor"]) == 2
    assert "settings.bad-" in capfd.readouterr().err


def test_the_session_and_the_window_are_made_as_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path))
    words = ["source.spec=camera:1", "ai.threshold=0.5", "ai.min_seen_ms=400", "sound.muted=true", "ai.threads=2"]
    words += [f"recording.folder={tmp_path}", "screen.full_screen=true", "screen.synchronised=true"]
    assert polypwatch(["settings", "--set", *words]) == 0
    monkeypatch.setattr(live_room, "display_problem", lambda: "")
    monkeypatch.setattr(live_room, "ai_factory", lambda args: made.append(args.threads))

    def session(source: object, label: str, make_ai: object, settings: LiveSettings, **more: object) -> LiveSession:
        made.extend([label, settings])
        return LiveSession(source, label, lambda *calls: ScriptedAi(*calls), settings, **more)

    monkeypatch.setattr(live_room, "LiveSession", session)
    monkeypatch.setattr(window, "run_window", lambda session, options, *_: made.append(options) or 0)
    assert polypwatch(["live", "--no-supervisor"]) == 0
    threads, label, settings, options = made
    assert (threads, label) == (2, "camera 1")
    assert (settings.threshold, settings.min_seen_s) == (0.5, 0.4)
    assert (settings.recordings, settings.synchronised) == (tmp_path, True)
    assert (options.muted, options.full_screen) == (True, True)


@pytest.mark.parametrize(("spec", "loops"), [(str(bundled().video), True), ("a.mp4", False)])
def test_who_tries_it_on_the_bundled_procedure_is_not_left_after_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, loops: bool
) -> None:
    made: list[bool] = []
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path))
    monkeypatch.setattr(live_room, "display_problem", lambda: "")
    monkeypatch.setattr(live_room, "ai_factory", lambda args: lambda *calls: ScriptedAi(*calls))
    monkeypatch.setattr(window, "run_window", lambda *_: 0)
    prepared_source = live_room.prepared_source

    def prepared(*args: object, loop: bool) -> object:
        made.append(loop)
        return prepared_source(*args, loop=loop)

    monkeypatch.setattr(live_room, "prepared_source", prepared)
    assert polypwatch(["live", spec, "--no-supervisor"]) == 0
    assert made == [loops]


def test_after_a_crash_the_source_of_the_set_up_goes_before_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path))
    assert polypwatch(["settings", "--set", "source.spec=camera:7", "source.area=0,0,640,480"]) == 0
    monkeypatch.setattr(live_room, "display_problem", lambda: "")
    monkeypatch.setattr(live_room, "ai_factory", lambda args: made.append(args.area))

    def session(source: object, label: str, make_ai: object, settings: LiveSettings, **more: object) -> LiveSession:
        made.append(label)
        return LiveSession(source, label, lambda *calls: ScriptedAi(*calls), settings, **more)

    monkeypatch.setattr(live_room, "LiveSession", session)
    monkeypatch.setattr(window, "run_window", lambda *_: 0)
    for told in ({}, {"set_up": True}):
        for name, value in Resumption("hung", told).to_environment().items():
            monkeypatch.setenv(name, value)
        assert polypwatch(["live", "camera:1", "--area", "full", "--no-supervisor"]) == 0
    assert made == ["full", "camera 1", "0,0,640,480", "camera 7"]


def test_the_defaults_are_those_of_the_rooms_that_they_are_for() -> None:
    settings, args = Settings(), _parser().parse_args(["live", "a.mp4"])
    assert settings.ai.min_seen_ms / 1000 == LiveSettings().min_seen_s
    assert settings.ai.threshold == LiveSettings().threshold
    assert settings.ai.hold_ms / 1000 == TrackingSettings().max_gap_s
    values = flat(settings)
    for option in set(OPTIONS) - {"source", "snapshots"}:
        assert values[OPTIONS[option]] == getattr(args, option), option


def test_every_setting_has_one_line_of_help() -> None:
    fields = [field for section in SECTIONS.values() for field in section.model_fields.values()]
    fields += [Settings.model_fields["keys"], Settings.model_fields["language"]]
    for field in fields:
        assert field.description
        assert 0 < len(field.description) <= 90
        assert "\n" not in field.description
    assert document_of(Settings()) == {"schema": "polypwatch.settings/1"}


@pytest.mark.parametrize(
    "spec",
    [
        "rtsp://user:p@secret@cart/1?token=secret",
        "gst:rtspsrc user-pw=secret location=rtsp://user:secret@cart/1?t=secret ! decodebin",
    ],
)
def test_no_password_of_a_source_is_in_what_is_written_down_of_the_settings(spec: str) -> None:
    chosen, _ = held("camera:0")
    named = Effective(change(Settings(), [f"source.spec={spec}"]), chosen.origins)
    assert "secret" not in str(named.audit())
