"""Sensitivity presets: what a manifest declares, and what is derived where it is silent."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.detections import DetectorInfo
from detector.errors import ModelError
from detector.manifest import dump_manifest, find_model, load_manifest, parse_manifest
from detector.presets import FalseAlarmRate, Preset, derived_presets, manifest_presets

INFO = DetectorInfo("fast", "1", "fp32", "0" * 64, 0.57, ("polyp",), "cpu")
MEASURED = {
    "name": "low",
    "threshold": 0.8,
    "keep_ratio": 0.7,
    "min_seen_s": 0.3,
    "hold_s": 0.2,
    "false_alarms": {"per_minute": 0.75, "minutes": 12.5, "processors": 2, "command": "python -m benchmarks.presets"},
}


def manifest_text(*presets: dict) -> str:
    """The bundled manifest, with presets for its first variant."""
    data = json.loads(dump_manifest(load_manifest(find_model("fast"))))
    data["variants"][0]["presets"] = list(presets)
    return json.dumps(data)


def test_normal_is_the_operating_threshold_and_the_others_lie_around_it():
    high, normal, low = derived_presets(INFO)
    assert normal == Preset("normal", 0.57, 0.6, 0.2, 0.3)
    assert (high.threshold, low.threshold) == (pytest.approx(0.3986, abs=1e-4), pytest.approx(0.7261, abs=1e-4))
    assert {p.rate_words for p in (high, normal, low)} == {"unknown"}


@given(st.floats(0.001, 0.999))
def test_derived_thresholds_are_thresholds_in_their_order(threshold):
    high, normal, low = (p.threshold for p in derived_presets(replace(INFO, threshold=threshold)))
    assert 0 < high <= normal <= low <= 1


def test_what_a_manifest_declares_goes_before_what_is_derived():
    manifest = parse_manifest(manifest_text(MEASURED), "here")
    presets = manifest_presets(manifest)
    info = replace(INFO, variant=manifest.variants[0].name)
    high, normal, low = presets(info)
    assert low == Preset("low", 0.8, 0.7, 0.3, 0.2, FalseAlarmRate(0.75, 12.5, 2))
    assert (high, normal) == derived_presets(info)[:2]
    assert presets(replace(INFO, variant="another")) == derived_presets(INFO)
    assert parse_manifest(dump_manifest(manifest), "again") == manifest


def test_a_manifest_without_presets_gets_none_when_it_is_written_again():
    manifest = load_manifest(find_model("fast"))
    if not any(v.presets for v in manifest.variants):
        assert "presets" not in dump_manifest(manifest)
    assert parse_manifest(dump_manifest(manifest), "again") == manifest


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": "highest"}, "name"),
        ({"threshold": 0.0}, "threshold"),
        ({"keep_ratio": 1.5}, "keep_ratio"),
        ({"false_alarms": {"per_minute": -1.0, "minutes": 1.0, "processors": 1}}, "per_minute"),
        ({"false_alarms": {"per_minute": 1.0, "minutes": 0.0, "processors": 1}}, "minutes"),
    ],
)
def test_an_impossible_preset_is_named(changes, place):
    with pytest.raises(ModelError, match=place):
        parse_manifest(manifest_text({**MEASURED, **changes}), "here")


def test_two_presets_of_one_name_are_refused():
    with pytest.raises(ModelError, match="two presets have the same name"):
        parse_manifest(manifest_text(MEASURED, MEASURED), "here")


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (FalseAlarmRate(0.75, 12.5, 2), "0.75 per minute on 12.5 minutes of video from 2 processors"),
        (FalseAlarmRate(2.0, 3.0, 1), "2 per minute on 3 minutes of video from 1 processor"),
        (FalseAlarmRate(0.0, 3.0, 0), "0 per minute on 3 minutes of video from an unknown number of processors"),
    ],
)
def test_the_rate_says_on_how_much_video_of_how_many_processors(rate, words):
    assert str(rate) == words
