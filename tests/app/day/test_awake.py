import threading

from app.day.awake import Awake, Held, Of, summary, tried


class OneHold:
    def __init__(self, name: str, *covers: Of, there: bool = True) -> None:
        self.name, self.covers, self.there = name, frozenset(covers), there
        self.calls: list[str] = []

    def take(self) -> bool:
        self.calls.append("take")
        return self.there

    def release(self) -> None:
        self.calls.append("release")


def test_everything_that_there_is_is_taken_and_let_go():
    logind, desktop = OneHold("logind", Of.SLEEP), OneHold("desktop", Of.SCREEN_SAVER)
    absent = OneHold("notifications", Of.NOTIFICATIONS, there=False)
    told: list[Held] = []
    said = threading.Event()
    awake = Awake([logind, desktop, absent], lambda held: (told.append(held), said.set()))
    awake.start()
    assert said.wait(5)
    assert told == [Held(("logind", "desktop"), (Of.NOTIFICATIONS,))]
    assert logind.calls == ["take"]
    awake.close()
    assert (logind.calls, desktop.calls, absent.calls) == (["take", "release"], ["take", "release"], ["take"])


def test_a_desktop_that_does_not_answer_keeps_nobody_waiting():
    hanging, free = OneHold("desktop", Of.SLEEP), threading.Event()
    hanging.take = lambda: free.wait(30)
    awake = Awake([hanging])
    awake.start()
    awake.close(timeout_s=0.05)
    free.set()
    awake.close()
    assert hanging.calls == ["release"]


def test_what_is_not_held_off_is_named():
    assert summary([]).words() == (
        "Not held off here: sleep and screen saver and notifications. Switch it off in the system's settings."
    )
    some = summary([OneHold("Windows", Of.SLEEP, Of.SCREEN_SAVER)])
    assert some.words() == (
        "Not held off here: notifications. Switch it off in the system's settings. The rest is held off by: Windows."
    )
    assert summary([OneHold("all", *Of)]).words() == "Sleep, screen saver and notifications are held off (all)."


def test_a_self_test_tries_and_lets_go_at_once():
    hold = OneHold("logind", Of.SLEEP)
    assert tried([hold]).by == ("logind",)
    assert hold.calls == ["take", "release"]
