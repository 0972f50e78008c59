"""The query worker's side of one question: have it decoded, encode it with what else has arrived, answer."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import close_old_connections, connection
from redis import ResponseError

from retrieval_site.clock import Clock
from retrieval_site.tracing import laps_trace, span
from workers.encoding import wire
from workers.encoding.decoders import decoders
from workers.encoding.explaining import explained
from workers.encoding.fetchers import fetchers
from workers.encoding.pool import POOL
from workers.encoding.wire import Encoded
from workers.inference.errors import EncoderError, InferenceError
from workers.inference.pictures import preview_jpeg
from workers.inference.probes import probe_pictures

if TYPE_CHECKING:
    from PIL.Image import Image

    from workers.encoding.pool import LoadedModel
    from workers.encoding.wire import Ask

log = logging.getLogger(__name__)
_WARM_PREVIEW_PX = 320


def answer(ask: Ask) -> None:
    """Answer one question on its reply list; an expected failure is an answer too."""
    data, seconds = _input(ask)
    if data is None:  # whoever asked has given up
        return
    try:
        with span("answer a question", ask.trace, kind=ask.kind, bytes=len(data)):
            _answer(ask, data, seconds)
    except InferenceError as error:
        _reply(ask, _failed(error))
    except Exception:
        log.exception("Encoding the query %s failed", ask.request_id)
        _reply(ask, _failed(EncoderError("encoder.failed")))


def _input(ask: Ask) -> tuple[bytes | None, float]:
    """Return what is to be encoded, and for how many seconds anybody still waits for it."""
    pipeline = wire.client().pipeline(transaction=False)
    pipeline.get(wire.INPUT_PREFIX + ask.request_id)
    pipeline.pttl(wire.INPUT_PREFIX + ask.request_id)
    data, milliseconds = pipeline.execute()
    return data, max(milliseconds, 0) / 1000


def _answer(ask: Ask, data: bytes, seconds: float) -> None:
    """Send the vector, and behind it the small photo: its JPEG is made while whoever asked searches by the vector."""
    if ask.kind == "check":
        _reply(ask, checked := _checked(ask, data, seconds), checked)
        return
    if ask.kind == "fetch":
        _reply(ask, fetched := Encoded(copies=(fetchers().fetched(data.decode(), seconds),)), fetched)
        return
    model, small = _model(ask.version_id), None
    if ask.kind in ("texts", "regions", "cells"):
        _reply(ask, found := explained(model, ask, data, seconds), found)
        return
    if ask.kind == "text":
        encoded = _encode_text(model, data)
    else:
        encoded, small = _encode_picture(model, data, ask, seconds)
    if small is None:
        _reply(ask, encoded, encoded)
        return
    _reply(ask, encoded)
    preview = preview_jpeg(small, ask.preview_px)
    _reply(ask, Encoded(preview=preview), replace(encoded, preview=preview))


def warm(model: LoadedModel) -> None:
    """Answer a question of each kind for nobody: the first brings in what reads photos and words."""
    manifest = model.encoder.manifest
    if manifest.image is not None:
        photo = preview_jpeg(probe_pictures(1)[0], _WARM_PREVIEW_PX)
        ask = wire.Ask("", 0, "image", _WARM_PREVIEW_PX, "")
        _encode_picture(model, photo, ask, settings.CONFIG.encode_timeout_seconds)
    if manifest.text is not None:
        _encode_text(model, b"a word")


def _model(version_id: int) -> LoadedModel:
    if version_id in POOL.loaded():
        return POOL.get(version_id)
    close_old_connections()
    try:
        return POOL.get(version_id)
    except LookupError as error:
        raise EncoderError("encoder.no_version") from error
    finally:
        connection.close()


def _encode_picture(
    model: LoadedModel, data: bytes, ask: Ask, seconds: float
) -> tuple[Encoded, Image | None]:
    """Return the vector and, where one is wanted, a small copy; nothing is decoded here, nor after `seconds`."""
    spec = model.encoder.manifest.image
    if spec is None:
        raise EncoderError("encoder.no_image")
    clock = Clock()
    with model.pixels.expected():
        prepared = decoders().prepared(
            data, spec, framing=ask.framing, preview_px=ask.preview_px, within_seconds=seconds
        )
        future = model.pixels.submit(prepared.pixels)
    clock.lap("decode")
    vector = future.result(settings.CONFIG.encode_timeout_seconds)
    clock.lap("encode")
    laps_trace(clock, "encoder")
    warnings = tuple(asdict(warning) for warning in prepared.warnings)
    return Encoded(vector, None, clock.laps_ms, warnings=warnings), prepared.small


def _checked(ask: Ask, data: bytes, seconds: float) -> Encoded:
    """Decode a picture that is to be kept; return its size and the small copies of it."""
    found = decoders().thumbnail(data, max(ask.sides), within_seconds=seconds)
    return Encoded(size=found.size, copies=tuple(preview_jpeg(found.image, side) for side in ask.sides))


def _encode_text(model: LoadedModel, data: bytes) -> Encoded:
    if model.encoder.manifest.text is None:
        raise EncoderError("encoder.no_text")
    clock, text = Clock(), data.decode()
    vector, unknown = model.texts.submit(text).result(settings.CONFIG.encode_timeout_seconds)
    clock.lap("encode")
    laps_trace(clock, "encoder")
    return Encoded(vector, timings_ms=clock.laps_ms, unknown=unknown)


def _failed(error: InferenceError) -> Encoded:
    return Encoded(error={"id": error.id, "message": error.message, "detail": error.detail})


def _reply(ask: Ask, part: Encoded, whole: Encoded | None = None) -> None:
    """Send a part of the answer; with the last one, keep the whole for whoever asks the same again."""
    reply, packed = wire.REPLY_PREFIX + ask.request_id, wire.pack(part)
    pipeline = wire.client().pipeline(transaction=False)
    pipeline.rpush(reply, packed)
    pipeline.expire(reply, wire.REPLY_EXPIRES_SECONDS)
    if part.error is not None or (whole is not None and not ask.upload_key):
        pipeline.delete(wire.INPUT_PREFIX + ask.request_id)
    if part.error is not None and part.error["id"] == "encoder.died":
        pipeline.set(ask.cache_key, packed, ex=wire.DIED_EXPIRES_SECONDS)
    if whole is not None and ask.cache_key:
        kept = packed if whole is part else wire.pack(whole)
        pipeline.set(ask.cache_key, kept, ex=wire.VECTOR_EXPIRES_SECONDS)
    pipeline.execute()
    if whole is not None and ask.upload_key:
        _keep_at_hand(ask)


def _keep_at_hand(ask: Ask) -> None:
    """Keep the file for a while, unless it has expired meanwhile: a part of it may be asked for next."""
    with suppress(ResponseError):
        wire.client().rename(wire.INPUT_PREFIX + ask.request_id, ask.upload_key)
        wire.client().expire(ask.upload_key, settings.CONFIG.upload_keep_seconds)
