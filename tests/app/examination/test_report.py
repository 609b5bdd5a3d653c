"""The report as data: everything that is on the record, and what is missing is said."""

import hashlib
import json
import sys
from datetime import UTC, datetime

import pytest

from app.examination import JOURNAL_NAME
from app.examination.events import (
    AiStatistics,
    Bbps,
    CaecumReached,
    ModelUsed,
    Photo,
    ScopeOut,
    SettingsChanged,
    Snapshot,
)
from app.examination.report import build_report, technical, write_technical, write_whole
from detector.errors import OutputError
from tests.app.examination.rig import Clocks, examination

MADE = datetime(2026, 3, 15, tzinfo=UTC)
FIGURES = AiStatistics(
    active_s=500.0, suppressed_s={"hidden": 60.0}, markers_shown=4, marker_s=31.5, analysed=12_000, skipped=3, failed=1,
    restarts=0, threshold=0.41,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """An examination of ten minutes' withdrawal with a lesion and four pictures, one of them gone."""
    clocks = Clocks()
    with examination(tmp_path, clocks, room="2") as keeper:
        keeper.record(ModelUsed(name="fast", version="0.2", variant="cpu", sha256="ab" * 32, threshold=0.4,
                                provider="cpu"))  # fmt: skip
        keeper.record(SettingsChanged(changed={"preset": "balanced", "hold_ms": 400}))
        clocks.at(100)
        keeper.record(CaecumReached())
        for name in ("other.png", "valve.png", "lesion.png"):
            (keeper.folder / name).write_bytes(name.encode())
        keeper.record(Snapshot(file="other.png"))
        keeper.record(Photo(of="valve", file="valve.png"))
        keeper.record(Photo(of="orifice", file="gone.png"))
        keeper.found()
        keeper.record(Snapshot(file="lesion.png", lesion=1))
        keeper.describe(1, size_mm=4, pictures=["lesion.png"])
        keeper.record(SettingsChanged(changed={"preset": "sensitive"}))
        keeper.record(Bbps(segment="left", score=1))
        keeper.undo()
        clocks.at(700)
        keeper.record(ScopeOut())
        keeper.record(FIGURES)
        keeper.end()
    return keeper.folder


def test_the_technical_report_holds_times_figures_models_settings_and_hashes(folder):
    data = technical(build_report(folder, MADE))
    assert data["schema"] == "polypwatch.report/1"
    assert data["examination"]["id"] == folder.name
    assert data["times_s"] == {"scope_in": None, "caecum_reached": 100, "scope_out": 700, "end": 700}
    assert data["quality"]["withdrawal"]["total_s"] == 600
    assert data["models"][0]["sha256"] == "ab" * 32
    assert data["settings"] == {"preset": "sensitive", "hold_ms": 400}
    assert data["ai"]["suppressed_s"] == {"hidden": 60.0}
    assert data["lesions"][0]["size_mm"] == 4
    assert data["journal"]["sha256"] == hashlib.sha256((folder / JOURNAL_NAME).read_bytes()).hexdigest()


def test_withdrawn_marks_stand_in_the_report_as_withdrawn(folder):
    data = technical(build_report(folder, MADE))
    assert [m["kind"] for m in data["marks"] if m["withdrawn"]] == ["bbps"]
    assert data["bbps"] == {}


def test_pictures_come_in_the_order_of_their_weight_and_each_once(folder):
    pictures = build_report(folder, MADE).pictures
    assert [(p.file, p.shows, p.lesion) for p in pictures] == [
        ("valve.png", "valve", None),
        ("gone.png", "orifice", None),
        ("lesion.png", "lesion", 1),
        ("other.png", "snapshot", None),
    ]
    assert pictures[0].sha256 == hashlib.sha256(b"valve.png").hexdigest()


def test_what_is_missing_is_said(folder):
    with (folder / JOURNAL_NAME).open("ab") as file:
        file.write(b'{"n": 99, "t_s"')
    assert build_report(folder, MADE).gaps == (
        "Line 17 was not written to its end (15 bytes) and is left out.",
        "The picture gone.png cannot be read.",
    )


def test_a_report_of_a_running_examination_can_be_made(tmp_path):
    clocks = Clocks()
    with examination(tmp_path, clocks) as keeper:
        clocks.at(30)
        keeper.record(CaecumReached())
        keeper.flush()
        report = build_report(keeper.folder, MADE)
    assert report.duration_s == 30
    assert report.quality.withdrawal.finished is None


def test_the_json_is_the_same_for_the_same_record(folder, tmp_path):
    for name in ("a.json", "b.json"):
        write_technical(build_report(folder, MADE), tmp_path / name)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == technical(build_report(folder, MADE))


@pytest.mark.skipif(sys.platform == "win32", reason="files cannot be limited in size there")
def test_a_full_disk_leaves_no_half_report_and_keeps_the_earlier_one(tmp_path):
    from tests.full_disk import files_may_grow_to

    path = tmp_path / "report.json"
    write_whole(path, b"earlier")
    with files_may_grow_to(10), pytest.raises(OutputError, match=r"report\.json cannot be written"):
        write_whole(path, b"x" * 100)
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]
    assert path.read_bytes() == b"earlier"
