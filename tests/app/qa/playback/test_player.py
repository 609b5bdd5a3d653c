"""The player: exact pictures, both ways, at any speed, and never an old picture under a new name."""

import itertools
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import pytest

from app.qa.opened import open_for_review
from app.qa.playback.player import Player
from tests.app.qa.playback.films import film, number, picture, playing, recorded

GOP_60 = {"preset": "medium", "bf": "3", "g": "60", "keyint_min": "60", "threads": "1", "crf": "30"}


def test_the_first_picture_comes_by_itself(tmp_path: Path) -> None:
    with playing(recorded(tmp_path / "r"), tmp_path) as (_, screen):
        state = screen.shows(0)
        assert number(state.picture) == 0
        assert (state.playing, state.fault, state.wanted) == (False, "", None)
        assert state.picture is not None
        assert not state.picture.flags.writeable


def test_seeking_and_stepping_show_exactly_the_picture(tmp_path: Path) -> None:
    with playing(film(tmp_path / "a.mp4", options=GOP_60), tmp_path) as (player, screen):
        screen.until(lambda s: s.axis.whole)
        for position in (59, 0, 31, 30, 29, 28, 45):
            player.seek(position)
            assert number(screen.shows(position).picture) == position
        player.step(-1)
        assert number(screen.shows(44).picture) == 44
        player.step(3)
        assert number(screen.shows(47).picture) == 47


def test_positions_beyond_the_ends_are_the_ends(tmp_path: Path) -> None:
    with playing(recorded(tmp_path / "r"), tmp_path) as (player, screen):
        player.seek(1000)
        assert number(screen.shows(59).picture) == 59
        player.step(1)
        player.step(-70)
        assert number(screen.shows(0).picture) == 0


def test_steps_that_follow_fast_add_up(tmp_path: Path) -> None:
    with playing(recorded(tmp_path / "r"), tmp_path) as (player, screen):
        player.seek(40)
        for _ in range(5):
            player.step(-2)
        assert number(screen.shows(30).picture) == 30


@pytest.mark.parametrize("speed", [2.0, -2.0])
def test_playing_shows_pictures_in_order_up_to_the_end_and_then_stands_still(tmp_path: Path, speed: float) -> None:
    with playing(recorded(tmp_path / "r", wide_from=30), tmp_path) as (player, screen):
        begin, end = (0, 59) if speed > 0 else (59, 0)
        player.seek(begin)
        screen.shows(begin)
        player.play(speed)
        screen.until(lambda s: s.exact and s.position == end and not s.playing)
        shown = [s.position for s in screen.states if s.exact and s.picture is not None]
        assert all(number(s.picture) == s.position for s in screen.states if s.exact and s.picture is not None)
        run = shown[shown.index(begin) :]
        assert run == sorted(run, reverse=speed < 0)
        assert len(set(run)) >= 20


def test_from_the_end_playing_begins_anew(tmp_path: Path) -> None:
    with playing(recorded(tmp_path / "r"), tmp_path) as (player, screen):
        player.seek(59)
        screen.shows(59)
        player.play()
        assert screen.until(lambda s: s.position in range(5)).playing


def test_a_loop_is_played_over_and_over(tmp_path: Path) -> None:
    with playing(recorded(tmp_path / "r"), tmp_path) as (player, screen):
        screen.shows(0)
        player.loop(20, 29)
        player.play(4)
        turns = 0
        deadline = time.monotonic() + 20
        while turns < 3 and time.monotonic() < deadline:
            positions = [s.position for s in list(screen.states) if s.exact and s.playing]
            turns = sum(b < a for a, b in itertools.pairwise(positions))
            time.sleep(0.02)
        assert turns >= 3
        player.loop(None)
        player.pause()
        state = screen.until(lambda s: not s.playing and s.achieved == 0)
        assert state.loop is None
        inside = {s.position for s in screen.states if s.playing and s.loop and s.exact and s.achieved}
        assert inside <= set(range(20, 30))


def test_at_eight_times_the_speed_pictures_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", count=300, rate=Fraction(50), options=GOP_60)
    with playing(path, tmp_path) as (player, screen):
        screen.until(lambda s: s.axis.whole and s.exact)
        begun = time.perf_counter()
        player.play(8)
        screen.until(lambda s: s.position == 299 and not s.playing)
        took = time.perf_counter() - begun
        positions = [s.position for s in screen.states if s.exact]
        left_out = 300 - len(set(positions))
        assert screen.states[-1].dropped >= left_out - 5
        assert took >= 0.7  # six seconds of video: never faster than asked for


def test_speeds_are_kept_within_their_bounds(tmp_path: Path) -> None:
    with playing(recorded(tmp_path / "r"), tmp_path) as (player, screen):
        player.play(50)
        assert player.state().speed == 8
        player.play(-0.001)
        assert player.state().speed == -0.1
        screen.until(lambda s: s.exact)


