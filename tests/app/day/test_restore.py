from pathlib import Path

from app.day.restore import restore, state_of
from app.day.resumption import Resumption, resumption
from detector.errors import UsageError
from tests.app.gui.fakes import FakeSession


def as_left(**changes) -> dict:
    return state_of(FakeSession()) | changes


def test_a_session_is_brought_to_where_the_one_before_was(tmp_path):
    before = FakeSession()
    before.set_ai_enabled(False)
    before.set_shadow(True)
    before.set_sensitivity("low")
    before.set_synchronised(True)
    before.set_light_override(True)
    before.start_recording(tmp_path)
    after = FakeSession()
    assert restore(after, Resumption("was ended by SIGKILL", state_of(before))) == []
    assert state_of(after) == state_of(before)
    assert after.recorded_into == [tmp_path]


def test_hidden_boxes_stay_hidden():
    session = FakeSession()
    restore(session, Resumption("hung", as_left(hidden=True)))
    assert session.now.hidden_until_ns is not None


def test_nothing_is_touched_that_was_not_changed():
    session = FakeSession()
    calls: list[str] = []
    for name in (
        "set_ai_enabled",
        "set_shadow",
        "set_sensitivity",
        "set_synchronised",
        "hide_boxes",
        "start_recording",
    ):
        setattr(session, name, lambda *_, name=name: calls.append(name))
    assert restore(session, Resumption("hung", as_left())) == []
    assert calls == []


def test_an_examination_records_for_itself():
    session = FakeSession()
    restore(session, Resumption("hung", as_left(recording="/somewhere")), record=False)
    assert session.recorded_into == []


def test_what_cannot_be_brought_back_is_said_and_the_rest_is_brought_back():
    session = FakeSession()
    session.record_error = "The disk is gone."

    def refuse(preset: str) -> None:
        raise UsageError(f"There is no sensitivity '{preset}'.")

    session.set_sensitivity = refuse
    told = Resumption("hung", as_left(sensitivity="odd", recording="/gone", ai=False))
    assert restore(session, told) == [
        "There is no sensitivity 'odd'.",
        "The disk is gone. Choose another folder.",
    ]
    assert not session.ai_enabled


def test_a_window_is_told_once_of_the_one_before(monkeypatch):
    told = Resumption("hung for 10 s", {"recording": "/rec", "ai": True})
    for name, value in told.to_environment().items():
        monkeypatch.setenv(name, value)
    found = resumption()
    assert found == told
    assert found.recording == Path("/rec")
    assert resumption() is None  # a window that is opened anew in the same process begins afresh


def test_nonsense_in_the_environment_is_no_resumption(monkeypatch):
    for nonsense in ("", "{", "[]", '{"why": 1}', '{"why": "x", "state": 3}'):
        monkeypatch.setenv("POLYPWATCH_RESUMED", nonsense)
        assert resumption() is None
