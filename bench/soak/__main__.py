"""`python -m bench.soak [--minutes 60]`: a bad day, rehearsed.

A server of the benchmark's own, on a small disk of its own, is searched, judged, saved and imported into, and its
models are switched and prepared anew, while its parts are killed, paused, starved of memory and disk, Redis is emptied,
PostgreSQL restarted and the clock put forward and back: one fault after the other, each followed by what the site needs
to answer again. Fixed questions, about documents that nobody changes, have one right answer by each model. At the end
everything that was acknowledged is counted. The disk needs root and `mount`, the clock a C compiler.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from bench.adapters import adapted_to, captions_of_demo
from bench.client import Client, Timed
from bench.measure import MS, Report, percentile
from bench.serving import DATA_DIR, attached, supervised, wait_for
from bench.soak.counts import Counting
from bench.soak.faults import Fault, faults
from bench.soak.ledger import CALM, NO_ANSWER, UNKNOWN_ERROR, Ledger
from bench.soak.site import MARKS, Memory, Site, logs_beside, small_disk
from bench.soak.users import IMPORTED, SAVED, Crowd, Question, answer_of, differs

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

DOCUMENTS, PHOTOS = 400, 8
TEXTS = ("a red pump leaks", "rusty blue gear", "the yellow fan is dusty", "a cracked green gate valve")
CALM_SHARE = 0.12
"""Of the time, at the beginning and at the end."""
REST_SECONDS = 3.0
QUIET_SECONDS, HEAL_SECONDS = 240.0, 300.0
SAID_MAX = 60
CRASHES_SAID, CRASH_LINES = 3, 50


@dataclass
class Day:
    """What happened: which faults, with the seconds until all answered again; both calm spans."""

    brought: list[tuple[str, float | None]] = field(default_factory=list)
    calm: list[tuple[float, float]] = field(default_factory=list)


def main() -> None:
    """Print how each fault was met, and what was lost, doubled, wrong or left behind; end with 1 if anything was."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # ends the server, too
    folder = DATA_DIR / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    with small_disk(folder) as has_disk, tempfile.TemporaryDirectory() as room:
        (folder / "tmp").mkdir(mode=0o777)
        logs = logs_beside(folder)
        clock = _clock(folder)
        environment = {"DATA_DIR": str(folder), "TMPDIR": str(folder / "tmp"), **_moved(clock)}
        with supervised(**environment) as (port, server):
            site = Site(folder, port, psutil.Process(server.pid), has_disk, clock)
            said = _rehearsed(site, options, Path(room))
    print(f"The logs are in {logs}.")
    if not has_disk:
        print("The disk was never full: no disk of its own could be mounted (needs root).")
    if clock is None:
        print("The clock did not jump: there is no C compiler.")
    if said:
        raise SystemExit(f"{said} things are not as they should be")


def _rehearsed(site: Site, options: argparse.Namespace, room: Path) -> int:
    token, models = _prepared(site, room)
    questions = [Question(picture=picture) for picture in _drawings()] + [
        Question(text=text) for text in TEXTS
    ]
    client, ledger, day = Client(site.port, token), Ledger(), Day()
    for slug in (IMPORTED, SAVED):
        _ok(client.post("collections/", slug=slug, name=slug))
    truth = {
        (number, model): answer_of(_ok(question.ask(client, model=model)))
        for number, question in enumerate(questions)
        for model in models
    }
    crowd = Crowd(site.port, token, ledger, questions, models, truth)
    with Memory(site) as memory:
        with crowd:
            try:
                _through_the_day(site, ledger, day, options)
            except Exception as error:  # noqa: BLE001  what was counted so far is told all the same
                ledger.count(ledger.fault, "rehearsal", "benchmark", repr(error))
        ledger.fault = "afterwards"
        _come_to_rest(site)
        _let_heal(site)
        _come_to_rest(site)
    _ask_again(crowd, client)
    report = Report()
    _say_crashes(site.folder)
    _say_faults(ledger, day)
    _say_memory(day, memory, report)
    counting = Counting(site.folder, ledger)
    print(f"  units recorded as impossible to encode, by error: {counting.broken()}")
    bad = _say_counts(ledger, list(counting.faults()), report)
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")
    return bad


