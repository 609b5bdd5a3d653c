import subprocess
import sys
import textwrap

import pytest

from training import catalog
from training.cli import main


@pytest.fixture
def data(small_sets, tmp_path, monkeypatch):
    """The miniature sets as POLYPWATCH_DATA, with split lists of their own."""
    monkeypatch.setenv("POLYPWATCH_DATA", str(small_sets))
    monkeypatch.setattr(catalog, "DEV_LIST", tmp_path / "splits" / "dev.txt")
    monkeypatch.setattr(catalog, "LEFT_OUT_LIST", tmp_path / "splits" / "left_out.txt")
    return small_sets


def fails(capsys, *argv) -> str:
    """The one line that a refused command prints."""
    assert main([str(a) for a in argv]) not in (0, None)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_catalog_writes_checks_and_notices_changes(data, capsys):
    assert main(["catalog", "--write"]) == 0
    assert main(["catalog"]) == 0
    out = capsys.readouterr().out
    assert "cvc-clinicdb" in out
    assert "catalog sha256" in out
    catalog.DEV_LIST.write_text("")
    assert "catalog --write" in fails(capsys, "catalog")


def test_preview_draws_a_sheet(data, tmp_path, capsys):
    for augment in ("none", "plain"):
        out = tmp_path / f"{augment}.png"
        assert main(["preview", "--set", "cvc-clinicdb", "--out", str(out), "--augment", augment]) == 0
        assert out.stat().st_size > 1000
    assert "cannot be written" in fails(
        capsys, "preview", "--set", "cvc-clinicdb", "--out", tmp_path / "no" / "such" / "a.png"
    )


def test_missing_data_root_names_the_setting(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYPWATCH_DATA", str(tmp_path / "nowhere"))
    assert "POLYPWATCH_DATA" in fails(capsys, "catalog")
    assert "POLYPWATCH_DATA" in fails(capsys, "preview", "--out", tmp_path / "a.png")


def test_missing_weights_name_the_setting(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POLYPWATCH_WEIGHTS", str(tmp_path / "nowhere"))
    assert "POLYPWATCH_WEIGHTS" in fails(capsys, "fit", "--out", tmp_path / "run")


def test_runs_are_neither_invented_nor_overwritten(data, tmp_path, capsys):
    run = tmp_path / "run"
    assert "nothing to resume" in fails(capsys, "fit", "--out", run, "--resume")
    run.mkdir()
    (run / "last.pt").write_bytes(b"")
    assert "already holds a run" in fails(capsys, "fit", "--out", run)


def test_a_bad_checkpoint_is_one_line(data, tmp_path, capsys):
    bad = tmp_path / "best.safetensors"
    bad.write_bytes(b"nonsense")
    assert "no safetensors file" in fails(capsys, "evaluate", "--weights", bad, "--set", "kvasir-val")


def test_evaluating_what_is_no_model_is_one_line(data, tmp_path, capsys):
    assert "no model folder" in fails(capsys, "evaluate", "--model", tmp_path / "none", "--set", "kvasir-val")


def test_exporting_what_is_no_run_is_one_line(data, tmp_path, capsys):
    common = ("--out", tmp_path / "m", "--name", "m", "--version", "1")
    assert "no log.jsonl" in fails(capsys, "export", "--run", tmp_path, *common)
    (tmp_path / "log.jsonl").write_text("{}\n")
    assert "not the log of a finished run" in fails(capsys, "export", "--run", tmp_path, *common)


def test_unknown_sets_and_commands_are_usage_errors(capsys):
    for argv in (["evaluate", "--model", "m", "--set", "everything"], ["conquer"], []):
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
    done = without({"torch", "albumentations"}, "import training.catalog, training.importers, training.cli")
    assert done.returncode == 0, done.stderr


def test_without_torch_fit_says_what_to_install(tmp_path):
    call = f"import training.cli as c; sys.exit(c.main(['fit', '--out', {str(tmp_path / 'run')!r}]))"
    done = without({"torch"}, call)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "polypwatch-train: torch is not installed. Install it with pip install 'polypwatch[train]'."
    )


def test_without_albumentations_full_says_so_and_plain_works():
    code = "from training.augment import Augmenter; Augmenter('plain'); Augmenter('full')"
    done = without({"albumentations"}, code)
    assert "--augment plain" in done.stderr.strip().splitlines()[-1]


def test_training_never_imports_qt_or_app():
    names = ["cli", "commands", "evaluate", "fit", "export", "preview"]
    code = "; ".join(f"import training.{n}" for n in names) + "; print(*sys.modules)"
    done = without(set(), code)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"app", "PyQt6"}
