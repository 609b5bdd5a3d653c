"""The set-up from the cables to a settings file that a start uses: by keys alone, by touch alone, and what fails."""

import argparse
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt, QTimer
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.devices.device import Bus, BusKind, Device, Signal
from app.devices.formats import Format
from app.devices.linux import list_linux
from app.devices.v4l2 import Probe
from app.devices.watch import DeviceWatcher
from app.gui.interrupts import Interrupts
from app.gui.setup_area import HANDLES, Part
from app.gui.setup_draft import Draft
from app.gui.setup_parts import TOUCH_PX
from app.gui.setup_run import after_setup, run_setup
from app.gui.setup_sources import SourcePage, state_of
from app.gui.setup_window import SetupWindow, show_setup
from app.phantom import bundled
from app.settings.codec import encode
from app.settings.effective import effective
from app.settings.model import Settings
from app.settings.store import Loaded, load_settings
from detector.errors import SourceError
from detector.geometry import Size
from detector.picture.area import Area
from tests.app.devices.fake_tree import FakeMachine
from tests.clips import write_video

SOON_MS = 15_000
KEY = Qt.Key
GRABBER = Device(
    "grabber",
    True,
    "A grabber & more",
    "/dev/video0",
    "camera:/dev/v4l/by-id/grabber",
    Bus(BusKind.USB, 5000),
    (
        Format("UYVY", 1920, 1080, (Fraction(60), Fraction(60000, 1001), Fraction(50), Fraction(25))),
        Format("UYVY", 1280, 720, (Fraction(60), Fraction(50))),
        Format("MJPG", 1920, 1080, (Fraction(60),)),
        Format("H264", 1920, 1080, (Fraction(60),)),
    ),
    Signal(1920, 1080, Fraction(50)),
)
LOCKED = Device("b", True, "Webcam", "/dev/video2", "camera:/dev/video2", problem="no permission", hint="Ask for it.")
BUSY = Device("c", True, "Other", "/dev/video4", "camera:/dev/video4", formats=GRABBER.formats, open_in=("obs",))

