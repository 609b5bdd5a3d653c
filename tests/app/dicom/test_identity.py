"""Ids that cannot hurt, and UIDs that repeat."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dicom.identity import Identity, identity_of, make_uid
from detector.errors import UsageError

TAKEN = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


@given(st.lists(st.text(), max_size=4))
def test_a_uid_is_valid_and_repeats(names: list[str]) -> None:
    uid = make_uid(*names)
    assert re.fullmatch(r"2\.25\.(0|[1-9]\d*)", uid)
    assert len(uid) <= 64
    assert uid == make_uid(*names)


def test_names_are_not_run_together() -> None:
    assert make_uid("ab", "c") != make_uid("a", "bc")


def test_ids_are_derived_from_the_contents_in_any_order() -> None:
    one, other = identity_of(["aa", "bb"]), identity_of(["bb", "aa"])
    assert one == other
    assert one != identity_of(["aa", "cc"])
    assert len(one.study_id) <= 16


def test_a_study_is_of_both_its_ids() -> None:
    uid = Identity("E1", "P1").study_uid
    assert uid == Identity("E1", "P1", TAKEN, no_text=True).study_uid
    assert uid not in {Identity("E2", "P1").study_uid, Identity("E1", "P2").study_uid}


def test_another_time_or_another_word_on_text_is_another_instance() -> None:
    made = {
        i.instance_uid("1.2", "x")
        for i in (Identity("E", "P"), Identity("E", "P", TAKEN), Identity("E", "P", None, True))
    }
    assert len(made) == 3


@pytest.mark.parametrize("text", ["", " ", "a\\b", "a\nb", " a", "x" * 17])
def test_a_study_id_that_dicom_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="study id"):
        Identity(text, "P")


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="time zone"):
        Identity("E", "P", datetime(2026, 3, 1))
