from detector.manifest import find_model, load_manifest
from training.release.card import CARD_NAME, render_card


def test_the_card_says_what_each_file_takes() -> None:
    card = render_card(load_manifest(find_model("fast")))
    assert "`image`: float32 1x3x416x416; BGR" in card
    assert "`frame`: uint8 n x h x w x 3, whole frames of any size, resized in the graph; BGR" in card


def test_the_bundled_card_is_that_of_the_bundled_manifest() -> None:
    folder = find_model("fast")
    assert (folder / CARD_NAME).read_text(encoding="utf-8") == render_card(load_manifest(folder))
