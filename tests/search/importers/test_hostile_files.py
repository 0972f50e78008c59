"""Files that were made to harm, as jobs: each ends with an id that says why, none as crashed; good lines still come."""

from __future__ import annotations

import io
import json
import random
import zipfile

import pytest
from django.core.files.base import ContentFile

from retrieval_site.errors import AppError
from search.importers import job as job_module
from search.importers.source import open_import
from search.importers.types import ImportOptions, Record
from search.models import Collection, Document
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields
from search.services.imports import import_folder_start, import_start
from workers.formats import bounded_json
from workers.formats import rows as rows_module
from workers.jobs.runner import run_job_inline
from workers.models import Job

pytestmark = pytest.mark.django_db

LINE = '{"external_id": "a", "title": "t", "metadata": {"k": [1, 2.5]}, "images": ["a.png"]}\n'


def zipped(members: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


GOOD = {
    "jsonl": LINE.encode() + b'{"id": 2, "text": "b"}\n',
    "json": b'[{"external_id": "a", "title": "t"}, {"id": 2, "text": "b"}]',
    "csv": b'external_id,title,body,tags,metadata,metadata.k,images\na,t,"b\nc",x|y,"{""a"":1}",v,a.png\n',
    "captions": b"a.jpg#0\tA dog.\na.jpg#1\tA cat.\nb.jpg#0\tX\n",
    "coco": b'{"images":[{"id":1,"file_name":"a.jpg"}],"annotations":[{"id":5,"image_id":1,"caption":"A dog"}]}',
    "karpathy": b'{"images":[{"filename":"a.jpg","split":"train","sentences":[{"raw":"A dog"}]}],"dataset":"x"}',
    "zip": zipped({"documents.jsonl": LINE, "images/a.png": b"\x89PNG\r\n\x1a\n123"}),
}
EVIL = [
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", b"[", b"{", b'"', b"9" * 5000, b"1e999",
    b"-", b"NaN", b"\n", b"\r", b"\t", b",", b"|", b"null", b"true", b"\xef\xbb\xbf", b"\xfe\xff", b"#1\t",
]  # fmt: skip


def run(content: bytes, **options) -> Job:
    collection = Collection.objects.first() or collection_create(name="Notes")
    options = ImportOptions(options.get("format"), options.get("per", "caption"))
    file = ContentFile(content, name="file")
    return run_job_inline(import_start(collection=collection, file=file, options=options))


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, kind = chance.randrange(len(changed) + 1), chance.random()
        if kind < 0.4:
            changed[at:at] = chance.choice(EVIL)
        elif kind < 0.7:
            changed[at : at + 1] = bytes([chance.randrange(256)])
        else:
            del changed[at : at + chance.randint(1, 6)]
    return bytes(changed)


@pytest.mark.parametrize("kind", GOOD)
def test_a_damaged_file_never_crashes_its_import(kind):
    chance = random.Random(kind)
    damaged = [GOOD[kind][: chance.randrange(1, len(GOOD[kind]))] for _ in range(15)]
    damaged += [mutated(GOOD[kind], chance) for _ in range(45)]
    refused = set()
    for content in damaged:
        options = {"format": chance.choice([None, kind]), "per": chance.choice(["caption", "picture"])}
        try:
            job = run(content, **options)
        except AppError as error:
            refused.add(error.id)
            continue
        assert job.state in ("succeeded", "failed"), content
        assert job.error_id not in ("job.crashed", "job.database_failed"), content
        assert job.state == "succeeded" or job.error_id.startswith("import."), (job.error_id, content)
    assert refused <= {"import.format_unknown", "import.empty"}


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("named", [name for name in GOOD if name != "zip"])
def test_a_file_under_another_formats_name_never_crashes_its_import(kind, named):
    assert run(GOOD[kind], format=named).error_id != "job.crashed"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"external_id": "a", "metadata": {"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}\n", "import.too_deep"),
        (b"[" * 10_000, "import.too_deep"),
        (b'{"images": [' + b"[" * 10_000, "import.too_deep"),
        (b'external_id,metadata\na,"{""a"": ' + b"[" * 100 + b"]" * 100 + b'}"\n', "import.too_deep"),
        (b'{"external_id": "a", "metadata": {"a": 1e999}}\n', "import.line_not_json"),
        (b'{"external_id": "a", "metadata": {"a": ' + b"9" * 100_000 + b"}}\n", "import.line_not_json"),
        (b'[{"external_id": "a", "metadata": {"a": ' + b"9" * 100_000 + b"}}]", "import.not_json"),
        (b'{"external_id": "a\\u0000", "title": "t"}\n', "document.not_text"),
        (b'{"external_id": "a", "title": "\\ud800"}\n', "document.not_text"),
        (b'{"external_id": "a", "metadata": {"\\u0000": 1}}\n', "document.not_text"),
        (b'{"external_id": "a", "title": "t", "x\\u0000": 1}\n', "import.unknown_field"),
        (b'{"external_id": "a", "images": ["\\u0000"]}\n', "import.image_missing"),
        (b'{"annotations": [{"id": "\\u0000", "caption": "x"}], "images": [{"id": 1, "file_name": "a"}]}',
         "import.annotation_incomplete"),
        (b'external_id,title\na,"\x00"\n', "document.not_text"),
        (b'{"external_id": "a", "title": "t", "tags": ' + json.dumps([str(n) for n in range(101)]).encode() + b"}\n",
         "document.too_many_tags"),
        (b'{"external_id": "a", "title": "t", "metadata": {"a": "' + b"x" * 100_000 + b'"}}\n',
         "document.metadata_too_large"),
        (b'{"external_id": "a", "title": "t", "metadata": {"a": ' + b"[" * 55 + b"]" * 55 + b"}}\n",
         "document.metadata_too_deep"),
        (b'{"external_id": "a", "images": ["a.png"' + b', "a.png"' * 100 + b"]}\n", "document.too_many_images"),
        (b'{"external_id": "a", "body": "' + b"x" * 2_000_001 + b'"}\n', "document.body_too_long"),
    ],
)  # fmt: skip
def test_one_bad_document_is_refused_with_its_own_reason(content, expected):
    job = run(content)
    assert (job.state, job.result["failed"]) == ("succeeded", 1)
    assert {item.error_id for item in job.items.all()} == {expected}
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (zipped({"a.csv": "external_id,title\na,b\n"}, zipfile.ZIP_BZIP2), "import.zip_method"),
        (zipped({"a.csv": "external_id,title\na,b\n"}, zipfile.ZIP_LZMA), "import.zip_method"),
        (
            zipped({"documents.jsonl": LINE}, zipfile.ZIP_STORED).replace(b"external_id", b"external_ix", 1),
            "import.zip_damaged",
        ),
        (b"PK\x03\x04" + b"x" * 100, "import.not_a_zip"),
        (b'"external_id,title\na,b\n', "import.line_not_csv"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_fails_with_its_reason(content, expected):
    job = run(content)
    assert (job.state, job.error_id) == ("failed", expected)


def test_good_lines_around_a_deep_one_still_come():
    deep = '{"external_id": "deep", "metadata": {"a": ' + "[" * 100_000 + "]" * 100_000 + "}}\n"
    job = run(f'{{"id": 1, "text": "a"}}\n{deep}{{"id": 2, "text": "b"}}\n'.encode())
    assert (job.result["new"], job.result["failed"]) == (2, 1)
    assert [item.key for item in job.items.all()] == ["line 2"]


def test_millions_of_unknown_fields_become_two_reasons():
    job = run(json.dumps({f"x{n}": n for n in range(100_000)}).encode() + b"\n")
    assert [item.error_id for item in job.items.all()] == [
        "import.unknown_field",
        "import.missing_external_id",
    ]


def test_names_that_no_folder_can_hold_are_pictures_that_are_missing(tmp_path):
    names = ["a\x00b", "x" * 5000, "/etc/passwd", "../secret", "." * 300]
    rows = [{"id": n, "title": "t", "images": [name]} for n, name in enumerate(names)]
    (tmp_path / "documents.jsonl").write_text("\n".join(map(json.dumps, rows)))
    job = run_job_inline(import_folder_start(collection=collection_create(name="N"), path=tmp_path))
    assert (job.state, job.result["failed"]) == ("succeeded", len(names))
    assert {item.error_id for item in job.items.all()} == {"import.image_missing"}


def test_a_row_over_endless_lines_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "LINE_BYTES_MAX", 1000)
    path = tmp_path / "a.csv"
    path.write_text('external_id,title\na,"' + f"{'x' * 80}\n" * 20 + '"\nb,"fine"\n')
    with open_import(path, ImportOptions()) as source:
        items = list(source.items())
    assert items[0].problems[0].error_id == "import.line_too_long"
    assert [item.external_id for item in items if isinstance(item, Record)] == ["b"]


def test_an_entry_of_a_json_list_that_never_ends_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded_json, "ITEM_BYTES_MAX", 100_000)
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"id": 1, "text": "fine"}, {"id": 2, "text": "' + b"x" * 1_000_000 + b'"}]')
    with open_import(path, ImportOptions()) as source:
        items = list(source.items())
    assert items[0].external_id == "1"
    assert items[1].problems[0].error_id == "import.entry_too_long"


def test_a_batch_holds_no_more_text_than_a_few_long_bodies():
    items = (Record(f"line {n}", str(n), DocumentFields(body="x" * 900_000)) for n in range(10))
    sizes = [len(batch) for batch in job_module.batches(enumerate(items))]
    assert sizes == [3, 3, 3, 1]


def test_captions_of_one_picture_without_end_are_one_document_that_is_too_long():
    lines = b"".join(b"a.jpg#%d\t%s\n" % (n, b"x" * 1000) for n in range(2500))
    job = run(lines, per="picture")
    assert {item.error_id for item in job.items.all()} <= {"document.body_too_long", "import.image_missing"}
    assert job.result["failed"] == 1