def _prepared(site: Site, room: Path) -> tuple[str, tuple[str, str]]:
    """Fill the site and return a token and the two models that are switched."""
    attached(site.folder)
    from django.db import connections

    from bench import asking
    from demo.load import BUNDLE
    from models_admin import services

    base = asking.prepared(BUNDLE, list(captions_of_demo(DOCUMENTS)), "hnsw")
    services.version_activate(version=base)
    wait_for(site.port, "/readyz")
    other: ModelVersion = asking.uploaded(adapted_to(base, room / "other.zip", ("image",)))
    asking.finished(services.version_prepare(version=other))
    other.refresh_from_db()
    services.version_activate(version=other)
    token = asking.api_token()
    connections.close_all()
    return token, (base.key, other.key)


def _drawings() -> list[bytes]:
    from demo.drawing import draw, scene_sample

    def drawn(seed: int) -> bytes:
        out = io.BytesIO()
        draw(scene_sample(np.random.default_rng(seed)), 400).convert("RGB").save(out, "JPEG")
        return out.getvalue()

    return [drawn(seed) for seed in range(PHOTOS)]


def _through_the_day(site: Site, ledger: Ledger, day: Day, options: argparse.Namespace) -> None:
    whole = options.minutes * 60
    _calm(day, whole * CALM_SHARE)
    until = time.monotonic() + whole * (1 - 2 * CALM_SHARE)
    for fault in itertools.cycle(_chosen(site, options.only)):
        if time.monotonic() > until:
            break
        day.brought.append((fault.name, _met(site, ledger, fault)))
    ledger.fault = CALM
    _calm(day, whole * CALM_SHARE)


def _chosen(site: Site, only: str) -> list[Fault]:
    return [fault for fault in faults(site) if any(word in fault.name for word in only.split(","))]


def _calm(day: Day, seconds: float) -> None:
    began = time.monotonic()
    time.sleep(seconds)
    day.calm.append((began + seconds / 2, time.monotonic()))


def _met(site: Site, ledger: Ledger, fault: Fault) -> float | None:
    """Bring a fault about and return how long after its end all answered again."""
    ledger.fault = fault.name
    with fault.brought(site):
        time.sleep(fault.seconds)
    time.sleep(0.5)
    recovered = site.wait_ready()
    print(
        f"  {fault.name:<34} ready after {recovered if recovered is None else round(recovered, 1)} s",
        flush=True,
    )
    time.sleep(REST_SECONDS)
    return recovered


def _come_to_rest(site: Site) -> None:
    """Wait until no job waits or runs."""
    site.wait_ready()
    until = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            if not list(Counting(site.folder, Ledger()).unfinished()):
                return
        time.sleep(2)


def _let_heal(site: Site) -> None:
    """Give the site its time to encode what failed jobs left, by itself: it starts such a job within minutes."""
    counting, until = Counting(site.folder, Ledger()), time.monotonic() + HEAL_SECONDS
    while counting.incomplete() and time.monotonic() < until:
        time.sleep(5)


def _ask_again(crowd: Crowd, client: Client) -> None:
    """Ask every question by every model once more, and note what is answered otherwise than on a good day."""
    for (number, model), truth in crowd.truth.items():
        asked = crowd.questions[number].ask(client, model=model)
        if asked.status != 200 or differs(answer_of(asked), truth):
            crowd.ledger.wrong(f"afterwards, question {number} by {model}: {asked.body}"[:500])


def _say_counts(ledger: Ledger, left: list[tuple[str, str]], report: Report) -> int:
    """Print what is not as it should be, and return how many things that are."""
    tally = Counter(kind for kind, _ in left)
    for kind in ("lost", "doubled", "stuck", "left behind"):
        report.say(kind, tally[kind], "", "0")
    bad = {kind: ledger.total(kind) for kind in ["wrong", UNKNOWN_ERROR, *_bad_kinds(ledger)]}
    report.say("answers compared", ledger.compared, "")
    for kind, count in bad.items():
        report.say(kind, count, "", "0")
    failed = dict(ledger.job_errors)
    print(f"  jobs that failed, by error: {failed}; models that answered: {sorted(ledger.models)}")
    left += [(kind, example) for kind in bad for example in ledger.examples[kind]]
    for kind, sentence in left[:SAID_MAX]:
        print(f"  {kind}: {sentence}")
    return sum(tally.values()) + sum(bad.values())


