"""What an import's result says: how much was stored, and whatever was dropped; no message of the database in it."""

from __future__ import annotations

import json

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command

from retrieval_site.errors import AppError
from search.importers.types import ImportOptions
from search.models import Document, DocumentImage, Passage
from search.services.collections import collection_create
from search.services.imports import import_checked, import_start
from tests.search.importers.reading import png, zipped
from workers.jobs import services
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db

RED, BLUE = png("red", (64, 48)), png("blue", (64, 48))
LONG = " ".join(f"Sentence number {n} of this note has exactly ten short words." for n in range(20))


@pytest.fixture
def corpus():
    return collection_create(name="Notes")


def run(corpus, content, *, dry_run=False, **options):
    data = content if isinstance(content, bytes) else content.encode()
    job = import_start(
        collection=corpus, file=ContentFile(data, "file"), options=ImportOptions(**options), dry_run=dry_run
    )
    return run_job_inline(job)


def stored(job) -> tuple[int, int, int]:
    return tuple(job.result[name] for name in ("documents", "passages", "images"))


def warnings(job) -> list[str]:
    return [warning["id"] for warning in job.result["warnings"]]


def lines(*documents) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


def test_a_job_says_how_many_documents_passages_and_pictures_it_stored_and_its_dry_run_says_the_same(corpus):
    table = lines(
        {"id": 1, "body": LONG, "images": ["a.png"]}, {"id": 2, "title": "b", "images": ["a.png", "b.png"]}
    )
    content = zipped({"documents.jsonl": table, "a.png": RED, "b.png": BLUE})
    check = run(corpus, content, dry_run=True)
    job = run(corpus, content)
    assert stored(job) == (2, Passage.objects.count(), DocumentImage.objects.count())
    assert stored(job)[1] > 2
    assert stored(check) == stored(job)
    assert (warnings(check), warnings(job)) == ([], [])


def test_what_was_there_already_is_not_stored_again_and_is_no_warning(corpus):
    table = lines({"id": 1, "title": "a"}, {"id": 2, "title": "b"})
    run(corpus, table)
    again = run(corpus, table)
    assert (stored(again), again.result["unchanged"], warnings(again)) == ((0, 0, 0), 2, [])
    changed = run(corpus, table.replace('"b"', '"c"'))
    assert stored(changed) == (1, 1, 0)


def test_pictures_without_any_text_are_stored_with_a_warning(corpus):
    job = run(corpus, zipped({"a.png": RED, "b.png": BLUE}))
    assert (job.state, stored(job), warnings(job)) == ("succeeded", (2, 0, 2), ["import.no_text"])
    assert job.result["warnings"][0]["message"].startswith("No text was found")
    assert job.result["warnings"][0]["detail"] == {"documents": 2}


def test_a_file_of_which_nothing_could_be_stored_says_so(corpus):
    job = run(corpus, lines({"id": 1, "colour": "red"}, {"title": "no id"}))
    assert (job.state, stored(job), warnings(job)) == ("succeeded", (0, 0, 0), ["import.nothing_stored"])
    assert job.result["warnings"][0]["detail"] == {"failed": 2}


@pytest.mark.parametrize(
    "content",
    ["external_id,title\n", "external_id,title\n,\n,,\n", "[]", "\n\n", " \r\r ", zipped({}), zipped({"a.bin": "x"}),
     zipped({"documents.csv": ""})],
)  # fmt: skip
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_file_that_holds_no_document_at_all_fails_and_says_so(corpus, content, dry_run):
    job = run(corpus, content, dry_run=dry_run)
    assert (job.state, job.error_id) == ("failed", "import.empty")


def test_what_was_left_out_stands_in_the_result_with_its_names(corpus):
    members = {
        "documents.csv": "external_id,title,kind\n1,Pump,x\n",
        "a.png": RED,
        "notes.md": "x",
        "b/c.png": RED,
    }
    job = run(corpus, zipped(members), extra_columns="ignore")
    found = {warning["id"]: warning["detail"] for warning in job.result["warnings"]}
    assert found == {
        "import.columns_ignored": {"columns": ["kind"]},
        "import.pictures_unused": {
            "count": 2,
            "examples": ["a.png", "b/c.png"],
            "files": [{"name": name, "reason": "no document names it"} for name in ("a.png", "b/c.png")],
        },
        "import.files_ignored": {
            "count": 1,
            "examples": ["notes.md"],
            "files": [{"name": "notes.md", "reason": "a text beside the file that lists the documents"}],
        },
    }