def test_before_counting_the_nearest_key_frame_is_shown_and_said_to_be_that(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    opened = open_for_review(path, tmp_path)
    assert not opened.axis.whole
    with playing(opened, tmp_path) as (player, screen):
        player.seek(35)
        assert number(screen.shows(35).picture) == 35
        estimates = [s for s in screen.states if s.picture is not None and not s.axis.whole]
        assert all(not s.exact and s.wanted is not None for s in estimates)


def test_what_is_far_from_a_key_frame_shows_that_first(tmp_path: Path) -> None:
    with playing(film(tmp_path / "a.mp4", count=60, options=GOP_60), tmp_path) as (player, screen):
        screen.until(lambda s: s.axis.whole and s.exact)
        player.seek(55)
        screen.shows(55)
        meanwhile = [
            s for s in screen.states if not s.exact and s.wanted == 55 and s.axis.whole and s.picture is not None
        ]
        assert meanwhile
        assert all(s.position == number(s.picture) == 0 for s in meanwhile)


def test_of_many_seeks_the_last_one_wins(tmp_path: Path) -> None:
    with playing(film(tmp_path / "a.mp4", count=60, options=GOP_60), tmp_path) as (player, screen):
        screen.until(lambda s: s.axis.whole)
        for position in [*range(59, 3, -1), 17]:
            player.seek(position)
        assert number(screen.shows(17).picture) == 17
        assert len({s.position for s in screen.states if s.exact}) < 40


def test_a_damaged_picture_is_a_fault_with_words(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", options={"preset": "ultrafast", "g": "10", "threads": "1"})
    with av.open(str(path)) as container:
        payload = next(bytes(p) for p in container.demux(video=0) if p.pts == 25 * 40)
    data = path.read_bytes()
    begin = data.index(payload) + 6
    path.write_bytes(data[:begin] + bytes(len(payload) - 12) + data[begin + len(payload) - 12 :])
    with playing(path, tmp_path) as (player, screen):
        screen.until(lambda s: s.axis.whole)
        player.seek(25)
        assert "damaged" in screen.shows(25).fault
        player.seek(31)
        state = screen.shows(31)
        assert (number(state.picture), state.fault) == (31, "")


def test_a_sidecar_of_another_video_is_said_once_it_is_found_out(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", count=60)
    other = recorded(tmp_path / "s", count=75)
    opened = open_for_review(folder, tmp_path)
    (other / "video-001.mkv").replace(folder / "video-001.mkv")
    with playing(opened, tmp_path) as (_, screen):
        fault = screen.until(lambda s: bool(s.fault)).fault
    assert "lists 60 frames of video-001.mkv, which holds 75" in fault


def test_a_file_that_vanishes_is_a_fault_without_an_old_picture(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "r", wide_from=30)
    opened = open_for_review(folder, tmp_path)
    with playing(opened, tmp_path) as (player, screen):
        screen.shows(0)
        screen.until(lambda s: s.opened.checked)
        (folder / "video-002.mkv").rename(folder / "away")
        player.seek(45)
        state = screen.until(lambda s: bool(s.fault))
        assert state.picture is None
        assert not state.exact
        (folder / "away").rename(folder / "video-002.mkv")
        player.seek(45)
        assert number(screen.shows(45).picture) == 45
        assert player.state().fault == ""


def test_closing_while_it_decodes_leaves_no_thread(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", options=GOP_60)
    before = threading.active_count()
    for wait_s in (0.0, 0.01, 0.05):
        player = Player(open_for_review(path, tmp_path / str(wait_s)), lambda: None, tmp_path / str(wait_s))
        player.seek(50)
        player.play(-8)
        time.sleep(wait_s)
        player.close()
    assert threading.active_count() == before


def test_pictures_are_kept_within_a_bound(tmp_path: Path) -> None:
    one = 160 * 96 * 3 // 2
    with playing(recorded(tmp_path / "r"), tmp_path, most_bytes=20 * one) as (player, screen):
        player.seek(59)
        screen.shows(59)
        for position in range(58, -1, -1):
            player.step(-1)
            assert number(screen.shows(position).picture) == position
        assert player.kept_bytes <= 25 * one


def test_images_of_a_folder_are_played_too(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for n in range(20):
        cv2.imwrite(str(folder / f"{n}.png"), picture(n))
    with playing(folder, tmp_path) as (player, screen):
        screen.shows(0)
        player.play(4)
        state = screen.until(lambda s: s.position == 19 and not s.playing)
        assert number(state.picture) == 19
        player.step(-7)
        assert number(screen.shows(12).picture) == 12


@pytest.mark.parametrize("speed", [8.0, -8.0])
def test_far_from_key_frames_fast_playing_still_runs_one_way(tmp_path: Path, speed: float) -> None:
    path = film(tmp_path / "a.mp4", count=240, rate=Fraction(50), options=GOP_60)
    with playing(path, tmp_path) as (player, screen):
        begin, end = (0, 239) if speed > 0 else (239, 0)
        player.seek(begin)
        screen.shows(begin)
        player.play(speed)
        screen.until(lambda s: s.exact and s.position == end and not s.playing)
        states = [s for s in screen.states if s.exact and s.playing and s.picture is not None]
        assert all(number(s.picture) == s.position for s in states)
        run = [s.position for s in states]
        assert run == sorted(run, reverse=speed < 0)
        assert len(set(run)) >= 3
