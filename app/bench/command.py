"""``polypwatch bench``: measure, judge, report. About a minute; nothing is left behind."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.ai_factories import ai_factory
from app.bench.figures import CallTimes, Figures, PaintTimes, Setting, Throughput, Trial
from app.bench.files import check_writable, write_text
from app.bench.machine import describe_machine, others_share
from app.bench.measure import (
    Calls,
    Image,
    bundled_pictures,
    decode_rate,
    encode_rate,
    open_variants,
    resized,
)
from app.bench.plan import next_setting
from app.bench.report import as_json, as_text
from app.bench.trial import Show, run_trial
from app.bench.verdict import disturbances, faults_of, judge
from app.gui.interrupts import Interrupts
from app.gui.options import WindowOptions
from app.gui.platform import display_problem, missing_libraries
from app.live import AiFactory, LiveSession
from app.phantom.bundled import bundled
from detector.cpu import find_cores, live_threads
from detector.errors import UsageError
from detector.geometry import Size
from detector.manifest import find_model, load_manifest, model_folders

if TYPE_CHECKING:
    from app.gui.bridge import PaintHook

_HD = Size(1920, 1080)
_SIZES = (Size(1280, 720), _HD, Size(3840, 2160))
_PICTURES = 24  # of 1080p: 150 MB
_UHD_PICTURES = 8
_ROUNDS = 3
# What a trial takes beside its measured part: the AI process starts, the pictures settle, the recording is finished.
_TRIAL_EXTRA_S = 5.0
_LEAST_TRIAL_S = 4.0  # 100 pictures at 25 a second
_LONGEST_TRIAL_S = 20.0
_TRIALS_PER_MODEL = 3
_SHARE_OF_TRIALS = 0.7
_REFERENCE = "fast"
_SECONDS = 60.0
_NVIDIA = ("cuda", "tensorrt")


def bench(args: argparse.Namespace) -> int:
    """Measure this machine and print the verdict; returns the exit status.

    0: the reference model (``fast`` where it is among the models, else the first) holds 1080p25 live. 11: it does not.
    12: the machine was busy with something else, so that nobody knows.

    Raises:
        PolypwatchError: a model or provider does not come up, the phantom is missing, the JSON cannot be written.
        KeyboardInterrupt: the user asked to stop.
    """
    offscreen = _prepare_screen(args.offscreen)
    models = _models(args.model)
    if args.json is not None:
        check_writable(args.json)
    with Interrupts() as interrupts:
        figures = _Run(args, models, offscreen, interrupts).run()
    verdict = judge(figures)
    if args.json is not None:
        write_text(args.json, as_json(figures, verdict))
    print(as_text(figures, verdict))
    return verdict.outcome.value


class _Run:
    """One run, within its time: what does not fit any more is named, never guessed."""

    def __init__(
        self, args: argparse.Namespace, models: Sequence[str], offscreen: bool, interrupts: Interrupts
    ) -> None:
        self._args = args
        self._models = tuple(models)
        self._offscreen = offscreen
        self._interrupts = interrupts
        self._quick = bool(args.quick)
        self._total_s = (args.seconds or _SECONDS) / (3 if self._quick else 1)
        self._others: list[float] = []
        self._cache: dict[Size, list[Image]] = {}
        self._started_s = time.monotonic()

    def run(self) -> Figures:
        self._probe()
        for words in disturbances(self._others, ()):
            print(words, file=sys.stderr)  # now, and not after a minute
        self._say("reading the pictures")
        self._cache[_HD] = resized(bundled_pictures(_PICTURES, self._check), _HD)
        throughputs = self._throughputs()
        paint = self._paint()
        calls = self._calls()
        self._probe()
        trials, skipped = self._trials()
        from app.gui.bench_paint import screen_in_words

        machine = describe_machine(screen_in_words(_HD), cuda=any(c.provider in _NVIDIA for c in calls))
        return Figures(machine, self._models, tuple(self._others), calls, throughputs, paint, trials, skipped)

    def _throughputs(self) -> tuple[Throughput, ...]:
        self._say("decoding and encoding")
        seconds = self._total_s / 60
        with tempfile.TemporaryDirectory(prefix="polypwatch-bench-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "encoded.mkv"
            encoded = encode_rate(self._cache[_HD], path, seconds, self._check)
            own = decode_rate(path, "H.264, the recorder's own", seconds, self._check)
        if self._quick:
            return encoded, own
        return decode_rate(bundled().video, "H.264, the bundled procedure", seconds, self._check), own, encoded

    def _paint(self) -> PaintTimes:
        self._say("painting")
        from app.gui.bench_paint import time_paints

        return time_paints(self._cache[_HD], _HD, self._total_s / 60, self._check)

    def _calls(self) -> tuple[CallTimes, ...]:
        """In rounds over everything, so that a change of the machine shows as a spread and not as a slow model."""
        self._say("timing the models")
        threads = self._threads()
        detectors = [
            (detector, threads)
            for model in self._models
            for detector in open_variants(model, self._args.provider, threads, not self._quick, self._check)
        ]
        sizes = (_HD,) if self._quick else _SIZES
        timed = [Calls(detector, self._pictures(size), t) for detector, t in detectors for size in sizes]
        for calls in timed:
            self._check()
            calls.warm_up()
        seconds = (1 - _SHARE_OF_TRIALS) * 0.5 * self._total_s / (_ROUNDS * len(timed))
        for _ in range(_ROUNDS):
            for calls in timed:
                calls.round(seconds, self._check)
        return tuple(calls.figures() for calls in timed)

    def _trials(self) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
        wanted = (2 if self._quick else _TRIALS_PER_MODEL) * len(self._models)
        seconds = _SHARE_OF_TRIALS * self._total_s / wanted - _TRIAL_EXTRA_S
        seconds = min(max(seconds, _LEAST_TRIAL_S), _LONGEST_TRIAL_S)
        trials: list[Trial] = []
        skipped: list[str] = []
        held: dict[str, dict[Setting, bool]] = {model: {} for model in self._models}
        # Round by round over the models, so that none of them goes without for lack of time.
        waiting = list(self._models)
        while waiting:
            model = waiting.pop(0)
            setting = next_setting(held[model], self._quick)
            if setting is None:
                continue
            # The first setting of every model is tried whatever the clock says.
            if held[model] and not self._fits(seconds):
                skipped.append(f"`{model}` on {setting}")
                continue
            self._say(f"trying `{model}` on {setting}, {seconds:.0f} s")
            trial = self._trial(model, setting, seconds)
            trials.append(trial)
            held[model][setting] = not faults_of(trial)
            waiting.append(model)
            self._probe()
        return tuple(trials), tuple(skipped)

    def _trial(self, model: str, setting: Setting, seconds: float) -> Trial:
        pictures = self._pictures(Size(setting.width, setting.height))
        return run_trial(model, setting, pictures, self._factory(model), self._show(), seconds)

    def _fits(self, seconds: float) -> bool:
        left_s = self._started_s + self._total_s - time.monotonic()
        return left_s >= (seconds + _TRIAL_EXTRA_S) / 2

    def _factory(self, model: str) -> AiFactory:
        options = {"model": model, "provider": self._args.provider, "variant": None, "threads": self._args.threads}
        return ai_factory(argparse.Namespace(**options))

    def _show(self) -> Show:
        def show(session: LiveSession, painted: PaintHook) -> bool:
            options = WindowOptions(
                Path("."), full_screen=not self._offscreen, muted=True, size=_HD, quit_when_ended=True
            )
            from app.gui.window import run_window

            try:
                # The same interrupts for all of the run: a wish between two trials must not be lost.
                run_window(session, options, [painted], self._interrupts)
            finally:
                self._interrupts.close = None
            return self._interrupts.asked

        return show

    def _pictures(self, size: Size) -> list[Image]:
        if size not in self._cache:
            first = self._cache[_HD][: _UHD_PICTURES if size.width > _HD.width else None]
            self._cache[size] = resized(first, size)
        return self._cache[size]

    def _threads(self) -> int:
        """As many as the AI process gets; see ``app.ai_factories.ai_factory``."""
        return int(self._args.threads or live_threads(find_cores()))

    def _probe(self) -> None:
        self._check()
        share = others_share()
        if share is not None:
            self._others.append(round(share, 3))

    def _check(self) -> None:
        if self._interrupts.asked:
            raise KeyboardInterrupt

    def _say(self, words: str) -> None:
        self._check()
        print(f"{time.monotonic() - self._started_s:4.0f} s  {words} ...", file=sys.stderr)


def _prepare_screen(offscreen: bool) -> bool:
    """Whether to paint offscreen: if that was asked for, or if there is no screen, which is said."""
    problem = "" if offscreen else display_problem()
    if problem:
        print(f"{problem} Painting offscreen.", file=sys.stderr)
    if not offscreen and not problem:
        return os.environ.get("QT_QPA_PLATFORM") == "offscreen"
    missing = missing_libraries(with_display=False)
    if missing:
        raise UsageError("System libraries are missing.", f"Install them: apt-get install {' '.join(missing)}")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return True


def _models(names: Sequence[str] | None) -> list[str]:
    """What to measure, the reference first; every one is there and its manifest is valid.

    Raises:
        ModelError: one is not.
        UsageError: no model is installed.
    """
    found = list(dict.fromkeys(names or [folder.name for folder in model_folders()]))
    if not found:
        raise UsageError("No model is installed.", "Reinstall Polypwatch: its models come with it.")
    for name in found:
        load_manifest(find_model(name))
    return sorted(found, key=lambda name: name != _REFERENCE)