def test_columns_that_no_database_holds_can_be_named_in_a_warning(corpus):
    job = run(corpus, '{"id": 1, "title": "a", "x\\u0000": 1, "y\\ud800": 2}\n', extra_columns="ignore")
    assert (job.state, stored(job)) == ("succeeded", (1, 1, 0))
    assert len(job.result["warnings"][0]["detail"]["columns"]) == 2


def test_an_import_after_its_dry_run_reads_the_file_in_the_same_way(corpus):
    check = run(corpus, "external_id,title,kind\n1,Pump,leaking\n", dry_run=True, extra_columns="metadata")
    job = run_job_inline(import_checked(check=check))
    assert stored(job) == (1, 1, 0)
    assert Document.objects.get().metadata == {"kind": "leaking"}


def test_retrying_what_failed_counts_and_warns_anew(corpus):
    from search.services import document_fields

    table = lines({"id": 1, "title": "a" * 20})
    limit = document_fields.LENGTHS_MAX["title"]
    document_fields.LENGTHS_MAX["title"] = 10
    try:
        job = run(corpus, table)
    finally:
        document_fields.LENGTHS_MAX["title"] = limit
    assert warnings(job) == ["import.nothing_stored"]
    services.job_retry_failed(job)
    job = run_job_inline(job)
    assert (stored(job), warnings(job)) == ((1, 1, 0), [])


def test_the_same_picture_twice_in_a_document_is_kept_once_under_whatever_names(corpus):
    table = lines(
        {
            "id": 1,
            "images": [
                {"file": "a.png", "alt": "first"},
                "b.png",
                "c.png",
                {"file": "a.png", "alt": "again"},
            ],
        }
    )
    content = zipped({"documents.jsonl": table, "a.png": RED, "b.png": RED, "c.png": BLUE})
    job = run(corpus, content)
    assert (job.result["failed"], stored(job), warnings(job)) == (0, (1, 0, 2), ["import.no_text"])
    images = DocumentImage.objects.order_by("ordinal")
    assert [(image.ordinal, image.alt) for image in images] == [(0, "first"), (1, "")]
    assert run(corpus, content).result["unchanged"] == 1


NOT_STORABLE = [
    ('{"id": 1, "title": "a", "metadata": {"x": NaN}}', "import.line_not_json"),
    ('{"id": 1, "title": "a", "metadata": {"x": Infinity}}', "import.line_not_json"),
    ('{"id": 1, "title": "a", "metadata": {"x": 1e400}}', "import.line_not_json"),
    ('{"id": 1, "title": "a", "metadata": {"x": [-1e999]}}', "import.line_not_json"),
    ('{"id": 1, "title": "a", "metadata": {"x": ' + "9" * 5000 + "}}", "import.line_not_json"),
    ('[{"id": 1, "title": "a", "metadata": {"x": 1e400}}]', "import.not_json"),
    ('[{"id": 1, "title": "a", "metadata": {"x": NaN}}]', "import.not_json"),
    ('{"id": 1, "title": "a\\u0000"}', "document.not_text"),
    ('{"id": 1, "title": "a", "tags": ["x\\u0000"]}', "document.not_text"),
    ('{"id": 1, "title": "a", "url": "https://x.org/\\u0000"}', "document.not_text"),
    ('{"id": 1, "title": "a", "metadata": {"x": ["\\ud800"]}}', "document.not_text"),
    ('{"id": "\\udfff", "title": "a"}', "document.not_text"),
    ("external_id,title,metadata\n1,a,\"{\"\"x\"\": NaN}\"\n", "import.field_wrong_type"),
    ("external_id,title,metadata\n1,a,\"{\"\"x\"\": 1e400}\"\n", "import.field_wrong_type"),
    ("external_id,title,metadata.x\n1,a,\x00\n", "document.not_text"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "error_id"), NOT_STORABLE)
