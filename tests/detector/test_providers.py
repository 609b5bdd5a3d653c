"""Execution providers: what was asked for runs or is an error, and a broken runtime says what to do."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from detector.errors import ProviderError, UsageError
from detector.providers import POLICIES, candidates, check_policy, first_line, import_runtime, open_session
from tests.tiny_models import other_network

ROOT = Path(__file__).resolve().parents[2]
NETWORK = other_network()


def starts(provider: str) -> bool:
    try:
        open_session(NETWORK, provider, None)
    except ProviderError:
        return False
    return True


def in_another_process(code: str, first_on_path: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(first_on_path), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=first_on_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


ASK_FOR_THE_RUNTIME = """
from detector.errors import ProviderError
from detector.providers import import_runtime
try:
    import_runtime()
except ProviderError as error:
    print(error)
"""


def test_policies() -> None:
    assert [check_policy(p) for p in POLICIES] == ["auto", "cuda", "tensorrt", "cpu"]
    assert candidates("auto") == ("cuda", "cpu")
    assert candidates("tensorrt") == ("tensorrt",)


@pytest.mark.parametrize("policy", ["", "gpu", "CUDA", "CPUExecutionProvider"])
def test_an_unknown_policy_is_a_usage_error_that_lists_the_known_ones(policy: str) -> None:
    with pytest.raises(UsageError, match="auto, cuda, tensorrt, cpu"):
        candidates(policy)


def test_cpu_runs_everywhere() -> None:
    assert open_session(NETWORK, "cpu", 1).get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_named_provider_that_does_not_come_up_is_an_error_with_the_reason(provider: str) -> None:
    if starts(provider):
        pytest.skip(f"{provider} works on this machine")
    with pytest.raises(ProviderError, match=f"{provider} provider") as caught:
        open_session(NETWORK, provider, None)
    assert len(caught.value.what) > len(f"The {provider} provider did not start: .")
    assert "onnxruntime_src" not in caught.value.what
    assert caught.value.hint


def test_cuda_is_really_used_where_it_works() -> None:
    if not starts("cuda"):
        pytest.skip("no usable CUDA on this machine")
    assert open_session(NETWORK, "cuda", None).get_providers()[0] == "CUDAExecutionProvider"


@pytest.mark.parametrize("provider", ["cpu", "cuda"])
def test_a_damaged_network_is_not_blamed_on_the_provider(provider: str) -> None:
    if provider not in ("cpu",) and "CUDAExecutionProvider" not in import_runtime().get_available_providers():
        pytest.skip("this ONNX Runtime has no CUDA provider")
    with pytest.raises(Exception, match="protobuf parsing failed") as caught:
        open_session(b"no network", provider, None)
    assert not isinstance(caught.value, ProviderError)


def test_nothing_is_printed_whatever_comes_up(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(NETWORK)
    code = """
from pathlib import Path
from detector.errors import ProviderError
from detector.providers import open_session
for provider in ("tensorrt", "cuda", "cpu"):
    try:
        open_session(Path("other.onnx").read_bytes(), provider, None)
    except ProviderError:
        pass
"""
    run = in_another_process(code, tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_two_runtimes_in_one_environment_are_refused(tmp_path: Path) -> None:
    """They overwrite each other's files, and pip says nothing."""
    try:
        metadata.distribution("onnxruntime-gpu")
        other = "onnxruntime"
    except metadata.PackageNotFoundError:
        other = "onnxruntime-gpu"
    info = tmp_path / f"{other.replace('-', '_')}-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {other}\nVersion: 9.9\n")
    run = in_another_process(ASK_FOR_THE_RUNTIME, tmp_path)
    assert run.returncode == 0, run.stderr
    assert "More than one ONNX Runtime is installed (onnxruntime, onnxruntime-gpu)" in run.stdout
    assert "pip uninstall" in run.stdout


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("raise ImportError('libstdc++.so.6: version not found')", "libstdc++.so.6: version not found"),
        ("raise ValueError('numpy.dtype size changed')", "numpy.dtype size changed"),
        ("def damaged(", "was never closed"),
        ("", "disable_telemetry_events"),
    ],
    ids=["import-error", "numpy", "damaged", "hollow"],
)
def test_a_broken_runtime_is_an_error_that_says_what_to_do(package: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text(package)
    run = in_another_process(ASK_FOR_THE_RUNTIME, tmp_path)
    assert run.returncode == 0, run.stderr
    assert "ONNX Runtime is missing or broken" in run.stdout
    assert reason in run.stdout
    assert "pip install --force-reinstall" in run.stdout


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "RuntimeError"),
        ("  \n ", "RuntimeError"),
        ("out of memory.\nStack trace:\n...", "out of memory"),
        ("/src/onnxruntime/x.cc:729 void f(A&, const B&) Please install it.. ", "Please install it"),
    ],
)
def test_an_error_of_the_runtime_becomes_part_of_a_sentence(text: str, line: str) -> None:
    assert first_line(RuntimeError(text)) == line


def test_onnx_runtime_is_imported_with_its_telemetry_off(tmp_path: Path) -> None:
    script = (
        "import os; from detector.providers import import_runtime; import_runtime(); "
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    kept = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**kept, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"
    assert list(tmp_path.iterdir()) == []  # where it is on, a file of the session appears here