def _bad_kinds(ledger: Ledger) -> set[str]:
    kinds = {kind for *_, kind in ledger.answers}
    return {
        kind
        for kind in kinds
        if kind in ("wrong", UNKNOWN_ERROR, "not JSON", "benchmark") or "misshaped" in kind
    }


def _say_crashes(folder: Path) -> None:
    """Print what the logs say of jobs that ended by an error that nobody expected."""
    lines = [line for log in sorted((folder / "log").glob("*.log*")) for line in log.open(errors="replace")]
    crashed = [number for number, line in enumerate(lines) if line.rstrip().endswith(" crashed")]
    for number in crashed[:CRASHES_SAID]:
        print("".join(f"  | {line}" for line in lines[number : number + CRASH_LINES]))


def _say_faults(ledger: Ledger, day: Day) -> None:
    """Print a row for each fault: how often, how soon all answered again, how the requests of that time ended."""
    times, ended = defaultdict(list), defaultdict(Counter[str])
    for name, seconds in day.brought:
        times[name].append(seconds)
    for (fault, _, kind), count in ledger.answers.items():
        ended[fault]["ok" if kind == "ok" else NO_ANSWER if kind.startswith(NO_ANSWER) else kind] += count
    print(
        "\n| fault | times | ready after, at most | slowest answer | answered | otherwise |\n|---|---|---|---|---|---|"
    )
    for name in [CALM, *times, "afterwards"]:
        counts = dict(ended[name].most_common())
        good = counts.pop("ok", 0)
        others = ", ".join(f"`{kind}` {count}" for kind, count in counts.items())
        back = ["never" if one is None else f"{one:.1f} s" for one in times.get(name, [])]
        slowest = f"{max(ledger.seconds[name], default=0):.1f} s"
        print(f"| {name} | {len(back) or ''} | {max(back, default='')} | {slowest} | {good} | {others} |")
    print(f"\n  calm: p50 {percentile(ledger.seconds[CALM], 50) * MS:.0f} ms\n")


def _say_memory(day: Day, memory: Memory, report: Report) -> None:
    """Print what each part held in the second half of both calm spans, and at most."""
    print("| part | MiB at the beginning | at the end | at most |\n|---|---|---|---|")
    for name in MARKS:
        first, last = (memory.mib(name, *span) or [0.0] for span in (day.calm[0], day.calm[-1]))
        most = max(held for held in memory.mib(name, 0, time.monotonic()) or [0.0])
        print(f"| {name} | {percentile(first, 50):.0f} | {percentile(last, 50):.0f} | {most:.0f} |")
        report.figures[f"{name}, MiB at the end / beginning"] = percentile(last, 50) / max(
            percentile(first, 50), 1
        )


def _clock(folder: Path) -> Path | None:
    """Return the file whose seconds move the wall clock of the site's processes; None where nothing compiles that."""
    source, built = Path(__file__).with_name("clock.c"), folder / "clock.so"
    words = ["cc", "-O2", "-shared", "-fPIC", "-o", str(built), str(source), "-ldl"]
    if shutil.which("cc") is None or subprocess.run(words, check=False).returncode:
        return None
    built.chmod(0o755)
    file = folder / "clock"
    file.write_bytes(bytes(8))
    file.chmod(0o644)
    return file


def _moved(clock: Path | None) -> dict[str, str]:
    """Return the environment in which the site's processes, but not this one, have that clock."""
    return {"LD_PRELOAD": str(clock.with_suffix(".so")), "SOAK_CLOCK": str(clock)} if clock else {}


def _ok(answer: Timed) -> Timed:
    if answer.status >= 400:
        raise SystemExit(f"the server answered {answer.status}: {answer.body}")
    return answer


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="60 for the documented run")
    parser.add_argument(
        "--only", default="", help="only faults whose names hold one of these words, parted by commas"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
