"""`python -m bench.beside`: sixteen clients search by photo, by turns alone and beside a bulk job.

A server of the benchmark's own holds texts like the demo's notes under the demo's model. Each client sends its next
photo as soon as the last one is answered. In every round they do so for a while alone, then as long while the bulk
worker imports files of documents, stores their vectors and indexes them, one file after the other. Ratios compare
within one round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bench.adapters import captions_of_demo
from bench.client import Client
from bench.measure import MS, Report, percentile
from bench.photos import photo
from bench.serving import DATA_DIR, attached, serving, wait_for

if TYPE_CHECKING:
    from search.models import Collection
    from workers.models import Job

CLIENTS, PHOTOS, PASSAGES, DOCUMENTS = 16, 64, 10_000, 2_000
SHARES = (50, 95, 99)


class Importing:
    """Imports files of new documents, one after the other, from entering to leaving, and waits for the last one."""

    def __init__(self, collection: Collection, numbers: itertools.count[int]) -> None:
        self.collection, self.numbers, self.imported = collection, numbers, 0
        self._stop, self._pool = threading.Event(), ThreadPoolExecutor(1)

    def __enter__(self) -> Importing:
        self._imports = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._imports.result()

    def _run(self) -> None:
        from bench import asking
        from workers.models import Job, JobState

        while not self._stop.is_set():
            asking.finished(self._one())
            while Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).exists():
                time.sleep(0.2)  # what the import started makes the vectors

    def _one(self) -> Job:
        from django.core.files.base import ContentFile

        from search.services.imports import import_start

        lines = "".join(f"{json.dumps(self._document(next(self.numbers)))}\n" for _ in range(DOCUMENTS))
        self.imported += DOCUMENTS
        file = ContentFile(lines.encode(), name="documents.jsonl")
        return import_start(collection=self.collection, file=file)

    @staticmethod
    def _document(number: int) -> dict[str, str]:
        body = f"Note {number}: the green pump in hall {number % 97} leaks at its shaft seal. " * 3
        return {"id": f"n{number}", "title": f"Note {number}", "body": body}


def main() -> None:
    """Print the seconds of the searches alone and beside imports, and end with 1 where one failed."""
    options = _options()
    folder = DATA_DIR / "beside"
    shutil.rmtree(folder, ignore_errors=True)
    with serving(DATA_DIR=str(folder)) as port:
        attached(folder)
        from bench import asking
        from demo.load import BUNDLE
        from models_admin.services import version_activate
        from search.models import Collection

        version_activate(version=asking.prepared(BUNDLE, list(captions_of_demo(PASSAGES)), "hnsw"))
        wait_for(port, "/readyz")
        imports = Collection.objects.create(slug="imports", name="Imports", visibility="public")
        clients = [Client(port, asking.api_token()) for _ in range(CLIENTS)]
        _asked(clients, 5.0)  # warm: each of the server's threads has its connections
        rounds, numbers, imported = [], itertools.count(), 0
        for _ in range(options.rounds):
            alone = _asked(clients, options.seconds)
            with Importing(imports, numbers) as importing:
                beside = _asked(clients, options.seconds)
            imported += importing.imported
            rounds.append((alone, beside))
    _say(rounds, imported, options.seconds)


def _asked(clients: list[Client], seconds: float) -> list[float]:
    """Return how long each search took while every client asked for so long; raises where one was not answered."""
    photos, until = [photo(seed) for seed in range(PHOTOS)], time.monotonic() + seconds

    def asks(number: int) -> list[float]:
        took: list[float] = []
        for turn in itertools.count(number):
            if time.monotonic() > until:
                return took
            answer = clients[number].search_picture(photos[turn % PHOTOS])
            if answer.status != 200 or not answer.body["results"]:
                raise SystemExit(f"a search failed: {answer.status} {answer.body}"[:300])
            took.append(answer.seconds)
        return took

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(itertools.chain.from_iterable(pool.map(asks, range(len(clients)))))


def _say(rounds: list[tuple[list[float], list[float]]], imported: int, seconds: float) -> None:
    report = Report()
    report.say("documents imported meanwhile", imported, "")
    for name, at in (("alone", 0), ("beside", 1)):
        report.say(
            f"searches a second {name}", statistics.median(len(one[at]) for one in rounds) / seconds, "1/s"
        )
    for share in SHARES:
        ratios = [percentile(beside, share) / percentile(alone, share) for alone, beside in rounds]
        report.say(
            f"p{share} alone", statistics.median(percentile(one[0], share) for one in rounds) * MS, "ms"
        )
        report.say(
            f"p{share} beside ÷ alone, median", statistics.median(ratios), "×", "≤ 1.5" if share == 95 else ""
        )
        report.say(f"p{share} beside ÷ alone, most", max(ratios), "×")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each half of a round")
    return parser.parse_args()


if __name__ == "__main__":
    main()
