"""The scaled picture is made once for all screens of a size in a thread, and never shared between threads."""

import threading

import numpy as np

from app.gui.scaler import Scaler
from detector.geometry import Size
from tests.app.gui.fakes import frame

IMAGE = np.random.default_rng(3).integers(0, 255, (90, 160, 3), np.uint8)


def test_a_second_screen_of_the_same_size_gets_the_picture_that_is_there() -> None:
    first, second, one = Scaler(), Scaler(), frame(1, IMAGE)
    made = first.scale(one, Size(80, 45))
    assert second.scale(one, Size(80, 45)) is made


def test_another_size_and_another_picture_are_scaled_anew() -> None:
    first, second, one = Scaler(), Scaler(), frame(1, IMAGE)
    made = first.scale(one, Size(80, 45))
    assert second.scale(one, Size(64, 36)).shape == (36, 64, 3)
    assert second.scale(frame(2, IMAGE.copy()), Size(80, 45)) is not made
    assert first.scale(one, Size(80, 45)) is made


def test_what_is_lent_equals_what_would_be_made() -> None:
    one = frame(1, IMAGE)
    lender, borrower = Scaler(), Scaler()
    lender.scale(one, Size(70, 40))
    np.testing.assert_array_equal(
        borrower.scale(one, Size(70, 40)), Scaler().scale(frame(1, IMAGE.copy()), Size(70, 40))
    )


def test_a_scaler_of_another_thread_lends_nothing() -> None:
    one, mine = frame(1, IMAGE), Scaler()
    made = mine.scale(one, Size(80, 45))
    theirs: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: theirs.append(Scaler().scale(one, Size(80, 45))))
    thread.start()
    thread.join()
    assert theirs[0] is not made
    np.testing.assert_array_equal(theirs[0], made)
