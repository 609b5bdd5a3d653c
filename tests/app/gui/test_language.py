"""English and Italian: the catalogue is whole, what comes from below Qt is told, and no state shows English."""

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.capture.spec import parse_source
from app.capture.troubles import missing_path, stream_error
from app.examination.desk import Desk, DeskSettings
from app.examination.store import read_journal
from app.gui import catalogue, language
from app.gui.catalogue_below import template
from app.gui.language import catalogue_path, choose_language, decimal, read_catalogue, told, tr, use_language
from app.gui.notice_words import error_words, said
from app.gui.notices import Notice
from app.gui.signs import View
from app.gui.snapshots import write_snapshot
from app.gui.templates import Templates
from app.recording.recover import RecoveryReport
from app.recording.space import SpaceGuard
from app.selftest_checks import check_ai
from app.settings.changes import put
from app.settings.model import Settings
from app.settings.store import load_settings
from detector.errors import PolypwatchError, SourceError
from detector.manifest import find_model, load_manifest, parse_manifest
from detector.watchdog import AiState
from tests.app.gui.fakes import FakeSession, snapshot
from tests.app.gui.italian import english_of

PLACES = re.compile(r"\{\w*\}")


# -- the catalogue -----------------------------------------------------------------------------------------------------


def test_every_text_has_an_italian_one_and_none_is_dead() -> None:
    known, texts = read_catalogue(catalogue_path("it")), set(catalogue.all_texts())
    assert sorted(texts - set(known)) == []
    assert sorted(set(known) - texts) == []
    assert catalogue.main([]) == 0


def test_translations_have_the_places_of_their_texts_and_are_whole() -> None:
    for text, italian in read_catalogue(catalogue_path("it")).items():
        assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(italian)), text
        assert italian.strip(), text
        ends = text[-1] if text[-1] in ".?" else ""
        assert italian.endswith(ends), text


def test_the_catalogue_is_written_as_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(read_catalogue(catalogue_path("it")))
    monkeypatch.setattr(language, "TRANSLATIONS", tmp_path)
    catalogue_path("it").write_text(
        '<TS version="2.1"><context><message><source>Help</source><translation>Aiuto</translation></message>'
        "<message><source>Nobody says this.</source><translation>Nessuno lo dice.</translation></message>"
        "</context></TS>"
    )
    assert catalogue.main(["--update"]) == 0
    assert catalogue.main([]) == 1  # all the others are unfinished now
    assert dict(read_catalogue.__wrapped__(catalogue_path("it"))) == {"Help": known["Help"]}


def test_a_template_has_a_numbered_place_for_each_value() -> None:
    def of(source: str) -> str | None:
        return template(ast.parse(source, mode="eval").body)

    assert of('f"Cannot write {path}: {why!r}."') == "Cannot write {0}: {1}."
    assert of('"plain"') == "plain"
    assert of('"one " + f"{two} " + three') == "one {0} {1}"
    assert of("name") is None


def test_errors_and_reasons_below_qt_are_collected() -> None:
    found = set(catalogue.all_texts())
    assert "{0} does not exist." in found
    assert "no result for {0} s" in found
    assert not any("polypwatch bench" in text for text in found)


# -- the switch --------------------------------------------------------------------------------------------------------


def test_the_language_is_the_one_that_was_set() -> None:
    assert choose_language("it") == "it"
    assert choose_language("en") == "en"
    assert choose_language("system") in ("en", "it")


def test_texts_and_numbers_follow_the_language_and_go_back(italian: None) -> None:
    assert tr("AI READY") == "IA PRONTA"
    assert decimal("12.5") == "12,5"
    use_language("en")
    assert tr("AI READY") == "AI READY"
    assert told("signal lost") == "signal lost"
    assert decimal("12.5") == "12.5"


