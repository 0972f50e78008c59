"""Addresses that carry a signature are those that the vendor's library makes; the test server checks headers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from workers.s3.signing import S3Bucket, S3Keys, S3Signer, parse_s3_address

KEYS = S3Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
BUCKET = S3Bucket("https://s3.example.org", "eu-central-1", "photos")


def test_odd_names_and_looks_are_signed_as_the_vendor_signs_them(monkeypatch):
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    looks = {
        "response-content-type": "image/jpeg",
        "response-content-disposition": 'inline; filename="ü +.jpg"',
    }
    address = S3Signer("eu-central-1", KEYS).presigned(BUCKET, "in/a b+ü.jpg", 60, looks, now)
    theirs = AWSRequest("GET", BUCKET.address("in/a b+ü.jpg"), params=looks)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: now)
    credentials = Credentials(KEYS.key_id, KEYS.secret)
    auth.S3SigV4QueryAuth(credentials, "s3", "eu-central-1", expires=60).add_auth(theirs)
    assert _signature(address) == _signature(theirs.url)


def _signature(address):
    return address.rpartition("X-Amz-Signature=")[2]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/a/b", ("bucket", "a/b")),
        ("s3://B/a", None),
        ("s3://bucket/a\n", None),
        ("/folder", None),
    ],
)
def test_addresses_of_buckets(address, found):
    assert parse_s3_address(address) == found
