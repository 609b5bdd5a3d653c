"""A whole sitting: clips are answered through the review log, one key each, and do not come again."""

from app.qa.review import ReviewSession
from app.qa.worklist.clips import CLIP_S
from app.qa.worklist.evidence import Evidence
from app.qa.worklist.planning import USUAL_WINDOWS
from app.qa.worklist.ranking import CLIPS_A_PROCEDURE, ranked
from benchmarks.worklist_effort import AFTERNOON_S, ANSWER_S, WINDOW_S, answered, make, read
from tests.app.qa.review.made import procedure


def with_answers(evidence: Evidence, answers) -> Evidence:
    return Evidence(
        evidence.procedure,
        evidence.axis,
        evidence.candidates,
        evidence.shown,
        evidence.found,
        evidence.inside,
        tuple(answers),
    )


def test_one_key_a_clip_is_one_operation_of_the_log_and_answered_clips_do_not_come_again(tmp_path):
    made = make(0, 25.0)
    opened = procedure(tmp_path, len(made.evidence.axis))
    session = ReviewSession.open(opened, "Anna Rossi")
    clips = ranked(made.evidence)
    keys = 0
    for clip in clips:
        session.answer(answered(clip, made.things))
        keys += 1
    session.close()
    assert keys == len(clips) == CLIPS_A_PROCEDURE
    again = ReviewSession.open(opened, "Anna Rossi")
    answers = again.document.answers
    assert [a.clip for a in answers] == [c.id for c in clips]
    assert again.document.reviewed == (), "an answer says nothing of the rest of the picture"
    again.close()
    left = ranked(with_answers(made.evidence, answers))
    assert not {c.id for c in left} & {c.id for c in clips}
    assert not any(c.box and a.box == c.box and a.first <= c.focus <= a.last for c in left for a in answers)


def test_an_answer_can_be_taken_back_and_its_clip_comes_again(tmp_path):
    made = make(1, 5.0)
    opened = procedure(tmp_path, len(made.evidence.axis))
    session = ReviewSession.open(opened, "Anna Rossi")
    first = ranked(made.evidence)[0]
    session.answer(answered(first, made.things))
    assert first.id not in {c.id for c in ranked(with_answers(made.evidence, session.document.answers))}
    session.undo()
    assert ranked(with_answers(made.evidence, session.document.answers))[0] == first
    session.close()


def test_forty_procedures_of_25_minutes_fit_an_afternoon_with_the_miss_audit():
    efforts = [read(make(n, 25.0))[0] for n in range(3)]
    assert all(effort.clips <= CLIPS_A_PROCEDURE for effort in efforts), "keys a procedure"
    most_s = 40 * CLIPS_A_PROCEDURE * (CLIP_S + ANSWER_S) + USUAL_WINDOWS * WINDOW_S
    assert all(40 * e.seconds + USUAL_WINDOWS * WINDOW_S <= most_s for e in efforts)
    assert most_s < 0.8 * AFTERNOON_S, "a fifth of it is left for corrections"
