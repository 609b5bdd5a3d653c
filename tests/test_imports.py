"""Who may import what, seen from outside: a fresh interpreter and its `sys.modules`."""

import pkgutil
import subprocess
import sys

import pytest

import app
import detector

QT_ROOMS = ("app.gui", "app.main")


def modules_of(package) -> list[str]:
    return [m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]


def imported_by(names: list[str]) -> set[str]:
    code = f"import sys\nfor n in {names!r}: __import__(n)\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_importing_app_and_detector_never_imports_torch():
    found = imported_by([*modules_of(app), *modules_of(detector)])
    assert not found & {"torch", "albumentations", "training"}


def test_the_headless_rooms_never_import_qt():
    headless = [n for n in [*modules_of(app), *modules_of(detector)] if not n.startswith(QT_ROOMS)]
    assert "app.live" in headless
    assert "PyQt6" not in imported_by(headless)


@pytest.mark.parametrize("package", [app, detector])
def test_every_module_says_what_lives_in_it(package):
    for name in modules_of(package):
        module = __import__(name, fromlist=["_"])
        assert (module.__doc__ or "").strip(), name
