"""A source says itself which pictures of text its rounds read, and in which letters."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image, ImageDraw, ImageFont

from retrieval_site.errors import AppError
from search.models import Document
from search.services.sources import source_update
from search.sources.options import OPTIONS, fingerprint, read_options
from tests.support.picture_server import sends
from tests.support.sources import put_bytes, report

pytestmark = pytest.mark.django_db


def plate() -> bytes:
    picture = Image.new("RGB", (640, 240), "white")
    letters = ImageFont.truetype("DejaVuSans.ttf", 44)
    for row, line in enumerate(("Impeller pump", "Serial KX-204/B")):
        ImageDraw.Draw(picture).text((40, 40 + 90 * row), line, fill="black", font=letters)
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    return kept.getvalue()


def test_a_watched_folder_reads_photographs_once_its_source_says_so(rounds, anna, tmp_path):
    put_bytes(tmp_path / "share", "plate.png", plate())
    source = rounds.source("folder", tmp_path / "share")
    assert report(rounds.take(source)) == {"new": 1}
    assert Document.objects.get().body == ""
    source_update(source=source, by=anna, options={"character_recognition": "all"})
    assert report(rounds.take(source)) == {"changed": 1}
    photo = Document.objects.get()
    assert "Serial KX-204/B" in photo.body
    assert photo.metadata["text_read_by"] == "character recognition"
    assert report(rounds.take(source)) == {"unchanged": 1}


def test_canvases_are_read_as_pages_where_the_source_says_so(rounds, anna, web):
    base = f"http://127.0.0.1:{web.port}"
    canvas = {"items": [{"items": [{"body": {"id": f"{base}/1.png", "type": "Image"}}]}]}
    manifest = {"type": "Manifest", "label": {"none": ["Plates"]}, "items": [canvas]}
    web.routes = {"/m": sends(json.dumps(manifest).encode()), "/1.png": sends(plate())}
    source = rounds.source("iiif", f"{base}/m")
    assert report(rounds.take(source)) == {"new": 1}
    assert "KX-204/B" not in Document.objects.get().body
    source_update(source=source, by=anna, options={"character_recognition": "pages", "letters": "latin"})
    assert report(rounds.take(source)) == {"changed": 1}
    document = Document.objects.get()
    assert "Serial KX-204/B" in document.body
    assert document.images.count() == 1


@pytest.mark.parametrize("kind", ["folder", "s3", "iiif"])
def test_sources_of_pictures_take_the_options_and_those_without_them_are_read_as_before(kind):
    wished = read_options(kind, {"character_recognition": "all", "letters": "any"})
    assert (wished.character_recognition, wished.letters) == ("all", "any")
    plain = read_options(kind, {})
    assert plain == OPTIONS[kind]()
    assert fingerprint(plain) == "44136fa355b3"  # of no options at all, as before there were these
    assert fingerprint(wished) != fingerprint(plain)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("folder", {"character_recognition": "everything"}),
        ("s3", {"letters": ["latin"]}),
        ("iiif", {"character_recognition": True}),
        ("oai_pmh", {"character_recognition": "all"}),
    ],
)
def test_what_is_no_such_option_is_refused(kind, options):
    with pytest.raises(AppError, match=r"character_recognition|letters"):
        read_options(kind, options)
