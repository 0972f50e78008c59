"""The query worker's side of one question: decode, encode together with what else has arrived, answer."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.db import close_old_connections, connection

from workers import wire
from workers.clock import Clock
from workers.inference.errors import EncoderError, InferenceError
from workers.inference.pictures import PictureLimits, open_picture, preview_jpeg, to_pixels
from workers.inference.probes import probe_pictures
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
_WARM_PREVIEW_PX = 320


def answer(ask: Ask) -> None:
    """Answer one question on its reply list; an expected failure is an answer too."""
    data = cast("bytes | None", wire.client().get(wire.INPUT_PREFIX + ask.request_id))
    if data is None:  # whoever asked has given up
        return
    try:
        _answer(ask, data)
    except InferenceError as error:
        _reply(ask, _failed(error))
    except Exception:
        log.exception("Encoding the query %s failed", ask.request_id)
        _reply(ask, _failed(EncoderError("encoder.failed", "The model could not read this query.")))


def _answer(ask: Ask, data: bytes) -> None:
    """Send the vector, and behind it the small photo: it is made while whoever asked searches by the vector."""
    model, picture = _model(ask.version_id), None
    if ask.kind == "text":
        encoded = _encode_text(model, data)
    else:
        encoded, picture = _encode_picture(model, data)
    if picture is None or not ask.preview_px:
        _reply(ask, encoded, encoded)
        return
    _reply(ask, encoded)
    preview = _preview(data, picture, ask.preview_px)
    _reply(ask, Encoded(preview=preview), replace(encoded, preview=preview))


def warm(model: LoadedModel) -> None:
    """Answer a question of each kind for nobody: the first brings in what reads photos and words."""
    manifest = model.encoder.manifest
    if manifest.image is not None:
        photo = preview_jpeg(probe_pictures(1)[0], _WARM_PREVIEW_PX)
        _preview(photo, _encode_picture(model, photo)[1], _WARM_PREVIEW_PX)
    if manifest.text is not None:
        _encode_text(model, b"a word")


def _model(version_id: int) -> LoadedModel:
    if version_id in POOL.loaded():
        return POOL.get(version_id)
    close_old_connections()
    try:
        return POOL.get(version_id)
    except LookupError as error:
        raise EncoderError("encoder.no_version", "This model is no longer there, or is set aside.") from error
    finally:
        connection.close()


def _encode_picture(model: LoadedModel, data: bytes) -> tuple[Encoded, Image]:
    spec = model.encoder.manifest.image
    if spec is None:
        raise EncoderError("encoder.no_image", "This model cannot encode pictures.")
    clock = Clock()
    with model.pixels.expected():
        picture = open_picture(data, shortest_side=_shortest_side(spec), limits=_limits())
        future = model.pixels.submit(to_pixels(picture, spec))
    clock.lap("decode")
    vector = future.result(settings.CONFIG.encode_timeout_seconds)
    clock.lap("encode")
    return Encoded(vector, None, clock.laps_ms), picture


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


def _reply(ask: Ask, part: Encoded, whole: Encoded | None = None) -> None:
    """Send a part of the answer; with the last one, keep the whole for whoever asks the same again."""
    reply, packed = wire.REPLY_PREFIX + ask.request_id, wire.pack(part)
    pipeline = wire.client().pipeline(transaction=False)
    pipeline.rpush(reply, packed)
    pipeline.expire(reply, wire.REPLY_EXPIRES_SECONDS)
    if whole is not None or part.error is not None:
        pipeline.delete(wire.INPUT_PREFIX + ask.request_id)
    if part.error is not None and part.error["id"] == "encoder.died":
        pipeline.set(ask.cache_key, packed, ex=wire.DIED_EXPIRES_SECONDS)
    if whole is not None:
        kept = packed if whole is part else wire.pack(whole)
        pipeline.set(ask.cache_key, kept, ex=wire.VECTOR_EXPIRES_SECONDS)
    pipeline.execute()
