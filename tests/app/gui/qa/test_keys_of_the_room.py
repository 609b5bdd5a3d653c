"""The table of keys: every action has one, none means two things on one page, and all of a page's are bound."""

import itertools

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.gui.catalogue import TABLES
from app.gui.qa.keys import KEYS, LESION_KEYS, REPLAY, Act, On, row, rows_of
from app.gui.qa.lesion_words import HISTOLOGIES, LSTS, PARIS, SITES
from app.gui.qa.shortcuts import bind, tip
from detector.annotation import Histology, Lst, Paris, Site

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

PAGES = {"library": (On.LIBRARY,), "worklist": (On.WORKLIST,), "replay": REPLAY}


def test_every_action_stands_in_the_table_once():
    assert sorted(each.act.value for each in KEYS) == sorted(act.value for act in Act)


@pytest.mark.parametrize("page", PAGES)
def test_no_key_means_two_things_on_one_page(page: str):
    keys = [key for each in rows_of(On.ROOM, *PAGES[page]) for key in each.keys]
    keys += LESION_KEYS if page == "replay" else ()
    assert [key for key, same in itertools.groupby(sorted(keys)) if len(list(same)) > 1] == []


def test_every_key_is_one_that_qt_knows():
    for each in KEYS:
        for key in each.keys:
            sequence = QKeySequence(key, QKeySequence.SequenceFormat.PortableText)
            assert sequence.count() == 1, key
            assert sequence[0].key() is not Qt.Key.Key_unknown, key


def test_the_words_of_the_table_are_collected_for_translators():
    assert set(TABLES["gui/qa/keys.py"]) == {"KEYS", "On"}


def test_a_field_for_text_keeps_letters_for_itself(qtbot):
    page = QWidget()
    field = QLineEdit()
    QVBoxLayout(page).addWidget(field)
    done = []
    bind(page, {Act.REVIEWED: lambda: done.append("R"), Act.PLAY: lambda: done.append("Space")})
    qtbot.addWidget(page)
    page.show()
    qtbot.waitExposed(page)
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow, timeout=30_000)
    field.setFocus()
    QTest.keyClicks(field, "r r")
    assert done == []
    assert field.text() == "r r"
    page.setFocus()
    QTest.keyClick(page, Qt.Key.Key_R)
    assert done == ["R"]


def test_a_tool_tip_names_the_key():
    assert tip(Act.PROPAGATE).endswith("[P]")
    assert row(Act.PROPAGATE).help in tip(Act.PROPAGATE)


def test_every_value_of_a_lesion_has_a_name():
    assert set(SITES) == set(Site.__args__)
    assert set(HISTOLOGIES) == set(Histology.__args__)
    assert set(PARIS) == set(Paris.__args__)
    assert set(LSTS) == set(Lst.__args__)
