"""Real endoscopy: every clip opens, and gives as many frames as its container says."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from app.capture import FileSource, ImageFolderSource
from detector.frame import Frame, Interruption, SourceState

ROOT = Path(os.environ.get("POLYPWATCH_DATA", Path(__file__).parents[4] / "shared" / "data"))
CLIPS = sorted((ROOT / "clips").glob("*.mp4"))

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not CLIPS, reason=f"no real clips in {ROOT / 'clips'} (set POLYPWATCH_DATA)"),
]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_every_frame_of_a_real_clip_comes_in_order(clip: Path) -> None:
    source = FileSource(clip)
    info = source.open()
    frames = []
    while isinstance(item := source.read(), Frame):
        frames.append((item.index, item.time, item.size))
    assert isinstance(item, Interruption)
    assert item.state is SourceState.END
    with av.open(str(clip)) as container:
        promised, rate = container.streams.video[0].frames, container.streams.video[0].average_rate
    assert info.frame_count == promised == len(frames)
    assert info.rate == rate
    assert [index for index, _, _ in frames] == list(range(promised))
    steps = {round((b.pts - a.pts) * a.time_base * (rate or Fraction())) for (_, a, _), (_, b, _) in pairwise(frames)}
    assert steps == {1}
    assert {size for _, _, size in frames} == {info.size}


def test_a_real_folder_of_images_is_read_to_its_end() -> None:
    sequences = sorted(folder for folder in (ROOT / "polypgen_negseq").rglob("*") if any(folder.glob("*.jpg")))
    source = ImageFolderSource(sequences[0])
    info = source.open()
    names = []
    while isinstance(item := source.read(), Frame):
        names.append(item.name)
    assert isinstance(item, Interruption)
    assert item.state is SourceState.END
    assert len(names) == info.frame_count
    assert len(set(names)) == len(names)
