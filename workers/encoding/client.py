"""Asking a query worker for a vector: what the web process does of it.

The bytes wait under an expiring key, the question itself on a list that query workers read, and the answer comes back
on a list of its own: a Celery task and its result would cost several milliseconds of processor time on each side
(docs/architecture.md), carry the vector as text and keep a subscription for each thread.

Nothing is decoded here. This module must not import Pillow, nor more of `workers.inference` than `errors`, `framing`,
`headers` and `words`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from prometheus_client import Counter
from redis import RedisError

from retrieval_site.errors import AppError
from retrieval_site.tracing import carried
from workers.encoding import wire
from workers.encoding.decoders import picture_limits
from workers.encoding.wire import Beat
from workers.fetching.addresses import read_address
from workers.inference.errors import PictureError
from workers.inference.framing import WHOLE, FramedPicture, Framing
from workers.inference.headers.reading import check_bytes
from workers.inference.words import holds_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from redis import Redis

    from models_admin.models import ModelVersion
    from workers.encoding.wire import Encoded

TEXT_MAX_CHARACTERS = 2000
WAIT_SLICE_SECONDS = 0.5
GRACE_SECONDS = 2.0
"""How long a query waits for a worker that is being restarted, before it says that there is none."""
BESIDE_SECONDS = 2.0
"""For how long a question that is asked beside another waits for a worker: then nobody has a use for it."""
WAIT_LEAST_SECONDS = 0.001
"""Redis takes a shorter wait for an endless one."""
FETCHING_MAX = 4
"""How many threads of this process wait at once for pictures from other servers."""
encodings_total = Counter(
    "sightline_encodings",
    "Questions to query workers, by what is asked and by whether the answer was kept.",
    ["kind", "source"],
)
_FETCHING = threading.BoundedSemaphore(FETCHING_MAX)
_LISTS = {
    "fetch": wire.FETCH_KEY,
    "texts": wire.EXPLAIN_KEY,
    "regions": wire.EXPLAIN_KEY,
    "cells": wire.EXPLAIN_KEY,
}


def encode_picture(
    version: ModelVersion, data: bytes, preview_px: int = 0, framing: Framing = WHOLE
) -> Encoded:
    """Return the vector of a picture and, with `preview_px`, its small JPEG; see `Pending.result` for errors."""
    pending = picture_start(version, FramedPicture(data, framing), preview_px)
    return replace(pending.result(), preview=pending.preview())


def encode_text(version: ModelVersion, text: str) -> Encoded:
    """Return the vector of a text; raises AppError `text.empty`, `text.too_long`, and as `Pending.result`."""
    return text_start(version, text).result()


def picture_start(
    version: ModelVersion, picture: FramedPicture, preview_px: int = 0, *, beside: bool = False
) -> Pending:
    """Send a picture to be encoded and return at once, so that the caller can prepare its search meanwhile.

    The file of one with a small copy stays at hand for a while (`upload_at_hand`). One that is only asked `beside`
    another comes after all that somebody waits for. Looks at size and first bytes only;
    raises AppError `image.empty`, `image.too_large`, `image.unknown_format`.
    """
    _check_picture(picture.data)
    asked = Question(version.pk, "image", picture.digest, picture.data, preview_px, framing=picture.framing)
    return _start(replace(asked, beside=beside))


def text_start(version: ModelVersion, text: str, *, beside: bool = False) -> Pending:
    """Send a text to be encoded and return at once; raises AppError `text.empty`, `text.too_long`."""
    data = text_checked(text).encode()
    return _start(Question(version.pk, "text", hashlib.sha256(data).hexdigest(), data, beside=beside))


def text_checked(text: str) -> str:
    """Return a text with single spaces between its words; raises AppError `text.empty`, `text.too_long`."""
    words = " ".join(text.split())
    if not words:
        raise AppError("text.empty")
    if not holds_words(words):
        raise AppError("text.empty/marks")
    if len(words) > TEXT_MAX_CHARACTERS:
        raise AppError("text.too_long", characters=len(words), limit=TEXT_MAX_CHARACTERS)
    return words


def texts_encoded(version: ModelVersion, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the vectors `(texts, dim)` of at most `wire.LEFT_OUT_MAX` texts that an explanation compares.

    Raises AppError as `Pending.result`.
    """
    data = json.dumps(list(texts)).encode()
    answer = _start(Question(version.pk, "texts", hashlib.sha256(data).hexdigest(), data)).result()
    return answer.vector.reshape(len(texts), version.dim)


