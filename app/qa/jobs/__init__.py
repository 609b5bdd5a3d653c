"""Analyses in the background: a queue in this process, the model in processes of their own. No Qt."""

from app.qa.jobs.queue import JobQueue
from app.qa.jobs.states import Job, Jobs, JobState, ModelChoice

__all__ = ["Job", "JobQueue", "JobState", "Jobs", "ModelChoice"]
