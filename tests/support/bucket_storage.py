"""The site's blobs in a bucket, for a test."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.test import override_settings

from workers.storage.bucket import BucketStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from retrieval_site.buckets.config import BucketConfig


@contextmanager
def blobs_in(
    bucket: BucketConfig, folder: Path, store: str = "s3", signed_seconds: int = 0
) -> Iterator[BucketStorage]:
    """Have blobs written to the bucket, or with `store` "folder" to the folder beside it; give the storage."""
    storages = settings.STORAGES | {"default": {"BACKEND": "workers.storage.bucket.BucketStorage"}}
    config = replace(
        settings.CONFIG,
        blob_store=store,
        blob_s3=bucket,
        blob_s3_signed_seconds=signed_seconds,
        data_dir=folder,
    )
    with override_settings(STORAGES=storages, CONFIG=config, DATA_DIR=folder):
        from django.core.files.storage import default_storage

        yield default_storage  # type: ignore[misc]
