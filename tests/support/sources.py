"""Sources of tests, and their rounds run as a worker runs them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.models import Source
from search.services.sources import NewSource, rounds_of, source_create, source_start
from search.sources.reports import COUNTS
from tests.support.corpus import picture
from workers.jobs.runner import run_job_inline

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval_site.accounts.models import User
    from search.models import Collection
    from workers.models import Job


@dataclass
class Rounds:
    """Makes sources of one collection and takes their rounds."""

    collection: Collection
    anna: User
    settings: Any

    def source(self, kind: str, address: object, **options: Any) -> Source:
        """Make a source; its dry run waits."""
        new = NewSource(kind=kind, address=str(address), options=options)
        return source_create(collection=self.collection, new=new, owner=self.anna)

    def first_dry_run(self, source: Source) -> Job:
        """Take the dry run that began with the source."""
        return run_job_inline(rounds_of(source).get())

    def take(self, source: Source, **how: bool) -> Job:
        """Take one round."""
        return run_job_inline(source_start(source=source, by=self.anna, **how))


def report(job: Job) -> dict[str, int]:
    """What a round counted, without the noughts."""
    assert job.state == "succeeded", (job.state, job.error_id, job.error)
    return {name: job.result[name] for name in COUNTS if job.result.get(name)}


def put(folder: Path, name: str, colour: tuple[int, int, int] = (200, 30, 30), *, age: float = 3600) -> Path:
    """Write a picture into a folder, as if it had been there for some time."""
    return put_bytes(folder, name, picture(colour, size=(320, 240)), age=age)


def put_bytes(folder: Path, name: str, data: bytes, *, age: float = 3600) -> Path:
    """Write a file into a folder, as if it had been there for some time."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - age, time.time() - age))
    return path
