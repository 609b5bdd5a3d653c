"""The two figures in the list are those of the figures page."""

from pathlib import Path

import pytest

from app.qa.figures import measure
from app.qa.library.measuring import list_figures
from app.qa.room import Room
from app.qa.scoring import Wanted, prepare
from detector.errors import PolypwatchError
from tests.app.qa.films import write_film
from tests.app.qa.made_results import annotate, jittered, red_boxes, write_results

FRAMES = 110


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    video = write_film(tmp_path_factory.mktemp("figures") / "op1.mp4", FRAMES)
    labels = annotate(video, video.with_suffix(".json"), FRAMES, red_boxes(FRAMES, 0))
    write_results(video.with_name("op1.analysis-scripted-1-fp32.json"), video, jittered(labels, 1))
    return video


def test_they_are_those_of_the_figures_page(video: Path) -> None:
    figures = measure([prepare(video, "op1", Wanted())], 200, curves=False)
    rows = {(r.key, r.source, r.group): r.figure.value for r in figures.rows}
    sensitivity, false_per_min = list_figures(video)
    assert sensitivity is not None
    assert sensitivity == rows["lesion_sensitivity", "shown", ""]
    assert false_per_min == rows["false_events_0s_per_minute", "shown", ""]


def test_a_room_notes_them_in_the_list_and_passes_over_what_has_none(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    nothing = write_film(tmp_path / "nothing.mp4", 5)
    with pytest.raises(PolypwatchError):
        list_figures(nothing)
    room = Room(folders=[video.parent, tmp_path], preferences=tmp_path / "qa.json")
    try:
        while room.library.scan_state.running:
            time.sleep(0.01)
        room.note_figures([nothing, video])
        until = time.monotonic() + 60
        while (entry := room.library.entry(video)).sensitivity is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert (entry.sensitivity, entry.false_per_min) == list_figures(video)
        assert room.library.entry(nothing).sensitivity is None
    finally:
        room.close()
