"""`python -m bench.views`: how long the pages and the admin take at a hundred thousand documents, and at a million.

A server of the benchmark's own is filled by SQL twice, and each page is asked for by HTTP, in turn with the others, by
an administrator or by a member who curates one collection. Printed is each page's p50 at both sizes and how many times
as long it takes at the larger. Beside N documents there are N passages, half as many pictures, and a tenth as many
searches, judgements, notes of the audit log and documents in the trash. Eight collections hold the documents, the
first one two fifths of them; the member sees four. No model, and no GPU. `--json FILE` keeps the figures.
"""

from __future__ import annotations

import argparse
import http.client
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import MS, percentile
from bench.serving import DATA_DIR, attached, supervised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SIZES = (100_000, 1_000_000)
ROUNDS = 9
GOAL = 3.0
LAST_PAGE, ROWS_A_PAGE = 400, 50
"""Of the admin's list of documents, which shows 20,000."""
LARGE = "views-0"
ADMIN, MEMBER = "administrator", "member"
PAGES = {
    ADMIN: {
        "home": "/",
        "admin: first page": "/admin/",
        "admin: documents": "/admin/search/document/",
        "admin: documents, last page": "/admin/search/document/?p={last}",
        "admin: documents, by change": "/admin/search/document/?o=-6",
        "admin: documents, of a collection": "/admin/search/document/?collection__id__exact=1",
        "admin: documents, by a word": "/admin/search/document/?q=valve",
        "admin: documents, by an id": "/admin/search/document/?q=d4711",
        "admin: documents, nothing": "/admin/search/document/?q=zzzzzzzz",
        "admin: collections": "/admin/search/collection/",
        "admin: searches": "/admin/search/query/",
        "admin: searches, by model": "/admin/search/query/?version__isnull=True",
        "admin: searches, nothing": "/admin/search/query/?q=zzzzzzzz",
        "admin: judgements": "/admin/search/judgement/",
        "admin: judgements, by grade": "/admin/search/judgement/?grade=3",
        "admin: judgements, nothing": "/admin/search/judgement/?q=zzzzzzzz",
        "admin: audit log": "/admin/search/auditentry/",
        "admin: audit log, by action": "/admin/search/auditentry/?action=export.made",
        "admin: jobs": "/admin/workers/job/",
        "admin: jobs, failed": "/admin/workers/job/?state__exact=failed",
    },
    MEMBER: {
        "home": "/",
        "collections": "/collections/",
        "collection": f"/collections/{LARGE}/",
        "collection, last page": f"/collections/{LARGE}/?page=99999",
        "collection, the newest one": "/collections/views-3/",
        "collection, by title": f"/collections/{LARGE}/?title=pump",
        "collection, by a rare title": f"/collections/{LARGE}/?title=number%204711",
        "collection, nothing": f"/collections/{LARGE}/?title=zzzzzzzz",
        "searches": "/searches/",
        "curating: collections": "/curate/",
        "curating: documents": f"/curate/in/{LARGE}/",
        "curating: documents, by title": f"/curate/in/{LARGE}/?sort=title",
        "curating: documents, by a word": f"/curate/in/{LARGE}/?q=valve",
        "curating: documents, nothing": f"/curate/in/{LARGE}/?q=zzzzzzzz",
        "curating: documents without tags": f"/curate/in/{LARGE}/?quality=no-tags",
        "curating: quality": f"/curate/in/{LARGE}/quality/",
        "curating: duplicates": f"/curate/in/{LARGE}/duplicates/",
        "curating: changes": f"/curate/in/{LARGE}/changes/",
        "curating: trash": f"/curate/in/{LARGE}/trash/",
    },
}


@dataclass(frozen=True)
class Row:
    """One page: who asked for it, and its p50 in milliseconds by the number of documents."""

    who: str
    page: str
    p50_ms: dict[int, float]

    @property
    def ratio(self) -> float:
        """Return how many times as long the page takes at the largest size as at the smallest."""
        return self.p50_ms[max(self.p50_ms)] / self.p50_ms[min(self.p50_ms)]


def main() -> None:
    """Print the table, the slowest pages first."""
    options = _options()
    found: dict[tuple[str, str], dict[int, float]] = {}
    with supervised(DATA_DIR=str(DATA_DIR / "views")) as (port, _):
        attached(DATA_DIR / "views")
        for size in options.sizes:
            _filled(size)
            for page, milliseconds in _asked(
                port, options.rounds, min(LAST_PAGE, size // ROWS_A_PAGE)
            ).items():
                found.setdefault(page, {})[size] = milliseconds
    rows = [Row(who, page, times) for (who, page), times in found.items()]
    rows.sort(key=lambda row: -row.p50_ms[max(row.p50_ms)])
    for line in table(rows):
        print(line)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def table(rows: Sequence[Row]) -> Iterable[str]:
    """Yield the lines of the table, and what becomes of the slowest page."""
    sizes = sorted(rows[0].p50_ms)
    yield f"| who | page | {' | '.join(f'p50 at {size:,}' for size in sizes)} | times |"
    yield "|---" * (len(sizes) + 3) + "|"
    for row in rows:
        times = " | ".join(f"{row.p50_ms[size]:.0f} ms" for size in sizes)
        yield f"| {row.who} | {row.page} | {times} | {row.ratio:.1f} |"
    slowest = [max(row.p50_ms[size] for row in rows) for size in (sizes[0], sizes[-1])]
    times = slowest[1] / slowest[0]
    yield f"the slowest page: {slowest[0]:.0f} ms, then {slowest[1]:.0f} ms: {times:.1f} times (goal {GOAL:.0f})"


def _filled(size: int) -> None:
    from bench.many_rows import filled  # needs the server's database

    started = time.monotonic()
    filled(size, MEMBER, ADMIN)
    print(f"  {size:,} documents stored in {time.monotonic() - started:.0f} s", flush=True)


def _asked(port: int, rounds: int, last: int) -> dict[tuple[str, str], float]:
    """Ask for every page once, so that all is warm, and then for all in turn; return the medians in milliseconds."""
    from bench.many_rows import cookie_of

    cookies = {who: cookie_of(who) for who in PAGES}
    pages = [(who, page) for who, listed in PAGES.items() for page in listed]
    times: dict[tuple[str, str], list[float]] = {page: [] for page in pages}
    for turn in range(rounds + 1):
        for who, page in pages:
            milliseconds = _timed(port, PAGES[who][page].format(last=last), cookies[who])
            if turn:
                times[who, page].append(milliseconds)
    return {page: percentile(measured, 50) for page, measured in times.items()}


def _timed(port: int, path: str, cookie: str) -> float:
    """Ask for one page by a new connection, as a browser that comes back does; ends the program for another answer."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read()
    milliseconds = (time.perf_counter() - started) * MS
    connection.close()
    if answer.status != http.client.OK:
        raise SystemExit(f"{path} answered {answer.status}: {body[:500].decode(errors='replace')}")
    return milliseconds


def _options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs=2, type=int, default=list(SIZES), metavar="DOCUMENTS")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
