"""Imports the pages of `bench.pages`, watches memory, kills, and counts afterwards. Runs beside the server."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.serving import DATA_DIR, attached, processes

attached(DATA_DIR)

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from django.db import connection  # noqa: E402

from models_admin import services as models  # noqa: E402
from retrieval_site.accounts.models import User  # noqa: E402
from search.models import Collection  # noqa: E402
from search.services.collections import collection_create, collection_delete  # noqa: E402
from search.services.imports import import_folder_start  # noqa: E402
from search.vectors.tables import VectorTable  # noqa: E402
from workers.jobs.services import job_retry_failed  # noqa: E402

if TYPE_CHECKING:
    from workers.models import Job

MIB = 1 << 20
LOOK_SECONDS = 0.25
WORKER, READER = "worker", "reading process"
READER_MARK = "workers.extraction.child"
EARLY, LATE = (0.05, 0.15), (0.9, 1.0)
"""Shares of the files during which memory is compared: the median while around 10 % are done, and near the end."""


@dataclass
class ImportWatch:
    """Looks at a job while it runs: its processes' memory by the share that is done; kills at given shares."""

    kills: list[tuple[float, str]] = field(default_factory=list)
    seen: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: {WORKER: [], READER: []})
    stored_seconds: float = 0.0

    def until_finished(self, job: Job) -> None:
        """Return when the job has ended."""
        started = time.perf_counter()
        while not job.is_finished:
            time.sleep(LOOK_SECONDS)
            job.refresh_from_db()
            if job.stage == "store":
                self.stored_seconds = time.perf_counter() - started
                self._look(job.done / (job.total or 1))

    def _look(self, share: float) -> None:
        for name, process in _watched().items():
            try:
                self.seen[name].append((share, process.memory_info().rss))
                if self.kills and share >= self.kills[0][0] and self.kills[0][1] == name:
                    process.kill()
                    print(f"killed the {name} at {share:.0%}", flush=True)
                    self.kills.pop(0)
            except psutil.NoSuchProcess:
                continue

    def say(self) -> None:
        """Print what the processes took."""
        for name, seen in self.seen.items():
            early, late = (
                statistics.median([size for share, size in seen if first <= share <= last] or [0])
                for first, last in (EARLY, LATE)
            )
            peak = max((size for _, size in seen), default=0)
            ratio = f"{late / early:.2f} ×" if early else "-"
            print(
                f"  {name}: {early / MIB:.0f} MiB at 10 %, {late / MIB:.0f} at the end: {ratio}; peak {peak / MIB:.0f}"
            )


def main(plain: str, scans: str, kills: int, seed: int, killed_only: int) -> None:
    """Print pace and memory, then whether everything is there once, undisturbed and killed."""
    while models.champion() is None:
        time.sleep(1)
    runs = [("plain", Path(plain), 0), ("scans", Path(scans), 0), ("killed", Path(plain), kills)]
    for slug, folder, kill_count in runs[2:] if killed_only else runs:
        pages = sum(int(path.stem.split("-")[2]) for path in folder.iterdir())
        if pages and (kill_count or slug != "killed"):
            collection = _collection(f"pages-{slug}")
            _imported(collection, folder, pages, ImportWatch(_moments(kill_count, seed)))
            _check(collection, pages, numbered=slug != "scans")


def _collection(slug: str) -> Collection:
    for earlier in Collection.objects.filter(slug=slug):
        collection_delete(collection=earlier)
    owner = User.objects.filter(is_superuser=True).get()
    return collection_create(name=slug, slug=slug, owner=owner, visibility="public")


def _moments(kills: int, seed: int) -> list[tuple[float, str]]:
    """Return at which shares what is killed: the worker each time, the reading process once, in the middle."""
    rng = np.random.default_rng([seed, 5])
    moments = [(float(share), WORKER) for share in rng.uniform(0.02, 0.95, kills)]
    return sorted([*moments, (0.5, READER)]) if kills else []


def _imported(collection: Collection, folder: Path, pages: int, watch: ImportWatch) -> None:
    killed, started = bool(watch.kills), time.perf_counter()
    job = import_folder_start(
        collection=collection, path=folder, owner=User.objects.filter(is_superuser=True).get()
    )
    watch.until_finished(job)
    seconds = time.perf_counter() - started
    pace, pace_stored = 60 * pages / seconds, 60 * pages / watch.stored_seconds
    print(f"{collection.slug}: {job.state} {job.error}, {pages} pages in {seconds:.0f} s with their vectors")
    print(f"  {pace_stored:.0f} pages a minute stored, {pace:.0f} with their vectors", flush=True)
    watch.say()
    failed = [item.error_id for item in job.items.all()]
    if failed:
        print(f"  failed: {failed}; tried again")
        job_retry_failed(job, by=job.owner)
        job.refresh_from_db()
        ImportWatch().until_finished(job)
    if killed:
        print(f"  attempts: {job.attempts}; failed in the end: {job.items.count()}")


def _watched() -> dict[str, psutil.Process]:
    """Return the bulk worker, and the process that reads files for it if there is one."""
    for worker in processes("bulk@"):
        try:
            children = [
                one for one in worker.children(recursive=True) if READER_MARK in " ".join(one.cmdline())
            ]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        return {WORKER: worker, **({READER: children[-1]} if children else {})}
    return {}


def _check(collection: Collection, pages: int, *, numbered: bool) -> None:
    """Print counts that must be equal."""
    version = models.champion()
    assert version is not None
    vectors = VectorTable(version.pk, "passage").name
    of = "JOIN search_document d ON d.id = {}.document_id WHERE d.collection_id = %s"
    stored, distinct = _row(
        f"SELECT count(*), count(DISTINCT (document_id, number)) FROM search_documentpage p {of.format('p')}",
        collection,
    )
    passages, vectors_count, matched = _row(
        f"SELECT count(p.id), count(v.unit_id), count(DISTINCT v.unit_id) FROM search_passage p "
        f"LEFT JOIN {vectors} v ON v.unit_id = p.id {of.format('p')}",
        collection,
    )
    (spare,) = _row(
        f"SELECT count(*) FROM {vectors} v LEFT JOIN search_passage p ON p.id = v.unit_id "
        "WHERE v.collection_id = %s AND p.id IS NULL",
        collection,
    )
    right = (stored, distinct) == (pages, pages) and passages == vectors_count == matched and not spare
    if numbered:
        count, different = _row(
            "SELECT count(*), count(DISTINCT said[1]) FROM search_passage p "
            f"CROSS JOIN LATERAL regexp_matches(p.text, 'Sheet ([0-9]{{5}}X)', 'g') said {of.format('p')}",
            collection,
        )
        right = right and (count, different) == (pages, pages)
        print(f"  numbers of pages in passages: {count}, different {different} of {pages}")
    print(
        f"  pages {stored}, passages {passages}, vectors {matched}; {'each once' if right else 'NOT each once'}"
    )


def _row(statement: str, collection: Collection) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [collection.pk])
        return tuple(cursor.fetchone())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
