"""Settings of buckets: where blobs lie, and how backups reach theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    import environ

FOLDER, BUCKET = "folder", "s3"


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


def read_buckets(env: environ.Env) -> dict[str, Any]:
    """Return where blobs are written, and both buckets; raises `ImproperlyConfigured`."""
    store = env.str("BLOB_STORE", default=FOLDER)
    name = env.str("BLOB_S3_BUCKET", default="")
    if store not in (FOLDER, BUCKET):
        raise ImproperlyConfigured(f"BLOB_STORE is “{store}”, neither “{FOLDER}” nor “{BUCKET}”.")
    if store == BUCKET and not name:
        raise ImproperlyConfigured("BLOB_S3_BUCKET is needed where BLOB_STORE is “s3”.")
    blobs = _bucket(
        env.str("BLOB_S3_ENDPOINT", default=""),
        env.str("BLOB_S3_REGION", default=""),
        name,
        _prefix(env.str("BLOB_S3_PREFIX", default="")),
        (env.str("BLOB_S3_KEY_ID", default=""), env.str("BLOB_S3_SECRET", default="")),
        env.float("BLOB_S3_SECONDS", default=10.0),
    )
    signed = env.int("BLOB_S3_SIGNED_SECONDS", default=0)
    if signed and not (name and blobs.key_id and 0 < signed <= 3600):
        raise ImproperlyConfigured("BLOB_S3_SIGNED_SECONDS is 1 to 3600, and needs a bucket with a key.")
    return {
        "blob_store": store,
        "blob_s3": blobs if name else None,
        "blob_s3_signed_seconds": signed,
        "backup_s3": _backup(env, blobs),
    }


def _backup(env: environ.Env, blobs: BucketConfig) -> BucketConfig:
    """Return how to ask for backups: what is not set is as for blobs. Bucket and prefix are in the command."""
    return _bucket(
        env.str("BACKUP_S3_ENDPOINT", default="") or blobs.endpoint,
        env.str("BACKUP_S3_REGION", default="") or blobs.region,
        "",
        "",
        (
            env.str("BACKUP_S3_KEY_ID", default="") or blobs.key_id,
            env.str("BACKUP_S3_SECRET", default="") or blobs.key_secret,
        ),
        blobs.seconds,
    )


def _bucket(
    endpoint: str, region: str, bucket: str, prefix: str, key: tuple[str, str], seconds: float
) -> BucketConfig:
    region = region or "us-east-1"
    endpoint = (endpoint or f"https://s3.{region}.amazonaws.com").rstrip("/")
    if not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+", endpoint):
        raise ImproperlyConfigured(f"“{endpoint}” is no address of an S3 service, such as https://s3.example.org.")
    if not re.fullmatch(r"[a-z0-9]?[a-z0-9._-]{0,62}", bucket):
        raise ImproperlyConfigured(f"“{bucket}” is no name of a bucket.")
    return BucketConfig(endpoint, region, bucket, prefix, *key, seconds)


def _prefix(written: str) -> str:
    """Return a prefix with one slash at its end."""
    return f"{written.strip('/')}/" if written.strip("/") else ""
