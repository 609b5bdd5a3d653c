"""The machine's facts, and how much of it is taken by others."""

import getpass
import json
import platform
from dataclasses import asdict

import pytest

from app.bench import machine
from app.bench.machine import busy_and_all, describe_machine, others_share

STAT = """cpu  400 0 100 1500 0 0 0 0 0 0
cpu0 300 50 100 500 30 5 10 5 70 0
cpu1 100 0 0 1000 0 0 0 0 0 0
intr 39346324 0 0
"""


def test_busy_is_all_but_idle_and_waiting_for_disks():
    assert busy_and_all(STAT, {0}, 100) == (4.7, 10.0)
    assert busy_and_all(STAT, {0, 1}, 100) == pytest.approx((5.7, 21.0))


@pytest.mark.parametrize("text", ["", "nonsense", "cpu0 1 2", "cpu  400 0 100 1500 0 0 0 0"])
def test_what_is_not_of_that_form_is_not_known(text):
    assert busy_and_all(text, {0}, 100) is None


@pytest.mark.parametrize(
    ("busy_s", "own_s", "share"), [(0.5, 0.0, 0.25), (0.5, 0.5, 0.0), (0.1, 0.3, 0.0), (2.4, 0.0, 1.0)]
)
def test_the_own_share_is_not_that_of_others(monkeypatch, busy_s, own_s, share):
    times = iter([(10.0, 100.0), (10.0 + busy_s, 102.0)])
    own = iter([1.0, 1.0 + own_s])
    monkeypatch.setattr(machine, "_processor_times", lambda: next(times))
    monkeypatch.setattr(machine.time, "process_time", lambda: next(own))
    assert others_share(1.0, sleep=lambda _: None) == pytest.approx(share)


def test_a_system_that_does_not_say_gives_nothing_rather_than_zero(monkeypatch):
    monkeypatch.setattr(machine, "_processor_times", lambda: None)
    assert others_share(1.0, sleep=lambda _: None) is None


def test_the_facts_name_neither_the_machine_nor_its_user():
    facts = describe_machine("none", cuda=False)
    assert facts.hardware_threads >= facts.cores_physical >= facts.cores >= 1
    assert facts.software["python"] == platform.python_version()
    text = json.dumps(asdict(facts))
    for secret in (platform.node(), getpass.getuser()):
        assert len(secret) < 5 or secret not in text
