"""Settings of buckets: where blobs lie, and how backups reach theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    import environ

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


def read_buckets(env: environ.Env) -> dict[str, Any]:
    """Return where blobs are written, and both buckets; raises `ImproperlyConfigured`."""
    store = env.str("BLOB_STORE", default=FOLDER)
    blobs, signed = _blobs(env), env.int("BLOB_S3_SIGNED_SECONDS", default=0)
    if store not in (FOLDER, BUCKET):
        raise ImproperlyConfigured(f"BLOB_STORE is “{store}”, neither “{FOLDER}” nor “{BUCKET}”.")
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


def _blobs(env: environ.Env) -> BucketConfig:
    """Return the bucket of blobs; its name is empty where there is none."""
    region = env.str("BLOB_S3_REGION", default="") or "us-east-1"
    prefix, bucket = env.str("BLOB_S3_PREFIX", default="").strip("/"), env.str("BLOB_S3_BUCKET", default="")
    if not re.fullmatch(r"[a-z0-9]?[a-z0-9._-]{0,62}", bucket):
        raise ImproperlyConfigured(f"“{bucket}” is no name of a bucket.")
    return BucketConfig(
        endpoint=_endpoint(env.str("BLOB_S3_ENDPOINT", default="") or f"https://s3.{region}.amazonaws.com"),
        region=region,
        bucket=bucket,
        prefix=f"{prefix}/" if prefix else "",
        key_id=env.str("BLOB_S3_KEY_ID", default=""),
        key_secret=env.str("BLOB_S3_SECRET", default=""),
        seconds=env.float("BLOB_S3_SECONDS", default=10.0),
    )


def _backup(env: environ.Env, blobs: BucketConfig) -> BucketConfig:
    """Return how to ask for backups: what is not set is as for blobs. Bucket and prefix are in the command."""
    return replace(
        blobs,
        bucket="",
        prefix="",
        endpoint=_endpoint(env.str("BACKUP_S3_ENDPOINT", default="") or blobs.endpoint),
        region=env.str("BACKUP_S3_REGION", default="") or blobs.region,
        key_id=env.str("BACKUP_S3_KEY_ID", default="") or blobs.key_id,
        key_secret=env.str("BACKUP_S3_SECRET", default="") or blobs.key_secret,
    )


def _endpoint(written: str) -> str:
    """Return an endpoint without a slash at its end; raises `ImproperlyConfigured` for no address."""
    endpoint = written.rstrip("/")
    if not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]+", endpoint):
        raise ImproperlyConfigured(
            f"“{endpoint}” is no address of an S3 service such as https://s3.example.org."
        )
    return endpoint
