"""The journal: what was marked is on the disk, whatever happens next."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.examination import JOURNAL_NAME, Examination, Keeper, read_journal
from app.examination.events import (
    Bbps,
    Bookmark,
    CaecumReached,
    Event,
    Lesion,
    Note,
    Resumed,
    ScopeIn,
    ScopeOut,
    Snapshot,
    Start,
    Undo,
    Unknown,
    decode,
    encode,
)
from app.examination.store import JournalFile
from detector.errors import FormatError, OutputError, UsageError
from tests.app.examination.rig import BEGUN, Clocks, examination
from tests.full_disk import files_may_grow_to

ROOT = Path(__file__).resolve().parents[3]

WRITER = """
import sys
from pathlib import Path
from app.examination import Keeper
from app.examination.events import Note
keeper = Keeper.begin(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    keeper.record(Note(text=f"note {number} " + "x" * 300))
    keeper.flush()
    print(number, flush=True)
"""


def the_journal(folder: Path) -> Path:
    return next(folder.glob(f"*/{JOURNAL_NAME}"))


def written(folder: Path) -> Path:
    """A journal of five events."""
    clocks = Clocks()
    with examination(folder, clocks, room="2") as keeper:
        for second, what in enumerate((ScopeIn(), CaecumReached(), Bookmark(text="à gauche"), ScopeOut()), start=1):
            clocks.at(second)
            keeper.record(what, capture_index=second * 25)
    return keeper.folder / JOURNAL_NAME


def test_what_was_marked_reads_back_as_it_was(tmp_path):
    clocks = Clocks()
    with examination(tmp_path, clocks, indication="screening", endoscopist="E-17") as keeper:
        clocks.at(2.5)
        keeper.record(ScopeIn(), capture_index=62)
        keeper.found(80)
        keeper.describe(1, size_mm=6, paris="0-IIa+IIc", segment="sigmoid", pictures=["a.png"], frames=[80, 91])
    journal = read_journal(keeper.folder)
    assert journal.notes == ()
    assert Examination.replay(journal.events) == keeper.examination
    assert journal.events[1] == Event(2, 2.5, 62, ScopeIn())
    assert journal.events[0].what.endoscopist == "E-17"
    assert journal.events[0].what.started_utc == BEGUN


def test_each_event_is_one_line_that_names_its_kind(tmp_path):
    lines = written(tmp_path).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["kind"] for line in lines] == [
        "start", "scope_in", "caecum_reached", "bookmark", "scope_out",
    ]  # fmt: skip
    assert json.loads(lines[0])["schema"] == "polypwatch.examination/1"
    assert json.loads(lines[3]) == {
        "n": 4, "t_s": 3.0, "capture_index": 75, "kind": "bookmark", "text": "à gauche",
    }  # fmt: skip


def test_the_id_says_nothing_and_names_the_folder(tmp_path):
    with examination(tmp_path, Clocks()) as one, examination(tmp_path, Clocks()) as other:
        assert one.folder.name == one.examination.start.id
        assert one.folder != other.folder
        assert "2026" not in one.folder.name


@pytest.fixture(scope="module")
def five_events(tmp_path_factory) -> bytes:
    return written(tmp_path_factory.mktemp("whole")).read_bytes()


@given(st.integers(min_value=1, max_value=10_000))
def test_a_journal_cut_anywhere_keeps_every_whole_line(five_events, tmp_path_factory, cut):
    data = five_events
    path = tmp_path_factory.mktemp("cut") / JOURNAL_NAME
    kept = data[: max(data.index(b"\n"), cut % len(data))]
    path.write_bytes(kept)
    journal = read_journal(path)
    assert len(journal.events) >= kept.count(b"\n")
    assert journal.events == read_whole(data)[: len(journal.events)]
    tail = kept.rpartition(b"\n")[2]
    assert bool(journal.notes) == bool(tail and len(journal.events) == kept.count(b"\n"))


def read_whole(data: bytes) -> tuple[Event, ...]:
    return tuple(decode(json.loads(line), "a line") for line in data.splitlines())


def test_after_a_cut_line_the_next_run_goes_on_with_a_line_of_its_own(tmp_path):
    path = written(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    clocks = Clocks()
    clocks.at(60)
    keeper = Keeper.resume(path.parent, now_ns=lambda: clocks.now_ns, utc_now=lambda: clocks.wall)
    keeper.record(Note(text="here again"))
    keeper.close()
    assert path.read_bytes().startswith(whole[:-9])  # nothing that was written is touched
    journal = read_journal(path)
    assert [e.n for e in journal.events] == [1, 2, 3, 4, 5, 6]
    assert isinstance(journal.events[4].what, Resumed)
    assert len(journal.notes) == 1
    assert "Line 5 is damaged" in journal.notes[0]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_program_loses_nothing_that_it_had_on_the_disk(tmp_path):
    program = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with program:
        assert program.stdout is not None
        for line in program.stdout:
            if int(line) == 20:
                os.kill(program.pid, signal.SIGKILL)
                break
    journal = read_journal(the_journal(tmp_path))
    texts = [e.what.text.split(" x")[0] for e in journal.events[1:]]
    assert len(texts) >= 20
    assert texts == [f"note {n}" for n in range(1, len(texts) + 1)]


def test_the_journal_is_readable_while_it_is_written(tmp_path):
    with examination(tmp_path, Clocks()) as keeper:
        keeper.record(ScopeIn())
        assert keeper.flush()
        assert len(read_journal(keeper.folder).events) == 2
        keeper.record(CaecumReached())
        assert keeper.flush()
        assert len(read_journal(keeper.folder).events) == 3


def test_a_failure_that_nobody_thought_of_is_said_and_what_waits_is_written_later(tmp_path, monkeypatch):
    monkeypatch.setattr("app.examination.keeper._RETRY_S", 0.02)
    with examination(tmp_path, Clocks()) as keeper:
        with monkeypatch.context() as broken:
            broken.setattr(JournalFile, "append", lambda *_: {}["nobody thought of this"])
            keeper.record(CaecumReached())
            assert not keeper.flush(timeout_s=0.2)
            assert "internal error" in keeper.fault
        assert keeper.flush()
    assert read_journal(keeper.folder).events == keeper.examination.events


@pytest.mark.skipif(sys.platform == "win32", reason="files cannot be limited in size there")
def test_a_full_disk_is_said_and_what_waits_is_written_once_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr("app.examination.keeper._RETRY_S", 0.02)
    with examination(tmp_path, Clocks()) as keeper:
        size = (keeper.folder / JOURNAL_NAME).stat().st_size
        with files_may_grow_to(size + 40):  # half a line fits
            keeper.record(Note(text="x" * 100))
            keeper.record(Note(text="y" * 100))
            assert not keeper.flush(timeout_s=0.2)
            assert "cannot be written" in keeper.fault
            assert keeper.unsaved == 2
        assert keeper.flush()
        assert keeper.fault == ""
    journal = read_journal(keeper.folder)
    assert [e.n for e in journal.events] == [1, 2, 3]
    assert journal.events == keeper.examination.events


@pytest.mark.skipif(sys.platform == "win32", reason="files cannot be limited in size there")
def test_closing_while_the_disk_is_full_says_what_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr("app.examination.keeper._RETRY_S", 0.02)
    keeper = Keeper.begin(tmp_path)
    with files_may_grow_to(10):
        keeper.record(ScopeIn())
        with pytest.raises(OutputError, match="1 events of the examination are not on the disk"):
            keeper.close()


def test_a_folder_that_cannot_be_written_is_an_error_before_anything_begins(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write the journal"):
        Keeper.begin(tmp_path / "file")


def test_a_change_of_the_wall_clock_does_not_touch_durations(tmp_path):
    clocks = Clocks()
    with examination(tmp_path, clocks) as keeper:
        clocks.at(100)
        keeper.record(CaecumReached())
        clocks.wall -= timedelta(hours=1)  # the end of summer time, or a time server
        clocks.at(700)
        keeper.record(ScopeOut())
        clocks.wall += timedelta(days=400)
        assert keeper.elapsed_s() == 700
    assert [e.t_s for e in read_journal(keeper.folder).events] == [0, 100, 700]


@pytest.mark.parametrize("boot", ["the same", None])
def test_another_run_on_the_same_boot_goes_on_with_the_same_clock(tmp_path, monkeypatch, boot):
    monkeypatch.setattr("app.examination.keeper._boot", lambda: boot)
    path = written(tmp_path)
    clocks = Clocks()
    clocks.at(33.25)
    if boot:
        clocks.wall += timedelta(days=1)
    keeper = Keeper.resume(path.parent, now_ns=lambda: clocks.now_ns, utc_now=lambda: clocks.wall)
    keeper.close()
    event = keeper.examination.events[-1]
    assert event.t_s == 33.25
    assert event.what.estimated is False


def test_after_the_computer_was_started_anew_the_wall_clock_is_all_there_is_and_the_journal_says_so(
    tmp_path, monkeypatch
):
    path = written(tmp_path)
    monkeypatch.setattr("app.examination.keeper._boot", lambda: "another")
    clocks = Clocks(zero_ns=5)
    clocks.wall = BEGUN + timedelta(seconds=500)
    for _ in range(2):  # the third run hangs on the estimate, too
        keeper = Keeper.resume(path.parent, now_ns=lambda: clocks.now_ns, utc_now=lambda: clocks.wall)
        keeper.close()
        event = keeper.examination.events[-1]
        assert (event.t_s, event.what.estimated) == (500, True)


def test_events_never_run_backwards(tmp_path):
    clocks = Clocks()
    with examination(tmp_path, clocks) as keeper:
        clocks.at(10)
        keeper.record(ScopeIn())
        assert keeper.record(Bookmark(), at_ns=clocks.zero_ns).t_s == 10


def test_a_damaged_line_is_named_and_its_event_is_missed(tmp_path):
    path = written(tmp_path)
    lines = path.read_bytes().split(b"\n")
    lines[2] = b"\x00\xff" * 20
    path.write_bytes(b"\n".join(lines))
    journal = read_journal(path)
    assert [e.n for e in journal.events] == [1, 2, 4, 5]
    assert journal.notes == ("Line 3 is damaged (40 bytes) and is left out.", "Missing events: 3.")


def test_a_line_that_was_written_twice_counts_once(tmp_path):
    path = written(tmp_path)
    last = path.read_bytes().splitlines(keepends=True)[-1]
    with path.open("ab") as file:
        file.write(last)
    assert [e.n for e in read_journal(path).events] == [1, 2, 3, 4, 5]


def test_two_different_events_with_one_number_are_refused(tmp_path):
    path = written(tmp_path)
    with path.open("ab") as file:
        file.write(encode(Event(5, 9.0, None, Bookmark())))
    with pytest.raises(FormatError, match="another event 5"):
        read_journal(path)


def test_kinds_and_fields_of_a_newer_version_are_kept(tmp_path):
    path = written(tmp_path)
    rows = [
        {"n": 6, "t_s": 9, "capture_index": None, "kind": "retroflexion", "where": {"segment": "rectum"}},
        {"n": 7, "t_s": 9, "capture_index": None, "kind": "wash", "litres": 0.5},
    ]
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    events = read_journal(path).events
    assert isinstance(events[5].what, Unknown)
    assert [json.loads(encode(e)) for e in events[5:]] == rows
    assert Examination.replay(events).problems == ()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"kind": "bbps", "segment": "right", "score": 4}, "score"),
        ({"kind": "bbps", "segment": "ileum", "score": 2}, "segment"),
        ({"kind": "photo"}, "'photo.of': is missing"),
        ({"kind": "lesion", "id": 1, "paris": "IIa"}, "paris"),
        ({"kind": "lesion", "id": 1, "size_mm": -3}, "size_mm"),
        ({"kind": "snapshot", "file": "../patient.png"}, "file"),
        ({"kind": "snapshot", "file": "C:\\patient.png"}, "file"),
        ({"kind": None}, "kind"),
        ({"kind": "wash", "t_s": float("nan")}, "t_s"),
        ({"kind": "wash", "n": True}, "'n'"),
        ({"kind": "wash", "capture_index": -1}, "capture_index"),
    ],
)
def test_a_field_that_is_not_valid_is_named_with_its_line(tmp_path, row, words):
    path = written(tmp_path)
    with path.open("a") as file:
        file.write(json.dumps({"n": 6, "t_s": 9.0, "capture_index": None} | row) + "\n")
    with pytest.raises(FormatError) as error:
        read_journal(path)
    assert "line 6" in str(error.value)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no event"),
        ('{"schema": "polypwatch.frames/1"}\n', "polypwatch.frames/1"),
        ('{"schema": "polypwatch.examination/2", "n": 1}\n', "examination/2"),
        ("[1]\n", "no 'schema' field"),
    ],
)
def test_a_file_that_is_no_journal_is_refused(tmp_path, text, words):
    path = tmp_path / JOURNAL_NAME
    path.write_text(text)
    with pytest.raises(FormatError, match=words):
        read_journal(tmp_path)


def test_a_folder_without_a_journal_is_refused(tmp_path):
    with pytest.raises(FormatError, match="Give the folder of an examination"):
        read_journal(tmp_path)


def test_a_name_too_long_for_a_field_starts_nothing(tmp_path):
    with pytest.raises(UsageError, match="room"):
        Keeper.begin(tmp_path, room="x" * 201)
    assert list(tmp_path.iterdir()) == []


texts = st.text(st.characters(codec="utf-8"), max_size=80)
payloads = st.one_of(
    texts.map(lambda text: Note(text=text)),
    st.builds(Bbps, segment=st.sampled_from(["right", "transverse", "left"]), score=st.integers(0, 3)),
    st.builds(Undo, event=st.integers(1, 99)),
    st.builds(Snapshot, file=st.just("a/b.png"), lesion=st.none() | st.integers(1, 9)),
    st.builds(
        Lesion,
        id=st.integers(1, 99),
        size_mm=st.none() | st.floats(0.5, 90),
        paris=st.sampled_from([None, "0-Ip", "0-IIa+IIc"]),
        frames=st.tuples(st.integers(0, 10**6)),
        note=texts,
    ),
)


@given(st.integers(2, 10**6), st.integers(0, 10**7), st.none() | st.integers(0, 10**7), payloads)
def test_every_event_survives_its_line(n, t_ms, index, what):
    event = Event(n, t_ms / 1000, index, what)
    line = encode(event)
    assert line.count(b"\n") == 1
    assert decode(json.loads(line), "a line") == event


def test_the_start_is_the_only_event_with_a_wall_clock(tmp_path):
    rows = [json.loads(line) for line in written(tmp_path).read_text(encoding="utf-8").splitlines()]
    assert [row["n"] for row in rows if any("utc" in name for name in row)] == [1]
    assert Start.model_fields["started_utc"].is_required()
