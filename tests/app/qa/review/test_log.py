import hashlib
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cli import main
from app.qa.review import ReviewSession
from app.qa.review.log import read_log, sealed
from detector.errors import FormatError
from tests.app.qa.review.made import box, procedure


def written(folder: Path, edits: int = 5) -> Path:
    session = ReviewSession.open(procedure(folder), "Anna")
    for n in range(edits):
        session.draw(10 * n, box(n))
    session.close()
    return session.path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("log"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_is_found(log: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(log.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    was = content[at]
    content[at] = data.draw(st.integers(1, 255).filter(lambda b: b != was))  # a zero is what a power cut leaves
    changed = tmp_path / log.name
    changed.write_bytes(content)
    try:
        found = read_log(changed)
    except FormatError:
        return
    assert found.fault or found.torn
    assert len(found.records) < 5


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_lines_that_are_missing_doubled_or_swapped_are_found(log: Path, tmp_path: Path, data: st.DataObject) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(1, len(lines) - 2))
    how = data.draw(st.sampled_from(["missing", "doubled", "swapped"]))
    if how == "missing":
        del lines[at]
    elif how == "doubled":
        lines.insert(at, lines[at])
    else:
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    changed = tmp_path / log.name
    changed.write_bytes(b"".join(lines))
    assert "line" in read_log(changed).fault


@pytest.mark.parametrize("tail", [b'{"n": 6, "utc": "20', b"\0" * 4096, b'{"n": 6\0\0\0\0}\n'])
def test_what_a_crash_leaves_behind_the_last_line_is_no_fault(log: Path, tmp_path: Path, tail: bytes) -> None:
    torn = tmp_path / log.name
    torn.write_bytes(log.read_bytes() + tail)
    found = read_log(torn)
    assert found.fault == ""
    assert found.torn == len(tail)
    assert len(found.records) == 5


def _resealed(path: Path, change: dict[str, object]) -> None:
    """A last line as another version would have written it."""
    lines = path.read_bytes().splitlines()
    row = json.loads(lines[-1])
    row.pop("sum")
    lines[-1] = sealed({**row, **change})
    path.write_bytes(b"\n".join(lines) + b"\n")


def test_an_operation_of_a_newer_version_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    path = written(tmp_path)
    _resealed(path, {"op": {"kind": "rotate", "lesion": 1}})
    before = path.read_bytes()
    with pytest.raises(FormatError, match=r"line 6: .* does not know the operation 'rotate'"):
        ReviewSession.open(procedure(tmp_path), "Anna")
    assert path.read_bytes() == before
    assert not path.with_name(path.name + ".lock").exists()


def test_fields_that_this_version_does_not_know_are_no_fault(tmp_path: Path) -> None:
    path = written(tmp_path)
    row = json.loads(path.read_bytes().splitlines()[-1])
    _resealed(path, {"op": {**row["op"], "pressure": 0.5}, "weather": "fine"})
    assert read_log(path).fault == ""
    assert len(read_log(path).records) == 5


def test_an_unknown_schema_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"polypwatch.review/1", b"polypwatch.review/9"))
    lines = path.read_bytes().splitlines()
    head = json.loads(lines[0])
    head.pop("sum")
    path.write_bytes(b"\n".join([sealed(head), *lines[1:]]) + b"\n")
    with pytest.raises(FormatError, match=r"polypwatch\.review/9"):
        read_log(path)


def test_an_operation_that_makes_no_sense_ends_the_document_there(tmp_path: Path) -> None:
    path = written(tmp_path)
    _resealed(path, {"op": {"kind": "erase", "lesion": 77, "position": 3}})
    session = ReviewSession.open(procedure(tmp_path), "Anna")
    assert "cannot be followed at line 6" in session.read_only
    assert "no lesion 77" in session.read_only
    assert len(session.document.lesions) == 4
    session.close()


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_audit_says_of_each_file_whether_it_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path)
    (tmp_path / "examination.jsonl").write_text("{}\n")
    assert main(["audit", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"{path}: whole: Anna, 5 operations" in out
    assert "examination.jsonl: not chained" in out
    assert "1 review logs, 0 broken; 1 files without a chain" in out


def test_the_audit_names_the_line_of_a_broken_chain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    row = json.loads(lines[2])
    row.pop("sum")
    row["op"]["position"] = 99
    lines[2] = sealed(row) + b"\n"  # whoever knows the format can mend the checksum of the line, but not the chain
    path.write_bytes(b"".join(lines))
    assert main(["audit", str(path)]) == 6
    assert "BROKEN: line 4 does not follow from line 3" in capsys.readouterr().out


def test_the_audit_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(tmp_path)]) == 2
    assert main(["audit", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_chain_is_the_hash_of_the_line_before(log: Path) -> None:
    lines = log.read_bytes().splitlines()
    for before, line in pairwise(lines):
        assert json.loads(line)["prev"] == hashlib.sha256(before).hexdigest()
