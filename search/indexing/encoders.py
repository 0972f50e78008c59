"""A version's encoder for a job, from this process's pool; a version that is set aside ends the job."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from workers.inference.errors import EncoderSetAsideError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models_admin.models import ModelVersion
    from workers.inference.encoder import Encoder


def encoder_of(version: ModelVersion) -> Encoder:
    """Return the version's encoder; raises EncoderError or BundleError where it cannot be loaded.

    Raises AppError `version.set_aside` where loading it ended its process for the second time.
    """
    from workers.encoding.pool import POOL  # brings Pillow and NLTK, which web processes lack

    with set_aside_ends_the_job():
        return POOL.get(version.pk).encoder


@contextmanager
def set_aside_ends_the_job() -> Iterator[None]:
    """Raise AppError `version.set_aside` once an input ended the encoder's process for the second time."""
    try:
        yield
    except EncoderSetAsideError as error:
        raise AppError("version.set_aside") from error
