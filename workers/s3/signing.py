"""Signed requests to services that speak S3.

By https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and, for addresses that carry their
signature, https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from workers.fetching.addresses import DEFAULT_PORTS

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9._-]{1,62})(?:/(.*))?", re.DOTALL)


def parse_s3_address(address: str) -> tuple[str, str] | None:
    """Return the bucket and the prefix of `s3://BUCKET/PREFIX`, None for anything else."""
    found = _ADDRESS.fullmatch(address)
    if found is None or not (found[2] or "").isprintable():
        return None
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


@dataclass(frozen=True)
class S3Signer:
    """Signs requests with one key, for one region; without a key it leaves them as they are."""

    region: str
    keys: S3Keys

    def headers(
        self,
        method: str,
        address: str,
        more: Mapping[str, str],
        payload_sha256: str = EMPTY_SHA256,
        now: datetime | None = None,
    ) -> dict[str, str]:
        """Return the headers of a request for an address of `S3Bucket.address`, signed where there is a key."""
        moment = _moment(now)
        headers = {**more, "x-amz-content-sha256": payload_sha256, "x-amz-date": moment}
        if not self.keys.key_id:
            return headers
        signed = {
            "host": host_of(address),
            **{name.lower(): value.strip() for name, value in headers.items()},
        }
        signed.pop("accept-encoding", None)  # proxies change it
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        parts = urlsplit(address)
        request = "\n".join((method, parts.path or "/", parts.query, lines, names, payload_sha256))
        scope, signature = self._signed(moment, request)
        said = f"Credential={self.keys.key_id}/{scope},SignedHeaders={names},Signature={signature}"
        return headers | {"Authorization": f"{ALGORITHM} {said}"}

    def presigned(
        self,
        bucket: S3Bucket,
        key: str,
        seconds: int,
        query: Mapping[str, str],
        now: datetime | None = None,
    ) -> str:
        """Return an address from which anybody may get an object for some seconds.

        `query` may say how the answer looks: `response-content-type`, `response-content-disposition`.
        """
        moment = _moment(now)
        written = {
            **query,
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.keys.key_id}/{self._scope(moment)}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
        }
        address = bucket.address(key, written)
        parts = urlsplit(address)
        lines = f"host:{host_of(address)}\n"
        request = "\n".join(("GET", parts.path, parts.query, lines, "host", _UNSIGNED_PAYLOAD))
        return f"{address}&X-Amz-Signature={self._signed(moment, request)[1]}"

    def _scope(self, moment: str) -> str:
        return f"{moment[:8]}/{self.region}/s3/aws4_request"

    def _signed(self, moment: str, request: str) -> tuple[str, str]:
        """Return the scope of a signature, and the signature of a canonical request."""
        scope, digest = self._scope(moment), hashlib.sha256(request.encode()).hexdigest()
        return scope, _signature(self.keys.secret, scope, f"{ALGORITHM}\n{moment}\n{scope}\n{digest}")


def host_of(address: str) -> str:
    """Return the host as the request names it: without the port that its scheme has anyway."""
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    return host if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


def _moment(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")


def _signature(secret: str, scope: str, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