OpenSetup = Callable[..., SetupWindow]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that moves between black borders."""
    path = tmp_path_factory.mktemp("clips") / "borders.mp4"
    rng = np.random.default_rng(1)
    images = []
    for _ in range(40):
        image = np.zeros((240, 320, 3), np.uint8)
        image[20:220, 80:280] = rng.integers(0, 2, (10, 10, 3), np.uint8).repeat(20, 0).repeat(20, 1) * 180 + 30
        images.append(image)
    write_video(path, images, rate=Fraction(5))
    return path


@pytest.fixture
def open_setup(qtbot: QtBot, tmp_path: Path) -> Iterator[OpenSetup]:
    opened = []

    def open_it(settings: Settings | None = None, devices: tuple[Device, ...] = (), **loaded: object) -> SetupWindow:
        told = Loaded(settings or Settings(), tmp_path / "settings.json", **loaded)  # type: ignore[arg-type]
        window = SetupWindow(told, lambda: list(devices))
        opened.append(window)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield open_it
    for window in opened:
        window.close()


def press(window: SetupWindow, *keys: Qt.Key) -> None:
    for key in keys:
        QTest.keyClick(window.focusWidget() or window, key)


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def ready(window: SetupWindow) -> bool:
    return window.next.isEnabled()


def tab_to(window: SetupWindow, wanted: QWidget) -> None:
    for _ in range(40):
        if window.focusWidget() is wanted:
            return
        press(window, KEY.Key_Tab)
    pytest.fail(f"Tab does not reach {wanted}")


def started_with(path: Path) -> argparse.Namespace:
    """What `polypwatch live` would start with."""
    args = argparse.Namespace(source=None, record=None, snapshots=None)
    return effective(args, load_settings(path)).arguments(args)


def test_by_keys_alone_a_file_is_chosen_seen_confirmed_and_kept(
    open_setup: OpenSetup, qtbot: QtBot, clip: Path, tmp_path: Path
) -> None:
    window = open_setup()
    press(window, KEY.Key_Return)
    assert window.page is window.source
    qtbot.waitUntil(lambda: "None is plugged in" in window.source.nothing.text(), timeout=SOON_MS)
    assert not ready(window)
    tab_to(window, window.source.address)
    QTest.keyClicks(window.source.address, str(clip))
    press(window, KEY.Key_Return)
    assert window.page is window.look
    qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
    tab_to(window, window.look.fields.buttons["auto"])
    press(window, KEY.Key_Right)
    assert window.draft.deinterlace == "off"
    qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
    press(window, KEY.Key_Return)
    assert window.page is window.area
    qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
    found = window.area.canvas.area
    assert found is not None
    assert found.iou(Area(80, 20, 200, 200)) > 0.9
    tab_to(window, window.area.part.buttons[Part.WHOLE])
    press(window, KEY.Key_Down)
    tab_to(window, window.area.canvas)
    press(window, KEY.Key_Left)
    assert window.area.canvas.area != found
    press(window, KEY.Key_Return)
    assert window.page is window.place
    tab_to(window, window.place.folder)
    QTest.keyClicks(window.place.folder, str(tmp_path / "recordings"))
    with qtbot.waitSignal(window.closed):
        press(window, KEY.Key_Return)
    assert window.result is not None
    args = started_with(tmp_path / "settings.json")
    assert (args.source, args.deinterlace, args.record) == (str(clip), "off", tmp_path / "recordings")
    assert args.area == ",".join(map(str, window.area.canvas.area or ()))


def test_by_touch_alone_the_phantom_is_tried(open_setup: OpenSetup, qtbot: QtBot, tmp_path: Path) -> None:
    window = open_setup()
    click(window.next)
    click(window.source.phantom)
    click(window.next)
    qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
    click(window.look.aspect.buttons["4:3"])
    click(window.look.aspect.buttons[None])
    click(window.next)
    qtbot.waitUntil(lambda: window.area.canvas.full is not None, timeout=SOON_MS)
    click(window.area.take_whole)
    click(window.next)
    click(window.place.language.buttons["it"])
    click(window.next)
    args = started_with(tmp_path / "settings.json")
    assert (args.source, args.area, args.aspect) == (str(bundled().video), "full", None)
    assert window.result is not None
    assert window.result.language == "it"


def test_tab_comes_by_every_source(open_setup: OpenSetup, qtbot: QtBot) -> None:
    window = open_setup(devices=(LOCKED, GRABBER))
    press(window, KEY.Key_Return)
    page = window.source
    qtbot.waitUntil(lambda: len(page.devices) == 2, timeout=SOON_MS)
    for wanted in (*(row for _, row in page.devices.values()), page.again, page.address, page.file, page.phantom):
        tab_to(window, wanted)
    press(window, KEY.Key_Space)
    for _ in range(2):  # the second press takes nothing back
        assert [page.phantom.isChecked(), page.file.isChecked()] == [True, False]
        press(window, KEY.Key_Space)
    assert window.draft.spec == str(bundled().video)


def test_escape_goes_back_with_nothing_lost_and_leaves_without_writing(
    open_setup: OpenSetup, qtbot: QtBot, clip: Path, tmp_path: Path
) -> None:
    window = open_setup()
    window.go_on()
    window.source.choose_file(str(clip))
    window.go_on()
    qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
    click(window.look.colours.buttons["601:709"])
    press(window, KEY.Key_Escape)
    assert window.page is window.source
    assert window.source.file.isChecked()
    window.go_on()
    assert window.look.colours.value == "601:709"
    press(window, KEY.Key_Escape, KEY.Key_Escape)
    with qtbot.waitSignal(window.closed):
        press(window, KEY.Key_Escape)
    assert window.result is None
    assert not (tmp_path / "settings.json").exists()


def test_devices_say_what_is_wrong_with_them_and_only_a_sound_one_can_be_taken(
    open_setup: OpenSetup, qtbot: QtBot
) -> None:
    window = open_setup(devices=(GRABBER, LOCKED, BUSY))
    window.go_on()
    page = window.source
    qtbot.waitUntil(lambda: len(page.devices) == 3, timeout=SOON_MS)
    assert [state_of(d) for d, _ in page.devices.values()] == [
        "Input: 1920x1080p50.",
        "Cannot be used as it is: no permission.",
        "In use by obs.",
    ]
    click(page.devices[LOCKED.source][1])
    assert not ready(window)
    assert window.hint.text() == "no permission. Ask for it."
    click(page.devices[GRABBER.source][1])
    assert ready(window)


def test_the_rules_format_is_proposed_and_another_one_can_be_chosen(open_setup: OpenSetup, qtbot: QtBot) -> None:
    window = open_setup(devices=(GRABBER,))
    window.go_on()
    page = window.source
    qtbot.waitUntil(lambda: len(page.devices) == 1, timeout=SOON_MS)
    click(page.devices[GRABBER.source][1])
    assert window.draft.format == "UYVY@1920x1080@50"
    assert "uncompressed" in page.formats.reason.text()
    assert [page.formats.fourcc.itemText(n) for n in range(page.formats.fourcc.count())] == ["UYVY", "MJPG"]
    page.formats.rate.setFocus()
    press(window, KEY.Key_Up)
    assert window.draft.format == "UYVY@1920x1080@59.94"
    page.formats.size_.setFocus()
    press(window, KEY.Key_Down)
    assert window.draft.format == "UYVY@1280x720@60"
    click(page.formats.propose)
    assert window.draft.typed == f"{GRABBER.source}?format=UYVY@1920x1080@50"


def test_a_remembered_device_and_format_are_shown_again(open_setup: OpenSetup, qtbot: QtBot) -> None:
    settings = Settings.model_validate({"source": {"spec": GRABBER.source, "format": "format=MJPG@1920x1080@60"}})
    window = open_setup(settings, devices=(GRABBER,))
    window.go_on()
    qtbot.waitUntil(lambda: len(window.source.devices) == 1, timeout=SOON_MS)
    assert window.source.devices[GRABBER.source][1].isChecked()
    assert str(window.source.formats.wish) == "MJPG@1920x1080@60"
    assert ready(window)


def test_a_device_appears_when_it_is_plugged_in_and_goes_when_it_is_pulled_out(qtbot: QtBot, tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path / "machine")
    page = SourcePage(
        partial(list_linux, machine.roots, lambda node: Probe("card", formats=GRABBER.formats)),
        partial(DeviceWatcher, interval_s=0.05, roots=machine.roots),
    )
    qtbot.addWidget(page)
    page.enter(page.draft)
    qtbot.waitUntil(lambda: "None is plugged in" in page.nothing.text(), timeout=SOON_MS)
    machine.plug_usb("2-1", ("video0",))
    qtbot.waitUntil(lambda: len(page.devices) == 1, timeout=SOON_MS)
    machine.unplug("video0")
    qtbot.waitUntil(lambda: not page.devices, timeout=SOON_MS)
    page.leave()


def test_devices_that_cannot_be_listed_are_said_and_a_file_still_works(qtbot: QtBot, clip: Path) -> None:
    def none() -> list[Device]:
        raise SourceError("Cameras of this system cannot be listed.")

    page = SourcePage(none)
    qtbot.addWidget(page)
    page.enter(page.draft)
    qtbot.waitUntil(lambda: "cannot be listed" in page.nothing.text(), timeout=SOON_MS)
    page.choose_file(str(clip))
    assert page.missing() == ""
    page.leave()


@pytest.mark.parametrize(
    ("typed", "says"), [("", "Choose a source."), ("ftp://host/x", "not known"), ("camera:x", "names no camera")]
)
def test_a_source_that_is_none_is_refused_in_words(open_setup: OpenSetup, typed: str, says: str) -> None:
    window = open_setup()
    window.go_on()
    QTest.keyClicks(window.source.address, typed)
    assert not ready(window)
    assert says in window.hint.text()


def test_the_password_of_an_address_is_not_shown_beside_it(open_setup: OpenSetup) -> None:
    window = open_setup()
    window.go_on()
    QTest.keyClicks(window.source.address, "rtsp://me:secret@host/live")
    assert "secret" not in window.source.about.text()
    assert ready(window)


def test_a_remembered_address_keeps_the_password_that_it_does_not_show(open_setup: OpenSetup, qtbot: QtBot) -> None:
    spec = "rtsp://me:secret@host/live"
    window = open_setup(Settings.model_validate({"source": {"spec": spec}}))
    window.go_on()
    qtbot.waitUntil(lambda: "None is plugged in" in window.source.nothing.text(), timeout=SOON_MS)
    assert window.source.address.text() == "rtsp://host/live"
    assert window.draft.spec == spec
    assert ready(window)


def test_a_source_that_cannot_be_opened_says_why_and_comes_alive_by_itself(
    open_setup: OpenSetup, qtbot: QtBot, clip: Path, tmp_path: Path
) -> None:
    window = open_setup()
    window.go_on()
    late = tmp_path / "late.mp4"
    window.source.choose_file(str(late))
    window.go_on()
    qtbot.waitUntil(lambda: "does not exist" in window.look.canvas.state.trouble, timeout=SOON_MS)
    assert not ready(window)
    (tmp_path / "part").write_bytes(clip.read_bytes())
    (tmp_path / "part").rename(late)
    qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
    qtbot.waitUntil(lambda: "320 x 240 pixels" in window.look.facts.text(), timeout=SOON_MS)


@pytest.fixture
def at_area(open_setup: OpenSetup, qtbot: QtBot, clip: Path) -> SetupWindow:
    """On the page of the picture area, with an area that was confirmed earlier."""
    source = {"spec": str(clip), "area": "80,20,160,160"}
    window = open_setup(Settings.model_validate({"source": source}))
    for page in (window.source, window.look, window.area):
        qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
        window.go_on()
        assert window.page is page
    qtbot.waitUntil(lambda: window.area.canvas.area is not None, timeout=SOON_MS)
    return window


def test_an_area_that_was_confirmed_is_kept_whatever_is_found(at_area: SetupWindow, qtbot: QtBot) -> None:
    area = at_area.area
    qtbot.waitUntil(area.take_found.isEnabled, timeout=SOON_MS)
    assert area.canvas.area == Area(80, 20, 160, 160)
    click(area.take_found)
    assert area.canvas.area != Area(80, 20, 160, 160)


@pytest.mark.parametrize("part", HANDLES)
def test_every_handle_is_large_enough_for_a_finger_and_moves_its_edges(at_area: SetupWindow, part: Part) -> None:
    canvas = at_area.area.canvas
    begin = canvas.handle_at(part).toPoint() + QPoint(TOUCH_PX // 2 - 2, 0)
    x, y = HANDLES[part]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=begin)
    QTest.mouseMove(canvas, begin + QPoint(round(30 * (0.5 - x)), round(30 * (0.5 - y))))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton)
    after = canvas.area
    assert after is not None
    assert (after.width < 160) == (x != 0.5)
    assert (after.height < 160) == (y != 0.5)
    assert at_area.draft.area == ",".join(map(str, after))


def test_arrows_on_the_screen_and_on_the_keyboard_move_the_part_that_was_chosen(at_area: SetupWindow) -> None:
    area = at_area.area
    click(area.part.buttons[Part.RIGHT])
    click(area.arrows["\N{LEFTWARDS ARROW}"])
    assert area.canvas.area == Area(80, 20, 150, 160)
    area.canvas.setFocus()
    QTest.keyClick(area.canvas, KEY.Key_Right)
    assert area.canvas.area == Area(80, 20, 152, 160)
    click(area.part.buttons[Part.WHOLE])
    QTest.keyClick(area.canvas, KEY.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert area.canvas.area == Area(80, 0, 152, 160)


def test_an_area_that_does_not_fit_into_the_picture_is_not_taken_over(
    open_setup: OpenSetup, qtbot: QtBot, clip: Path
) -> None:
    window = open_setup(Settings.model_validate({"source": {"spec": str(clip), "area": "420,0,1080,1080"}}))
    for _ in range(3):
        qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
        window.go_on()
    qtbot.waitUntil(lambda: window.area.canvas.full == Size(320, 240), timeout=SOON_MS)
    assert window.area.canvas.area is None
    assert not ready(window)
    qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)  # what was found is proposed


@pytest.mark.parametrize(
    ("folder", "says"),
    [("recordings", "whole path"), ("/no/such/place", "There is no folder"), (__file__, "no folder")],
)
def test_a_folder_that_cannot_hold_recordings_is_refused(open_setup: OpenSetup, folder: str, says: str) -> None:
    window = open_setup()
    window.place.enter(window.draft)
    QTest.keyClicks(window.place.folder, folder)
    assert says in window.place.missing()


def test_settings_that_cannot_be_written_are_said_and_the_set_up_stays(
    open_setup: OpenSetup, qtbot: QtBot, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "settings.json").mkdir()
    window = open_setup(Settings.model_validate({"source": {"spec": str(clip), "area": "full"}}))
    for _ in range(5):
        qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
        window.go_on()
    assert window.place.problem.text() != ""
    assert window.isVisible()
    assert window.result is None


def test_a_settings_file_that_could_not_be_used_is_named_on_every_page(open_setup: OpenSetup) -> None:
    window = open_setup(notes=("settings.json was kept as settings.bad.json.",), lost=True)
    assert window.note.isVisible()
    assert "settings.bad.json" in window.note.text()


@pytest.mark.parametrize("size", [(1280, 720), (960, 540), (640, 480)])
def test_every_button_is_large_enough_for_gloves(open_setup: OpenSetup, size: tuple[int, int]) -> None:
    window = open_setup(devices=(GRABBER,))
    window.resize(*size)
    for at in range(len(window.pages)):
        window._go(at)
        window.grab()
        small = [
            b.text() for b in window.findChildren(QPushButton) if b.isVisible() and min(b.width(), b.height()) < 54
        ]
        assert small == []


def test_the_set_up_that_is_left_gives_nothing(qapp: object, tmp_path: Path, qtbot: QtBot) -> None:
    interrupts = Interrupts()
    interrupts.asked = True
    assert show_setup(interrupts, tmp_path / "settings.json", list) is None


def test_the_set_up_runs_before_there_is_a_window_and_gives_what_it_wrote(
    qapp: QApplication, tmp_path: Path, clip: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(encode(Settings.model_validate({"source": {"spec": str(clip), "area": "80,20,200,200"}})))

    def drive() -> None:
        for window in qapp.topLevelWidgets():
            if isinstance(window, SetupWindow) and ready(window):
                click(window.next)

    timer = QTimer()
    timer.timeout.connect(drive)
    timer.start(50)
    settings = run_setup(path)
    timer.stop()
    assert settings == load_settings(path).settings
    assert settings.source.area == "80,20,200,200"
    assert not any(isinstance(window, SetupWindow) for window in qapp.topLevelWidgets())


def test_what_the_set_up_chose_goes_before_the_command_line_that_the_window_was_opened_with() -> None:
    args = argparse.Namespace(
        given=frozenset({"source", "area", "threads"}), source="old.mp4", area="full", threads=3, record=None
    )
    settings = Draft("/new.mp4", area="0,0,100,100").kept_in(Settings())
    held = effective(after_setup(args), Loaded(settings, Path("settings.json")))
    now = held.arguments(after_setup(args))
    assert (now.source, now.area, now.threads) == ("/new.mp4", "0,0,100,100", 3)


@pytest.mark.skipif(not os.path.exists("/dev/video0"), reason="there is no camera at /dev/video0")
def test_a_real_camera_is_listed_and_seen(qtbot: QtBot, tmp_path: Path) -> None:
    window = SetupWindow(Loaded(Settings(), tmp_path / "settings.json"))
    qtbot.addWidget(window)
    window.go_on()
    qtbot.waitUntil(lambda: bool(window.source.devices), timeout=SOON_MS)
    click(next(row for device, row in window.source.devices.values() if not device.problem))
    window.go_on()
    qtbot.waitUntil(lambda: ready(window), timeout=SOON_MS)
    window.close()
    assert encode(Settings())  # nothing was written
