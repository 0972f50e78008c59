"""Files that are no import format are refused by name at the door: by API, admin and command, with no job."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image

from retrieval_site.errors import AppError
from search.importers.foreign import refuse_foreign
from search.services.collections import collection_create
from tests.search.importers.reading import png, zipped
from workers.models import Blob, Job


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, kind)
    return buffer.getvalue()


def tar(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        info = tarfile.TarInfo("documents.csv")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"a,b"))
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


CSV = "external_id,title\n1,a\n"
FOREIGN = {
    "a Java archive": zipped({"META-INF/MANIFEST.MF": "x", "a.class": b"\xca\xfe\xba\xbe"}),
    "an old Office file (xls, doc, ppt or msg)": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    "a gzip file (gz or tar.gz)": gzip.compress(CSV.encode() * 10),
    "a bzip2 file": bz2.compress(CSV.encode()),
    "an xz file": lzma.compress(CSV.encode()),
    "a tar archive": tar("w"),
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(100),
    "a RAR archive": b"Rar!\x1a\x07\x01\x00" + bytes(100),
    "an Office file with a password": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
    "an SVG drawing": b'<?xml version="1.0"?>\n<!-- a --><!-- b -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "an XML file": b'<?xml version="1.0"?><rows><row id="1"/></rows>',
    "a Windows program": b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff" + bytes(100),
    "a Linux program or library": b"\x7fELF\x02\x01\x01" + bytes(100),
    "a script": b"#!/bin/sh\necho external_id,title\n",
    "an SQLite database": b"SQLite format 3\x00" + bytes(100),
    "a Parquet file": b"PAR1" + bytes(range(200)) + b"PAR1",
    "a NumPy array": array(),
    "not text and in no format that is known here": bytes(range(256)) * 4,
    "text": b"Dear Sir,\nplease find attached the notes.\n",
}  # fmt: skip


@pytest.mark.parametrize("found", FOREIGN)
def test_a_file_that_is_no_import_format_is_refused_by_what_it_is(found):
    with pytest.raises(AppError) as refused:
        refuse_foreign(io.BytesIO(FOREIGN[found]))
    assert (refused.value.id, refused.value.status) == ("import.format_unknown", 400)
    assert refused.value.detail["found"] == found
    assert found == "text" or found in refused.value.message


@pytest.mark.parametrize(
    ("wanted", "advice"),
    [(None, "PDFs, Office files"), ("file", "PDFs, Office files"), ("csv", "saved as CSV")],
)
def test_the_refusal_names_what_can_be_imported_in_its_place(wanted, advice):
    with pytest.raises(AppError, match=advice):
        refuse_foreign(io.BytesIO(FOREIGN["a NumPy array"]), wanted)


def test_the_refusal_of_a_table_with_other_columns_speaks_of_a_mapping():
    with pytest.raises(AppError, match="needs a mapping"):
        refuse_foreign(io.BytesIO(b"Artikelnr.;Bezeichnung\n1;Pumpe\n"))


def test_archives_by_gzip_are_known_as_well():
    with pytest.raises(AppError, match="gzip"):
        refuse_foreign(io.BytesIO(tar("w:gz")))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", ""),
        (picture("JPEG"), ""),
        (picture("PNG"), ""),
        (picture("WEBP"), ""),
        (picture("TIFF"), ""),
        (b"Dear Sir,\nplease find attached the notes.\n", "letter.txt"),
    ],
)
def test_documents_and_pictures_are_let_in(content, name):
    file = io.BytesIO(content)
    refuse_foreign(file, None, name)
    assert file.read() == content


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(), CSV.encode("utf-16"), CSV.replace("\n", "\r").encode(), b"sep=;\nexternal_id;title\n1;a\n",
        b'{"id": 1, "title": "a"}\n', b"\xef\xbb\xbf[]", b"a.jpg#0\tA dog.\n", b"external_id,title\n1,\x00\n",
        "external_id,title\n1,grün\n".encode("latin-1"), ("external_id,title\n" + "写真,表示ソ\n" * 99).encode("cp932"),
        zipped({"word/list.csv": CSV, "xl/a.png": png()}), zipped({}), b"MZ,external_id\n1,2\n",
        b"BZh,external_id\n1,2\n",
        b"PK\x03\x04 and no more", b"\n\n\n", b'{"a": "<html>"}',
    ],
)  # fmt: skip
def test_what_may_be_an_import_file_is_let_in(content):
    file = io.BytesIO(content)
    refuse_foreign(file)
    assert file.read() == content


def test_comments_without_end_take_no_time_to_see_through():
    refuse = [b"<!-- -->" * 250 + b"x", b"<?xml " * 300, b"<!--" * 500]
    for content in refuse:
        with pytest.raises(AppError):
            refuse_foreign(io.BytesIO(content))


def test_a_format_that_was_named_is_no_way_around_but_for_text():
    with pytest.raises(AppError, match=r"import\.format_unknown"):
        refuse_foreign(io.BytesIO(FOREIGN["a NumPy array"]), "csv")
    refuse_foreign(io.BytesIO(b"broken first line\na.jpg#0\tA dog.\n"), "captions")


@pytest.fixture
def staff(db, django_user_model, client):
    user = django_user_model.objects.create_superuser("ann", password="a long password of hers")
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("content", "error_id"),
    [
        (FOREIGN["a Java archive"], "import.format_unknown"),
        (FOREIGN["a NumPy array"], "import.format_unknown"),
        (b"", "import.empty"),
    ],
)
def test_the_api_refuses_it_at_the_door_and_makes_no_job(staff, content, error_id):
    collection_create(name="Notes", slug="notes")
    form = {"collection": "notes", "file": ContentFile(content, "workbook.csv")}
    response = staff.post(reverse("api:documents-import"), form)
    assert (response.status_code, response.json()["error"]["id"]) == (400, error_id)
    assert (Job.objects.count(), Blob.objects.count()) == (0, 0)


def test_the_admins_form_refuses_it_at_the_door_and_makes_no_job(staff):
    address = reverse("admin:search_collection_import", args=[collection_create(name="Notes").pk])
    form = {"file": ContentFile(FOREIGN["a Java archive"], "workbook.xlsx"), "import": "Import"}
    page = staff.post(address, form, follow=True).content.decode()
    assert "a Java archive" in page
    assert "import.format_unknown" in page
    assert (Job.objects.count(), Blob.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_the_command_refuses_it_at_the_door_and_makes_no_job(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(FOREIGN["a NumPy array"])
    with pytest.raises(CommandError, match=r"a NumPy array.*import\.format_unknown"):
        call_command("import_documents", "notes", path)
    assert not Job.objects.exists()
