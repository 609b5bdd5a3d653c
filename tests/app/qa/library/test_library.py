"""The index of the procedures: found, searched, filtered, sorted, kept true to the folders."""

import os
import shutil
from datetime import date
from pathlib import Path

import pytest

from app.qa.library import Filters, ReviewState, Sort
from benchmarks.made_library import make_library
from detector.errors import OutputError
from tests.app.qa.films import write_red_recording
from tests.app.qa.library.made import (
    BEGUN,
    FRAMES,
    library,
    looked,
    review,
    wait,
    write_examination,
    write_film,
    write_library,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    folder = tmp_path_factory.mktemp("library")
    write_library(folder)
    return folder


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "qa" / "library.sqlite3"


def test_it_finds_every_kind_and_knows_what_journal_mark_and_container_say(folder: Path, db: Path) -> None:
    with library(db, folder) as found:
        entries = {entry.kind: entry for entry in found.search()}
    assert set(entries) == {"examination", "recording", "video"}
    exam = entries["examination"]
    assert exam.title == exam.path.name
    assert (exam.taken_utc, exam.taken_known) == (BEGUN, True)
    assert (exam.polyps_found, exam.polyps_removed, exam.marks) == (2, 1, 2)
    assert (exam.endoscopist, exam.indication, exam.models) == ("E07", "screening", ("fast 0.1.0",))
    assert (exam.frames, exam.counted, exam.width, exam.height) == (FRAMES, True, 160, 96)
    assert exam.length_s == pytest.approx(2, abs=0.1)
    assert exam.trouble == ""
    video = entries["video"]
    assert (video.frames, video.counted, video.taken_known) == (FRAMES, False, False)
    assert video.polyps_found is None


def test_words_are_found_wherever_they_stand_without_case_or_accents(folder: Path, db: Path) -> None:
    with library(db, folder) as found:
        assert found._database.indexed_words

        def titles(text: str) -> set[str]:
            return {entry.kind for entry in found.search(text)}

        assert titles("kohler") == titles("KÖHLER 2") == {"video"}
        assert titles("e07 screen") == {"examination"}
        assert titles("2026-03-14") == {"examination"}
        assert titles("e0") == {"examination"}
        assert titles('"; DROP TABLE entries --') == set()
        assert titles("%") == titles("_") == set()
        assert found.count("fast") == 1
        assert found.count() == 3


def test_filters_hold_together(folder: Path, db: Path) -> None:
    with library(db, folder) as found:

        def kinds(**fields: object) -> set[str]:
            return {entry.kind for entry in found.search(filters=Filters(**fields))}

        assert kinds(marks=True) == {"examination"}
        assert kinds(marks=False) == {"recording", "video"}
        assert kinds(models=frozenset({"fast 0.1.0"})) == {"examination"}
        assert kinds(models=frozenset({"fast"})) == set()
        assert kinds(kinds=frozenset({"video", "recording"})) == {"recording", "video"}
        assert kinds(endoscopists=frozenset({"E07"}), marks=False) == set()
        assert kinds(since=date(2026, 3, 14), until=date(2026, 3, 14)) == {"examination"}
        assert kinds(until=date(2026, 3, 13)) == set()
        assert kinds(trouble=True) == set()
        facets = found.facets()
    assert (facets.total, facets.models, facets.endoscopists) == (3, ("fast 0.1.0",), ("E07",))
    assert facets.kinds == ("examination", "recording", "video")


def test_every_order_goes_both_ways_and_the_unknown_comes_last(tmp_path: Path, db: Path) -> None:
    video = write_film(tmp_path / "short.mkv", 5)
    make_library(tmp_path / "many", 40, video)
    with library(db, tmp_path / "many") as found:
        every = set(found.ids())
        for sort in Sort:
            for descending in (True, False):
                assert set(found.ids(sort=sort, descending=descending)) == every
        for descending in (True, False):
            order = [entry.endoscopist for entry in found.search(sort=Sort.ENDOSCOPIST, descending=descending)]
            known = [code for code in order if code]
            assert known == sorted(known, reverse=descending)
            assert all(not code for code in order[len(known) :])
        dates = [entry.taken_utc for entry in found.search(sort=Sort.DATE)]
        assert dates == sorted(dates, reverse=True)
        states = [entry.review for entry in found.search(sort=Sort.REVIEW)]
        rank = [list(ReviewState).index(state) for state in states]
        assert rank == sorted(rank, reverse=True)


def test_numbers_in_names_count_as_numbers(tmp_path: Path, db: Path) -> None:
    for name in ("case 10", "case 9", "Case 2"):
        write_film(tmp_path / "videos" / f"{name}.mp4", 3)
    with library(db, tmp_path / "videos") as found:
        titles = [entry.title for entry in found.search(sort=Sort.TITLE, descending=False)]
    assert titles == ["Case 2.mp4", "case 9.mp4", "case 10.mp4"]


def test_a_page_of_the_list_is_the_part_of_the_whole(tmp_path: Path, db: Path) -> None:
    make_library(tmp_path / "many", 30, write_film(tmp_path / "short.mkv", 3))
    with library(db, tmp_path / "many") as found:
        whole = found.search(limit=100)
        assert [e.id for e in whole] == found.ids()
        assert found.search(limit=7, offset=7) == whole[7:14]
        assert found.entries([whole[5].id, -1, whole[2].id]) == [whole[5], whole[2]]
        assert found.entry(whole[3].path) == whole[3]


def test_only_what_has_changed_is_read_again(tmp_path: Path, db: Path) -> None:
    root = tmp_path / "lib"
    paths = write_library(root)
    with library(db, root) as found:
        assert (found.scan_state.seen, found.scan_state.read) == (3, 3)
        looked(found)
        assert (found.scan_state.seen, found.scan_state.read) == (3, 0)
        review(paths["recording"], "Anna Rossi", 24)
        looked(found)
        assert found.scan_state.read == 1
        entry = found.entry(paths["recording"])
        assert entry is not None
        assert entry.reviewed == pytest.approx(0.5)


def test_what_is_gone_goes_and_what_comes_comes(tmp_path: Path, db: Path) -> None:
    root = tmp_path / "lib"
    paths = write_library(root)
    with library(db, root) as found:
        shutil.rmtree(paths["recording"])
        added = write_film(root / "new.mp4", 4)
        looked(found)
        assert found.entry(paths["recording"]) is None
        assert found.entry(added) is not None
        assert found.count() == 3


def test_a_folder_that_is_not_there_keeps_its_procedures_and_is_named(tmp_path: Path, db: Path) -> None:
    root, other = tmp_path / "drive", tmp_path / "other"
    write_film(root / "a.mp4", 4)
    write_film(other / "b.mp4", 4)
    with library(db, root, other) as found:
        root.rename(tmp_path / "unplugged")
        looked(found)
        assert found.count() == 2
        assert [str(root) in problem for problem in found.scan_state.problems] == [True]
        (tmp_path / "unplugged").rename(root)
        looked(found)
        assert found.scan_state.problems == ()


def test_a_folder_that_was_taken_out_is_not_listed(tmp_path: Path, db: Path) -> None:
    write_film(tmp_path / "one" / "a.mp4", 4)
    write_film(tmp_path / "one-more" / "b.mp4", 4)
    with library(db, tmp_path / "one", tmp_path / "one-more") as found:
        assert found.count() == 2
        found.set_roots([tmp_path / "one"])
        wait(found)
        assert [entry.title for entry in found.search()] == ["a.mp4"]


def test_the_index_is_made_anew_after_it_was_deleted(folder: Path, db: Path) -> None:
    with library(db, folder) as found:
        before = {(e.path, e.title, e.models, e.frames) for e in found.search()}
    for file in db.parent.iterdir():
        file.unlink()
    with library(db, folder) as found:
        assert {(e.path, e.title, e.models, e.frames) for e in found.search()} == before
        assert found.notes == ()


def test_a_damaged_index_is_made_anew_with_a_notice(folder: Path, db: Path) -> None:
    with library(db, folder):
        pass
    db.write_bytes(b"this is no database, whatever its name says" * 500)
    with library(db, folder) as found:
        assert found.count() == 3
        assert "made anew" in found.notes[0]


def test_an_index_that_is_damaged_while_it_is_open_is_made_anew(folder: Path, db: Path) -> None:
    with library(db, folder) as found:
        found._database._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with db.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(db.stat().st_size - 4096))
        found._database._db.execute("PRAGMA shrink_memory")
        found.search()
        wait(found)
        assert found.count() == 3
        assert "made anew" in found.notes[0]


