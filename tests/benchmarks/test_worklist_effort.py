"""The afternoon at the worklist: one command, and what its scripted reader says."""

import json

from app.qa.worklist.clips import Clip
from benchmarks.worklist_effort import Thing, main, make, verdict_of


def test_one_command_counts_keys_and_says_what_they_find(tmp_path, capsys):
    main(["--quick", "--json", str(tmp_path / "r.json"), "--markdown"])
    report = json.loads((tmp_path / "r.json").read_text())
    assert "| keys a procedure, mean |" in capsys.readouterr().out
    assert report["procedures"] == 6
    assert 0 < report["keys a procedure, mean"] <= 25
    assert report["interval, low"] <= report["estimated by the audit"] <= report["interval, high"]


def test_the_reader_says_what_is_true():
    made = make(0, 5.0)
    lesion, wall = Thing(100, 200, (0, 0, 50, 50), 0.9, True), Thing(120, 140, (300, 300, 350, 350), 0.6, False)
    asked = Clip("x", made.evidence.procedure, 90, 239, 130, "silence", "", 0.1)
    assert verdict_of(asked, [lesion, wall]) == "missed"
    assert verdict_of(asked, [wall]) == "nothing"
