"""The results beside a recording: a row for every frame that was analysed, and what ran."""

import json
from pathlib import Path

import pytest

from app import SOFTWARE
from app.results_log import SCHEMA, SHADOW, SHOWN, LogRow, ResultsLog, read_live_results
from detector.errors import FormatError
from tests.app.test_live import Room


@pytest.fixture
def room(tmp_path):
    made = Room(recordings=tmp_path, hide_s=10.0)
    made.session.start()
    yield made
    made.source.end()
    made.session.stop()


def recorded(room: Room, tmp_path: Path) -> Path:
    room.session.stop_recording()
    return next(tmp_path.iterdir()) / "results.jsonl"


def test_every_analysed_frame_has_a_row_with_what_was_found_and_what_was_shown(room, tmp_path):
    room.session.start_recording()
    room.found(8)
    room.session.hide_boxes()
    room.found(2)
    room.session.show_boxes()
    frame = room.show()
    room.ai.on_failure(frame.index, "broken")
    rows = list(read_live_results(recorded(room, tmp_path)))
    assert [r.row["capture_index"] for r in rows] == list(range(11))
    assert [len(r.row["markers"]) for r in rows[:10]] == [0] * 5 + [1] * 3 + [0] * 2
    assert [r.row["withheld"] for r in rows[:10]] == [None] * 8 + ["hidden"] * 2
    assert rows[0].row["candidates"] == [[10.0, 10.0, 30.0, 30.0, 0.9, 0]]
    assert (rows[3].row["pts"], rows[3].row["time_base"]) == (3, "1/25")
    assert rows[7].row["markers"] == [{"track": 1, "box": [10.0, 10.0, 30.0, 30.0], "score": 0.9}]
    assert (rows[10].failed, rows[10].row["failed"]) == (True, "broken")
    assert {r.head["sha256"] for r in rows} == {"0" * 64}
    assert {(r.head["software"], r.head["threshold"], r.head["preset"]) for r in rows} == {(SOFTWARE, 0.5, "normal")}


def test_a_new_head_stands_where_something_changes(room, tmp_path):
    room.session.start_recording()
    room.found(2)
    room.session.set_sensitivity("low")
    room.found(1)
    room.session.set_shadow(True)
    room.found(1)
    path = recorded(room, tmp_path)
    heads = [line for line in map(json.loads, path.read_text().splitlines()) if "schema" in line]
    assert [(h["preset"], h["role"]) for h in heads] == [("normal", SHOWN), ("low", SHOWN), ("low", SHADOW)]
    assert [r.head["preset"] for r in read_live_results(path)] == ["normal", "normal", "low", "low"]


def test_a_recording_that_is_gone_on_with_names_what_ran_again(room, tmp_path):
    folder = tmp_path / "EX-0000-0000"
    for _ in range(2):
        room.session.start_recording(folder)
        room.found(1)
        assert room.session.snapshot().recording == str(folder)
        room.session.stop_recording()
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert ["schema" in line for line in lines] == [True, False, True, False]


def test_without_a_recording_nothing_is_noted(room, tmp_path):
    room.found(3)
    assert list(tmp_path.iterdir()) == []


class TestReading:
    def lines(self, path: Path) -> list[bytes]:
        log = ResultsLog()
        told = [LogRow(SHOWN, {"model": "fast"}, {"capture_index": n, "markers": []}) for n in range(3)]
        text = [json.dumps(line).encode() + b"\n" for row in told for line in log.lines(row)]
        path.write_bytes(b"".join(text))
        return text

    @pytest.mark.parametrize("cut", [1, 5, 30])
    def test_a_last_line_that_was_cut_is_left_out(self, tmp_path, cut):
        path = tmp_path / "results.jsonl"
        whole = b"".join(self.lines(path))
        path.write_bytes(whole[:-cut])
        assert [r.row["capture_index"] for r in read_live_results(path)] == [0, 1]

    def test_a_damaged_line_in_between_is_named(self, tmp_path):
        path = tmp_path / "results.jsonl"
        lines = self.lines(path)
        path.write_bytes(b"".join([lines[0], lines[1][:9] + b"\n", lines[2]]))
        with pytest.raises(FormatError, match="line 2 is not JSON"):
            list(read_live_results(path))

    def test_another_schema_is_refused(self, tmp_path):
        path = tmp_path / "results.jsonl"
        path.write_text(json.dumps({"schema": SCHEMA.replace("/1", "/2"), "role": SHOWN}) + "\n")
        with pytest.raises(FormatError, match=r"polypwatch\.live-results/2"):
            list(read_live_results(path))

    def test_a_row_without_a_head_is_refused(self, tmp_path):
        path = tmp_path / "results.jsonl"
        path.write_text(json.dumps({"role": SHOWN, "capture_index": 1}) + "\n")
        with pytest.raises(FormatError, match="line 1 is no row of a results log"):
            list(read_live_results(path))
