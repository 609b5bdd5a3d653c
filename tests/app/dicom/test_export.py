"""The whole export: the same twice, all or nothing, nothing that tells who, and errors in words."""

import sys
from pathlib import Path

import pytest
from pydicom import dcmread

from app.cli import main
from app.dicom.export import export_dicom
from detector.errors import OutputError, UsageError
from tests.app.dicom.conformance import complaints, needs_validator
from tests.app.dicom.sources import write_clip, write_recording, write_snapshot_files
from tests.full_disk import files_may_grow_to

EVEN = [i / 25 for i in range(20)]


def uids(files: tuple[Path, ...]) -> list[tuple[str, str, str]]:
    data = [dcmread(p, stop_before_pixels=True) for p in files]
    return [(d.StudyInstanceUID, d.SeriesInstanceUID, d.SOPInstanceUID) for d in data]


def test_a_repeated_export_is_the_same_to_the_byte(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    paths = [tmp_path / "v.mkv", write_snapshot_files(tmp_path / "s")]
    one, two = (export_dicom(paths, tmp_path / name) for name in ("one", "two"))
    assert uids(one.files) == uids(two.files)
    assert [p.read_bytes() for p in one.files] == [p.read_bytes() for p in two.files]


def test_one_study_one_series_of_snapshots_and_one_for_each_video(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    write_recording(tmp_path / "20260301-083000", EVEN)
    write_snapshot_files(tmp_path / "s", "a")
    write_snapshot_files(tmp_path / "s", "b", taken_utc="2026-03-01T08:31:00+00:00")
    made = export_dicom([tmp_path / n for n in ("v.mkv", "20260301-083000", "s")], tmp_path / "out", study_id="E7")
    assert [p.name for p in made.files] == ["snapshot-001.dcm", "snapshot-002.dcm", "video-001.dcm", "video-002.dcm"]
    study, series, instance = zip(*uids(made.files), strict=True)
    assert (len(set(study)), len(set(series)), len(set(instance))) == (1, 3, 4)
    data = [dcmread(p, stop_before_pixels=True) for p in made.files]
    assert {(d.StudyID, d.StudyDate, d.StudyTime) for d in data} == {("E7", "20260301", "083000.000000")}
    # When the plain video began is not known, and not guessed.
    assert [d.get("ContentTime", "") for d in data] == ["083000.500000", "083100.000000", "", "083000.000000"]


@needs_validator
def test_the_validator_finds_nothing_to_say_of_a_whole_study(tmp_path: Path) -> None:
    write_recording(tmp_path / "20260301-083000", [*EVEN, *(t + 1.013 for t in EVEN)])
    write_clip(tmp_path / "v.mkv", [i / 25 for i in range(120)], (160, 96))
    paths = [tmp_path / "20260301-083000", tmp_path / "v.mkv", write_snapshot_files(tmp_path / "s")]
    made = export_dicom(paths, tmp_path / "out", study_id="E7", fragment_limit=100_000)
    assert len(made.files) > 3
    assert [complaints(p) for p in made.files] == [[]] * len(made.files)


def test_no_name_of_a_file_enters_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "Rossi Mario"
    folder.mkdir()
    write_clip(folder / "Bianchi.mkv", EVEN)
    record = write_snapshot_files(folder, "Verdi", source={"label": "Bianchi.mkv"})
    made = export_dicom([folder / "Bianchi.mkv", record], tmp_path / "out")
    for path in made.files:
        content = path.read_bytes()
        assert not any(name in content for name in (b"Rossi", b"Bianchi", b"Verdi", str(tmp_path).encode()))


def test_freedom_from_text_is_claimed_only_if_somebody_vouched(tmp_path: Path) -> None:
    record = write_snapshot_files(tmp_path / "s")
    open_question = dcmread(export_dicom([record], tmp_path / "a").files[0])
    vouched = dcmread(export_dicom([record], tmp_path / "b", no_text=True).files[0])
    assert "BurnedInAnnotation" not in open_question
    assert "PatientIdentityRemoved" not in open_question
    assert (vouched.BurnedInAnnotation, vouched.PatientIdentityRemoved) == ("NO", "YES")


def test_a_file_that_exists_is_never_written_over(tmp_path: Path) -> None:
    record = write_snapshot_files(tmp_path / "s")
    export_dicom([record], tmp_path / "out")
    before = (tmp_path / "out" / "snapshot-001.dcm").read_bytes()
    with pytest.raises(OutputError, match=r"snapshot-001\.dcm exists already"):
        export_dicom([record], tmp_path / "out", study_id="other")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["snapshot-001.dcm"]
    assert (tmp_path / "out" / "snapshot-001.dcm").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes are POSIX")
@pytest.mark.parametrize("what", ["snapshot", "video"])
def test_a_full_disk_is_said_and_leaves_nothing(what: str, tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    path = write_snapshot_files(tmp_path / "s") if what == "snapshot" else tmp_path / "v.mkv"
    with files_may_grow_to(20_000), pytest.raises(OutputError, match="disk full"):
        export_dicom([path], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_without_pydicom_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    record = write_snapshot_files(tmp_path / "s")
    assert main(["dicom", str(record), "--out", str(tmp_path / "out")]) == UsageError.exit_status
    assert "-m pip install 'pydicom>=3.0'" in capsys.readouterr().err


def test_the_command_exports_and_says_under_which_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    arguments = ["--study-id", "E7", "--patient-id", "P1", "--taken", "2026-03-01T09:30:00+01:00", "--quiet"]
    assert main(["dicom", str(tmp_path / "v.mkv"), "--out", str(tmp_path / "out"), *arguments]) == 0
    said = capsys.readouterr().err
    assert "1 file of study E7, patient P1" in said
    assert "--no-text" in said
    data = dcmread(tmp_path / "out" / "video-001.dcm", stop_before_pixels=True)
    assert (data.PatientID, str(data.PatientName), data.StudyTime) == ("P1", "", "083000.000000")
    assert data.ImageComments == "Research use only, not a medical device. This export adds no marks to the picture."


@pytest.mark.parametrize("name", ["nothing.mkv", "notes.txt", "empty"])
def test_what_cannot_be_exported_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    assert main(["dicom", str(tmp_path / name), "--out", str(tmp_path / "out")]) in {2, 3}
    assert name in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
