"""Signed requests to services that speak S3.

By https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. A client of our own, of two requests:
each goes through the walls of all outgoing requests, which look an endpoint up and connect to the address that was
checked. The vendor's library resolves, redirects and retries by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from retrieval_site.errors import AppError
from workers.fetching.addresses import DEFAULT_PORTS

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9._-]{1,62})(?:/(.*))?", re.DOTALL)


def read_s3_address(address: str) -> tuple[str, str]:
    """Return the bucket and the prefix of `s3://BUCKET/PREFIX`; raises AppError `source.address_invalid/bucket`."""
    found = _ADDRESS.fullmatch(address)
    if found is None or not (found[2] or "").isprintable():
        raise AppError("source.address_invalid/bucket")
    return found[1], found[2] or ""


@dataclass(frozen=True)
class S3Keys:
    """The name of a key and its secret; both empty for a bucket that anybody may read."""

    key_id: str = ""
    secret: str = ""


@dataclass(frozen=True)
class S3Bucket:
    """Where a bucket is: the endpoint's address without a path, and the region that requests are signed for."""

    endpoint: str
    region: str
    name: str

    def address(self, key: str = "", query: Mapping[str, str] | None = None) -> str:
        """Return the address of an object, or of the bucket, as it is signed."""
        written = f"{self.endpoint}/{_quoted(self.name)}" + (f"/{_path(key)}" if key else "")
        return f"{written}?{canonical_query(query)}" if query else written


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")


def _path(key: str) -> str:
    return quote(key, safe="-._~/")


def canonical_query(query: Mapping[str, str]) -> str:
    """Return a query string as both sides write it before they sign it."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items()))


def signed_headers(
    address: str, region: str, keys: S3Keys, more: Mapping[str, str], now: datetime | None = None
) -> dict[str, str]:
    """Return the headers of a GET request for an address of `S3Bucket.address`, signed where there are keys."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    headers = {**more, "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": moment}
    if not keys.key_id:
        return headers
    parts = urlsplit(address)
    signed = {"host": host_of(address), **{name.lower(): value.strip() for name, value in headers.items()}}
    signed.pop("accept-encoding", None)  # proxies change it
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join(("GET", parts.path or "/", parts.query, lines, names, EMPTY_SHA256))
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = _signature(keys.secret, scope, f"{ALGORITHM}\n{moment}\n{scope}\n{digest}")
    said = f"Credential={keys.key_id}/{scope},SignedHeaders={names},Signature={signature}"
    return headers | {"Authorization": f"{ALGORITHM} {said}"}


def host_of(address: str) -> str:
    """Return the host as the request names it: without the port that its scheme has anyway."""
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    return host if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


def _signature(secret: str, scope: str, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
