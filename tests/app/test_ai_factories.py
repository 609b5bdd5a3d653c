"""What the AI process is built with."""

import argparse
import logging

import pytest

from app import ai_factories
from detector.cpu import Cores


@pytest.mark.parametrize(
    ("asked", "cores", "threads"),
    [(None, Cores(2, 2), 1), (None, Cores(16, 8), 6), (None, Cores(8, 4, 1.0), 1), (5, Cores(2, 2), 5)],
)
def test_the_ai_gets_the_cores_that_picture_and_recording_leave_unless_told(
    asked: int | None, cores: Cores, threads: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    built = []
    monkeypatch.setattr(ai_factories, "find_cores", lambda: cores)
    monkeypatch.setattr(ai_factories, "AiProcess", lambda detector, options, *others: built.append(options))
    with caplog.at_level(logging.INFO, "app.ai_factories"):
        make = ai_factories.ai_factory(argparse.Namespace(model="fast", provider="cpu", variant=None, threads=asked))
    make(lambda *_: None, lambda *_: None, lambda: None)
    assert built[0]["threads"] == threads
    assert f"threads on the CPU: {threads}, of {cores} ({'asked for' if asked else 'default'})" in caplog.text


@pytest.mark.parametrize(
    ("provider", "seconds"), [("cpu", 60.0), ("auto", 180.0), ("cuda", 180.0), ("tensorrt", 180.0)]
)
def test_a_first_start_on_a_card_may_take_longer_and_no_start_takes_half_an_hour(
    provider: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    monkeypatch.setattr(ai_factories, "AiProcess", lambda detector, options, settings, *others: built.append(settings))
    make = ai_factories.ai_factory(argparse.Namespace(model="fast", provider=provider, variant=None, threads=None))
    make(lambda *_: None, lambda *_: None, lambda: None)
    assert built[0].watchdog.start_limit_s == seconds
