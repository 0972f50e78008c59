"""How often something may be done, as settings write it: `120/minute`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_RATE = re.compile(r"(?P<number>\d+)/(?P<period>second|minute|hour|day)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    limit: int
    seconds: int


@cache
def parse_rate(text: str) -> Rate:
    """Return the rate written as `120/minute`; raises ValueError for anything else."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no rate; write one as 120/minute (second, minute, hour or day).")
    return Rate(int(match["number"]), _SECONDS[match["period"]])
