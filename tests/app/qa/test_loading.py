"""What models said, by position: live logs and re-analyses, whole or damaged, from the file or from the cache."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.qa.answers import ANALYSED, FAILED, NOT_ANALYSED
from app.qa.loading import load_results, origins
from app.qa.opened import open_for_review
from app.qa.views import views_of
from app.recording import Recorder, RecorderOptions
from app.snapshot import Quiet
from detector.frame import Frame, FrameTime
from tests.app.qa.films import RATE, picture, write_film
from tests.app.qa.made_results import write_results

COUNT = 40
BOX = [10.0, 10.0, 40.0, 40.0]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def record(folder: Path, first_ns: int = 1_000_000, *, resume: bool = False) -> None:
    recorder = Recorder(folder, RATE, options=RecorderOptions(encoder="x264"), resume=resume)
    for n in range(COUNT):
        recorder.offer(Frame(n, FrameTime(n, Fraction(1, 25)), first_ns + n * 40_000_000, picture(n)))
    recorder.close()


def head(role="shown", threshold=0.5, sha256="a" * 64, **changes) -> dict:
    return {
        "schema": "polypwatch.live-results/1",
        "role": role,
        "software": "test",
        "model": "fast",
        "version": "0.1",
        "variant": "fp32",
        "sha256": sha256,
        "provider": "cpu",
        "classes": ["polyp"],
        "preset": "normal",
        "threshold": threshold,
    } | changes


def row(index: int, score=0.9, track=None, role="shown", first_ns: int = 1_000_000, withheld=None) -> dict:
    markers = [] if track is None else [{"track": track, "box": BOX, "score": score}]
    return {
        "role": role,
        "capture_index": index,
        "captured_ns": first_ns + index * 40_000_000,
        "latency_ms": 20.0,
        "candidates": [[*BOX, score, 0]],
        "markers": markers,
        "withheld": withheld,
    }


def write_log(folder: Path, lines: list[dict], end: str = "") -> None:
    (folder / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + end)


@pytest.fixture
def recording(tmp_path) -> Path:
    record(tmp_path / "rec")
    return tmp_path / "rec"


def test_rows_of_the_session_come_by_position_and_markers_stand_until_the_next_row(recording):
    write_log(recording, [head(), *(row(k, track=1 if 6 <= k < 20 else None) for k in range(0, 30, 3))])
    found = load_results(open_for_review(recording))
    assert found.problems == ()
    [candidates], [shown] = found.candidates, found.shown
    assert (candidates.origin, candidates.label, candidates.threshold) == ("live", "fast 0.1 fp32", 0.5)
    assert np.flatnonzero(candidates.status == ANALYSED).tolist() == list(range(0, 30, 3))
    assert set(np.flatnonzero(candidates.status == NOT_ANALYSED)) == set(range(COUNT)) - set(range(0, 30, 3))
    assert candidates.boxes[candidates.rows(3)].tolist() == [BOX]
    lit = np.flatnonzero(np.diff(shown.offsets)).tolist()
    assert lit == list(range(6, 21))  # those of frame 18 stand until the row of frame 21
    assert set(shown.tracks.tolist()) == {1}


def test_a_marker_without_a_next_row_does_not_stand_for_ever(recording):
    write_log(recording, [head(), row(10, track=4)])
    [shown] = load_results(open_for_review(recording)).shown
    assert np.flatnonzero(np.diff(shown.offsets)).tolist() == list(range(10, 17))  # 250 ms at 25 frames/s


def test_what_was_withheld_is_not_shown_and_what_failed_is_said(recording):
    lines = [head(), row(3, track=1), {"role": "shown", "capture_index": 5, "failed": "broken"}]
    write_log(recording, [*lines, row(8, withheld="hidden")])
    found = load_results(open_for_review(recording))
    [candidates], [shown] = found.candidates, found.shown
    assert (candidates.status[5], shown.status[5]) == (FAILED, FAILED)
    assert np.diff(shown.offsets)[3:9].tolist() == [1, 1, 1, 1, 1, 0]
    assert len(candidates.boxes[candidates.rows(8)]) == 1  # found, but not shown


def test_each_role_is_a_track_of_its_own(recording):
    second = head("candidate", sha256="b" * 64, model="other")
    lines = [head(), second, row(1), row(1, role="candidate"), row(2), head("shadow"), row(4, role="shadow")]
    write_log(recording, lines)
    found = load_results(open_for_review(recording))
    assert [c.origin for c in found.candidates] == ["live", "shadow", "candidate"]
    assert origins(found.candidates) == (
        "fast 0.1 fp32 (live)",
        "fast 0.1 fp32 (live, unseen)",
        "other 0.1 fp32 (live, second model)",
    )
    assert len(found.shown) == 1


def test_runs_of_the_recorder_are_told_apart_by_the_time_of_capture(recording):
    record(recording, 9_000_000_000, resume=True)
    later = [row(k, first_ns=9_000_000_000, track=9) for k in range(5)]
    write_log(recording, [head(), row(0), row(1), head(threshold=0.4), *later])
    opened = open_for_review(recording)
    [candidates], [shown] = load_results(opened).candidates, load_results(opened).shown
    assert np.flatnonzero(candidates.status).tolist() == [0, 1, *range(COUNT, COUNT + 5)]
    assert candidates.threshold == 0.4  # that of most rows
    assert np.flatnonzero(np.diff(shown.offsets)).tolist()[0] == COUNT


def test_a_log_that_was_cut_off_or_damaged_is_read_as_far_as_it_goes(recording):
    write_log(recording, [head(), row(1)], end='{"role": "shown", "capture')
    assert load_results(open_for_review(recording)).problems == ()
    write_log(recording, [head(), row(1)], end="rubbish\n" + json.dumps(row(2)) + "\n")
    found = load_results(open_for_review(recording))
    assert found.candidates[0].status.tolist().count(ANALYSED) == 1
    assert "in part only" in found.problems[0]


def test_an_unknown_schema_is_named_and_the_others_load(recording):
    write_log(recording, [head(schema="polypwatch.live-results/2"), row(1)])
    write_results(recording / "analysis-x.json", recording / "video-001.mkv", [[(*BOX, 0.8)]] * COUNT)
    found = load_results(open_for_review(recording))
    assert [c.origin for c in found.candidates] == ["analysis"]
    assert "polypwatch.live-results/2" in found.problems[0]


def test_results_of_another_video_are_refused(tmp_path):
    video = write_film(tmp_path / "a.mp4", 20)
    write_results(tmp_path / "a.one.json", Path("b.mp4"), [[]] * 20)
    write_results(tmp_path / "a.two.json", video, [[]] * 30)
    write_results(tmp_path / "a.three.json", video, [[(*BOX, 0.8)]] * 20)
    found = load_results(_settled(video))
    assert [c.file.name for c in found.candidates] == ["a.three.json"]
    assert sorted(p.split(":")[0] for p in found.problems) == ["a.one.json is left out", "a.two.json is left out"]
    assert any("b.mp4" in p for p in found.problems)


def test_what_a_run_did_not_reach_is_not_analysed_and_a_file_that_is_cut_is_refused(tmp_path):
    video = write_film(tmp_path / "a.mp4", 20)
    part = write_results(tmp_path / "a.part.json", video, [[(*BOX, 0.8)]] * 20, skipped=frozenset(range(12, 20)))
    found = load_results(_settled(video))
    assert found.candidates[0].status.tolist() == [ANALYSED] * 12 + [NOT_ANALYSED] * 8
    assert "covers 12 of 20 frames" in found.problems[0]
    part.write_text(part.read_text()[:-60])
    found = load_results(_settled(video))
    assert found.candidates == ()
    assert found.problems


def test_a_box_without_a_score_is_named_and_the_file_left_out(tmp_path):
    video = write_film(tmp_path / "a.mp4", 20)
    damaged = write_results(tmp_path / "a.one.json", video, [[(*BOX, 0.8)]] * 20)
    damaged.write_text(damaged.read_text().replace('"score":0.8,', "", 1))
    write_results(tmp_path / "a.two.json", video, [[(*BOX, 0.8)]] * 20)
    found = load_results(_settled(video))
    assert [c.file.name for c in found.candidates] == ["a.two.json"]
    assert "a.one.json is left out" in found.problems[0]
    assert "score" in found.problems[0]


def test_the_second_time_it_comes_from_the_cache_and_is_the_same(recording, cache):
    write_log(recording, [head(), *(row(k, track=1) for k in range(8))])
    opened = open_for_review(recording)
    first, second = load_results(opened), load_results(opened)
    assert len(list((cache / "qa" / "answers").glob("*.npz"))) == 1
    for a, b in zip((*first.candidates, *first.shown), (*second.candidates, *second.shown), strict=True):
        for name in a.__dataclass_fields__:
            assert np.array_equal(getattr(a, name), getattr(b, name)), name
    (cache / "qa" / "answers").chmod(0o700)
    for file in (cache / "qa" / "answers").glob("*.npz"):
        file.write_bytes(b"damaged")
    assert len(load_results(opened).candidates) == 1
    write_log(recording, [head(), row(3)])
    assert load_results(opened).candidates[0].status.tolist().count(ANALYSED) == 1


def _settled(video: Path):
    from app.qa.checking import settle

    return settle(open_for_review(video))


def test_what_the_room_said_of_the_picture_comes_as_stretches(recording):
    views = {k: "poor_view" for k in (3, 6, 9)} | {15: "frozen", 30: "poor_view", 33: "hidden"}
    lines = [head(), *(row(k, withheld=views.get(k)) for k in range(0, 36, 3)), {"role": "shown", "withheld": "light"}]
    write_log(recording, lines)
    found = views_of(open_for_review(recording))
    assert found == {Quiet.POOR_VIEW: ((3, 9), (30, 30)), Quiet.FROZEN: ((15, 15),)}


def test_without_a_live_log_nobody_said_anything_of_the_picture(recording):
    assert views_of(open_for_review(recording)) == {}
