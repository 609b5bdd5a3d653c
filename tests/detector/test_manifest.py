"""The model folder's codec: nothing missing, nothing guessed, nothing led astray."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import ModelError
from detector.manifest import (
    dump_manifest,
    file_sha256,
    find_model,
    load_manifest,
    model_folders,
    parse_manifest,
    verified_model_bytes,
)
from tests.tiny_models import fixed_network, manifest_fields, variant_fields, write_model

NETWORK = fixed_network([(1, 2, 30, 40)], [0.9])
WHOLE = manifest_fields(
    variant_fields(NETWORK, name="cpu-fp32"), variant_fields(NETWORK, name="gpu", providers=["cuda", "tensorrt"])
)
Place = tuple[str | int, ...]


def fields_of(data: Any, place: Place = ()) -> Iterator[Place]:
    """Where every named field stands; figures (``values``) have no fixed names."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield (*place, key)
            if key != "values":
                yield from fields_of(value, (*place, key))
    elif isinstance(data, list):
        for number, value in enumerate(data[:1]):
            yield from fields_of(value, (*place, number))


def changed(place: Place, value: Any = None, remove: bool = False) -> str:
    data = copy.deepcopy(WHOLE)
    parent: Any = data
    for step in place[:-1]:
        parent = parent[step]
    if remove:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return json.dumps(data)


def dotted(place: Place) -> str:
    return ".".join(map(str, place))


ALL_FIELDS = list(fields_of(WHOLE))


def test_a_whole_manifest_is_read() -> None:
    manifest = parse_manifest(json.dumps(WHOLE), "manifest.json")
    assert manifest.name == "tiny"
    assert manifest.variants[0].input.size == (160, 128)
    assert len(ALL_FIELDS) > 40


@pytest.mark.parametrize("place", ALL_FIELDS, ids=dotted)
def test_a_missing_field_is_named(place: Place) -> None:
    with pytest.raises(ModelError, match=re.escape(dotted(place)) if place != ("schema",) else "no 'schema' field"):
        parse_manifest(changed(place, remove=True), "manifest.json")


@pytest.mark.parametrize("place", ALL_FIELDS, ids=dotted)
def test_a_field_of_another_type_is_named(place: Place) -> None:
    with pytest.raises(ModelError, match=re.escape(dotted(place)) if place != ("schema",) else "no 'schema' field"):
        parse_manifest(changed(place, {"not": ["this"]}), "manifest.json")


VARIANT: Place = ("variants", 0)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("classes",), []),
        (("licences",), []),
        (("variants",), []),
        ((*VARIANT, "sha256"), "0" * 63),
        ((*VARIANT, "sha256"), "G" * 64),
        ((*VARIANT, "precision"), "fp8"),
        ((*VARIANT, "providers"), ["npu"]),
        ((*VARIANT, "threshold"), 0),
        ((*VARIANT, "threshold"), 1.5),
        ((*VARIANT, "threshold"), "0.5"),
        ((*VARIANT, "threshold"), True),
        ((*VARIANT, "threshold"), float("nan")),
        ((*VARIANT, "nms_iou"), -0.1),
        ((*VARIANT, "input", "width"), 0),
        ((*VARIANT, "input", "width"), 640.5),
        ((*VARIANT, "input", "colour"), "yuv"),
        ((*VARIANT, "input", "contract"), "something_else"),
        ((*VARIANT, "input", "mean"), [0, 0]),
        ((*VARIANT, "input", "mean"), [0, 0, float("inf")]),
        ((*VARIANT, "input", "std"), [1, 0, 1]),
        ((*VARIANT, "input", "pad"), 256),
        ((*VARIANT, "output", "top_k"), 0),
    ],
    ids=lambda value: dotted(value) if isinstance(value, tuple) else repr(value),
)
def test_an_impossible_value_is_named(place: Place, value: Any) -> None:
    with pytest.raises(ModelError, match=re.escape(dotted(place))):
        parse_manifest(changed(place, value), "manifest.json")


@pytest.mark.parametrize(
    "name",
    ["../model.onnx", "/etc/passwd", "..", ".", "", "a/b.onnx", "a\\b.onnx", "C:model.onnx", "a\0.onnx", "a\n.onnx"],
)
def test_a_file_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=re.escape("variants.0.file")):
        parse_manifest(changed((*VARIANT, "file"), name), "manifest.json")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("schema: polypwatch.model/1", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"schema": ' + "9" * 5000 + "}", "not valid JSON"),
        ("[]", "no 'schema' field"),
        (changed(("schema",), "polypwatch.model/2"), "reads 'polypwatch.model/1'"),
        (changed(("schema",), "polypwatch.detect/1"), "expected 'polypwatch.model/1'"),
    ],
    ids=["empty", "cut", "yaml", "nested", "long-number", "list", "major", "other"],
)
def test_what_is_not_a_manifest_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ModelError, match=problem) as caught:
        parse_manifest(text, "some/manifest.json")
    assert "some/manifest.json" in caught.value.what


