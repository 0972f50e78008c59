"""Settings of buckets that cannot be meant are refused before anything is served."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from retrieval_site.buckets.config import read_buckets
from retrieval_site.environment import Environment
from workers.backup.site_settings import settings_said

GIVEN = {"BLOB_S3_BUCKET": "photos", "BLOB_S3_ENDPOINT": "https://s3.example.org/", "BLOB_S3_PREFIX": "/a/b"}
GIVEN |= {"BLOB_S3_KEY_ID": "key", "BLOB_S3_SECRET": "word", "BLOB_S3_REGION": "eu-central-1"}


@pytest.fixture
def read(monkeypatch):
    def read(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return read_buckets(Environment())

    return read


def test_nothing_is_set_by_default(read):
    found = read()
    assert (found["blob_store"], found["blob_s3"], found["blob_s3_signed_seconds"]) == ("folder", None, 0)


def test_backups_go_by_the_key_of_the_blobs_unless_they_have_their_own(read):
    found = read(**GIVEN, BLOB_STORE="s3")
    assert (found["blob_s3"].prefix, found["blob_s3"].endpoint) == ("a/b/", "https://s3.example.org")
    assert found["backup_s3"] == replace(found["blob_s3"], bucket="", prefix="")
    own = read(BACKUP_S3_ENDPOINT="http://other", BACKUP_S3_KEY_ID="theirs", BACKUP_S3_SECRET="x")[
        "backup_s3"
    ]
    assert (own.endpoint, own.key_id, own.region) == ("http://other", "theirs", "eu-central-1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"BLOB_STORE": "s3"},
        {"BLOB_STORE": "bucket"},
        {"BLOB_S3_BUCKET": "a/b"},
        {"BLOB_S3_ENDPOINT": "s3.example.org"},
        {"BLOB_S3_ENDPOINT": "https://s3.example.org/path"},
        {"BLOB_S3_SIGNED_SECONDS": "60"},
        {"BLOB_S3_BUCKET": "photos", "BLOB_S3_KEY_ID": "key", "BLOB_S3_SIGNED_SECONDS": "3601"},
    ],
)
def test_what_cannot_be_meant_is_refused(read, wrong):
    with pytest.raises(ImproperlyConfigured):
        read(**wrong)


def test_a_backup_keeps_no_key_of_a_bucket_unless_asked_to(read):
    with override_settings(CONFIG=replace(settings.CONFIG, **read(**GIVEN))):
        said = json.loads(settings_said(with_keys=False))
        assert said["blob_s3"] == {
            **said["blob_s3"], "bucket": "photos", "key_id": "(withheld)", "key_secret": "(withheld)",
        }  # fmt: skip
        assert json.loads(settings_said(with_keys=True))["blob_s3"]["key_secret"] == "word"
