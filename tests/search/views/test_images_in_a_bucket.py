"""Pictures that lie in a bucket: through the site, or by an address that is signed for a minute."""

from __future__ import annotations

import pytest
import requests

from tests.support.bucket_storage import blobs_in
from tests.support.corpus import make_collection
from tests.support.pages import picture_bytes, save_document

pytestmark = pytest.mark.django_db
DATA = picture_bytes((200, 30, 30))


def test_the_site_sends_what_lies_in_the_bucket(client, buckets, tmp_path):
    with blobs_in(buckets.config("through-the-site"), tmp_path):
        image = save_document(make_collection(), "a", pictures=[DATA]).images.get()
        answer = client.get(f"/images/{image.blob_id}")
        assert b"".join(answer.streaming_content) == DATA
        assert answer["Content-Length"] == str(len(DATA))


def test_an_address_is_signed_after_rights_are_checked(client, buckets, tmp_path):
    with blobs_in(buckets.config("signed"), tmp_path, signed_seconds=60):
        document = save_document(make_collection(), "a", pictures=[DATA])
        blob = document.images.get().blob_id
        answer = client.get(f"/images/{blob}")
        assert (answer.status_code, answer["Cache-Control"]) == (302, "private, no-store")
        buckets.trust(1)
        sent = requests.get(answer["Location"], timeout=5)
        assert sent.content == DATA
        assert sent.headers["Content-Type"] == "image/jpeg"
        assert f"thumbnails/320/{blob[:2]}/{blob}.jpg" in client.get(f"/images/{blob}?w=320")["Location"]
        document.collection.visibility = "private"
        document.collection.save()
        assert client.get(f"/images/{blob}").status_code == 404


@pytest.mark.parametrize("where", ["folder", "bucket"])
def test_a_part_of_a_picture_comes_alone(client, buckets, tmp_path, where):
    with blobs_in(buckets.config(f"ranges-{where}"), tmp_path, "s3" if where == "bucket" else "folder"):
        blob = save_document(make_collection(), "a", pictures=[DATA]).images.get().blob_id

        def asked(wanted, **more):
            answer = client.get(f"/images/{blob}", headers={"Range": wanted, **more})
            return answer.status_code, answer.getvalue(), answer.headers.get("Content-Range")

        size, tag = len(DATA), client.get(f"/images/{blob}")["ETag"]
        assert asked("bytes=0-9") == (206, DATA[:10], f"bytes 0-9/{size}")
        assert asked("bytes=100-", **{"If-Range": tag}) == (206, DATA[100:], f"bytes 100-{size - 1}/{size}")
        assert asked("bytes=-5") == (206, DATA[-5:], f"bytes {size - 5}-{size - 1}/{size}")
        assert asked(f"bytes={size}-") == (416, b"", f"bytes */{size}")
        for wanted, more in (
            ("bytes=0-1,3-4", {}),
            ("lines=1-2", {}),
            ("bytes=0-9", {"If-Range": '"other"'}),
        ):
            assert asked(wanted, **more) == (200, DATA, None)
