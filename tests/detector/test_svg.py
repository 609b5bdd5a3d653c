"""Several curves in one chart: told apart by colour and dash, named, and sound XML."""

from xml.etree import ElementTree

from detector.svg import Axis, Line, lines_chart

SPACE = "{http://www.w3.org/2000/svg}"


def chart(*lines: Line) -> ElementTree.Element:
    return ElementTree.fromstring(lines_chart(lines, Axis("false alarms < 9", 9), Axis("sensitivity")))


def test_without_points_there_is_no_chart():
    assert lines_chart([], Axis("x"), Axis("y")) == ""
    assert lines_chart([Line("A", ())], Axis("x"), Axis("y")) == ""


def test_one_curve_needs_no_name():
    found = chart(Line("A & B", ((0, 0), (9, 1)), (9, 1)))
    assert len(found.findall(f"{SPACE}polyline")) == 1
    assert "A & B" not in {each.text for each in found.iter(f"{SPACE}text")}
    assert len(found.findall(f"{SPACE}circle")) == 1


def test_two_curves_differ_in_colour_and_dash_and_are_named():
    found = chart(Line("A & B", ((0, 0), (9, 1))), Line("C", ((0, 0.5), (3, 0.6))))
    lines = found.findall(f"{SPACE}polyline")
    assert len({line.get("stroke") for line in lines}) == 2
    assert [line.get("stroke-dasharray") is not None for line in lines] == [False, True]
    texts = {each.text for each in found.iter(f"{SPACE}text")}
    assert {"A & B", "C", "false alarms < 9", "sensitivity"} <= texts


def test_the_curve_ends_where_its_last_point_is():
    [line] = chart(Line("A", ((0, 0), (9, 1)))).findall(f"{SPACE}polyline")
    (x1, y1), (x2, y2) = ([float(v) for v in point.split(",")] for point in line.get("points").split())
    assert x2 > x1 + 300
    assert y2 < y1 - 200
