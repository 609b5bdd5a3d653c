"""One video file: colours, times and key frames as promised, on a disk that may be full."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.recording import VideoFile
from app.recording.encoders import CHOICES, EncoderError, black, choose_encoder, trouble_with
from detector.errors import OutputError
from detector.geometry import Size
from tests.app.recording.recordings import SMALL, decoded, grey, indices
from tests.clips import paint_index


class TestVideoFile:
    def test_colours_come_back_and_are_named_in_the_file(self, tmp_path: Path) -> None:
        colours = [(40, 60, 220), (200, 40, 60), (30, 200, 90), (128, 128, 128), (250, 250, 250)]
        image = np.zeros((96, 160, 3), np.uint8)
        for n, colour in enumerate(colours):
            image[:, 32 * n : 32 * (n + 1)] = colour
        video = VideoFile(tmp_path / "v.mkv", SMALL, Fraction(30))
        for n in range(3):
            video.write(image, n / 30)
        video.close()
        back = decoded(tmp_path / "v.mkv")[-1]
        assert (back.colorspace, back.color_range) == (1, 1)  # BT.709, limited: as every player assumes for HD
        pixels = back.to_ndarray(format="bgr24")
        for n, colour in enumerate(colours):
            assert pixels[48, 32 * n + 16].astype(int) == pytest.approx(colour, abs=5)

    def test_a_key_frame_stands_every_half_second(self, tmp_path: Path) -> None:
        for rate in (Fraction(25), Fraction(30), Fraction(60), None):
            video = VideoFile(tmp_path / "v.mkv", SMALL, rate)
            for n in range(80):
                video.write(paint_index(grey(), n), n / (rate or 25))
            video.close()
            keys = [f.time for f in decoded(tmp_path / "v.mkv") if f.key_frame]
            assert len(keys) > 1
            assert max(np.diff(keys)) <= 0.501

    @pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
    def test_times_are_kept_to_the_millisecond_and_always_grow(self, suffix: str, tmp_path: Path) -> None:
        path = tmp_path / f"v{suffix}"
        times = [0.0, 0.0333, 0.0334, 0.0335, 0.1, 7.5]
        video = VideoFile(path, SMALL, Fraction(30))
        for n, seconds in enumerate(times):
            video.write(paint_index(grey(), n), seconds)
        video.close()
        assert [f.time for f in decoded(path)] == pytest.approx([0.0, 0.033, 0.034, 0.035, 0.1, 7.5])
        assert indices(path) == list(range(6))

    @pytest.mark.parametrize("size", [Size(161, 97), Size(2, 2), Size(3, 2)])
    def test_odd_rows_and_columns_are_left_out(self, size: Size, tmp_path: Path) -> None:
        video = VideoFile(tmp_path / "v.mkv", size, Fraction(30))
        video.write(grey(size), 0.0)
        video.close()
        (back,) = decoded(tmp_path / "v.mkv")
        assert (back.width, back.height) == (size.width // 2 * 2, size.height // 2 * 2)

    def test_pictures_may_lie_in_memory_as_they_like(self, tmp_path: Path) -> None:
        image = paint_index(grey(), 77)
        wide, four = np.zeros((200, 400, 3), np.uint8), np.zeros((96, 160, 4), np.uint8)
        crop, bgr, flipped = wide[50:146, 30:190], four[..., :3], image[::-1].copy()[::-1]
        video = VideoFile(tmp_path / "v.mkv", SMALL, Fraction(30))
        for n, view in enumerate((crop, bgr, flipped)):
            view[:] = image
            view.flags.writeable = False
            video.write(view, n / 30)
        video.close()
        assert indices(tmp_path / "v.mkv") == [77] * 3

    def test_a_picture_of_one_pixel_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="1 x 1 pixels cannot be recorded"):
            VideoFile(tmp_path / "v.mkv", Size(1, 1), None)

    def test_closing_twice_or_without_frames_is_no_trouble(self, tmp_path: Path) -> None:
        video = VideoFile(tmp_path / "v.mkv", SMALL, None)
        video.close()
        video.close()

    def test_a_rate_below_one_frame_in_two_seconds(self, tmp_path: Path) -> None:
        video = VideoFile(tmp_path / "v.mkv", SMALL, Fraction(1, 5))
        video.write(grey(), 0.0)
        video.close()
        assert len(decoded(tmp_path / "v.mkv")) == 1

    def test_a_place_that_cannot_be_written_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="Cannot write"):
            VideoFile(tmp_path / "none" / "v.mkv", SMALL, None)

    def test_a_full_disk_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "v.mkv").symlink_to("/dev/full")

        def write() -> None:
            video = VideoFile(tmp_path / "v.mkv", SMALL, None)
            try:
                video.write(grey(), 0.0)
            finally:
                video.close()

        with pytest.raises(OutputError, match="No space left on device"):
            write()


class TestEncoders:
    def test_auto_takes_hardware_where_it_works_and_else_x264(self) -> None:
        works = [name for name in CHOICES[2:] if not trouble_with(name, Size(640, 480))]
        expected = f"h264_{works[0]}" if works else "libx264"
        assert choose_encoder("auto").name == expected

    def test_an_encoder_that_was_asked_for_is_used_or_refused(self) -> None:
        for name in CHOICES[2:]:
            if trouble_with(name, Size(640, 480)):
                with pytest.raises(EncoderError, match=f"encoder '{name}' does not work on this computer"):
                    choose_encoder(name)
            else:
                assert choose_encoder(name).name == f"h264_{name}"

    def test_an_unknown_encoder_is_named_with_the_known_ones(self) -> None:
        with pytest.raises(OutputError, match=r"no encoder 'divx'.*auto, x264, nvenc"):
            choose_encoder("divx")

    @pytest.mark.parametrize("pixels", ["yuv420p", "nv12"])
    def test_black_is_black(self, pixels: str) -> None:
        assert black(SMALL, pixels).to_ndarray(format="bgr24").max() <= 1

    @pytest.mark.parametrize("name", CHOICES[2:])
    def test_hardware_writes_a_video_that_can_be_read(self, name: str, tmp_path: Path) -> None:
        size = Size(640, 480)
        if reason := trouble_with(name, size):
            pytest.skip(f"no such encoder here: {reason}")
        video = VideoFile(tmp_path / "v.mkv", size, Fraction(30), encoder=choose_encoder(name, size))
        for n in range(40):
            video.write(paint_index(grey(size), n), n / 30)
        video.close()
        assert indices(tmp_path / "v.mkv") == list(range(40))

    def test_a_forced_key_frame_needs_nothing_before_it(self, tmp_path: Path) -> None:
        video = VideoFile(tmp_path / "v.mkv", SMALL, Fraction(30))
        for n in range(14):
            video.put(black(SMALL), n / 30, key=n in (5, 9))
        video.close()
        assert [n for n, f in enumerate(decoded(tmp_path / "v.mkv")) if f.key_frame] == [0, 5, 9]
