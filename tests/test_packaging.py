"""The wheel, away from the checkout: models and assets travel, and the commands run."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel made from the sdist, so that both are complete."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, ROOT, cwd=out)
    assert len(list(out.glob("*.tar.gz"))) == 1
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder of commands of an environment that has the wheel, and this one's packages but not its checkout."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    # A plain path entry: the editable install of the checkout is a .pth file there, which is not followed from here.
    (site / "shared.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    target = ["--prefix", place, "--no-deps", "--no-index", "--ignore-installed", "-q"]
    run(sys.executable, "-m", "pip", "install", *target, wheel, cwd=place)
    return place / "bin"


@pytest.mark.timeout(300)
def test_the_wheel_carries_models_assets_and_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"models/fast/manifest.json", "models/fast/MODEL_CARD.md", "models/LICENSE"} <= set(names)
    assert any(n.startswith("models/fast/") and n.endswith(".onnx") for n in names)
    assert {"assets/phantom.mp4", "assets/phantom.json", "assets/fonts/OFL.txt"} <= set(names)
    assert {"detector/py.typed", "app/py.typed", "training/py.typed"} <= set(names)
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert not [n for n in names if n.startswith(("tests/", "benchmarks/"))]


@pytest.mark.timeout(300)
def test_the_installed_commands_run_outside_the_checkout(installed, tmp_path):
    where = run(installed / "python", "-c", "import app; print(app.__file__)", cwd=tmp_path)
    assert not Path(where.strip()).is_relative_to(ROOT)
    models = json.loads(run(installed / "polypwatch", "models", "--json", cwd=tmp_path))
    assert "fast" in [m["name"] for m in models]
    run(installed / "polypwatch", "demo", "--offscreen", "--seconds", "3", "--out", tmp_path / "o", cwd=tmp_path)
    (summary,) = tmp_path.glob("o/*/summary.json")
    assert json.loads(summary.read_text())["analysed"] > 0
