"""The product's scoring and the oracle agree on random stills and procedures.

POLYPWATCH_ORACLE_ROUNDS sets how many of each are tried (default 400; the same ones in every run).
"""

import json
import os
import random
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import scoring
from detector.scoring import lesions, realcolon, stills
from tests.detector.scoring import oracle, oracle_events, oracle_statistics
from tests.detector.scoring import procedures as made
from tests.detector.scoring.sides import agree, plain, product, same

ROUNDS = int(os.environ.get("POLYPWATCH_ORACLE_ROUNDS", "400"))
SOME = max(1, ROUNDS // 12)
pytestmark = pytest.mark.timeout(120 + ROUNDS)  # more rounds may take longer
EXAMPLES = 25
RULES = (0.2, 0.5, "any", 1 / 3)
TAUS_S = (0.0, 0.2, 0.5, 1.0, 2.0)
SIGMAS_S = (1.0, 3.0, 0.7)
DURATIONS_S = (0, 0.1, 0.2, 0.5, 1, 2, 5)
PRODUCT = product()
shrinkable = st.randoms(use_true_random=False)


def seeds(parameter, count):
    """Other procedures for every parameter of a test."""
    return [f"{parameter} {n}" for n in range(count)]


def choices(seed):
    """What a round asks for, besides its recordings."""
    return random.Random(f"choices {seed}")


class TestStills:
    @pytest.mark.parametrize("iou", [0.5, 0.2, 1 / 3])
    def test_figures_agree(self, iou):
        for seed in seeds(iou, ROUNDS):
            images = made.some_stills(seed)
            threshold = choices(seed).choice(made.THRESHOLDS)

            def ask(side, threshold=threshold):
                return lambda x: side.box_figures(x, threshold, iou)

            agree(images, ask(PRODUCT), ask(oracle))

    def test_every_box_has_the_same_verdict_and_lesion(self):
        names = {scoring.HIT: "hit", scoring.NEUTRAL: "neutral", scoring.FALSE: "false"}

        def ours(images):
            m = scoring.match_boxes(images)
            rows = zip(m.still, m.scores, m.verdicts, m.lesion, strict=True)
            return [[int(s), float(score), names[int(v)], int(lesion)] for s, score, v, lesion in rows]

        def theirs(images):
            judged = [(n, row) for n, s in enumerate(images) if s.truth.reviewed for row in oracle.judge(s, 0.5, 0.0)]
            return [[n, float(score), v, -1 if lesion is None else lesion] for n, (score, v, lesion) in judged]

        for seed in range(ROUNDS):
            agree(made.some_stills(seed), ours, theirs)

    def test_best_thresholds_agree(self):
        for seed in range(SOME):
            agree(made.some_stills(seed), PRODUCT.best_f1_threshold, oracle.best_f1_threshold)

    @pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
    def test_thresholds_for_negatives_agree(self, share):
        def ask(side):
            return lambda images: side.threshold_for_negatives(images, share)

        for seed in range(SOME // 4 + 1):
            agree(made.some_stills(seed) + made.some_stills(-seed - 1), ask(PRODUCT), ask(oracle))

    def test_froc_agrees(self):
        for seed in range(SOME):
            agree(made.some_stills(seed), PRODUCT.froc_stills, oracle_events.froc_stills)

    @given(shrinkable)
    @settings(max_examples=EXAMPLES)
    def test_what_hypothesis_makes_of_it_agrees(self, rng):
        images = made.stills_of(rng)
        agree(images, lambda x: PRODUCT.box_figures(x, 0.3), lambda x: oracle.box_figures(x, 0.3))


class TestLesions:
    @pytest.mark.parametrize("rule", RULES)
    def test_figures_of_detections_agree(self, rule):
        for seed in seeds(rule, ROUNDS // 2):
            threshold = choices(seed).choice(made.THRESHOLDS)

            def ask(side, threshold=threshold):
                return lambda x: of_lesions(side, x, threshold, rule)

            agree(made.some_recordings(seed, times=("true", "nominal", "none")), ask(PRODUCT), ask(oracle))

    def test_figures_of_displayed_markers_agree(self):
        for seed in seeds("markers", ROUNDS // 2):
            recordings = made.some_recordings(seed, markers=True)
            agree(recordings, lambda x: of_lesions(PRODUCT, x, 0), lambda x: of_lesions(oracle, x, 0))

    def test_froc_agrees(self):
        for seed in range(SOME // 2 + 1):
            agree(made.some_recordings(seed), PRODUCT.froc_lesions, oracle_events.froc_lesions)

    @given(shrinkable)
    @settings(max_examples=EXAMPLES)
    def test_what_hypothesis_makes_of_it_agrees(self, rng):
        recordings = made.recordings_of(rng, most=12)
        agree(recordings, lambda x: of_lesions(PRODUCT, x, 0.3), lambda x: of_lesions(oracle, x, 0.3))


class TestShownEvents:
    def test_figures_agree(self):
        for seed in range(ROUNDS):
            agree(made.some_recordings(seed, markers=True), PRODUCT.shown_events, oracle_events.shown_events)

    def test_at_other_durations_they_agree_as_well(self):
        def ask(side):
            return lambda x: side.shown_events(x, DURATIONS_S)

        for seed in range(ROUNDS, ROUNDS + SOME):
            agree(made.some_recordings(seed, markers=True), ask(PRODUCT), ask(oracle_events))

    def test_froc_agrees(self):
        def ask(side, recordings, duration):
            def rerun(threshold):
                return [only_from(r, threshold) for r in recordings]

            return side.froc_shown(rerun, [0.05, 0.3, 0.6], duration)

        for seed in range(SOME):
            recordings = made.some_recordings(seed, markers=True)
            for duration in (0.0, 0.5):
                ours, theirs = (ask(side, recordings, duration) for side in (PRODUCT, oracle_events))
                assert not same(ours, theirs), f"seed {seed}"

    @given(shrinkable)
    @settings(max_examples=EXAMPLES)
    def test_what_hypothesis_makes_of_it_agrees(self, rng):
        recordings = made.recordings_of(rng, markers=True, most=12)
        agree(recordings, PRODUCT.shown_events, oracle_events.shown_events)


class TestRealColon:
    @pytest.mark.parametrize("tau_s", TAUS_S)
    def test_figures_of_detections_agree(self, tau_s):
        for seed in seeds(tau_s, ROUNDS // 2):
            rng = choices(seed)
            threshold, sigma_s = rng.choice(made.THRESHOLDS), rng.choice(SIGMAS_S)

            def ask(side, threshold=threshold, sigma_s=sigma_s):
                return lambda x: side.realcolon_figures(x, threshold, tau_s, sigma_s)

            agree(made.some_recordings(seed), ask(PRODUCT), ask(oracle_events))

    def test_figures_of_displayed_markers_agree(self):
        def ask(side):
            return lambda x: side.realcolon_figures(x, 0.0, 0.5)

        for seed in range(SOME):
            agree(made.some_recordings(seed, markers=True), ask(PRODUCT), ask(oracle_events))

    def test_froc_agrees(self):
        def ask(side):
            return lambda x: side.froc_realcolon(x, None, 0.5, 2.0)

        for seed in range(SOME // 2 + 1):
            agree(made.some_recordings(seed), ask(PRODUCT), ask(oracle_events))

    @given(shrinkable)
    @settings(max_examples=EXAMPLES)
    def test_what_hypothesis_makes_of_it_agrees(self, rng):
        recordings = made.recordings_of(rng, most=12)
        theirs = oracle_events.realcolon_figures
        agree(recordings, lambda x: PRODUCT.realcolon_figures(x, 0.3, 0.5), lambda x: theirs(x, 0.3, 0.5))


class TestLongRecordings:
    """Nothing changes where arrays get long."""

    @pytest.mark.parametrize("seed", range(3))
    def test_figures_agree(self, seed):
        rng = random.Random(f"long {seed}")
        raw = [made.a_recording(rng, n, least=900, most=1000) for n in range(2)]
        markers = [made.a_recording(rng, n, markers=True, least=900, most=1000) for n in range(2)]
        agree(raw, lambda x: of_lesions(PRODUCT, x, 0.3), lambda x: of_lesions(oracle, x, 0.3))
        agree(raw, lambda x: PRODUCT.realcolon_figures(x, 0.3), lambda x: oracle_events.realcolon_figures(x, 0.3))
        agree(markers, PRODUCT.shown_events, oracle_events.shown_events)


class TestIntervals:
    """The quick figures by name give the interval that 40 full scorings give."""

    @pytest.mark.parametrize("name", get_args(stills.BoxFigureName))
    def test_of_stills(self, name):
        def slow(x):
            return oracle.box_figures(x, 0.3)[name]

        for seed in range(SOME // 10 + 1):
            images = made.some_stills(seed) + made.some_stills(-seed - 1)
            self.check(images, scoring.box_figure(name, 0.3), slow, seed)

    @pytest.mark.parametrize("name", get_args(lesions.LesionFigureName))
    def test_of_lesions(self, name):
        def slow(x):
            return oracle.lesion_figures(x, 0.3)[name]

        for seed in range(SOME // 25 + 1):
            self.check(several(seed), scoring.lesion_figure(name, 0.3), slow, seed)

    @pytest.mark.parametrize("name", get_args(scoring.events.ShownFigureName))
    def test_of_shown_events(self, name):
        def slow(x):
            value = oracle_events.shown_events(x, [0.5])[name]
            return value[0.5] if isinstance(value, dict) else value

        for seed in range(SOME // 25 + 1):
            self.check(several(seed, markers=True), scoring.shown_figure(name, 0.5), slow, seed)

    @pytest.mark.parametrize("name", get_args(realcolon.RealColonFigureName))
    def test_of_realcolon(self, name):
        def slow(x):
            return oracle_events.realcolon_figures(x, 0.3, 0.5)[name]

        for seed in range(SOME // 25 + 1):
            self.check(several(seed), scoring.realcolon_figure(name, 0.3, 0.5), slow, seed)

    @staticmethod
    def check(items, quick, slow, seed):
        """One side alone, and against the same items with other answers."""
        ours = PRODUCT.bootstrap(items, scoring.unit_of, quick, draws=40, seed=seed)
        theirs = oracle_statistics.bootstrap(items, scoring.unit_of, slow, draws=40, seed=seed)
        assert not same(ours, theirs and {k: v for k, v in theirs.items() if k != "mean"}), f"seed {seed}"
        other = [weaker(item) for item in items]
        ours = PRODUCT.paired_bootstrap(items, other, scoring.unit_of, quick, draws=40, seed=seed)
        assert not same(
            ours, oracle_statistics.paired_bootstrap(items, other, scoring.unit_of, slow, draws=40, seed=seed)
        )

    def test_of_any_function(self):
        for seed in range(SOME):
            rng = choices(seed)
            values = [(f"unit {rng.randrange(5)}", rng.random()) for _ in range(rng.randrange(12))]

            def figure(items):
                return sum(v for _, v in items) / len(items) if len(items) > 3 else None

            ours = PRODUCT.bootstrap(values, lambda v: v[0], figure, draws=60, seed=seed)
            theirs = oracle_statistics.bootstrap(values, lambda v: v[0], figure, draws=60, seed=seed)
            assert not same(ours, theirs and {k: v for k, v in theirs.items() if k != "mean"}), f"seed {seed}"

    @pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
    def test_exact_ones(self, level):
        for of in range(13):
            for successes in range(of + 1):
                ours = PRODUCT.exact_interval(successes, of, level)
                assert not same(ours, oracle_statistics.exact_interval(successes, of, level)), f"{successes} of {of}"


class TestReaders:
    def test_box_agreement_agrees_and_does_not_mind_who_is_first(self):
        for seed in range(ROUNDS):
            a, b = made.two_readers(seed)
            ours = PRODUCT.box_agreement(a, b)
            assert not same(ours, oracle_statistics.box_agreement(a, b)), f"seed {seed}"
            assert PRODUCT.box_agreement(b, a)["f1"] == ours["f1"], f"seed {seed}"

    def test_frame_agreement_agrees(self):
        for seed in range(ROUNDS):
            a, b = made.two_readers(seed)
            assert not same(PRODUCT.frame_agreement(a, b), oracle_statistics.frame_agreement(a, b)), f"seed {seed}"


class TestTheMadeUpCases:
    """Agreement says nothing where nothing happens: the limits must be met, often."""

    def test_limits_are_met(self):
        ious, centres, lasting = [], 0, []
        for seed in range(100):
            for r in made.some_recordings(seed, markers=True):
                for t, a in zip(r.truth, r.answers, strict=True):
                    pairs = [(oracle.rows([m])[0], b) for m in a.boxes for b in oracle.rows(t.boxes)]
                    ious += [oracle.iou_of(m, b) for m, b in pairs]
                    centres += sum((m[0] + m[2]) / 2 in (b[0], b[2]) for m, b in pairs)
                lasting += [e["duration_s"] for e in oracle_events.shown_events([r])["false_events"]]
        assert ious.count(0.2) > 50
        assert ious.count(0.5) > 50
        assert centres > 50
        assert sum(min(abs(s - d) for d in (0.2, 0.5, 1, 2)) < 1e-9 for s in lasting) > 15

    def test_things_happen(self):
        events = hits = lesions_hit = alarms = neutral = unreviewed = 0
        for seed in range(100):
            events += oracle_events.shown_events(made.some_recordings(seed, markers=True))["events"][0.5]
            recordings = made.some_recordings(seed)
            figures = oracle_events.realcolon_figures(recordings, 0.3, 0.5)
            lesions_hit, alarms = lesions_hit + figures["lesions_hit"], alarms + figures["false_positives"]
            unreviewed += sum(not t.reviewed for r in recordings for t in r.truth)
            boxes = oracle.box_figures(made.some_stills(seed), 0.3)
            hits, neutral = hits + boxes["hits"], neutral + boxes["neutral_boxes"]
        assert min(events, hits, lesions_hit, alarms, neutral) > 25
        assert unreviewed > 200


class TestResults:
    def test_every_result_is_ready_for_json(self):
        images, raw = [s for seed in range(4) for s in made.some_stills(seed)], several(3)
        markers = several(3, markers=True)
        one, other = made.two_readers(3)
        results = [
            scoring.box_figures(images, 0.3),
            scoring.lesion_figures(raw, 0.3),
            scoring.shown_events(markers),
            scoring.realcolon_figures(raw, 0.3),
            *scoring.froc_stills(images),
            scoring.exact_interval(3, 5),
            scoring.bootstrap(images, scoring.unit_of, scoring.box_figure("recall", 0.3)),
            scoring.box_agreement(one, other),
            scoring.frame_agreement(one, other),
        ]
        for result in results:
            written = json.loads(json.dumps(result.as_dict(), allow_nan=False))
            assert written.keys() == plain(result).keys()

    def test_scoring_changes_nothing_in_what_it_is_given(self):
        raw, markers = several(5), several(5, markers=True)
        before = [copies(r) for r in raw + markers]
        scoring.lesion_figures(raw, 0.3)
        scoring.realcolon_figures(raw, 0.3)
        scoring.shown_events(markers)
        for old, new in zip(before, [copies(r) for r in raw + markers], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))


def several(seed, markers=False):
    """Two to five recordings of several units."""
    rng = random.Random(f"several {seed} {markers}")
    return [made.a_recording(rng, n, markers, most=25) for n in range(rng.randrange(2, 6))]


def only_from(recording, threshold):
    """Only those markers that once had this score, weak moments included: as alerts with a hold would show."""
    shown = [(m, s) for a in recording.answers for m, s in zip(a.markers, a.scores, strict=True)]
    strong = {m for m, s in shown if s >= np.float32(threshold)}
    answers = []
    for a in recording.answers:
        keep = np.array([m in strong for m in a.markers], bool)
        ids = tuple(m for m in a.markers if m in strong)
        answers.append(replace(a, boxes=a.boxes[keep], scores=a.scores[keep], markers=ids))
    return replace(recording, answers=answers)


def weaker(item):
    """The same still or recording with every answer's last box gone."""
    if isinstance(item, scoring.Still):
        return replace(item, answer=less(item.answer))
    return replace(item, answers=[less(a) for a in item.answers])


def less(answer):
    return replace(answer, boxes=answer.boxes[:-1], scores=answer.scores[:-1], markers=answer.markers[:-1])


def copies(recording):
    """All arrays of a recording."""
    of_truths = [a.copy() for t in recording.truth for a in (t.boxes, t.ignored)]
    return [recording.times_s.copy(), *of_truths, *(x.copy() for a in recording.answers for x in (a.boxes, a.scores))]


def of_lesions(side, recordings, threshold, rule=0.2):
    """Lesion figures without the names of lesions where boxes have none: the page does not name them."""
    figures = side.lesion_figures(recordings, threshold, rule)
    nameless = {r.name for r in recordings if any(len(t.boxes) and not t.lesions for t in r.truth)}
    rows = [{**row, "lesion": "?"} if row["recording"] in nameless else row for row in figures["per_lesion"]]
    return {**figures, "per_lesion": rows}
