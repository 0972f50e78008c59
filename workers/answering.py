"""The query worker's side of one question: decode, encode together with what else has arrived, answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.db import close_old_connections, connection

from workers import wire
from workers.clock import Clock
from workers.inference.errors import EncoderError, InferenceError
from workers.inference.pictures import PictureLimits, open_picture, preview_jpeg, to_pixels
from workers.pool import POOL
from workers.wire import Encoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from workers.inference.manifest import ImageSpec
    from workers.pool import LoadedModel
    from workers.wire import Ask

log = logging.getLogger(__name__)


def answer(ask: Ask) -> None:
    """Answer one question on its reply list; an expected failure is an answer too."""
    data = cast("bytes | None", wire.client().get(wire.INPUT_PREFIX + ask.request_id))
    if data is None:  # whoever asked has given up
        return
    try:
        encoded = _answer(ask, data)
    except InferenceError as error:
        encoded = _failed(error)
    except Exception:
        log.exception("Encoding the query %s failed", ask.request_id)
        encoded = _failed(EncoderError("encoder.failed", "The model could not read this query."))
    _reply(ask, encoded)


def _answer(ask: Ask, data: bytes) -> Encoded:
    model = _model(ask.version_id)
    return _encode_picture(model, data, ask.preview_px) if ask.kind == "image" else _encode_text(model, data)


def _model(version_id: int) -> LoadedModel:
    if version_id in POOL.loaded():
        return POOL.get(version_id)
    close_old_connections()
    try:
        return POOL.get(version_id)
    except LookupError as error:
        raise EncoderError("encoder.no_version", "This model is no longer there.") from error
    finally:
        connection.close()


def _encode_picture(model: LoadedModel, data: bytes, preview_px: int) -> Encoded:
    spec = model.encoder.manifest.image
    if spec is None:
        raise EncoderError("encoder.no_image", "This model cannot encode pictures.")
    clock = Clock()
    with model.pixels.expected():
        picture = open_picture(data, shortest_side=_shortest_side(spec), limits=_limits())
        future = model.pixels.submit(to_pixels(picture, spec))
    clock.lap("decode")
    preview = _preview(data, picture, preview_px) if preview_px else None  # while the encoder runs
    vector = future.result(settings.CONFIG.encode_timeout_seconds)
    clock.lap("encode")
    return Encoded(vector, preview, clock.laps_ms)


def _encode_text(model: LoadedModel, data: bytes) -> Encoded:
    if model.encoder.manifest.text is None:
        raise EncoderError("encoder.no_text", "This model cannot encode texts.")
    clock = Clock()
    vector: NDArray[np.float32] = model.texts.submit(data.decode()).result(
        settings.CONFIG.encode_timeout_seconds
    )
    clock.lap("encode")
    return Encoded(vector, None, clock.laps_ms)


def _preview(data: bytes, picture: Image, longest_side: int) -> bytes:
    """Return the small JPEG; a photo that was decoded smaller than that for the encoder is decoded again."""
    if max(picture.size) < longest_side:
        shortest_side = max(1, longest_side * min(picture.size) // max(picture.size))
        picture = open_picture(data, shortest_side=shortest_side, limits=_limits())
    return preview_jpeg(picture, longest_side)


def _shortest_side(spec: ImageSpec) -> int:
    """Return to which size a JPEG may be decoded smaller: as in indexing, whatever the preview would like."""
    return spec.resize if spec.crop != "squash" else spec.size


def _limits() -> PictureLimits:
    config = settings.CONFIG
    return PictureLimits(max_bytes=config.picture_max_bytes, max_pixels=config.picture_max_pixels)


def _failed(error: InferenceError) -> Encoded:
    return Encoded(error={"id": error.id, "message": error.message, "detail": error.detail})


def _reply(ask: Ask, encoded: Encoded) -> None:
    """Answer, and keep what is worth keeping, in one round trip; a bad picture is not worth it."""
    packed = wire.pack(encoded)
    reply = wire.REPLY_PREFIX + ask.request_id
    pipeline = wire.client().pipeline(transaction=False)
    pipeline.rpush(reply, packed)
    pipeline.expire(reply, wire.REPLY_EXPIRES_SECONDS)
    pipeline.delete(wire.INPUT_PREFIX + ask.request_id)
    if encoded.error is None:
        pipeline.set(ask.cache_key, packed, ex=wire.VECTOR_EXPIRES_SECONDS)
    pipeline.execute()
