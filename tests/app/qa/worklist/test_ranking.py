"""The order of clips: the best first, no two alike, every procedure in turn."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from app.qa.worklist.answers import Answer
from app.qa.worklist.appearance import ALIKE, appearance, likeness, place_likeness
from app.qa.worklist.clips import Clip
from app.qa.worklist.ranking import CLIPS_A_PROCEDURE, ranked, share_out
from tests.app.qa.worklist.made import HERE, THERE, Said, evidence


def rich(**more):
    """A procedure with something of every kind."""
    return evidence(
        600,
        said=[Said(40, 1.0, 0.4, THERE), Said(300, 0.8, 0.3, THERE)],
        alarms=[Said(100, 1, 0.9, HERE, 1), Said(160, 0.4, 0.6, THERE, 2)],
        others=[Said(100, 1, 0.9, HERE, 1)],
        marks_s=[230.0],
        **more,
    )


def test_a_mark_that_the_ai_missed_comes_first_and_a_silence_last_and_all_have_their_reason():
    clips = ranked(rich())
    order = [c.kind for c in clips]
    assert order[0] == "mark"
    assert order[-1] == "silence"
    assert {"mark", "models", "alarm", "low", "silence"} == set(order)
    assert all(c.why and c.question and c.verdicts for c in clips)
    assert all(a.score >= b.score for a, b in pairwise(clips))
    assert ranked(rich()) == clips, "the same evidence gives the same list"


def test_what_two_rules_propose_of_one_event_is_one_clip_with_both_reasons():
    clips = ranked(rich())
    (both,) = (c for c in clips if c.kind == "models")
    assert "gives none" in both.why
    assert any("nobody marked" in reason for reason in both.also)
    assert sum(c.first <= 160 * 25 <= c.last for c in clips) == 1


def test_no_more_clips_than_the_limit_and_the_ones_that_teach_most():
    many = [Said(10 + 12 * n, 0.2 + 0.03 * n, 0.9, HERE, n + 1) for n in range(45)]
    clips = ranked(evidence(600, None, alarms=many, marks_s=[]))
    assert len(clips) == CLIPS_A_PROCEDURE
    longest = {c.focus // 25 // 12 for c in clips}
    assert min(longest) >= 45 - CLIPS_A_PROCEDURE - 1


def test_clips_of_one_moment_and_place_do_not_come_twice():
    # A box that flickers: five markers within the same six seconds.
    flicker = [Said(50 + n, 0.5, 0.9, HERE, n + 1) for n in range(5)]
    clips = ranked(evidence(120, alarms=[*flicker, Said(100, 0.5, 0.9, HERE, 9)], marks_s=[]), limit=2)
    assert sorted(50 * 25 <= c.focus < 56 * 25 for c in clips) == [False, True]


def false_alarm(verdict="content") -> Answer:
    return Answer("x", "alarm", verdict, 1225, 1374, 1250, HERE)


def test_what_resembles_an_answered_false_alarm_is_said_to_repeat_it_and_comes_later():
    alarms = [Said(80, 1, 0.9, HERE, 1), Said(100, 1, 0.9, THERE, 2)]
    before = ranked(evidence(120, alarms=alarms, marks_s=[]))
    assert before[0].kind == before[1].kind == "alarm"
    clips = ranked(evidence(120, alarms=alarms, marks_s=[], answers=[false_alarm()]))
    kinds = {c.kind: c for c in clips if c.kind != "silence"}
    assert set(kinds) == {"alarm", "repeated"}
    assert kinds["repeated"].box == HERE
    assert "stool or bubbles at 0:50" in kinds["repeated"].why
    assert kinds["repeated"].score < kinds["alarm"].score
    right = Answer("x", "alarm", "right", 1225, 1374, 1250, HERE)
    assert "repeated" not in {c.kind for c in ranked(evidence(120, alarms=alarms, marks_s=[], answers=[right]))}


def test_appearance_finds_the_same_thing_in_another_place_and_tells_other_things_apart():
    rng = np.random.default_rng(3)
    picture = rng.integers(90, 130, (400, 600, 3)).astype(np.uint8)
    patch = (rng.random((80, 80, 1)) * np.array([60, 120, 220])).astype(np.uint8)
    other = np.full((80, 80, 3), (200, 90, 20), np.uint8)
    picture[20:100, 20:100], picture[200:280, 300:380], picture[300:380, 40:120] = patch, patch, other
    one, two, three = (
        appearance(picture, box) for box in ((20, 20, 100, 100), (300, 200, 380, 280), (40, 300, 120, 380))
    )
    assert likeness(one, two) > ALIKE
    assert likeness(one, three) < ALIKE - 0.1
    assert likeness(one, None) == 0.0
    assert appearance(picture, (700.0, 10.0, 720.0, 20.0)) is None
    darker = appearance((picture * 0.8).astype(np.uint8), (20.0, 20.0, 100.0, 100.0))
    assert likeness(one, darker) > 0.75, "exposure counts little"


def test_looks_decide_where_pictures_are_at_hand_and_each_box_is_looked_at_once():
    alarms = [Said(80, 1, 0.9, THERE, 1)]
    asked: list[int] = []

    def looks(position, box):
        asked.append(position)
        return np.array([1.0, 0.0], np.float32)

    clips = ranked(evidence(120, alarms=alarms, marks_s=[], answers=[false_alarm("instrument")]), looks=looks)
    (clip,) = (c for c in clips if c.kind == "repeated")
    assert "an instrument" in clip.why
    assert len(asked) == len(set(asked)) == 2
    assert place_likeness(HERE, THERE) == 0.0
    assert place_likeness(HERE, HERE) == 1.0


def clip(path: Path, score: float, n: int) -> Clip:
    return Clip(f"{path}{n}", path, 0, 10, 5, "alarm", "why", score)


def test_over_many_procedures_the_best_clips_are_shared_out_and_a_noisy_one_does_not_take_all():
    noisy = [clip(Path("noisy"), 0.7, n) for n in range(60)]
    calm = {Path(f"p{k}"): [clip(Path(f"p{k}"), 0.5 - 0.04 * n, n) for n in range(10)] for k in range(5)}
    shared = share_out({Path("noisy"): noisy, **calm}, 60)
    assert sum(len(clips) for clips in shared.values()) == 60
    assert 10 < len(shared[Path("noisy")]) < 35
    assert all(len(shared[path]) >= 3 for path in calm)
    assert all(
        list(clips) == list({**calm, Path("noisy"): noisy}[path][: len(clips)]) for path, clips in shared.items()
    )
    assert share_out({}, 10) == {}
