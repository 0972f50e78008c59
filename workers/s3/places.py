"""From settings to the place in a bucket that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.s3.client import S3Place
from workers.s3.signing import S3Bucket, S3Keys

if TYPE_CHECKING:
    from retrieval_site.buckets.config import BucketConfig


def s3_place(config: BucketConfig) -> S3Place:
    """Return the place that settings name."""
    bucket = S3Bucket(config.endpoint, config.region, config.bucket)
    return S3Place(bucket, S3Keys(config.key_id, config.key_secret), config.prefix, config.seconds)
