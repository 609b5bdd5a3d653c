"""The one table of the QA room's keys: shortcuts, tool tips and the help sheet are made from it. No Qt.

Each page has its own block of rows; keys are unique within a page together with those of the room, which hold on every
page. Words are English here and translated where they are painted. `shortcuts.bind` makes shortcuts of rows.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Act(enum.Enum):
    """What a key does in the QA room."""

    # the room
    LIBRARY_TAB = enum.auto()
    WORKLIST_TAB = enum.auto()
    REPLAY_TAB = enum.auto()
    FIGURES_TAB = enum.auto()
    OPEN_FILE = enum.auto()
    HELP = enum.auto()
    JOBS = enum.auto()
    REVIEWER = enum.auto()
    CLOSE = enum.auto()
    # library
    FIND = enum.auto()
    OPEN_SELECTED = enum.auto()
    ANALYSE_SELECTED = enum.auto()
    SCORE_SELECTED = enum.auto()
    WORKLIST_SELECTED = enum.auto()
    SETTLE_SELECTED = enum.auto()
    ADD_FOLDER = enum.auto()
    REFRESH = enum.auto()
    # worklist
    ANSWER_RIGHT = enum.auto()
    ANSWER_WALL = enum.auto()
    ANSWER_CONTENT = enum.auto()
    ANSWER_INSTRUMENT = enum.auto()
    ANSWER_LIGHT = enum.auto()
    ANSWER_SCAR = enum.auto()
    ANSWER_MISSED = enum.auto()
    ANSWER_UNSURE = enum.auto()
    ANSWER_NOTHING = enum.auto()
    ANSWER_BACK = enum.auto()
    CLIP_AGAIN = enum.auto()
    CLIP_BOXES = enum.auto()
    CLIP_IN_REPLAY = enum.auto()
    OTHER_LIST = enum.auto()
    LOOK_AGAIN = enum.auto()
    # figures
    FIGURES_VIEW = enum.auto()
    DIFFERENCES_VIEW = enum.auto()
    WHAT_IF_VIEW = enum.auto()
    GROUPS_VIEW = enum.auto()
    OPEN_PLACE = enum.auto()
    WORK_OUT_AGAIN = enum.auto()
    # settling what two readers differ on
    SETTLE_A = enum.auto()
    SETTLE_B = enum.auto()
    SETTLE_NEITHER = enum.auto()
    SETTLE_OWN = enum.auto()
    SETTLE_TAKE = enum.auto()
    SETTLE_BACK = enum.auto()
    SETTLE_NEXT = enum.auto()
    SETTLE_BEFORE = enum.auto()
    SETTLE_PUBLISH = enum.auto()
    SETTLE_LEAVE = enum.auto()
    # replay: playing
    PLAY = enum.auto()
    FORWARDS = enum.auto()
    PAUSE = enum.auto()
    BACKWARDS = enum.auto()
    SLOWER = enum.auto()
    FASTER = enum.auto()
    NORMAL_SPEED = enum.auto()
    STEP_BACK = enum.auto()
    STEP_ON = enum.auto()
    LEFT = enum.auto()
    RIGHT = enum.auto()
    UP = enum.auto()
    DOWN = enum.auto()
    LEFT_FAR = enum.auto()
    RIGHT_FAR = enum.auto()
    UP_FAR = enum.auto()
    DOWN_FAR = enum.auto()
    SECOND_BACK = enum.auto()
    SECOND_ON = enum.auto()
    TO_START = enum.auto()
    TO_END = enum.auto()
    GO_TO = enum.auto()
    # replay: going from one thing to the next
    NEXT_DETECTION = enum.auto()
    LAST_DETECTION = enum.auto()
    NEXT_FALSE = enum.auto()
    LAST_FALSE = enum.auto()
    NEXT_MISS = enum.auto()
    LAST_MISS = enum.auto()
    NEXT_MARK = enum.auto()
    LAST_MARK = enum.auto()
    NEXT_UNREVIEWED = enum.auto()
    LAST_UNREVIEWED = enum.auto()
    NEXT_DIFFERENCE = enum.auto()
    LAST_DIFFERENCE = enum.auto()
    NEXT_KEY_FRAME = enum.auto()
    LAST_KEY_FRAME = enum.auto()
    # replay: ranges
    RANGE_BEGIN = enum.auto()
    RANGE_END = enum.auto()
    LOOP = enum.auto()
    REVIEWED = enum.auto()
    UNREVIEWED = enum.auto()
    TIMELINE_IN = enum.auto()
    TIMELINE_OUT = enum.auto()
    TIMELINE_FIT = enum.auto()
    # replay: boxes
    NEW_LESION = enum.auto()
    NEXT_BOX = enum.auto()
    BOX_LEFT = enum.auto()
    BOX_RIGHT = enum.auto()
    BOX_UP = enum.auto()
    BOX_DOWN = enum.auto()
    BOX_LEFT_FAR = enum.auto()
    BOX_RIGHT_FAR = enum.auto()
    BOX_UP_FAR = enum.auto()
    BOX_DOWN_FAR = enum.auto()
    ERASE = enum.auto()
    ERASE_LESION = enum.auto()
    PROPAGATE = enum.auto()
    CLEAR = enum.auto()
    MARGINAL = enum.auto()
    OCCLUDED = enum.auto()
    OUT_OF_VIEW = enum.auto()
    MERGE = enum.auto()
    SPLIT = enum.auto()
    DESCRIBE = enum.auto()
    TAKE_OVER = enum.auto()
    UNDO = enum.auto()
    REDO = enum.auto()
    COMMIT = enum.auto()
    SETTLE = enum.auto()
    LEAVE = enum.auto()
    # replay: what is seen
    ZOOM_IN = enum.auto()
    ZOOM_OUT = enum.auto()
    ZOOM_FIT = enum.auto()
    SIDE_BY_SIDE = enum.auto()
    SHOW_LIVE = enum.auto()
    SHOW_A = enum.auto()
    SHOW_B = enum.auto()
    SHOW_TRUTH = enum.auto()
    SHOW_OWN = enum.auto()
    SHOW_OTHERS = enum.auto()
    SHOW_RAW = enum.auto()
    SHOW_NOTHING = enum.auto()


class On(enum.Enum):
    """The page on which a key holds, and its heading on the help sheet."""

    ROOM = "Everywhere"
    LIBRARY = "Library"
    WORKLIST = "Worklist"
    FIGURES = "Compare and figures"
    PLAY = "Replay: playing"
    GO = "Replay: from one thing to the next"
    RANGE = "Replay: ranges"
    BOX = "Replay: boxes and lesions"
    SEE = "Replay: what is seen"
    SETTLE = "Settle differences"


REPLAY = (On.PLAY, On.GO, On.RANGE, On.BOX, On.SEE)
"""The blocks that belong to the replay page."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        act: what it does.
        keys: in Qt's portable spelling.
        help: on the help sheet and in tool tips.
        on: where it holds.
        repeats: held down, it goes on.
    """

    act: Act
    keys: tuple[str, ...]
    help: str
    on: On
    repeats: bool = False


KEYS = (
    Row(Act.LIBRARY_TAB, ("Ctrl+1",), "Library", On.ROOM),
    Row(Act.WORKLIST_TAB, ("Ctrl+2",), "Worklist", On.ROOM),
    Row(Act.REPLAY_TAB, ("Ctrl+3",), "Replay", On.ROOM),
    Row(Act.FIGURES_TAB, ("Ctrl+4",), "Compare and figures", On.ROOM),
    Row(Act.OPEN_FILE, ("Ctrl+O",), "Open a video or a folder", On.ROOM),
    Row(Act.HELP, ("F1",), "Show or hide the keys", On.ROOM),
    Row(Act.JOBS, ("F6",), "Show or hide the background analyses", On.ROOM),
    Row(Act.REVIEWER, ("F7",), "Another reviewer", On.ROOM),
    Row(Act.CLOSE, ("Ctrl+Q",), "Close the window; everything is saved already", On.ROOM),
    Row(Act.FIND, ("Ctrl+F",), "Search", On.LIBRARY),
    Row(Act.OPEN_SELECTED, ("Return", "Enter"), "Open in Replay", On.LIBRARY),
    Row(Act.ANALYSE_SELECTED, ("Ctrl+R",), "Analyse in the background", On.LIBRARY),
    Row(Act.SCORE_SELECTED, ("Ctrl+S",), "Figures of the selection", On.LIBRARY),
    Row(Act.WORKLIST_SELECTED, ("Ctrl+L",), "Worklist of the selection", On.LIBRARY),
    Row(Act.SETTLE_SELECTED, ("Ctrl+E",), "Settle what two readers differ on", On.LIBRARY),
    Row(Act.ADD_FOLDER, ("Ctrl+D",), "Add a folder", On.LIBRARY),
    Row(Act.REFRESH, ("F5",), "Look through the folders again", On.LIBRARY),
    Row(Act.ANSWER_RIGHT, ("1", "R"), "Right: a polyp", On.WORKLIST),
    Row(Act.ANSWER_WALL, ("2", "W"), "False: wall or fold", On.WORKLIST),
    Row(Act.ANSWER_CONTENT, ("3", "C"), "False: stool, bubbles, liquid", On.WORKLIST),
    Row(Act.ANSWER_INSTRUMENT, ("4", "I"), "False: instrument", On.WORKLIST),
    Row(Act.ANSWER_LIGHT, ("5", "L"), "False: light or reflection", On.WORKLIST),
    Row(Act.ANSWER_SCAR, ("6", "S"), "False: scar", On.WORKLIST),
    Row(Act.ANSWER_MISSED, ("7", "M", "Y"), "Missed: a polyp without a box; drawing a box says it, too", On.WORKLIST),
    Row(Act.ANSWER_UNSURE, ("8", "U"), "Unsure", On.WORKLIST),
    Row(Act.ANSWER_NOTHING, ("9", "N"), "No polyp in this clip", On.WORKLIST),
    Row(Act.ANSWER_BACK, ("Backspace", "Ctrl+Z"), "Back: take the last answer back", On.WORKLIST),
    Row(Act.CLIP_AGAIN, ("Space",), "Hold the clip, or let it go on", On.WORKLIST),
    Row(Act.CLIP_BOXES, ("B",), "Show or hide the boxes", On.WORKLIST),
    Row(Act.CLIP_IN_REPLAY, ("Return", "Enter"), "Open in Replay at this place", On.WORKLIST),
    Row(Act.OTHER_LIST, ("A",), "From the clips to the miss audit, and back", On.WORKLIST),
    Row(Act.LOOK_AGAIN, ("F5",), "Work the clips out anew", On.WORKLIST),
    Row(Act.FIGURES_VIEW, ("Alt+1",), "Figures", On.FIGURES),
    Row(Act.DIFFERENCES_VIEW, ("Alt+2",), "Differences of two models", On.FIGURES),
    Row(Act.WHAT_IF_VIEW, ("Alt+3",), "What if: other alert settings", On.FIGURES),
    Row(Act.GROUPS_VIEW, ("Alt+4",), "Figures by group", On.FIGURES),
    Row(Act.OPEN_PLACE, ("Return", "Enter"), "Open the chosen place in Replay", On.FIGURES),
    Row(Act.WORK_OUT_AGAIN, ("F5",), "Work the figures out anew", On.FIGURES),
    Row(Act.PLAY, ("Space",), "Play or pause", On.PLAY),
    Row(Act.FORWARDS, ("L",), "Play forwards; again: faster", On.PLAY),
    Row(Act.PAUSE, ("K",), "Pause", On.PLAY),
    Row(Act.BACKWARDS, ("J",), "Play backwards; again: faster", On.PLAY),
    Row(Act.SLOWER, ("[", "Shift+J"), "Slower", On.PLAY),
    Row(Act.FASTER, ("]", "Shift+L"), "Faster", On.PLAY),
    Row(Act.NORMAL_SPEED, ("\\", "Shift+K"), "Normal speed", On.PLAY),
    Row(Act.STEP_BACK, (",",), "One frame back", On.PLAY, repeats=True),
    Row(Act.STEP_ON, (".",), "One frame on", On.PLAY, repeats=True),
    Row(Act.LEFT, ("Left",), "One frame back; with a box chosen: move it 1 px", On.PLAY, repeats=True),
    Row(Act.RIGHT, ("Right",), "One frame on; with a box chosen: move it 1 px", On.PLAY, repeats=True),
    Row(Act.UP, ("Up",), "Lesion above in the list; with a box chosen: move it 1 px", On.PLAY, repeats=True),
    Row(Act.DOWN, ("Down",), "Lesion below in the list; with a box chosen: move it 1 px", On.PLAY, repeats=True),
    Row(Act.LEFT_FAR, ("Shift+Left",), "Ten frames back; a chosen box: 10 px", On.PLAY, repeats=True),
    Row(Act.RIGHT_FAR, ("Shift+Right",), "Ten frames on; a chosen box: 10 px", On.PLAY, repeats=True),
    Row(Act.UP_FAR, ("Shift+Up",), "A chosen box up by 10 px", On.PLAY, repeats=True),
    Row(Act.DOWN_FAR, ("Shift+Down",), "A chosen box down by 10 px", On.PLAY, repeats=True),
    Row(Act.SECOND_BACK, ("PgUp",), "One second back", On.PLAY, repeats=True),
    Row(Act.SECOND_ON, ("PgDown",), "One second on", On.PLAY, repeats=True),
    Row(Act.TO_START, ("Home",), "To the beginning", On.PLAY),
    Row(Act.TO_END, ("End",), "To the end", On.PLAY),
    Row(Act.GO_TO, ("Ctrl+G",), "Go to a time or a frame number", On.PLAY),
    Row(Act.NEXT_DETECTION, ("D",), "Next detection", On.GO),
    Row(Act.LAST_DETECTION, ("Shift+D",), "Detection before", On.GO),
    Row(Act.NEXT_FALSE, ("F",), "Next false alarm", On.GO),
    Row(Act.LAST_FALSE, ("Shift+F",), "False alarm before", On.GO),
    Row(Act.NEXT_MISS, ("X",), "Next miss", On.GO),
    Row(Act.LAST_MISS, ("Shift+X",), "Miss before", On.GO),
    Row(Act.NEXT_MARK, ("M",), "Next mark of the examination", On.GO),
    Row(Act.LAST_MARK, ("Shift+M",), "Mark before", On.GO),
    Row(Act.NEXT_UNREVIEWED, ("U",), "Next range that nobody reviewed", On.GO),
    Row(Act.LAST_UNREVIEWED, ("Shift+U",), "Unreviewed range before", On.GO),
    Row(Act.NEXT_DIFFERENCE, ("E",), "Next event in which models A and B differ", On.GO),
    Row(Act.LAST_DIFFERENCE, ("Shift+E",), "Differing event before", On.GO),
    Row(Act.NEXT_KEY_FRAME, ("Alt+Right",), "Next key frame of the chosen lesion", On.GO, repeats=True),
    Row(Act.LAST_KEY_FRAME, ("Alt+Left",), "Key frame before", On.GO, repeats=True),
    Row(Act.RANGE_BEGIN, ("I",), "The range begins here", On.RANGE),
    Row(Act.RANGE_END, ("O",), "The range ends here", On.RANGE),
    Row(Act.LOOP, ("Shift+Space",), "Play the range again and again; again: no longer", On.RANGE),
    Row(
        Act.REVIEWED, ("R",), "Reviewed: the range, or what was just played; without boxes it says 'no polyp'", On.RANGE
    ),
    Row(Act.UNREVIEWED, ("Shift+R",), "Take 'reviewed' back from the range", On.RANGE),
    Row(Act.TIMELINE_IN, ("Ctrl++", "Ctrl+="), "Timeline: closer", On.RANGE, repeats=True),
    Row(Act.TIMELINE_OUT, ("Ctrl+-",), "Timeline: further away", On.RANGE, repeats=True),
    Row(Act.TIMELINE_FIT, ("T",), "Timeline: the range, or all of it", On.RANGE),
    Row(Act.NEW_LESION, ("N",), "The next box drawn is a new lesion (else the chosen one)", On.BOX),
    Row(Act.NEXT_BOX, ("B",), "Choose the next box in the picture", On.BOX),
    Row(Act.BOX_LEFT, ("Ctrl+Left",), "Chosen box narrower by 1 px", On.BOX, repeats=True),
    Row(Act.BOX_RIGHT, ("Ctrl+Right",), "Chosen box wider by 1 px", On.BOX, repeats=True),
    Row(Act.BOX_UP, ("Ctrl+Up",), "Chosen box less tall by 1 px", On.BOX, repeats=True),
    Row(Act.BOX_DOWN, ("Ctrl+Down",), "Chosen box taller by 1 px", On.BOX, repeats=True),
    Row(Act.BOX_LEFT_FAR, ("Ctrl+Shift+Left",), "Chosen box narrower by 10 px", On.BOX, repeats=True),
    Row(Act.BOX_RIGHT_FAR, ("Ctrl+Shift+Right",), "Chosen box wider by 10 px", On.BOX, repeats=True),
    Row(Act.BOX_UP_FAR, ("Ctrl+Shift+Up",), "Chosen box less tall by 10 px", On.BOX, repeats=True),
    Row(Act.BOX_DOWN_FAR, ("Ctrl+Shift+Down",), "Chosen box taller by 10 px", On.BOX, repeats=True),
    Row(Act.ERASE, ("Del", "Backspace"), "Erase the chosen box in this frame", On.BOX),
    Row(Act.ERASE_LESION, ("Shift+Del",), "Erase the chosen lesion everywhere", On.BOX),
    Row(Act.PROPAGATE, ("P",), "Carry the chosen box into the next two seconds, or to the end of the range", On.BOX),
    Row(Act.CLEAR, ("C",), "From here on: clear", On.BOX),
    Row(Act.MARGINAL, ("V",), "From here on: marginal", On.BOX),
    Row(Act.OCCLUDED, ("Z",), "From here on: occluded", On.BOX),
    Row(Act.OUT_OF_VIEW, ("W",), "From here on: out of view", On.BOX),
    Row(Act.MERGE, ("Ctrl+M",), "Merge the chosen lesion with another: press its number", On.BOX),
    Row(Act.SPLIT, ("Ctrl+B",), "Split the chosen lesion here: from here on it is another", On.BOX),
    Row(Act.DESCRIBE, ("Return", "Enter"), "Describe the chosen lesion: size, Paris, LST, site, histology", On.BOX),
    Row(Act.TAKE_OVER, ("A",), "Take the box of the AI or of the labels over as one's own", On.BOX),
    Row(Act.UNDO, ("Ctrl+Z",), "Undo", On.BOX, repeats=True),
    Row(Act.REDO, ("Ctrl+Shift+Z", "Ctrl+Y"), "Redo", On.BOX, repeats=True),
    Row(Act.COMMIT, ("Ctrl+Return", "Ctrl+Enter"), "Commit the review", On.BOX),
    Row(Act.SETTLE, ("Ctrl+E",), "Settle what two readers differ on, once both have committed", On.BOX),
    Row(Act.LEAVE, ("Esc",), "Let go: of the question, the box, the range", On.BOX),
    Row(Act.ZOOM_IN, ("+", "="), "Picture closer", On.SEE, repeats=True),
    Row(Act.ZOOM_OUT, ("-",), "Picture further away", On.SEE, repeats=True),
    Row(Act.ZOOM_FIT, ("0",), "The whole picture", On.SEE),
    Row(Act.SIDE_BY_SIDE, ("S",), "Models A and B side by side, or in one picture", On.SEE),
    Row(Act.SHOW_LIVE, ("Alt+1",), "Boxes shown live: on or off", On.SEE),
    Row(Act.SHOW_A, ("Alt+2",), "Boxes of re-analysis A: on or off", On.SEE),
    Row(Act.SHOW_B, ("Alt+3",), "Boxes of re-analysis B: on or off", On.SEE),
    Row(Act.SHOW_TRUTH, ("Alt+4",), "Boxes of the published labels: on or off", On.SEE),
    Row(Act.SHOW_OWN, ("Alt+5",), "Own boxes: on or off", On.SEE),
    Row(Act.SHOW_OTHERS, ("Alt+6",), "Boxes of other readers: on or off", On.SEE),
    Row(Act.SHOW_RAW, ("Alt+7",), "Raw candidates with their scores: on or off", On.SEE),
    Row(Act.SHOW_NOTHING, ("H",), "Hide all boxes, or show them again", On.SEE),
    Row(Act.SETTLE_A, ("1", "A"), "Reader A is right", On.SETTLE),
    Row(Act.SETTLE_B, ("2", "B"), "Reader B is right", On.SETTLE),
    Row(Act.SETTLE_NEITHER, ("3", "N"), "Neither: there is no lesion, or it stays unknown", On.SETTLE),
    Row(Act.SETTLE_OWN, ("4",), "One's own box, drawn in the picture, or one's own value", On.SETTLE),
    Row(Act.SETTLE_TAKE, ("Return", "Enter"), "Take what was drawn or typed", On.SETTLE),
    Row(Act.SETTLE_BACK, ("Backspace", "Ctrl+Z"), "Drop what was drawn; else take the last decision back", On.SETTLE),
    Row(Act.SETTLE_NEXT, ("Down",), "Next difference", On.SETTLE, repeats=True),
    Row(Act.SETTLE_BEFORE, ("Up",), "Difference before", On.SETTLE, repeats=True),
    Row(Act.SETTLE_PUBLISH, ("Ctrl+Return", "Ctrl+Enter"), "Publish, once all are settled", On.SETTLE),
    Row(Act.SETTLE_LEAVE, ("Esc",), "Let go of what was drawn; then back: all is kept", On.SETTLE),
)

LESION_KEYS = tuple("123456789")
"""Choose the lesion with this number; held apart from the table because nine rows would say the same."""


def row(act: Act) -> Row:
    """The row of an action."""
    return _ROWS[act]


def key_text(act: Act) -> str:
    """Its first key, as it is printed; empty if it has none."""
    keys = _ROWS[act].keys
    return keys[0] if keys else ""


def rows_of(*blocks: On) -> tuple[Row, ...]:
    """The rows of these blocks, in the order of the table."""
    return tuple(each for each in KEYS if each.on in blocks)


_ROWS = {each.act: each for each in KEYS}
