from pathlib import Path

import pytest

from app.keeping import Keeping
from app.recording import RecorderOptions
from tests.app.recording.recordings import X264, decoded, frame, sidecar


class Report:
    """Of a picture whose area is not known while ``words`` says why."""

    words = ""

    def objection(self) -> str:
        return self.words

    def copy_source(self) -> None:
        return None


def test_two_recordings_within_a_second_get_a_folder_each(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path, None, None, None, lambda: None)
    for _ in range(3):
        keeping.start(None, None)
        keeping.stop()
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("watched", [True, False])
def test_where_the_area_becomes_unknown_during_a_recording_black_is_recorded(tmp_path: Path, watched: bool) -> None:
    report, options = Report(), RecorderOptions(encoder=X264.encoder)
    inside = (lambda _: True) if watched else None
    keeping = Keeping(None, options, inside, report, lambda: None)  # type: ignore[arg-type]
    keeping.start(tmp_path / "rec", None)
    for index in range(9):
        report.words = "the picture area is being looked for" if 3 <= index < 6 else ""
        keeping.offer(frame(index))
    keeping.stop()
    assert keeping.fault == ""
    pictures = [picture.to_ndarray(format="bgr24").max() for picture in decoded(tmp_path / "rec" / "video-001.mkv")]
    assert [bool(brightest < 20) for brightest in pictures] == [3 <= index < 6 for index in range(9)]
    rows = sidecar(tmp_path / "rec")
    assert [row.get("blanked", False) for row in rows] == [watched and 3 <= index < 6 for index in range(9)]
