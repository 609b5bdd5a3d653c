"""Recordings: clean video in segments, a line for every picture, and what a crash leaves made whole again. No Qt.

Whoever has a picture offers it and goes on (:class:`Recorder`); everything that waits for an encoder or a disk has a
thread of its own. :func:`recover` is for the next start of the program.
"""

from app.recording.recorder import Recorder, RecorderOptions
from app.recording.recover import RecoveryReport, recover, unrecovered
from app.recording.video_file import VideoFile

__all__ = ["Recorder", "RecorderOptions", "RecoveryReport", "VideoFile", "recover", "unrecovered"]
