"""How AI processes are built from what the user asked for: the model that is shown, and a candidate beside it."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

from app.candidate import candidate_settings
from app.live import AiFactory, AiPort
from detector.cpu import find_cores, live_threads
from detector.detections import Detections
from detector.manifest import find_model, load_manifest
from detector.runtime import MIN_SCORE
from detector.watchdog import WatchdogSettings
from detector.worker import AiProcess, AiSettings

_log = logging.getLogger(__name__)
# The first start on a card loads gigabytes of libraries and compares its boxes with the CPU's. TensorRT's engines are
# built by another process: nobody waits for them.
_START_ON_CARD_S = 180.0


def ai_factory(args: argparse.Namespace) -> AiFactory:
    """How to build the AI process for the model options of the command line.

    Raises:
        ModelError: there is no such model; said before a window opens.
    """
    cores = find_cores()
    threads = args.threads or live_threads(cores)
    _log.info("AI: threads on the CPU: %d, of %s (%s)", threads, cores, "asked for" if args.threads else "default")
    settings = AiSettings(watchdog=watchdog_settings(args.provider), min_score=MIN_SCORE)
    return _factory(args.model, args.provider, args.variant, threads, settings)


def candidate_factory(args: argparse.Namespace, model: str) -> AiFactory:
    """How to build the process of a model that runs unseen beside the first: on one thread, where nobody needs it.

    Raises:
        ModelError: there is no such model.
    """
    return _factory(model, args.provider, None, 1, candidate_settings(MIN_SCORE))


def watchdog_settings(provider: str) -> WatchdogSettings:
    """The limits for an AI process that runs under this policy."""
    return WatchdogSettings() if provider == "cpu" else WatchdogSettings(start_limit_s=_START_ON_CARD_S)


def _factory(model: str, provider: str, variant: str | None, threads: int, settings: AiSettings) -> AiFactory:
    folder: Path = find_model(model)
    load_manifest(folder)
    options = {"model": str(folder), "provider": provider, "variant": variant, "threads": threads}

    def make(
        on_result: Callable[[Detections, int], None],
        on_failure: Callable[[int, str], None],
        on_state: Callable[[], None],
    ) -> AiPort:
        return AiProcess("detector.runtime:load_detector", options, settings, on_result, on_failure, on_state)

    return make