def regions_encoded(
    version: ModelVersion, picture: FramedPicture
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Return the vector of a picture and those with one cell of a grid over it left out, `(1 + cells, dim)`.

    With them comes the picture's upright size. Raises AppError as `picture_start` and `Pending.result`.
    """
    return _parts_encoded(version, picture, "regions")


def cells_encoded(
    version: ModelVersion, picture: FramedPicture
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Return what each cell of the encoder's own grid gives to a picture's vector, `(cells, dim)`, row by row.

    Their mean is the vector. With them comes the picture's upright size. For a version whose manifest names cells;
    raises AppError as `picture_start` and `Pending.result`.
    """
    return _parts_encoded(version, picture, "cells")


def _parts_encoded(
    version: ModelVersion, picture: FramedPicture, kind: str
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    _check_picture(picture.data)
    asked = Question(version.pk, kind, picture.digest, picture.data, framing=picture.framing)
    answer = _start(asked).result()
    return answer.vector.reshape(-1, version.dim), answer.size or (1, 1)


def upload_at_hand(digest: str) -> bytes | None:
    """Return a picture's file as it was searched with a short while ago, None where it is gone."""
    try:
        return cast("bytes | None", wire.client().get(wire.UPLOAD_PREFIX + digest)) if digest else None
    except RedisError:
        return None


def upload_forget(digest: str) -> None:
    """Let go of a picture's file at once; where Redis is away, it expires."""
    with suppress(RedisError):
        wire.client().delete(wire.UPLOAD_PREFIX + digest)


def picture_checked(data: bytes, sides: tuple[int, ...]) -> Encoded:
    """Return the upright size of a picture that somebody wants to keep, and copies of it with these longest sides.

    A query worker decodes it as it does a search's photo; raises AppError as `picture_start` and `Pending.result` do.
    """
    _check_picture(data)
    return _start(Question(0, "check", "", data, sides=sides)).result()


def picture_fetched(address: str) -> bytes:
    """Return the file at a picture's address, which a query worker fetches.

    Raises AppError `image_url.*`, `image.too_large`, and as `Pending.result`. Few threads wait at once for other
    servers, so that the rest are there for those who search.
    """
    try:
        read_address(address, tuple(settings.CONFIG.picture_url_ports))
    except PictureError as error:
        raise _failure(error.id, error.message, error.detail) from error
    if not _FETCHING.acquire(blocking=False):
        raise AppError("image_url.busy", retry_after_seconds=round(settings.CONFIG.picture_url_seconds))
    try:
        return _start(Question(0, "fetch", "", address.encode())).result().copies[0]
    finally:
        _FETCHING.release()


@dataclass(frozen=True)
class Question:
    """One thing to encode under one version; the same question again has the same answer."""

    version_id: int
    kind: str
    digest: str
    data: bytes
    preview_px: int = 0
    sides: tuple[int, ...] = ()
    framing: Framing = WHOLE
    beside: bool = False

    @property
    def cache_key(self) -> str:
        """Return where the answer is kept; nowhere for a picture that is only checked or fetched."""
        if self.kind in ("check", "fetch"):
            return ""
        what = f"{self.digest}:{self.framing.key}" if self.framing.key else self.digest
        return f"{wire.VECTOR_PREFIX}{self.version_id}:{self.kind}:{self.preview_px}:{what}"

    @property
    def list_key(self) -> str:
        """Return the list on which it waits for a worker."""
        return wire.BESIDE_KEY if self.beside else _LISTS.get(self.kind, wire.ASKED_KEY)

    @property
    def milliseconds(self) -> int:
        """Return for how long it waits for a worker."""
        seconds = BESIDE_SECONDS if self.beside else settings.CONFIG.encode_timeout_seconds
        return int(1000 * seconds)

    @property
    def upload_key(self) -> str:
        """Return where the file stays for a while; nowhere where the search is not kept, or the file is large."""
        kept = (
            self.preview_px
            and len(self.data) <= wire.UPLOAD_MAX_BYTES
            and settings.CONFIG.upload_keep_seconds
        )
        return wire.UPLOAD_PREFIX + self.digest if kept else ""


def _start(question: Question) -> Pending:
    """Answer from the cache, or put the bytes down and send their id."""
    pending = Pending(question)
    try:
        key = question.cache_key
        known = cast("bytes | None", wire.client().get(key)) if key else None
        if known is None:
            pending.send()
    except RedisError as error:
        raise _unavailable(question.kind) from error
    encodings_total.labels(question.kind, "worker" if known is None else "cache").inc()
    if known is not None:
        pending.answer = wire.unpack(known, from_cache=True)
        if pending.answer.error:
            raise _failure(**pending.answer.error)
    return pending


@dataclass
class Pending:
    """A question that was sent; `result` waits for the vector, `preview` for what comes behind it."""

    question: Question
    answer: Encoded = field(default_factory=wire.Encoded)
    """What came so far."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: float = field(default_factory=time.monotonic)
    sent_again: bool = False

    def send(self) -> None:
        """Put the bytes where a worker finds them, and the question on the list; both expire unanswered."""
        asked, milliseconds = self.question, self.question.milliseconds
        ask = wire.Ask(
            self.id,
            asked.version_id,
            asked.kind,
            asked.preview_px,
            asked.cache_key,
            asked.sides,
            asked.framing,
            asked.upload_key,
            carried(),
        )
        pipeline = wire.client().pipeline(transaction=False)
        pipeline.set(wire.INPUT_PREFIX + self.id, asked.data, px=milliseconds)
        pipeline.rpush(asked.list_key, ask.packed())
        pipeline.pexpire(asked.list_key, milliseconds)  # longer than the latest question is of no use
        pipeline.execute()

    def _send_again(self) -> None:
        """Ask those who came instead, once: a question that ends one worker after another must stop."""
        if self.sent_again:
            raise _unavailable(self.question.kind)
        self.sent_again = True
        self.send()

    def arrived(self, seconds: float) -> bool:
        """Return whether the vector is there, after at most so long; raises AppError as `result`, RedisError."""
        if not self.answer.vector.size:
            key = wire.REPLY_PREFIX + self.id
            popped: Any = wire.client().lpop(key)
            if popped is None and seconds >= WAIT_LEAST_SECONDS:
                waited: Any = wire.client().blpop([key], timeout=seconds)
                popped = waited and waited[1]
            if popped is None:
                return False
            part = wire.unpack(bytes(popped))
            if part.error:
                raise _failure(**part.error)
            self.answer = part
        return True

    def preview(self) -> bytes | None:
        """Wait for the small photo too; None where none was asked for. Raises AppError as `result`."""
        while self.question.preview_px and not self.answer.preview:
            self._receive()
        return self.answer.preview

    def result(self) -> Encoded:
        """Wait for the vector, or for what was found of a picture that is only checked or fetched.

        Raises AppError `encoder.unavailable` within 5 s when no worker is there, `encoder.timeout` when one does
        not answer in time, and what the worker said of the input (`image.*`, `text.*`).
        """
        while not (self.answer.vector.size or self.answer.size or self.answer.copies):
            self._receive()
        return self.answer

    def _receive(self) -> None:
        """Wait for the next part of the answer."""
        try:
            part = wire.unpack(self._wait())
        except RedisError as error:
            raise _unavailable(self.question.kind) from error
        if part.error:
            raise _failure(**part.error)
        self.answer = replace(self.answer, preview=part.preview) if part.preview else part

    def _wait(self) -> bytes:
        seen = frozenset[str]()
        while True:
            popped: Any = wire.client().blpop([wire.REPLY_PREFIX + self.id], timeout=WAIT_SLICE_SECONDS)
            if popped is not None:
                return bytes(popped[1])
            seen = self._check_workers(seen)

    def _check_workers(self, seen: frozenset[str]) -> frozenset[str]:
        """Give up where nobody will answer; ask again where those who may have taken the question are gone."""
        waited = time.monotonic() - self.started
        alive = frozenset(workers_alive())
        if not alive and waited >= GRACE_SECONDS:
            raise _unavailable(self.question.kind)
        if waited >= settings.CONFIG.encode_timeout_seconds:
            raise AppError("encoder.timeout")
        if seen and alive and not seen & alive:
            self._send_again()
            return alive
        return seen or alive


def workers_alive(redis: Redis | None = None) -> dict[str, Beat]:
    """Return the query workers whose heartbeat has not expired, by name; a probe asks by its own, impatient client."""
    redis = redis or wire.client()
    keys = sorted(redis.scan_iter(wire.HEARTBEAT_PREFIX + "*", count=1000))
    beats = cast("list[bytes | None]", redis.mget(keys)) if keys else []
    return {key.decode(): Beat.read(beat) for key, beat in zip(keys, beats, strict=True) if beat is not None}


def connections_warm() -> None:
    """Open the connection that the first query would otherwise wait for; fails silently where Redis is away."""
    try:
        wire.client().ping()
    except RedisError:
        return


def _check_picture(data: bytes) -> None:
    try:
        check_bytes(data, picture_limits())
    except PictureError as error:
        raise _failure(error.id, error.message, error.detail) from error


def _failure(id: str, message: str, detail: dict[str, Any] | None = None) -> AppError:  # noqa: A002  the error's own word
    """Return what a worker or a look at the bytes says; a bundle that a worker cannot load is no caller's fault."""
    status = 503 if id.startswith("bundle.") else None
    return AppError.quoting(id, message, detail, status=status)


def _unavailable(kind: str = "") -> AppError:
    return AppError("encoder.unavailable/pictures" if kind == "check" else "encoder.unavailable")
