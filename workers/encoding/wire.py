"""What web and query workers say to each other through Redis: key names, the form of a question and of an answer."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import redis
from django.conf import settings
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from workers.inference.framing import WHOLE, Framing
from workers.inference.words import UnknownWords

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUEUE = "query"
"""A Celery worker started for this queue (`-Q query`) answers questions."""
ASKED_KEY = "sightline:query:asked"
"""List of the questions that no worker has taken yet, the oldest first."""
BESIDE_KEY = "sightline:query:beside"
"""List of the questions that are asked beside others, whose answers nobody has to wait for: looked at last."""
FETCH_KEY = "sightline:query:fetch"
"""List of the pictures' addresses that no worker has taken yet. Photos do not wait for other servers."""
EXPLAIN_KEY = "sightline:query:explain"
"""List of the questions about explanations, which wait for each other and for nobody else."""
LEFT_OUT_MAX = 16
"""How many vectors of texts one question about an explanation may ask for."""
GRID = 4
"""Cells along each side of the grid over an explained picture."""
HEARTBEAT_PREFIX = "sightline:worker:query:"
HEARTBEAT_SECONDS = 1.0
HEARTBEAT_EXPIRES_SECONDS = 3
WANTED_KEY = "sightline:versions:wanted"
"""Sorted set of version ids that every query worker should load, by the time until which that is wanted."""
INPUT_PREFIX = "sightline:query:input:"
REPLY_PREFIX = "sightline:query:reply:"
REPLY_EXPIRES_SECONDS = 60
VECTOR_PREFIX = "sightline:query:vector:2:"
"""The number is that of the form of answers (`pack`): what an earlier release kept is not read."""
UPLOAD_PREFIX = "sightline:query:upload:"
"""Files of pictures that were searched with, by SHA-256, for as long as the settings say."""
UPLOAD_MAX_BYTES = 4 << 20
VECTOR_EXPIRES_SECONDS = 6 * 3600
DIED_EXPIRES_SECONDS = 3600
"""For so long a question that ended an encoder's process is not asked of that version again."""

_LENGTHS = struct.Struct("<II")


@cache
def client() -> redis.Redis:
    """Return this process's Redis client; threads share its pool of connections."""
    return connect(settings.CONFIG.redis_url or "redis://localhost:6379/0")


def connect(url: str) -> redis.Redis:
    """Return a client that reconnects to a restarted server at once, and gives up on one that is away."""
    return redis.Redis.from_url(
        url, retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 2), socket_connect_timeout=2
    )


@dataclass(frozen=True)
class Ask:
    """One question; its bytes wait under `INPUT_PREFIX + request_id` and expire there."""

    request_id: str
    version_id: int
    kind: str
    preview_px: int
    cache_key: str
    sides: tuple[int, ...] = ()
    """Of a picture that is only checked: the longest sides of the small copies that are wanted."""
    framing: Framing = WHOLE
    """Of a picture that is encoded: which part of it counts."""
    upload_key: str = ""
    """Where the bytes stay for a while once they were answered, so that a part of them can be asked for."""
    trace: dict[str, str] = field(default_factory=dict)
    """Which request asked (`tracing.carried`), for the worker's log lines and spans; left out where none did."""

    def packed(self) -> bytes:
        """Return the question as JSON."""
        values = asdict(self)
        if not self.trace:
            del values["trace"]
        return json.dumps(values).encode()

    @classmethod
    def read(cls, data: bytes) -> Ask:
        """Return what was packed; raises ValueError, TypeError or KeyError for anything else.

        What a newer web process says besides is passed over: while a site is upgraded, both ask the same workers.
        """
        values = {name: value for name, value in dict(json.loads(data)).items() if name in _ASK_FIELDS}
        framing = Framing.of(values["framing"])
        return cls(**values | {"sides": tuple(values["sides"]), "framing": framing})


_ASK_FIELDS = frozenset(each.name for each in fields(Ask))


@dataclass(frozen=True)
class Encoded:
    """A query's vector, float32 `(dim,)`, and its small photo or its unknown words; or the expected failure.

    A photo's answer comes in two parts, the small photo behind all the rest. One that was only checked has its upright
    `size` and the small copies that were asked for instead of a vector. `warnings` are `{id, message, detail}`.
    """

    vector: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    preview: bytes | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    from_cache: bool = False
    unknown: UnknownWords = field(default_factory=UnknownWords)
    warnings: tuple[dict[str, Any], ...] = ()
    size: tuple[int, int] | None = None
    copies: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Beat:
    """What a query worker says of itself every second, under `HEARTBEAT_PREFIX` and its name.

    `loaded`: ids of the versions in its memory. `calls`: batches that its encoders ran for queries since it started,
    with `items` photos and texts in all. `at`: seconds since the epoch.
    """

    loaded: tuple[int, ...]
    calls: int
    at: float
    items: int = 0

    def packed(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, data: bytes) -> Beat:
        """Return what was packed; raises ValueError, TypeError or KeyError for anything else."""
        values = json.loads(data)
        return cls(tuple(values["loaded"]), values["calls"], values["at"], values.get("items", 0))


def pack(answer: Encoded) -> bytes:
    """Return the answer as bytes: two lengths, a JSON head, the little-endian float32 vector, the JPEGs."""
    about: dict[str, Any] = {"timings_ms": answer.timings_ms, "error": answer.error}
    about |= {"unknown_words": answer.unknown.words, "nothing_known": answer.unknown.nothing_known}
    about |= {"warnings": answer.warnings, "size": answer.size, "copies": [len(one) for one in answer.copies]}
    head = json.dumps(about).encode()
    vector = answer.vector.astype("<f4", copy=False).tobytes()
    parts = (_LENGTHS.pack(len(head), len(vector)), head, vector, *answer.copies, answer.preview or b"")
    return b"".join(parts)


def unpack(data: bytes, *, from_cache: bool = False) -> Encoded:
    """Return what `pack` was given."""
    head_bytes, vector_bytes = _LENGTHS.unpack_from(data)
    start = _LENGTHS.size + head_bytes
    head = json.loads(data[_LENGTHS.size : start])
    vector = np.frombuffer(data, dtype="<f4", count=vector_bytes // 4, offset=start)
    copies, at = [], start + vector_bytes
    for length in head["copies"]:
        copies.append(data[at : at + length])
        at += length
    timings = {} if from_cache else head["timings_ms"]
    return Encoded(
        vector,
        data[at:] or None,
        timings,
        head["error"],
        from_cache,
        UnknownWords(tuple(head["unknown_words"]), head["nothing_known"]),
        tuple(head["warnings"]),
        (head["size"][0], head["size"][1]) if head["size"] else None,
        tuple(copies),
    )
