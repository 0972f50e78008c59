"""A source says itself which pictures of text its rounds read, and in which letters."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image, ImageDraw, ImageFont

from retrieval_site.errors import AppError
from search.models import Collection, Document
from search.services.document_fields import DocumentFields
from search.services.sources import source_update
from search.sources import canvas_texts
from search.sources.canvas_texts import CanvasReader, CanvasTexts
from search.sources.options import OPTIONS, IiifOptions, fingerprint, read_options
from tests.support.picture_server import sends
from tests.support.sources import put_bytes, report
from workers.extraction.page_reading import PageRead
from workers.extraction.types import Block

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


def test_all_canvases_of_a_round_are_read_by_one_reader_and_none_because_of_the_collection(monkeypatch):
    class Reader:
        made = closed = 0

        def __init__(self, *_: object) -> None:
            Reader.made += 1

        def read(self, data: bytes, page: int) -> PageRead:
            return PageRead((Block("text", data.decode(), page=page),), ("4006381333931",))

        def close(self) -> None:
            Reader.closed += 1

    monkeypatch.setattr(canvas_texts, "PageReader", Reader)
    collection = Collection(character_recognition="all")
    assert CanvasReader(IiifOptions()).read(b"no", collection) == PageRead()
    reader = CanvasReader(IiifOptions(character_recognition="pages"))
    for name in (b"one", b"two"):
        texts = CanvasTexts()
        texts.add(reader.read(name, collection))
        fields = texts.behind(DocumentFields(body="Said."))
        assert fields.body == f"Said.\n\n{name.decode()}"
        assert fields.metadata["barcodes"] == ["4006381333931"]
    reader.close()
    assert (Reader.made, Reader.closed) == (1, 1)


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
