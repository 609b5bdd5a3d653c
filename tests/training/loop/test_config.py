import pytest
import yaml

from detector.errors import FormatError, UsageError
from training.loop.config import (
    PRESETS,
    Budget,
    Replay,
    TrainConfig,
    make_config,
    parse_sets,
    preset,
    read_config,
    to_yaml,
)
from training.network import NAMES


@pytest.mark.parametrize("comments", [True, False])
def test_what_is_written_reads_back_the_same(comments):
    config = make_config(preset("accurate"), {"sizes": [64, 96], "replay": {"catalog": "old.jsonl", "share": 0.25}})
    assert make_config(yaml.safe_load(to_yaml(config, comments))) == config


def test_every_knob_has_a_reason_above_it_in_the_file():
    for model in (TrainConfig, Replay):
        for name, field in model.model_fields.items():
            assert name == "replay" or len(field.description or "") > 20, name
    text = to_yaml(TrainConfig(), comments=True).splitlines()
    for row, line in enumerate(text):
        if line and not line.lstrip().startswith("#"):
            assert text[row - 1].lstrip().startswith("#"), line


def test_every_preset_is_of_a_network_that_exists():
    names = [path.stem for path in PRESETS.glob("*.yaml")]
    assert {"fast", "accurate"} <= set(names) <= set(NAMES)
    for name in names:
        assert make_config(preset(name)).network == name


@pytest.mark.parametrize(
    ("key", "near"), [("learnin_rate", "lr"), ("bacth", "batch"), ("batch_size", "batch"), ("epochs", "budget")]
)
def test_an_unknown_key_names_the_nearest_known_one(key, near):
    with pytest.raises(UsageError, match=rf"no key '{key}'.*nearest is '{near}'"):
        make_config({key: 1})


def test_an_unknown_key_in_a_section_is_named_with_its_section():
    with pytest.raises(UsageError, match=r"no key 'replay\.shar'.*nearest is 'replay\.share'"):
        make_config({"replay": {"shar": 0.5}})


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"lr": 0}, "lr"),
        ({"budget": "60"}, "budget"),
        ({"budget": "-1 minutes"}, "budget"),
        ({"budget": "nan epochs"}, "budget"),
        ({"sizes": [100]}, "sizes"),
        ({"sizes": [96, 64]}, "sizes"),
        ({"negative_share": 1.0}, "negative_share"),
        ({"replay": {"share": 1.0}}, "replay.share"),
        ({"replay": 3}, "replay"),
        ({"warmup": 0.9}, "warmup"),
    ],
)
def test_a_value_that_does_not_fit_is_one_message_with_its_field(settings, field):
    with pytest.raises(UsageError) as caught:
        make_config(settings)
    assert field in str(caught.value)
    assert "\n" not in str(caught.value)


def test_later_settings_win_and_sections_are_laid_over_key_by_key():
    config = make_config(
        {"lr": 0.1, "replay": {"catalog": "a", "share": 0.2}}, parse_sets(["lr=1e-3", "replay.share=0.4"])
    )
    assert config.lr == 1e-3
    assert config.replay == Replay(catalog="a", share=0.4)


@pytest.mark.parametrize("pair", ["lr", "=3", "sizes=[1"])
def test_a_set_that_is_no_pair_is_refused(pair):
    with pytest.raises(UsageError, match="--set"):
        parse_sets([pair])


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1\n", "\x00"])
def test_a_file_that_is_no_mapping_is_one_message(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(FormatError, match=r"c\.yaml"):
        read_config(tmp_path / "c.yaml")


def test_a_missing_file_tells_how_to_make_one(tmp_path):
    with pytest.raises(FormatError, match="polypwatch-train config"):
        read_config(tmp_path / "none.yaml")


def test_a_budget_is_used_in_its_own_unit_and_never_more_than_whole():
    assert Budget.parse("10 minutes").progress(step=999, epochs=9, elapsed_s=150) == 0.25
    assert Budget.parse("4 epochs").progress(step=999, epochs=1, elapsed_s=1e9) == 0.25
    assert Budget.parse("8 steps").progress(step=2, epochs=9, elapsed_s=1e9) == 0.25
    assert Budget.parse("8 steps").progress(step=9, epochs=0, elapsed_s=0) == 1.0


def test_input_sides_follow_the_network_unless_they_are_given():
    assert TrainConfig().sizes_for(416) == (288, 320, 352, 384, 416)
    assert TrainConfig(sizes=(64, 96)).sizes_for(416) == (64, 96)
