"""`python -m bench.switching`: photos are searched while models are brought, prepared, switched and rolled back.

A server of the benchmark's own holds the demo's notes under the demo's model. A version with a small adapter is
uploaded, validated, prepared and activated; both versions are measured by an evaluation set, marks are learned from,
the two are asked side by side, and the former one challenges (`bench.meanwhile`). Then each switch rolls the one before
back, evenly over the time that is left. Every request counts that is not answered with 200 and at least one hit. The
requests begin on a fixed beat, whether or not those before are answered.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from bench.adapters import adapted_to, captions_of_demo
from bench.client import Client
from bench.measure import MS, Report, percentile
from bench.photos import photo
from bench.serving import DATA_DIR, attached, serving, wait_for

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

PHOTOS, CALLERS, PASSAGES = 24, 16, 5_000
CALM_SECONDS = 20.0


@dataclass
class Searching:
    """What became of the requests; `models` names the versions that answered."""

    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    models: set[str] = field(default_factory=set)


class Beat:
    """Searches photos at so many a second until it is stopped."""

    def __init__(self, port: int, token: str, rate: float) -> None:
        self.port, self.token, self.rate = port, token, rate
        self.photos = [photo(seed) for seed in range(PHOTOS)]
        self.found = Searching()
        self._kept, self._stop = threading.local(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Beat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def taken(self) -> Searching:
        """Return what was found since the last call, and begin anew."""
        found, self.found = self.found, Searching()
        return found

    def _run(self) -> None:
        with ThreadPoolExecutor(CALLERS) as callers:
            started, asked = time.monotonic(), 0
            while not self._stop.wait(max(0.0, started + asked / self.rate - time.monotonic())):
                callers.submit(self._ask, self.photos[asked % PHOTOS])
                asked += 1

    def _ask(self, picture: bytes) -> None:
        if not hasattr(self._kept, "client"):
            self._kept.client = Client(self.port, self.token)
        try:
            answer = self._kept.client.search_picture(picture)
            if answer.status != 200 or not answer.body["results"]:
                raise ValueError(f"{answer.status} {answer.body}"[:200])
            self.found.models.add(answer.body["query"]["model"])
            self.found.seconds.append(answer.seconds)
        except (OSError, HTTPException, ValueError, LookupError) as error:
            del self._kept.client
            self.found.failed.append(repr(error))


def main() -> None:
    """Print how many of the searches failed, and how long they took with and without the switches."""
    options = _options()
    report, folder = Report(), DATA_DIR / "switching"
    shutil.rmtree(folder, ignore_errors=True)  # an earlier run's versions would be what is switched to
    with serving(DATA_DIR=str(folder)) as port, tempfile.TemporaryDirectory() as room:
        attached(folder)
        from bench import asking
        from bench.meanwhile import done_meanwhile
        from demo.load import BUNDLE
        from models_admin.services import version_activate

        base = asking.prepared(BUNDLE, list(captions_of_demo(PASSAGES)), "hnsw")
        version_activate(version=base)
        wait_for(port, "/readyz")
        token = asking.api_token()
        with Beat(port, token, options.rate) as beat:
            time.sleep(CALM_SECONDS)
            calm = beat.taken()
            started = time.monotonic()
            other = _brought(base, Path(room))
            done_meanwhile(report, port, token, base, other)
            switched = _switched(options.switches, started + options.seconds)
            seconds = time.monotonic() - started
        _say(report, calm, beat.found, seconds, switched)
    if beat.found.failed:
        raise SystemExit("\n".join(beat.found.failed[:10]))
    if beat.found.models != {base.key, other.key}:
        raise SystemExit(f"only {', '.join(sorted(beat.found.models))} answered")


def _brought(base: ModelVersion, room: Path) -> ModelVersion:
    """Upload, validate, prepare and activate another version, as an operator does."""
    from bench import asking
    from models_admin import services

    other = asking.uploaded(adapted_to(base, room / "other.zip", ("image",)))
    asking.finished(services.version_prepare(version=other))
    other.refresh_from_db()
    services.version_activate(version=other)
    return other


def _switched(times: int, until: float) -> int:
    """Roll back so often, evenly over the time that is left; return how many switches there were with the first."""
    from models_admin.services import version_rollback

    for done in range(1, times):
        time.sleep(max(0.0, (until - time.monotonic()) / (times - done + 1)))
        version_rollback()
    time.sleep(max(0.0, until - time.monotonic()))
    return times


def _say(report: Report, calm: Searching, found: Searching, seconds: float, switched: int) -> None:
    report.say("switches", switched, "")
    report.say("seconds", seconds, "s", "≥ 120")
    report.say("searches", len(found.seconds), "")
    report.say("searches a second", len(found.seconds) / seconds, "1/s", "≥ 10")
    report.say("failed", float(len(found.failed)), "", "0")
    for share in (50, 99):
        before, during = (percentile(one.seconds, share) * MS for one in (calm, found))
        report.say(f"p{share} before", before, "ms")
        report.say(f"p{share} meanwhile", during, "ms")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--rate", type=float, default=12.0, help="searches begun a second")
    parser.add_argument("--switches", type=int, default=4)
    return parser.parse_args()


if __name__ == "__main__":
    main()
