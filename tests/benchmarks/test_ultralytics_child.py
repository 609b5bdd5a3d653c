import io
import json
import sys
import textwrap

import pytest

from benchmarks import peer_ultralytics
from benchmarks.peer_ultralytics import PeerFailed, UltralyticsPeer
from benchmarks.ultralytics_child import serve


class Worker:
    def export(self, network, side):
        return {"onnx": f"{network}-{side}.onnx"}

    def round(self, calls):
        raise RuntimeError(f"no {calls} calls here")


def asked(*requests):
    replies = io.StringIO()
    serve(io.StringIO("".join(json.dumps(r) + "\n" for r in requests)), replies, Worker())
    return [json.loads(line) for line in replies.getvalue().splitlines()]


def test_each_request_gets_one_reply_and_an_error_is_one_too():
    first, second, third = asked(
        {"do": "export", "network": "n", "side": 416}, {"do": "round", "calls": 3}, {"do": "end"}
    )

    assert first == {"onnx": "n-416.onnx"}
    assert second == {"error": "RuntimeError: no 3 calls here"}
    assert third == {"ended": True}


def test_nothing_is_answered_after_the_end_and_a_closed_input_ends_it_too():
    assert asked({"do": "end"}, {"do": "round", "calls": 1}) == [{"ended": True}]
    assert asked() == []


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A stand-in for the script of the other environment, run by this Python over real pipes."""

    def write(body):
        path = tmp_path / "child.py"
        path.write_text("import json, sys\nfor line in sys.stdin:\n" + textwrap.indent(textwrap.dedent(body), "    "))
        monkeypatch.setattr(peer_ultralytics, "_SCRIPT", path)
        return tmp_path / "frames.npy"

    return write


ANSWERS = """
    asked = json.loads(line)
    replies = {
        "export": {"onnx": "made.onnx", "versions": {"torch": "1"}},
        "load": {"ready": True},
        "round": {"wall_ns": [5] * asked.get("calls", 0), "cpu_ns": 9},
        "end": {"ended": True},
    }
    print(json.dumps(replies[asked["do"]]), flush=True)
    if asked["do"] == "end":
        break
"""


def test_the_other_process_is_loaded_timed_and_ended(script):
    with UltralyticsPeer(sys.executable, "yolo11n", 416, script(ANSWERS), 2) as peer:
        done = peer.round(3)

    assert (done.wall_ns, done.cpu_ns) == ((5, 5, 5), 9)
    assert (peer.onnx.name, peer.versions) == ("made.onnx", {"torch": "1"})
    assert peer._child.returncode == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("print(json.dumps({'error': 'ValueError: broken'}), flush=True)", "ValueError: broken"),
        ("sys.exit(3)", "ended without an answer to 'export'"),
    ],
)
def test_what_goes_wrong_over_there_is_said(script, body, message):
    with pytest.raises(PeerFailed, match=message):
        UltralyticsPeer(sys.executable, "yolo11n", 416, script(body), 2)


def test_a_python_that_is_not_there_is_said(tmp_path):
    with pytest.raises(PeerFailed, match="cannot be started"):
        UltralyticsPeer(tmp_path / "python", "yolo11n", 416, tmp_path / "frames.npy", 2)