def test_an_index_of_an_older_version_is_made_anew_in_silence(folder: Path, db: Path) -> None:
    with library(db, folder) as found:
        found._database._db.execute("PRAGMA user_version = 0")
    with library(db, folder) as found:
        assert found.count() == 3
        assert found.notes == ()


def test_without_a_folder_to_write_in_the_index_lives_in_memory_and_says_so(folder: Path, tmp_path: Path) -> None:
    taken = tmp_path / "cache"
    taken.write_text("a file where the folder should be")
    with library(taken / "qa" / "library.sqlite3", folder) as found:
        assert found.count() == 3
        assert "POLYPWATCH_CACHE" in found.notes[0]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nobody is kept from writing here")
def test_a_read_only_cache_folder_costs_only_time(folder: Path, db: Path) -> None:
    db.parent.mkdir(parents=True)
    db.parent.chmod(0o555)
    try:
        with library(db, folder) as found:
            assert found.count() == 3
            assert found.notes
    finally:
        db.parent.chmod(0o755)


def test_two_windows_share_one_index(folder: Path, db: Path) -> None:
    with library(db, folder) as one, library(db, folder) as other:
        path = one.search()[0].path
        before = other.changes()
        one.note_figures(path, sensitivity=0.9, false_per_min=0.25)
        assert other.changes() != before
        entry = other.entry(path)
        assert entry is not None
        assert (entry.sensitivity, entry.false_per_min) == (0.9, 0.25)
        looked(one)
        looked(other)
        assert one.ids() == other.ids()


