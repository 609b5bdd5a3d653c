"""Which screen is the second monitor: pure rules."""

import pytest

from app.gui.layout import Area
from app.gui.monitors import Monitor, covers, find_again, next_choice

WALL = Monitor("HDMI-1", "EIZO CX", "123", Area(1920, 0, 1920, 1080))
CART = Monitor("DP-2", "", "", Area(0, 1080, 1280, 1024))


def test_the_same_device_is_found_in_another_socket_before_another_device_in_its_own() -> None:
    moved = Monitor("DP-3", WALL.model, WALL.serial)
    other = Monitor("HDMI-1", "Dell", "9")
    assert find_again(WALL, [other, moved]) is moved


def test_another_device_in_its_socket_takes_its_place() -> None:
    other = Monitor("HDMI-1", "Dell", "9")
    assert find_again(WALL, [CART, other]) is other


@pytest.mark.parametrize("name", ["hdmi-1", "eizo cx", "123"])
def test_a_user_may_name_socket_model_or_serial_number(name: str) -> None:
    assert find_again(Monitor(name), [CART, WALL]) is WALL


def test_what_is_not_there_is_not_found() -> None:
    assert find_again(WALL, []) is None
    assert find_again(Monitor("x"), [WALL, CART, Monitor("")]) is None


def test_two_monitors_without_serial_numbers_are_told_apart_by_their_names() -> None:
    one, two = Monitor("A", "same"), Monitor("B", "same")
    assert find_again(two, [one, two]) is two


def test_the_key_goes_round() -> None:
    assert next_choice(None, []) is None
    assert next_choice(None, [WALL, CART]) is WALL
    assert next_choice(WALL, [WALL, CART]) is CART
    assert next_choice(CART, [WALL, CART]) is None
    assert next_choice(Monitor("gone"), [WALL]) is None


def test_a_mirror_covers_and_a_neighbour_does_not() -> None:
    live = Monitor("live", area=Area(0, 0, 1920, 1080))
    assert covers(live, Monitor("mirror", area=Area(0, 0, 1280, 720)))
    assert not covers(live, WALL)
    assert not covers(live, CART)
