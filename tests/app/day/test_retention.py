import json
import os
import time
from pathlib import Path

import pytest

from app.cli import main
from app.day.retention import AUDIT_NAME, delete, propose, survey
from app.examination.events import End
from app.examination.keeper import Keeper
from detector.errors import OutputError

DAY_S = 86_400
MARK = '{"schema": "polypwatch.recording/1", "state": "recording"}'


def recording(root: Path, name: str = "20250101-080000", days: float = 100, state: str | None = "complete") -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "frames.jsonl").write_text('{"schema": "polypwatch.frames/1"}\n')
    (folder / "video-001.mkv").write_bytes(b"x" * 1000)
    if state is not None:
        (folder / "recording.json").write_text(json.dumps({"schema": "polypwatch.recording/1", "state": state}))
    return aged(folder, days)


def examination(root: Path, days: float = 100, *, ended: bool = True) -> Path:
    keeper = Keeper.begin(root)
    if ended:
        keeper.record(End(reason="user"))
    keeper.close()
    (keeper.folder / "snapshots").mkdir()
    (keeper.folder / "snapshots" / "a.png").write_bytes(b"x" * 500)
    return aged(keeper.folder, days)


def aged(folder: Path, days: float) -> Path:
    """As if nobody had touched it since."""
    at = time.time() - days * DAY_S
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (at, at), follow_symlinks=False)
    return folder


def names(kept) -> set[str]:
    return {k.path.name for k in kept}


def test_only_what_looks_like_ours_is_seen(tmp_path):
    ours = {recording(tmp_path).name, examination(tmp_path).name}
    (tmp_path / "holiday").mkdir()
    (tmp_path / "20250102-080000").mkdir()  # the name alone is not enough
    (tmp_path / "EX-0000-0000").mkdir()
    (tmp_path / "video.mkv").touch()
    (tmp_path / "20250103-080000").symlink_to(tmp_path / "20250101-080000")
    assert names(survey(tmp_path)) == ours


def test_age_counts_from_the_last_change_so_that_a_wrong_name_makes_nothing_old(tmp_path):
    recording(tmp_path, "20200101-080000", days=2)
    [kept] = survey(tmp_path)
    assert kept.age_days(time.time()) == pytest.approx(2, abs=0.01)
    assert not propose([kept], 30).old
    assert propose([kept], 1).size == kept.size > 1000


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda f: (f / "recording.json").write_text(MARK), "was not ended"),
        (lambda f: (f / "recording.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "recording.lock").touch(), "is being written, or was not ended"),
        (lambda f: (f / "thesis.docx").touch(), "did not write: thesis.docx"),
        (lambda f: (f / "link.mkv").symlink_to("/etc/passwd"), "did not write: link.mkv"),
        (lambda f: (f / "inside").symlink_to("/etc"), "did not write: inside"),
    ],
)
def test_what_is_not_complete_or_not_all_ours_is_never_proposed(tmp_path, spoil, why):
    folder = recording(tmp_path)
    spoil(folder)
    aged(folder, 100)
    proposal = propose(survey(tmp_path), 30)
    assert proposal.old == ()
    [held] = proposal.held
    assert why in held.keep


def test_an_examination_that_was_not_ended_is_never_proposed(tmp_path):
    kept, open_one = examination(tmp_path), examination(tmp_path, ended=False)
    # An examination is never older than its journal says: look at it from the future.
    proposal = propose(survey(tmp_path), 30, time.time() + 60 * DAY_S)
    assert names(proposal.old) == {kept.name}
    assert names(proposal.held) == {open_one.name}
    assert proposal.held[0].keep == "was not ended"


def test_what_was_written_to_just_now_is_left_alone(tmp_path):
    recording(tmp_path, days=0)
    assert propose(survey(tmp_path), 0, time.time() + 10).held[0].keep == "was written to within the last hour"


def test_a_deletion_is_in_the_audit_and_leaves_everything_else(tmp_path):
    gone, other = recording(tmp_path), recording(tmp_path, "20250201-080000", days=1)
    proposal = propose(survey(tmp_path), 30)
    assert [k.path for k in delete(tmp_path, proposal.old, "a test")] == [gone]
    assert not gone.exists()
    assert (other / "video-001.mkv").exists()
    rows = [json.loads(line) for line in (tmp_path / AUDIT_NAME).read_text().splitlines()]
    assert [(row["what"], row["folder"], row["why"]) for row in rows] == [
        ("deleting", gone.name, "a test"),
        ("deleted", gone.name, "a test"),
    ]
    assert not list(tmp_path.glob(".deleting-*"))


def test_what_has_changed_since_it_was_looked_at_is_not_deleted(tmp_path):
    folder = recording(tmp_path)
    proposal = propose(survey(tmp_path), 30)
    (folder / "video-002.mkv").write_bytes(b"more")
    with pytest.raises(OutputError, match="was not deleted"):
        list(delete(tmp_path, proposal.old, "a test"))
    assert (folder / "video-002.mkv").exists()
    assert not (tmp_path / AUDIT_NAME).exists()


def test_a_folder_that_became_a_link_is_not_followed(tmp_path):
    folder, elsewhere = recording(tmp_path / "root"), tmp_path / "elsewhere"
    proposal = propose(survey(tmp_path / "root"), 30)
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    with pytest.raises(OutputError):
        list(delete(tmp_path / "root", proposal.old, "a test"))
    assert (elsewhere / "video-001.mkv").exists()


def test_without_a_record_nothing_is_deleted(tmp_path):
    folder = recording(tmp_path)
    (tmp_path / AUDIT_NAME).mkdir()
    with pytest.raises(OutputError, match="Nothing is deleted without a record"):
        list(delete(tmp_path, propose(survey(tmp_path), 30).old, "a test"))
    assert folder.exists()


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path / "config"))


def test_the_command_lists_and_deletes_nothing_by_itself(tmp_path, capsys):
    root = tmp_path / "rec"
    folder = recording(root)
    assert main(["recordings", str(root), "--older-than", "30"]) == 0
    shown = capsys.readouterr().out
    assert folder.name in shown
    assert "100 d" in shown
    assert "Older than 30 days and complete: 1, 0.0 MB. Nothing is deleted without --delete." in shown
    assert folder.exists()


def test_the_command_deletes_only_when_sure(tmp_path, capsys, monkeypatch):
    root = tmp_path / "rec"
    folder = recording(root)
    ask = ["recordings", str(root), "--older-than", "30", "--delete"]
    assert main(ask) == 2  # nobody can be asked
    assert "Write --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: "yes")
    assert main(ask) == 0
    assert "Nothing was deleted." in capsys.readouterr().out
    assert folder.exists()
    monkeypatch.setattr("builtins.input", lambda prompt: "delete 1")
    assert main(ask) == 0
    assert not folder.exists()


def test_the_age_comes_from_the_settings_and_without_one_nothing_is_deleted(tmp_path, capsys):
    root = tmp_path / "rec"
    recording(root)
    assert main(["recordings", str(root), "--delete", "--yes"]) == 2
    assert "Nobody said how old is old." in capsys.readouterr().err
    assert main(["settings", "--set", f"recording.folder={root}", "recording.retention_days=30"]) == 0
    assert main(["recordings", "--json"]) == 0
    said = capsys.readouterr().out
    row = json.loads(said[said.index("{") :])
    assert (row["days"], row["recordings"][0]["old"]) == (30, True)