def test_figures_hold_until_the_files_change(tmp_path: Path, db: Path) -> None:
    path = write_red_recording(tmp_path / "lib" / "20260301-101500", 20)
    with library(db, tmp_path / "lib") as found:
        found.note_figures(path, sensitivity=1.0, false_per_min=0.0)
        looked(found)
        assert found.entry(path).sensitivity == 1.0
        review(path, "Anna Rossi", 3)
        found.refresh(path)
        wait(found)
        assert found.entry(path).sensitivity is None


def test_a_damaged_procedure_is_listed_with_its_trouble(tmp_path: Path, db: Path) -> None:
    root = tmp_path / "lib"
    exam = write_examination(root / "room", ended=False)
    (exam / "frames.jsonl").unlink()
    recording = write_red_recording(root / "20260301-101500", 20)
    (recording / "video-001.mkv").unlink()
    broken = root / "broken.mp4"
    broken.write_bytes(b"\0" * 3000)
    journal = root / "EX-0000-0000" / "examination.jsonl"
    journal.parent.mkdir()
    journal.write_text('{"schema": "polypwatch.examination/99", "kind": "start", "n": 1, "t_s": 0}\n')
    with library(db, root) as found:
        troubles = {entry.path.name: entry.trouble for entry in found.search()}
        assert found.count(filters=Filters(trouble=True)) == 4
    assert "frames.jsonl" in troubles[exam.name]
    assert "not ended" in troubles[exam.name]
    assert "video-001.mkv" in troubles[recording.name]
    assert "cannot be opened" in troubles["broken.mp4"]
    assert "examination/99" in troubles["EX-0000-0000"]


def test_an_image_sequence_is_one_procedure_and_a_few_snapshots_are_none(tmp_path: Path, db: Path) -> None:
    import cv2
    import numpy as np

    root = tmp_path / "lib"
    for name, count in (("sequence", 12), ("snapshots", 3)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(root / name / f"{number}.png"), np.full((48, 64, 3), 90, np.uint8))
    (root / "words.ts").write_text('<?xml version="1.0"?><TS version="2.1"></TS>')
    with library(db, root) as found:
        (entry,) = found.search()
    assert (entry.kind, entry.frames, entry.width, entry.height) == ("images", 12, 64, 48)


def test_other_peoples_results_and_labels_are_named(tmp_path: Path, db: Path) -> None:
    from app.phantom import bundled

    root = tmp_path / "lib"
    root.mkdir()
    for file in (bundled().video, bundled().video.with_suffix(".json")):
        os.link(file, root / file.name) if file.stat().st_dev == root.stat().st_dev else shutil.copy(file, root)
    (root / "phantom.analysis-fast-9.json").write_text(
        '{"schema": "polypwatch.detect/1", "model": {"name": "fast", "version": "9", "variant": "x", "sha256": "0"},'
        ' "software": "test", "threshold": 0.5, "min_score": 0.01, "provider": "cpu", "time_base": "1/25",'
        ' "frames": [\n], "complete": false}\n'
    )
    with library(db, root) as found:
        (entry,) = found.search()
    assert entry.models == ("fast 9",)
    assert entry.labelled == 1.0
    assert "part of the results" in entry.trouble
    assert entry.review is ReviewState.NOBODY


def test_a_dicom_video_is_a_procedure_and_a_dicom_still_is_none(tmp_path: Path, db: Path) -> None:
    pytest.importorskip("pydicom")
    from app.dicom.export import export_dicom
    from tests.app.dicom.sources import write_clip

    write_clip(tmp_path / "v.mkv", [i / 25 for i in range(20)])
    (video,) = export_dicom([tmp_path / "v.mkv"], tmp_path / "lib").files
    still = tmp_path / "lib" / "still.dcm"
    data = video.read_bytes()
    still.write_bytes(data.replace(b"1.2.840.10008.1.2.4.10", b"1.2.840.10008.1.2.4.50", 1))
    with library(db, tmp_path / "lib") as found:
        (entry,) = found.search()
        assert looked(found).scan_state.read == 0
    assert (entry.path, entry.kind, entry.frames) == (video, "dicom", 20)


def test_a_closed_index_is_not_taken_for_a_damaged_one(folder: Path, db: Path) -> None:
    with library(db, folder) as found:
        assert found.count() == 3
    before = db.read_bytes()
    with pytest.raises(OutputError, match="closed"):
        found.count()
    assert db.read_bytes() == before
