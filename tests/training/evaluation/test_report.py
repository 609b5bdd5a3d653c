import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

pytest.importorskip("jinja2")

from detector.svg import Axis, Dot, bar_chart, dot_chart, line_chart, nice_top
from tests.training.evaluation.made import HERE, NOTHING, SIZE, THERE, answer, evaluation, hit, sample
from training.evaluation.report import write_report
from training.evaluation.worst import picture, worst_false_alarms, worst_misses


class Page(HTMLParser):
    """Notes the tags that are open, and everything that a browser would load."""

    def __init__(self):
        super().__init__()
        self.open, self.loads = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.loads += [v for k, v in attrs if k in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def on_disk(folder, *samples_facts):
    path = folder / "x.png"
    cv2.imwrite(str(path), np.full((SIZE.height, SIZE.width, 3), 90, np.uint8))
    return [sample(name, boxes, image=path, **facts) for name, boxes, facts in samples_facts]


@pytest.fixture
def scored(tmp_path):
    samples = on_disk(
        tmp_path,
        ("s/<b>hit</b>", [HERE], {"centre": "C1"}),
        ("s/missed", [THERE], {"centre": "C2"}),
        ("s/negative", [], {"source": "other", "sequence": "v", "order": 0}),
        ("s/unknown", [], {"known": False}),
    )
    answers = [hit(), answer((*THERE, 0.2)), answer((*HERE, 0.8)), hit()]
    return samples, evaluation(samples, answers)


def test_the_page_is_whole_and_loads_nothing(tmp_path, scored):
    samples, found = scored
    write_report(found, samples, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert len(page.loads) == 2
    assert all(u.startswith("data:image/jpeg;base64,") for u in page.loads)
    assert "url(" not in text
    assert "This page shows images of patients" in text
    assert "polypwatch-train evaluate --model tiny" in text
    assert "s/&lt;b&gt;hit" not in text  # neither missed nor a false alarm
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)


def test_without_pictures_the_page_shows_no_patient(tmp_path, scored):
    samples, found = scored
    write_report(found, samples, tmp_path / "report.html", pictures=0)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "images of patients" not in text
    assert "data:image" not in text


def test_names_cannot_break_the_page(tmp_path):
    [made] = on_disk(tmp_path, ("s/<script>", [HERE], {}))
    write_report(evaluation([made], [NOTHING]), [made], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "s/&lt;script&gt;" in text


def test_the_weakest_sign_of_a_lesion_is_the_worst_miss():
    large, small = (0, 0, 150, 90), (0, 0, 20, 20)
    samples = [sample("s/1", [small]), sample("s/2", [large]), sample("s/3", [large]), sample("s/4", [large])]
    answers = [NOTHING, NOTHING, answer((*large, 0.4)), answer((*large, 0.6))]
    found = worst_misses(evaluation(samples, answers).rows, 0.5, 10)
    assert [w.row for w in found] == [1, 0, 2]
    assert [w.weak for w in found] == [None, None, 0]
    assert "best box on it 0.40" in found[2].said
    assert len(worst_misses(evaluation(samples, answers).rows, 0.5, 2)) == 2


def test_a_loose_box_is_no_miss_and_no_false_alarm():
    rows = evaluation([sample("s/1", [[0, 0, 100, 50]])], [answer((0, 0, 100, 16, 0.9))]).rows
    assert worst_misses(rows, 0.5, 10) == []
    assert worst_false_alarms(rows, 0.5, 10) == []


def test_false_alarms_come_by_confidence_and_ignored_regions_are_none():
    samples = [sample("s/1"), sample("s/2", [HERE]), sample("s/3", ignored=np.array([HERE], np.float32))]
    answers = [answer((*THERE, 0.6)), answer((*HERE, 0.95), (*THERE, 0.9)), answer((*HERE, 0.99))]
    found = worst_false_alarms(evaluation(samples, answers).rows, 0.5, 10)
    assert [(w.row, w.said) for w in found] == [
        (1, "box of 0.90, beside a polyp"),
        (0, "box of 0.60, no polyp in the picture"),
    ]


def test_one_sequence_does_not_fill_the_page():
    samples = [sample(f"s/{i}", [HERE], sequence="v", order=i) for i in range(9)] + [sample("s/z", [HERE])]
    found = worst_misses(evaluation(samples, [NOTHING] * 10).rows, 0.5, 10)
    assert [w.row for w in found] == [0, 1, 9]


def test_a_picture_is_a_small_jpeg_and_the_image_stays_as_it_was():
    row = evaluation([sample("s/1", [HERE], ignored=np.array([THERE], np.float32))], [hit()]).rows[0]
    image = np.full((100, 200, 3), 90, np.uint8)
    uri = picture(row, image, 0.5)
    assert uri.startswith("data:image/jpeg;base64,/9j/")
    assert (image == 90).all()


def test_charts_of_nothing_are_empty_and_others_are_xml():
    assert line_chart([], Axis("x"), Axis("y")) == ""
    assert dot_chart([], "recall") == ""
    marked = line_chart([(0, 1), (1, 0)], Axis("a < b"), Axis("y"), (0.5, 0.5), "threshold")
    for svg in (
        marked,
        bar_chart([0, 3, 7], Axis("score"), "images", 0.5, "here"),
        dot_chart([Dot("a & b", 0.5, None, None), Dot("c", 0.2, 0.1, 0.3)], "recall"),
    ):
        ElementTree.fromstring(svg)
    assert "a &lt; b" in marked


@pytest.mark.parametrize(("most", "top"), [(0, 1), (0.09, 0.1), (1, 1), (1.05, 1.5), (7, 7.5), (80, 100), (0.3, 0.3)])
def test_axes_end_at_round_numbers(most, top):
    assert nice_top(most) == pytest.approx(top)
