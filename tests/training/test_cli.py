import subprocess
import sys
import textwrap

import pytest

from tests.training.miniature import scene, write_pair
from training.cli import main


def fails(capsys, *argv) -> str:
    """The one line that a refused command prints."""
    assert main([str(a) for a in argv]) not in (0, None)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_missing_data_root_names_the_setting(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYPWATCH_DATA", str(tmp_path / "nowhere"))
    assert "POLYPWATCH_DATA" in fails(capsys, "import", "--public", "--catalog", tmp_path / "c.jsonl")
    assert "POLYPWATCH_DATA" in fails(capsys, "preview", "--out", tmp_path / "a.png")


@pytest.fixture
def catalog(tmp_path):
    """Ten made images, imported and split."""
    for i in range(10):
        write_pair(tmp_path / "set", f"k{i:02}", *scene(i, box=(20 + 2 * i, 10 + 3 * i, 80 + i, 60 + 4 * i)))
    path = tmp_path / "c.jsonl"
    assert (
        main(["import", str(tmp_path / "set"), "--layout", "masks", "--licence", "made", "--catalog", str(path)]) == 0
    )
    assert main(["split", str(path)]) == 0
    return path


def test_missing_weights_name_the_setting(catalog, tmp_path, monkeypatch, capsys):
    capsys.readouterr()
    monkeypatch.setenv("POLYPWATCH_WEIGHTS", str(tmp_path / "nowhere"))
    assert "POLYPWATCH_WEIGHTS" in fails(capsys, "train", "--data", catalog, "--out", tmp_path / "run")


def test_runs_are_neither_invented_nor_overwritten(catalog, tmp_path, capsys):
    capsys.readouterr()
    run = tmp_path / "run"
    assert "nothing to resume" in fails(capsys, "train", "--out", run, "--resume")
    run.mkdir()
    (run / "last.pt").write_bytes(b"")
    assert "holds" in fails(capsys, "train", "--data", catalog, "--out", run)
    assert (run / "last.pt").read_bytes() == b""


def test_bad_weights_are_one_line(catalog, tmp_path, capsys):
    capsys.readouterr()
    bad = tmp_path / "best.safetensors"
    bad.write_bytes(b"nonsense")
    assert "no safetensors file" in fails(capsys, "evaluate", "--weights", bad, "--data", catalog, "--split", "dev")


def test_what_is_no_model_is_one_line(catalog, tmp_path, capsys):
    capsys.readouterr()
    asked = ("evaluate", "--model", tmp_path / "none", "--data", catalog, "--split", "dev")
    assert "There is no model" in fails(capsys, *asked)


def test_what_is_no_run_is_one_line(tmp_path, capsys):
    assert "run" in fails(capsys, "export", "--run", tmp_path, "--out", tmp_path / "m", "--name", "m", "--version", "1")


def test_unknown_commands_and_arguments_are_usage_errors(capsys):
    for argv in (["evaluate", "--model", "m", "--conquer"], ["conquer"], []):
        with pytest.raises(SystemExit) as stop:
            main(argv)
        assert stop.value.code == 2
        assert "Traceback" not in capsys.readouterr().err


BLOCKED = """
    import sys

    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in {blocked!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Blocker())
"""


def without(blocked: set[str], code: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter in which some packages are not installed."""
    script = textwrap.dedent(BLOCKED).format(blocked=blocked) + code
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)


def test_catalogue_and_importers_need_no_torch():
    done = without({"torch", "albumentations"}, "import training.catalog.commands, training.cli")
    assert done.returncode == 0, done.stderr


def test_without_torch_training_says_what_to_install(catalog, tmp_path):
    argv = ["train", "--data", str(catalog), "--out", str(tmp_path / "run")]
    done = without({"torch"}, f"import training.cli as c; sys.exit(c.main({argv!r}))")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "polypwatch-train: torch is not installed. Install it with pip install 'polypwatch[train]'."
    )


def test_the_commands_help_needs_no_torch():
    done = without({"torch", "albumentations", "onnx"}, "import training.cli as c; c.parser().format_help()")
    assert done.returncode == 0, done.stderr


def test_training_never_imports_qt_or_app():
    code = (
        "import pkgutil, importlib, training\n"
        "for m in pkgutil.walk_packages(training.__path__, 'training.'):\n"
        "    importlib.import_module(m.name)\n"
        "print(*sys.modules)"
    )
    done = without(set(), code)
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "torch" in loaded
    assert not loaded & {"app", "PyQt6"}
