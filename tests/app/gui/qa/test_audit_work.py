"""The miss audit's plan: which procedures are drawn from, and what a blinded reader is told of the others."""

import pytest

from app.gui.qa.audit_work import draw_plan
from detector.errors import UsageError
from tests.app.gui.qa.judged import TestDesk, procedures


def nobody(_: object) -> None:
    """Nobody watches."""


def test_a_procedure_that_no_model_has_looked_at_enters_no_audit_of_the_ai(qtbot, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("POLYPWATCH_CONFIG", str(tmp_path / "config"))
    [seen, _] = procedures(tmp_path / "seen", 2, labels=False)
    [bare] = procedures(tmp_path / "bare", 1, labels=False, models=False)
    desk = TestDesk([seen, bare])
    found = draw_plan(desk, [seen, bare], 4, nobody)
    assert [share.procedure for share in found.plan.shares] == [seen]
    assert any(said.startswith("p01.mp4: No model has looked at it") for said in found.troubles)
    blinded = TestDesk([seen, bare], blinded=True, reviews=tmp_path / "reviews")
    told = draw_plan(blinded, [seen, bare], 4, nobody).troubles
    assert told
    assert not any("p01" in said for said in told)
    with pytest.raises(UsageError, match="no window to draw"):
        draw_plan(desk, [bare], 4, nobody)
    for each in (desk, blinded):
        each.sessions.close()