@pytest.mark.parametrize("content", [None, "<TS><context>"])
def test_a_catalogue_that_cannot_be_read_is_logged_and_the_window_speaks_english(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(language, "TRANSLATIONS", tmp_path)
    if content is not None:
        (tmp_path / "polypwatch_it.ts").write_text(content)
    use_language("it")
    assert tr("Help") == "Help"
    assert "The window speaks English" in caplog.text
    caplog.clear()


# -- what comes from below Qt ------------------------------------------------------------------------------------------


def _bad_manifest(folder: Path) -> None:
    parse_manifest('{"schema": 3', str(folder / "manifest.json"))


def _no_record(folder: Path) -> None:
    desk = Desk(FakeSession(), DeskSettings(folder / "exams"), every_s=None)
    try:
        desk.begin()
        desk.scope_out()
        desk.scope_out()
    finally:
        desk.close()


def _no_journal(folder: Path) -> None:
    (folder / "examination.jsonl").write_text('{"n": 1}\n')
    read_journal(folder / "examination.jsonl")


def _snapshot_into_a_file(folder: Path) -> None:
    (folder / "taken").write_text("")
    write_snapshot(folder / "taken", snapshot(), View())


def _missing_file(folder: Path) -> None:
    error = missing_path(folder / "none.mp4")
    assert error is not None
    raise error


def _refused_stream(folder: Path) -> None:
    raise stream_error(ConnectionRefusedError(), "rtsp stream", 5)


def _silent_stream(folder: Path) -> None:
    raise stream_error(TimeoutError(), "rtsp stream", 2.5)


ERRORS: tuple[tuple[Callable[[Path], object], str], ...] = (
    (_missing_file, "{folder}/none.mp4 non esiste. Controllare l'ortografia."),
    (_refused_stream, "rtsp stream rifiuta il collegamento. Controllare che il mittente funzioni, e la sua porta."),
    (_silent_stream, "rtsp stream non ha inviato immagini entro 2,5 s. Controllare che il mittente funzioni"),
    (_bad_manifest, "{folder}/manifest.json non è"),
    (_no_record, "l'endoscopio"),
    (_no_journal, "examination.jsonl, riga 1 non ha il campo 'schema'"),
    (_snapshot_into_a_file, "La fotografia non è stata salvata: {folder}/taken: "),
    (lambda folder: find_model("nothing-alike"), "Il modello 'nothing-alike' non c'è."),
    (lambda folder: load_manifest(folder / "model"), "{folder}/model"),
    (lambda folder: put(Settings(), {"ai.threads": -3}), "campo 'ai.threads'"),
    (lambda folder: parse_source("camera:0?rate=fast"), "non sono comprensibili"),
    (lambda folder: parse_source("gopher://there"), "Sorgenti del tipo gopher:// non sono note."),
)


@pytest.mark.parametrize(("cause", "expected"), ERRORS, ids=[str(n) for n in range(len(ERRORS))])
def test_errors_of_every_room_are_told_in_italian(
    cause: Callable[[Path], object], expected: str, italian: None, tmp_path: Path
) -> None:
    with pytest.raises(PolypwatchError) as caught:
        cause(tmp_path)
    words = error_words(caught.value)
    assert expected.format(folder=tmp_path) in words
    assert english_of(words.replace(str(tmp_path), "")) == []


def test_what_the_recorder_and_the_checks_say_is_told_in_italian(italian: None) -> None:
    repaired = RecoveryReport(Path("20260301-083000"), 2210, 73.0, 3, put_aside=("video-002.mkv",)).words
    assert told(repaired) == (
        "La registrazione 20260301-083000 è stata interrotta ed è riparata: ci sono 2210 immagini (1:13 min), "
        "alla fine ne mancano 3. video-002.mkv: illeggibile, messo da parte."
    )
    warning = SpaceGuard(2_000_000_000).look(0.0, 0, 2_100_000_000).warning
    assert told(warning).startswith("Il disco è quasi pieno: sono liberi 2,1 GB")
    late = replace(snapshot().ai, state=AiState.LATE, detail="results are older than 500 ms")
    assert told(check_ai(late).words) == (
        "Alla fine l'IA non era accesa ma in ritardo: i risultati hanno più di 500 ms. "
        "Chiudere gli altri programmi e ripetere il test."
    )
    reason = "uncompressed; MJPG would give 60 frames/s; the input has 1920x1080p50"
    assert told(reason) == "non compresso; MJPG darebbe 60 fotogrammi/s; l'ingresso ha 1920x1080p50"


def test_a_settings_file_that_was_kept_aside_is_told_in_italian(italian: None, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{")
    (note,) = load_settings(path).notes
    words = told(note).replace(str(tmp_path), "")
    assert "Si usano le impostazioni predefinite." in words
    assert "È stato conservato come" in words
    assert english_of(words) == []


def test_what_nobody_knows_stays_as_it_is(italian: None) -> None:
    for text in ("", "nothing: like; this, at all", "/a/b.c: d", "Istanbul. Not constantinople."):
        assert told(text) == text
    assert said(Notice("Il video prosegue.")) == Notice("Il video prosegue.")


def test_a_picture_is_put_in_with_the_decimal_comma(italian: None) -> None:
    error = SourceError("rtsp stream sent no picture within 2.5 s.")
    assert error_words(error) == "rtsp stream non ha inviato immagini entro 2,5 s."


def test_a_long_text_of_which_nothing_is_known_is_given_back_at_once() -> None:
    asked = []

    class Counted(dict[str, str]):
        def __contains__(self, text: object) -> bool:
            asked.append(text)
            return super().__contains__(text)

    templates = Templates(Counted({"Cannot read {0}: {1}.": "{0} non si può leggere: {1}."}), str)
    words = "Nobody knows. " * 20 + "The end."
    assert templates.told(words) == words
    assert len(asked) < 1000  # not twice as many with every sentence
    assert templates.told("x" * 2000) == "x" * 2000
    assert templates.told("Nobody knows. Cannot read a.mp4: gone. The end.") == (
        "Nobody knows. a.mp4 non si può leggere: gone. The end."
    )
