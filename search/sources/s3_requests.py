"""Requests of sources to services that speak S3.

Each goes through the walls of all outgoing requests, which look an endpoint up and connect to the address that was
checked. The vendor's library resolves, redirects and retries by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.errors import AppError
from workers.s3.signing import S3Bucket, S3Keys, S3Signer, parse_s3_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["S3Bucket", "S3Keys", "read_s3_address", "signed_headers"]


def read_s3_address(address: str) -> tuple[str, str]:
    """Return the bucket and the prefix of `s3://BUCKET/PREFIX`; raises AppError `source.address_invalid/bucket`."""
    found = parse_s3_address(address)
    if found is None:
        raise AppError("source.address_invalid/bucket")
    return found


def signed_headers(
    address: str, region: str, keys: S3Keys, more: Mapping[str, str], now: datetime | None = None
) -> dict[str, str]:
    """Return the headers of a GET request for an address of `S3Bucket.address`, signed where there are keys."""
    return S3Signer(region, keys).headers("GET", address, more, now=now)