def test_two_variants_of_one_name_are_refused() -> None:
    with pytest.raises(ModelError, match="two variants have the same name"):
        parse_manifest(changed(("variants", 1, "name"), "cpu-fp32"), "manifest.json")


@given(
    st.dictionaries(
        st.text("abcxyz_", min_size=3).map("new_".__add__), st.text() | st.integers(-9, 9) | st.none() | st.booleans()
    ),
    st.sampled_from(
        [(), VARIANT, (*VARIANT, "input"), (*VARIANT, "metrics", 0), ("licences", 0), (*VARIANT, "parity")]
    ),
)
def test_fields_of_a_newer_minor_version_survive_a_round_trip(unknown: dict[str, Any], place: Place) -> None:
    data = copy.deepcopy(WHOLE) | {"schema": "polypwatch.model/1.7"}
    parent: Any = data
    for step in place:
        parent = parent[step]
    parent.update(unknown)
    assert json.loads(dump_manifest(parse_manifest(json.dumps(data), "manifest.json"))) == data


def test_variants_are_chosen_by_name_and_by_provider() -> None:
    manifest = parse_manifest(json.dumps(WHOLE), "manifest.json")
    assert manifest.variant("gpu") is manifest.variant_for("tensorrt")
    assert manifest.variant_for("cpu").name == "cpu-fp32"
    with pytest.raises(ModelError, match=r"no variant 'other'\. It has: cpu-fp32, gpu"):
        manifest.variant("other")


def test_a_provider_that_no_variant_serves_is_an_error() -> None:
    manifest = parse_manifest(json.dumps(manifest_fields(variant_fields(NETWORK))), "manifest.json")
    with pytest.raises(ModelError, match="no variant for provider 'cuda'"):
        manifest.variant_for("cuda")


class TestFolder:
    def test_what_was_hashed_is_what_is_returned(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "tiny", NETWORK)
        variant = load_manifest(folder).variants[0]
        assert verified_model_bytes(folder, variant) == NETWORK
        assert file_sha256(folder / "model.onnx") == variant.sha256

    def test_one_changed_byte_is_refused(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "tiny", NETWORK)
        network = bytearray(NETWORK)
        network[len(network) // 2] ^= 1
        (folder / "model.onnx").write_bytes(network)
        with pytest.raises(ModelError, match=r"model\.onnx was changed or damaged"):
            verified_model_bytes(folder, load_manifest(folder).variants[0])

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "tiny", NETWORK)
        (folder / "model.onnx").unlink()
        with pytest.raises(ModelError, match=r"Cannot read the model file .*model\.onnx"):
            verified_model_bytes(folder, load_manifest(folder).variants[0])

    @pytest.mark.parametrize("name", ["missing", "missing\0", "x" * 5000, "file/below"])
    def test_a_folder_that_cannot_be_is_an_error(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(ModelError, match="There is no model folder"):
            load_manifest(tmp_path / name)

    def test_a_folder_without_manifest_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"Cannot read the model manifest .*manifest\.json"):
            load_manifest(tmp_path)

    def test_a_manifest_that_is_not_utf_8_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "manifest.json").write_bytes(b'{"schema": "\xff\xfe"}')
        with pytest.raises(ModelError, match="Cannot read the model manifest"):
            load_manifest(tmp_path)


class TestFinding:
    @pytest.fixture(autouse=True)
    def installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        root = tmp_path / "models"
        for name in ("quick", "exact"):
            write_model(root / name, NETWORK)
        (root / "no-model").mkdir()
        monkeypatch.setattr("detector.manifest.models_root", lambda: root)
        return root

    def test_folders_are_listed_by_name(self, installed: Path) -> None:
        assert model_folders() == [installed / "exact", installed / "quick"]
        assert model_folders(installed / "nowhere") == []

    def test_by_name(self, installed: Path) -> None:
        assert find_model("quick") == installed / "quick"

    def test_by_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = write_model(tmp_path / "mine", NETWORK)
        assert find_model(str(folder)) == folder
        monkeypatch.chdir(tmp_path)
        assert find_model("mine") == Path("mine")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert find_model("~/mine") == folder

    @pytest.mark.parametrize("name", ["", "none", "../quick", "~nobody-of-that-name/x", "x" * 5000, "a\0b"])
    def test_what_is_not_there_is_an_error_that_lists_what_is(self, name: str) -> None:
        with pytest.raises(ModelError, match=r"There is no model .* Installed: exact, quick"):
            find_model(name)

    def test_a_folder_that_is_no_model_is_an_error_that_says_so(self, installed: Path) -> None:
        with pytest.raises(ModelError, match=r"no-model has no manifest\.json"):
            find_model(str(installed / "no-model"))
