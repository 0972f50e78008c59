"""Settings of buckets: where blobs lie, and how backups reach theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from retrieval_site.environment import Environment

FOLDER, BUCKET = "folder", "s3"
SIGNED_SECONDS_MAX = 3600


@dataclass(frozen=True)
class BucketConfig:
    """A bucket of a service that speaks S3, and the key to it; `seconds` is the longest silence."""

    endpoint: str
    region: str
    bucket: str
    prefix: str
    key_id: str
    key_secret: str
    seconds: float


def read_buckets(env: Environment) -> dict[str, Any]:
    """Return where blobs are written, and both buckets; raises `ImproperlyConfigured`."""
    store = env.choice("BLOB_STORE", (FOLDER, BUCKET), FOLDER)
    blobs, signed = _blobs(env), env.integer("BLOB_S3_SIGNED_SECONDS", 0)
    if store == BUCKET and not blobs.bucket:
        raise ImproperlyConfigured("BLOB_S3_BUCKET is needed where BLOB_STORE is “s3”.")
    if signed and not (blobs.bucket and blobs.key_id and 0 < signed <= SIGNED_SECONDS_MAX):
        raise ImproperlyConfigured("BLOB_S3_SIGNED_SECONDS is 1 to 3600, and needs a bucket with a key.")
    return {
        "blob_store": store,
        "blob_s3": blobs if blobs.bucket else None,
        "blob_s3_signed_seconds": signed,
        "backup_s3": _backup(env, blobs),
    }


def _blobs(env: Environment) -> BucketConfig:
    """Return the bucket of blobs; its name is empty where there is none."""
    region = env.text("BLOB_S3_REGION", "us-east-1")
    prefix, bucket = env.text("BLOB_S3_PREFIX").strip("/"), env.text("BLOB_S3_BUCKET")
    if not re.fullmatch(r"[a-z0-9]?[a-z0-9._-]{0,62}", bucket):
        raise ImproperlyConfigured(f"BLOB_S3_BUCKET: “{bucket}” is no name of a bucket.")
    return BucketConfig(
        endpoint=_endpoint(env, "BLOB_S3_ENDPOINT", f"https://s3.{region}.amazonaws.com"),
        region=region,
        bucket=bucket,
        prefix=f"{prefix}/" if prefix else "",
        key_id=env.text("BLOB_S3_KEY_ID"),
        key_secret=env.text("BLOB_S3_SECRET"),
        seconds=env.number("BLOB_S3_SECONDS", 10.0, least=0.001),
    )


def _backup(env: Environment, blobs: BucketConfig) -> BucketConfig:
    """Return how to ask for backups: what is not set is as for blobs. Bucket and prefix are in the command."""
    return replace(
        blobs,
        bucket="",
        prefix="",
        endpoint=_endpoint(env, "BACKUP_S3_ENDPOINT", blobs.endpoint),
        region=env.text("BACKUP_S3_REGION", blobs.region),
        key_id=env.text("BACKUP_S3_KEY_ID", blobs.key_id),
        key_secret=env.text("BACKUP_S3_SECRET", blobs.key_secret),
    )


def _endpoint(env: Environment, name: str, default: str) -> str:
    """Return an endpoint without a slash at its end; raises `ImproperlyConfigured` for no address."""
    endpoint = env.text(name, default).rstrip("/")
    if not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+", endpoint):
        raise ImproperlyConfigured(
            f"{name}: “{endpoint}” is no address of an S3 service such as https://s3.example.org."
        )
    return endpoint
