"""Rendering end to end: files, progress, errors, and pixels that do not depend on how many processes draw."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from app.phantom import liveliest, render, rendering
from app.phantom.film import Film
from detector.annotation import load_annotation
from detector.errors import OutputError, SourceError, UsageError
from detector.geometry import Size

TINY = {"seed": 3, "seconds": 10.0, "size": (160, 96), "rate": 5}
FRAMES = 50


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, int]]]:
    """The same procedure twice, drawn by one process and by two: a folder, and the calls of ``progress``."""
    folder = tmp_path_factory.mktemp("phantom")
    calls: list[tuple[int, int]] = []
    render(**TINY, out=folder / "one", workers=1, progress=lambda done, total: calls.append((done, total)))
    render(**TINY, out=folder / "two.mp4", workers=2)
    return folder, calls


def decoded(path: Path) -> list[npt.NDArray[np.int16]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24").astype(np.int16) for frame in container.decode(video=0)]


def test_both_files_appear_and_nothing_else(films: tuple[Path, list[tuple[int, int]]]) -> None:
    assert sorted(p.name for p in films[0].iterdir()) == ["one.json", "one.mp4", "two.json", "two.mp4"]


def test_progress_counts_every_frame(films: tuple[Path, list[tuple[int, int]]]) -> None:
    assert films[1] == [(k, FRAMES) for k in range(FRAMES + 1)]


def test_the_film_holds_every_frame_with_its_time(films: tuple[Path, list[tuple[int, int]]]) -> None:
    labels = load_annotation(films[0] / "one.json")
    with av.open(str(films[0] / "one.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == labels.video.frame_count == FRAMES
    assert [f.pts * f.time_base for f in frames] == [Fraction(k, 5) for k in range(FRAMES)]
    assert (frames[0].width, frames[0].height) == (labels.video.width, labels.video.height) == TINY["size"]
    assert frames[0].time_base == labels.video.time_base
    keys = [k for k, frame in enumerate(frames) if frame.key_frame]
    assert max(np.diff(keys)) <= 2, "a key frame every half second"


def test_the_annotation_names_the_film_by_its_hash(films: tuple[Path, list[tuple[int, int]]]) -> None:
    labels = load_annotation(films[0] / "one.json")
    assert labels.video.name == "one.mp4"
    assert labels.video.sha256 == hashlib.sha256((films[0] / "one.mp4").read_bytes()).hexdigest()
    assert all(labels.is_reviewed(k) for k in range(FRAMES))
    assert all(f.pts is not None and f.pts * labels.video.time_base == Fraction(f.index, 5) for f in labels.frames)


def test_the_number_of_processes_changes_nothing(films: tuple[Path, list[tuple[int, int]]]) -> None:
    one, two = load_annotation(films[0] / "one.json"), load_annotation(films[0] / "two.json")
    assert one.frames == two.frames
    assert one.lesions == two.lesions
    # The encoder is not bound to give the same bits twice; the pictures must be as good as equal.
    pairs = zip(decoded(films[0] / "one.mp4"), decoded(films[0] / "two.mp4"), strict=True)
    assert max(np.abs(a - b).mean() for a, b in pairs) < 0.5


def test_the_self_test_plays_where_most_is_to_be_seen(films: tuple[Path, list[tuple[int, int]]]) -> None:
    labels = load_annotation(films[0] / "one.json")
    part = liveliest(labels, 2.0)
    assert part.last - part.first == 9
    assert part.end - part.start == 2
    assert part.lesions
    clear = [any(m.state == "clear" for m in labels.marks(k)) for k in range(FRAMES)]
    best = max(sum(clear[k : k + 10]) for k in range(FRAMES - 9))
    assert sum(clear[part.first : part.last + 1]) == best


def test_a_film_without_lesions_cannot_serve_a_self_test(films: tuple[Path, list[tuple[int, int]]]) -> None:
    labels = load_annotation(films[0] / "one.json").model_copy(update={"frames": ()})
    with pytest.raises(SourceError, match="No lesion"):
        liveliest(labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 9.9}, "9.9 s"),
        ({"seconds": 1e9}, "long"),
        ({"seconds": float("nan")}, "nan s"),
        ({"seed": -1}, "seed"),
        ({"size": (161, 96)}, "161 x 96"),
        ({"size": (16, 16)}, "16 x 16"),
        ({"rate": 0}, "0 frames"),
        ({"workers": 0}, "0 workers"),
    ],
)
def test_what_cannot_be_rendered_is_said(change: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        render(**{**TINY, "out": tmp_path / "x", **change})
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_said_before_anything_is_drawn(tmp_path: Path) -> None:
    drawn: list[int] = []
    with pytest.raises(OutputError, match="nowhere"):
        render(**TINY, out=tmp_path / "nowhere" / "x", progress=lambda done, total: drawn.append(done))
    assert drawn == []


def test_an_interrupted_rendering_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(**TINY, out=tmp_path / "x", workers=1, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(film: Film, image: object) -> None:
        raise OutputError(f"Cannot write {film.path}: No space left on device.")

    monkeypatch.setattr(rendering.Film, "add", full)
    with pytest.raises(OutputError, match="No space"):
        render(**TINY, out=tmp_path / "x", workers=1)
    assert list(tmp_path.iterdir()) == []


def test_a_suffix_belongs_to_the_name_unless_it_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "_write_film", lambda film, *rest: film.add(np.zeros((96, 160, 3), np.uint8)) or ())
    assert render(**TINY, out=tmp_path / "case.7").video.name == "case.7.mp4"
    assert render(**TINY, out=tmp_path / "b.JSON").annotation.name == "b.json"


def test_the_film_can_be_of_any_small_size(tmp_path: Path) -> None:
    film = Film(tmp_path / "x", Size(128, 96), Fraction(30000, 1001))
    film.add(np.full((96, 128, 3), 90, np.uint8))
    film.close()
    with av.open(str(tmp_path / "x"), format="mp4") as container:
        assert len(list(container.decode(video=0))) == 1
