"""Pictures of the window in each of its states, for docs/live.md: scripted snapshots over frames of the phantom.

    python -m benchmarks.screens OUT [--only NAME ...] [--size 1280x720] [--language it]

Nothing runs behind them: no source, no AI, no recorder. The window is the real one, painted offscreen.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6 import sip
from PyQt6.QtGui import QImage

from app.capture.excerpt import ExcerptSource
from app.gui.application import application
from app.gui.keys import Action
from app.gui.language import use_language
from app.gui.options import WindowOptions
from app.gui.painting import as_bgr
from app.gui.window import LiveWindow
from app.phantom import bundled
from app.snapshot import (
    AiSnapshot,
    LiveSnapshot,
    Quiet,
    RecorderSnapshot,
    SourceSnapshot,
    SourceStatus,
    ViewSnapshot,
)
from app.tally import AiTally
from detector.alerts import Marker
from detector.detections import DetectorInfo
from detector.frame import Frame, FrameTime, SourceInfo, SourceKind
from detector.geometry import Size
from detector.picture.light import Light
from detector.picture.quality import View as Sight
from detector.presets import Preset
from detector.watchdog import AiState

_FRAME = 2040
_MARKERS = (Marker(1, (678.0, 265.0, 783.0, 477.0), 0.83, 0, 60.0, False),)
_PRESETS = (Preset("high", 0.4), Preset("normal", 0.57))
_SHOWN_FOR_S = 34
_FIGURES_S = 0.55  # the status line repaints its figures twice a second
_COLOURS = 64
_NS = 1_000_000_000


@dataclass(frozen=True)
class State:
    """One picture.

    Attributes:
        name: of the file.
        changes: made to a snapshot in which all is well; called with its ``taken_ns``.
        options: of the window.
        narrow: the picture is 5:4, so that there is black beside it.
        actions: what the user presses first.
    """

    name: str
    changes: Callable[[LiveSnapshot], LiveSnapshot]
    options: Callable[[WindowOptions], WindowOptions] = lambda options: options
    narrow: bool = False
    actions: tuple[Action, ...] = ()


class ScriptedSession:
    """Shows what it was told to show, and does nothing."""

    hide_s = 60.0
    ai_enabled = True
    synchronised = shadow = light_override = paused = False
    can_record = True
    can_pause = False

    def __init__(self, first: LiveSnapshot) -> None:
        self.now = first
        self.ai_enabled = first.ai.state is not AiState.OFF

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None

    def statistics(self) -> AiTally:
        """Of an AI that has just begun."""
        return AiTally(0.0, {}, 0, 0.0, 0, 0, 0, 0, None, None)

    @property
    def sensitivity(self) -> str:
        """The preset in force."""
        return self.now.sensitivity

    def snapshot(self) -> LiveSnapshot:
        """What is to be shown."""
        return self.now


class SilentPlayer:
    """There is a sound device, and nobody hears it."""

    fault = ""
    volume_percent = 100

    def play(self) -> None:
        """Be silent."""

    def set_volume(self, percent: int) -> None:
        """Stay silent."""


def states() -> tuple[State, ...]:
    """Every state that has a picture."""
    return (
        State("ready", lambda s: replace(s, markers=())),
        State("detecting", lambda s: s),
        State("cue", lambda s: replace(s, markers=(replace(_MARKERS[0], shown_since_s=_FRAME / 25 - 0.2),))),
        State("options", lambda s: s, lambda o: replace(o, edges=True, confidence=True)),
        State("off", lambda s: _ai(s, AiState.OFF)),
        State("starting", lambda s: _ai(s, AiState.STARTING)),
        State("behind", lambda s: _ai(s, AiState.LATE, overlay_age_ms=1400.0, expired=True)),
        State("restarting", lambda s: _ai(s, AiState.RESTARTING)),
        State("failed", lambda s: _ai(s, AiState.FAILED, detail="the model's file is damaged")),
        State("blurred", lambda s: _quiet(s, Quiet.POOR_VIEW, view=Sight.BLURRED)),
        State("washed_out", lambda s: _quiet(s, Quiet.POOR_VIEW, view=Sight.WASHED_OUT), narrow=True),
        State("outside", lambda s: _quiet(s, Quiet.OUTSIDE, view=Sight.OUTSIDE), narrow=True),
        State("light", lambda s: _quiet(s, Quiet.LIGHT, light=Light.ENHANCED, validated=False)),
        State("insisted", lambda s: replace(s, view=ViewSnapshot(light=Light.ENHANCED, validated=False))),
        State("hidden", _hidden),
        State("hidden_beside", _hidden, narrow=True),
        State("shadow", lambda s: _quiet(s, Quiet.SHADOW), narrow=True),
        State("frozen", lambda s: _quiet(s, Quiet.FROZEN, frozen_since_ns=s.taken_ns - 4 * _NS)),
        State("frozen_long", lambda s: _quiet(s, Quiet.FROZEN, frozen_since_ns=s.taken_ns - 34 * _NS)),
        State("no_signal", lambda s: _source(s, SourceStatus.LOST, retries=3, detail="no frame for 2 s")),
        State("recording", lambda s: _recording(s)),
        State("blank", lambda s: _recording(_quiet(s, Quiet.OUTSIDE, view=Sight.OUTSIDE), blanking=True)),
        State("disk", lambda s: _recording(s, hours_left=1.4, lost=(("the encoder was too slow", 12),))),
        State("sensitivity", lambda s: replace(s, sensitivity="high", presets=_PRESETS), actions=(Action.SENSITIVITY,)),
        State("help", lambda s: s, actions=(Action.HELP,)),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Paint them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--language", choices=("en", "it"), default="en")
    args = parser.parse_args(argv)
    width, height = (int(part) for part in args.size.split("x"))
    args.out.mkdir(parents=True, exist_ok=True)
    application()
    use_language(args.language)
    picture = phantom_picture(_FRAME)
    for state in states():
        if not args.only or state.name in args.only:
            path = args.out / f"{state.name}.png"
            save_small(paint(state, picture, Size(width, height)), path)
            print(f"{path}  {path.stat().st_size // 1000} kB")


def phantom_picture(index: int) -> np.ndarray:
    """A frame of the bundled procedure."""
    source = ExcerptSource(bundled().video, index, index, Fraction(index, 25))
    source.open()
    try:
        frame = source.read()
    finally:
        source.close()
    assert isinstance(frame, Frame)
    return frame.image


def paint(state: State, picture: np.ndarray, size: Size) -> QImage:
    """The window in this state."""
    snapshot = state.changes(all_is_well(picture, state.narrow))
    # The sign has stood for a while.
    earlier = replace(snapshot, taken_ns=snapshot.taken_ns - _SHOWN_FOR_S * _NS, sensitivity="normal")
    session = ScriptedSession(earlier)
    options = state.options(WindowOptions(Path("unused"), size=size))
    window = LiveWindow(session, options, player=SilentPlayer())  # type: ignore[arg-type]  # does what is asked here
    window.show()
    for action in state.actions:
        window.page.perform(action)
    time.sleep(_FIGURES_S)
    session.now = snapshot
    window.page.refresh()
    application().processEvents()
    image = window.grab().toImage()
    window.close()
    sip.delete(window)
    return image


def save_small(image: QImage, path: Path) -> None:
    """As a PNG of few colours, chosen for this picture; a page with twenty of them stays light."""
    bgr = as_bgr(image)
    cv2.setRNGSeed(1)
    sample = bgr[::5, ::5].reshape(-1, 3).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 1.0)
    _, _, palette = cv2.kmeans(sample, _COLOURS, np.empty(0, np.int32), criteria, 1, cv2.KMEANS_PP_CENTERS)
    colours = np.unique(np.clip(palette.round(), 0, 255).astype(np.uint8), axis=0)
    rows = [_nearest(row, colours) for row in np.array_split(bgr, 24)]
    indices = np.ascontiguousarray(np.concatenate(rows))
    height, width = indices.shape
    small = QImage(indices.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
    small.setColorTable([0xFF000000 | int(r) << 16 | int(g) << 8 | int(b) for b, g, r in colours])
    if not small.save(str(path), "PNG", 0):
        raise SystemExit(f"Cannot write {path}.")


def _nearest(part: np.ndarray, colours: np.ndarray) -> np.ndarray:
    pixels = part.reshape(-1, 3).astype(np.float32)
    table = colours.astype(np.float32)
    distance = (table * table).sum(1) - 2 * pixels @ table.T
    return np.asarray(distance.argmin(1).astype(np.uint8).reshape(part.shape[:2]))


def all_is_well(picture: np.ndarray, narrow: bool) -> LiveSnapshot:
    """All is well and a marker is shown."""
    image = np.ascontiguousarray(picture[:, 190:1090] if narrow else picture)
    shift = 190 if narrow else 0
    markers = tuple(replace(m, box=(m.box[0] - shift, m.box[1], m.box[2] - shift, m.box[3])) for m in _MARKERS)
    now_ns = time.perf_counter_ns()
    info = SourceInfo(SourceKind.CAMERA, "capture card", True, Size.of(image), Fraction(25))
    frame = Frame(_FRAME, FrameTime(_FRAME, Fraction(1, 25)), now_ns - 30_000_000, image)
    model = DetectorInfo("fast", "0.2.1", "fp32", "ab" * 32, 0.57, ("polyp",), "cpu")
    return LiveSnapshot(
        frame=frame,
        source=SourceSnapshot(SourceStatus.PLAYING, "capture card", "", info, _FRAME, 0, 25.0, 0),
        ai=AiSnapshot(AiState.ON, "", model, 900, 100, 0, 0, 62.0, False, 50.0),
        markers=markers,
        new_alerts=1,
        recording=None,
        recorder_fault="",
        taken_ns=now_ns,
    )


def _ai(snapshot: LiveSnapshot, state: AiState, **fields: Any) -> LiveSnapshot:
    return replace(snapshot, markers=(), ai=replace(snapshot.ai, state=state, **fields))


def _quiet(snapshot: LiveSnapshot, quiet: Quiet, **view: Any) -> LiveSnapshot:
    return replace(snapshot, markers=(), quiet=quiet, view=replace(snapshot.view, **view))


def _hidden(snapshot: LiveSnapshot) -> LiveSnapshot:
    return replace(_quiet(snapshot, Quiet.HIDDEN), hidden_until_ns=snapshot.taken_ns + 43 * _NS)


def _source(snapshot: LiveSnapshot, status: SourceStatus, **fields: Any) -> LiveSnapshot:
    return replace(snapshot, markers=(), source=replace(snapshot.source, status=status, **fields))


def _recording(snapshot: LiveSnapshot, **fields: Any) -> LiveSnapshot:
    recorder = RecorderSnapshot("recordings/1", seconds=754.0, encoder="libx264", hours_left=40.0)
    return replace(snapshot, recording="recordings/1", recorder=replace(recorder, **fields))


if __name__ == "__main__":
    main()
