from workers.models.blob import Blob
from workers.models.job import Job, JobItem, JobState

__all__ = ["Blob", "Job", "JobItem", "JobState"]
