"""What every test gets: an offscreen screen, reproducible properties, and no trouble that goes unnoticed."""

import inspect
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator

# Before PyQt6 or albumentations are imported.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
# Tests start whole programs: those must not read what this machine's user has set.
os.environ.setdefault("POLYPWATCH_CONFIG", tempfile.mkdtemp(prefix="polypwatch-tests-"))
# What is found out of a test's files is kept for this run only.
os.environ.setdefault("POLYPWATCH_CACHE", tempfile.mkdtemp(prefix="polypwatch-cache-"))
# And no window that is open here may keep them from opening theirs.
os.environ.setdefault("POLYPWATCH_RUNTIME", tempfile.mkdtemp(prefix="polypwatch-run-"))

import pytest
from hypothesis import settings

# No deadline: a busy machine must not fail a property. The same examples on every run.
settings.register_profile("polypwatch", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("polypwatch")

_THREADS_MAY_END_WITHIN_S = 2.0


@pytest.fixture(autouse=True)
def no_unnoticed_trouble(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on error logs, and on threads that would keep the program from ending.

    A test that asks for ``caplog`` looks at the logs itself.
    """
    before = set(threading.enumerate())
    yield
    if "caplog" not in inspect.signature(request.function).parameters:
        errors = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
        assert not errors, f"unexpected error logs: {errors}"
    deadline = time.monotonic() + _THREADS_MAY_END_WITHIN_S
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
    leaked = [t.name for t in set(threading.enumerate()) - before if not t.daemon]
    assert not leaked, f"threads left behind: {leaked}"
