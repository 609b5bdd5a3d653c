"""DeckLink cards in the list of devices."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from app.capture import parse_source
from app.devices.command import as_json, as_text
from app.devices.decklink import list_decklink


def test_without_a_driver_nothing_is_listed_and_gstreamer_is_not_loaded(tmp_path: Path) -> None:
    assert list_decklink(tmp_path / "blackmagic") == []


@pytest.mark.skipif(importlib.util.find_spec("gi") is not None, reason="PyGObject is installed in this environment")
def test_a_card_without_gstreamer_is_listed_with_what_to_install(tmp_path: Path) -> None:
    (card,) = list_decklink(tmp_path)
    assert "GStreamer is not installed" in card.problem
    assert "gstreamer1.0-plugins-bad" in card.hint
    assert parse_source(card.source).gst is not None
    assert "Cannot be used as it is: GStreamer" in as_text(card)
    assert as_json(card)["would_take"] is None


@pytest.mark.skipif(importlib.util.find_spec("gi") is None, reason="PyGObject is not installed in this environment")
def test_gstreamer_says_which_cards_there_are(tmp_path: Path) -> None:
    for card in list_decklink(tmp_path):
        spec = parse_source(card.source)
        assert spec.gst is not None
        assert spec.gst.decklink