def test_what_no_database_holds_is_refused_before_it_by_an_id_of_its_own(corpus, content, error_id):
    job = run(corpus, content)
    (item,) = job.items.all()
    assert (job.state, item.error_id, stored(job)) == ("succeeded", error_id, (0, 0, 0))


@pytest.mark.parametrize("number", ["1e308", "-5e-324", "9" * 900, "0.1"])
def test_the_largest_and_smallest_numbers_that_json_is_read_with_are_stored(corpus, number):
    job = run(corpus, f'{{"id": 1, "title": "a", "metadata": {{"x": {number}}}}}')
    assert (job.result["failed"], stored(job)) == (0, (1, 1, 0))


def test_the_alt_text_of_a_picture_is_checked_as_all_text_is(corpus):
    table = lines(
        *({"id": n, "images": [{"file": "a.png", "alt": alt}]} for n, alt in enumerate(("x\0", "\ud800")))
    )
    job = run(corpus, zipped({"documents.jsonl": table, "a.png": RED}))
    assert [item.error_id for item in job.items.all()] == ["document.not_text"] * 2


def test_what_the_database_refuses_all_the_same_is_told_without_its_words(corpus, monkeypatch, caplog):
    from django.db import DataError

    from search.importers import job as job_module

    def refusing(**_):
        raise DataError('invalid byte sequence for encoding "UTF8": 0x00 CONTEXT: COPY document')

    monkeypatch.setattr(job_module, "documents_save", refusing)
    item = run(corpus, lines({"id": "d1", "title": "a"})).items.get()
    assert (item.key, item.error_id) == ("external id d1", "import.not_storable")
    assert item.reason == "The document holds something that cannot be stored."
    assert "invalid byte sequence" in caplog.text


def test_the_command_tells_what_was_stored_and_what_was_left_out(tmp_path, capsys):
    (tmp_path / "a.zip").write_bytes(
        zipped({"items.csv": "external_id,title,kind\n1,Pump,x\n", "a.png": RED})
    )
    call_command("import_documents", "notes", tmp_path / "a.zip", extra_columns="ignore")
    shown = capsys.readouterr()
    assert "1 new, 0 changed, 0 unchanged, 0 failed" in shown.out
    assert "1 documents, 1 passages, 0 images" in shown.out
    assert "1 column was ignored, as asked for: kind. (import.columns_ignored)" in shown.err
    assert "import.pictures_unused" in shown.err


SIMPLE = "external_id,title\n1,Pump\n"


@pytest.mark.parametrize(
    "content",
    [
        SIMPLE, SIMPLE.replace("\n", "\r"), "sep=;\n" + SIMPLE, "sep=\n" + SIMPLE, 'sep="\n' + SIMPLE, "sep=;",
        SIMPLE + '2,"', SIMPLE + "2,\x00\n", "external_id", "external_id,\n\n,", '"',
        "external_id,title\n" + "," * 99_999, '{"id": 1, "title": "a",}', "[{}]", "[[]]", "[1,]", "{}", "[",
        "null", '""',
        '{"images": null, "annotations": null}', '{"images": {"a": []}, "annotations": []}',
        '{"images": [{"id": [], "file_name": 5}], "annotations": [{"caption": 5}]}',
        '{"images": [{"filename": "a.jpg", "sentences": 5}], "dataset": 1}', '{"images": [{"sentences": {"a": 1}}]}',
        "a.jpg#0\tx\ra.jpg#1\ty\r", "#0\tx", "a.jpg#0\t",
    ],
)  # fmt: skip
def test_no_text_however_odd_ends_a_job_as_crashed(corpus, content):
    files = [content.encode(encoding) for encoding in ("utf-8", "utf-16")]
    for data in (*files, zipped({"a/b.json": files[0], "a.jpg": RED})):
        try:
            error_id = run(corpus, data, dry_run=True, extra_columns="metadata").error_id
        except AppError as refused:
            error_id = refused.id
        assert error_id in ("", *DOCUMENTED)


DOCUMENTED = (
    "import.format_unknown", "import.empty", "import.missing_external_id", "import.line_not_csv", "import.coco_invalid",
    "import.karpathy_invalid",
)  # fmt: skip
