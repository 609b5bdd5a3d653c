"""What the QA room keeps outside of procedures' folders: bounded, never believed of another file, and forgotten."""

import os
import shutil
from pathlib import Path

import pytest

from app.cli import main
from app.qa.cache import Kept, forget, tidy
from app.qa.checking import settle
from app.qa.opened import open_for_review
from app.qa.playback.pictures import Pictures
from detector.errors import UsageError
from detector.file_lock import FileLock
from tests.app.qa.playback.films import film


def test_the_oldest_go_where_too_much_is_kept_and_locks_stay(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for number in range(5):
        source = tmp_path / f"{number}.bin"
        source.write_bytes(b"x")
        file = kept.file("thumbnails", source, ".jpg")
        kept.keep_data(file, bytes(1000))
        os.utime(file, (number, number))
    lock = tmp_path / "qa" / "jobs" / "a.lock"
    lock.parent.mkdir()
    lock.write_bytes(bytes(1000))
    os.utime(lock, (0, 0))
    tidy(tmp_path, 2500)
    left = sorted((tmp_path / "qa" / "thumbnails").iterdir(), key=lambda p: p.stat().st_mtime)
    assert [file.stat().st_mtime for file in left] == [3, 4]
    assert lock.exists()


def test_a_file_that_was_copied_over_with_its_old_date_is_another_one(tmp_path: Path) -> None:
    kept, a, b = Kept(tmp_path), tmp_path / "a.bin", tmp_path / "b.bin"
    a.write_bytes(b"1" * 64)
    b.write_bytes(b"2" * 64)
    os.utime(a, (1000, 1000))
    os.utime(b, (1000, 1000))
    before = kept.known_sha256(a)
    shutil.copy2(b, a)
    assert a.stat().st_mtime == 1000
    assert kept.known_sha256(a) == kept.known_sha256(b) != before


def test_the_command_takes_away_all_that_lies_outside_of_the_folders(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    path = film(tmp_path / "a.mp4", 30)
    with Pictures(settle(open_for_review(path))) as pictures:
        assert pictures.near(3, 64) is not None
    other = tmp_path / "cache" / "parity" / "card.json"
    other.parent.mkdir()
    other.write_text("{}")
    assert list((tmp_path / "cache" / "qa" / "thumbnails").iterdir())
    assert main(["qa", "--forget-cache"]) == 0
    assert str(tmp_path / "cache" / "qa") in capsys.readouterr().out
    assert not (tmp_path / "cache" / "qa").exists()
    assert other.exists()
    assert path.exists()
    assert main(["qa", "--forget-cache"]) == 0  # nothing there is no mistake


def test_nothing_is_taken_away_below_an_open_window(tmp_path: Path) -> None:
    (tmp_path / "qa").mkdir()
    lock = FileLock.take(tmp_path / "qa" / "jobs.json.lock")
    assert lock is not None
    with pytest.raises(UsageError, match="is open"):
        forget(tmp_path)
    lock.release()
    forget(tmp_path)
    assert not (tmp_path / "qa").exists()
