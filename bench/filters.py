"""Filters, facets and sorting over HTTP, each against the plain dense search of the same vectors, in turn."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from bench.measure import MS

if TYPE_CHECKING:
    from bench.client import Client
    from bench.measure import BenchServer, Report, Stored

LIMIT = 10
YEARS = {"gte": 1900, "lt": 1905}
SHARES = {"half": 2, "twentieth": 20, "two-hundredth": 200, "two-thousandth": 2000}
"""As bench/documents.py writes them, which needs Django."""
COUNTED_ANEW = "three facets, counted anew"
"""With a filter that leaves everything and is another each time, so that no count is kept."""
ROWS: dict[str, tuple[dict[str, Any], str]] = {
    **{
        f"filter of {100 / every:g} %": ({"filters": {"tags": {"any": [tag]}}}, "≤ 3")
        for tag, every in SHARES.items()
    },
    "filter of 5 %, all of the tags": ({"filters": {"tags": ["twentieth", "half"]}}, "≤ 3"),
    "filter of 5 %, a range of numbers": ({"filters": {"metadata": {"year": YEARS}}}, "≤ 3"),
    "three facets": ({"facets": ["tags", "metadata.maker", "collection"]}, "≤ 2"),
    "three facets with a filter of 5 %": (
        {"facets": ["tags", "metadata.maker", "collection"], "filters": {"metadata": {"year": YEARS}}},
        "",
    ),
    "sorted by a number": ({"sort": "-metadata.year"}, ""),
    COUNTED_ANEW: ({"facets": ["tags", "metadata.maker", "collection"]}, ""),
}
"""By name: what is asked beside the vector, and the goal of its median as a ratio to the plain search's."""


def filters(server: BenchServer, stored: Stored, report: Report) -> None:
    """Say each row's median time as a ratio to the plain search's, asked with the same vectors, one after the other.

    The server keeps counts of large fields for 15 seconds: where not said otherwise, all but the first find them.
    """
    client = server.client()
    times: dict[str, list[float]] = {"": [], **{name: [] for name in ROWS}}
    for number, query in enumerate(stored.queries):
        anew = {"filters": {"metadata": {"year": {"gte": -number}}}}
        vector = [float(x) for x in query]
        for name, (asked, _) in {"": ({}, ""), **ROWS}.items():
            more = asked | anew if name == COUNTED_ANEW else asked
            times[name].append(_seconds(client, embedding=vector, model=stored.model, limit=LIMIT, **more))
    plain = statistics.median(times[""])
    report.say("plain dense search, p50", plain * MS, "ms")
    for name, (_, goal) in ROWS.items():
        report.say(f"{name} / plain", statistics.median(times[name]) / plain, "×", goal)


def _seconds(client: Client, **asked: Any) -> float:
    """Return how long a search takes; its page must be full."""
    answer = client.search(**asked)
    if answer.status != 200 or len(answer.body["results"]) < LIMIT:
        raise SystemExit(f"{asked.keys()}: {answer.status}, {len(answer.body.get('results', ()))} results")
    return answer.seconds
