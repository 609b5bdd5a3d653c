import logging

import pytest

from app.gui.notices import Notice, NoticeBoard, Weight


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> NoticeBoard:
    return NoticeBoard(clock)


FAULT = Notice("The disk is full.", "The video goes on.", "Make room.", Weight.WARNING)


def test_an_empty_board_shows_nothing(board: NoticeBoard) -> None:
    assert board.current() is None


def test_a_notice_passes_by_and_a_problem_stays_longer(board: NoticeBoard, clock: Clock) -> None:
    board.post(Notice("Saved."))
    assert board.current() == Notice("Saved.")
    clock.now_s = 6.1
    assert board.current() is None
    board.post(FAULT)
    assert board.current() == FAULT
    clock.now_s += 11
    assert board.current() == FAULT


def test_problems_come_first_and_every_notice_gets_its_time(board: NoticeBoard, clock: Clock) -> None:
    board.post(Notice("One."))
    assert board.current() == Notice("One.")
    board.post(Notice("Two."))
    board.post(FAULT)
    assert board.current() == Notice("One.")
    clock.now_s += 3.1
    assert board.current() == FAULT
    clock.now_s += 12.1
    assert board.current() == Notice("Two.")


def test_the_same_notice_is_shown_once(board: NoticeBoard, clock: Clock) -> None:
    board.post(FAULT)
    assert board.current() == FAULT
    board.post(FAULT)
    clock.now_s += 12.1
    assert board.current() is None


def test_a_flood_is_bounded(board: NoticeBoard, clock: Clock) -> None:
    for number in range(100):
        board.post(Notice(f"Number {number}."))
    shown = 0
    while board.current() is not None:
        shown += 1
        clock.now_s += 6.1
    assert shown < 10


def test_every_notice_is_logged_and_wakes_the_screen(caplog: pytest.LogCaptureFixture) -> None:
    woken: list[bool] = []
    with caplog.at_level(logging.INFO):
        NoticeBoard(wake=lambda: woken.append(True)).post(FAULT)
    assert "The disk is full. The video goes on. Make room." in caplog.text
    assert woken == [True]
