"""Import files of every format: read as the job reads them, and as whole jobs against the database."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from hypothesis import strategies as st

from retrieval_site.errors import AppError
from retrieval_site.typed_json import to_json
from search.importers.document_files import DocumentFiles
from search.importers.leftovers import job_warning
from search.importers.source import ImportSource, open_import
from search.importers.storing import to_document
from search.importers.types import EXTRA_COLUMNS, FORMATS, DocumentFileItem, ImportOptions, Item, Rejected
from search.models import Collection
from search.services.documents import DocumentRecord
from search.services.imports import import_start
from tests.hostile.fuzzing.archives import Member, archive, member_changes, tails, with_changes
from tests.hostile.fuzzing.kinds import Input, Kind, Outcome
from tests.hostile.fuzzing.leftovers import nothing_left
from tests.hostile.fuzzing.manifests import unstorable
from tests.hostile.fuzzing.seeds import seed
from tests.hostile.fuzzing.values import byte_changes, changed, dumped, json_changes, scrambled
from workers.jobs.runner import run_job_inline

ITEMS_MAX = 2000
DOCUMENTS = [
    {"external_id": "d1", "title": "A pump", "body": "It leaks. Badly.", "url": "https://example.org/1",
     "tags": ["pump", "leak"], "metadata": {"site": "north", "year": 2024}, "images": ["a.jpg"]},
    {"id": 2, "text": "Another one.", "images": [{"file": "b.png", "alt": "from above"}]},
    {"external_id": "d3", "title": "No picture"},
]  # fmt: skip
COCO = {
    "info": {"year": 2014},
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.png"}],
    "annotations": [
        {"id": 7, "image_id": 1, "caption": "A pump."},
        {"id": 8, "image_id": 2, "caption": "A valve."},
    ],
}
KARPATHY = {
    "dataset": "flickr8k",
    "images": [
        {
            "filename": "a.jpg",
            "split": "train",
            "imgid": 0,
            "sentences": [{"raw": "A pump."}, {"raw": "A valve."}],
        },
        {"filename": "b.png", "split": "test", "sentences": [{"raw": "A gear."}]},
    ],
}
CELLS = (
    "d9",
    "",
    '"',
    '""',
    '"open',
    "a|b",
    "a;b",
    "a\tb",
    '{"a":1}',
    "{",
    "\x00",
    "é",
    " ",
    "=1+1",
    "x" * 600,
    "\r",
)
CSV_HEADERS = (
    "external_id,title,body,tags",
    "external_id;title;metadata",
    "id\ttext\timages",
    "external_id,metadata.a",
    "external_id,external_id",
    "title,body",
    "external_id,what",
    '"external_id',
    "",
    "\ufeffexternal_id,title",
)


def lines_of(values: Any) -> bytes:
    """One JSON value per line."""
    return b"\n".join(dumped(value) for value in values) if isinstance(values, list) else dumped(values)


@st.composite
def json_files(draw: st.DrawFn) -> Input:
    name, value, write = draw(
        st.sampled_from(
            [
                ("jsonl", DOCUMENTS, lines_of),
                ("json", DOCUMENTS, dumped),
                ("coco", COCO, dumped),
                ("karpathy", KARPATHY, dumped),
            ]
        )
    )
    return Input(name, write(changed(value, draw(json_changes))))


@st.composite
def csv_files(draw: st.DrawFn) -> Input:
    header = draw(st.sampled_from(CSV_HEADERS))
    separator = ";" if ";" in header else "\t" if "\t" in header else ","
    rows = draw(st.lists(st.lists(st.sampled_from(CELLS), min_size=1, max_size=5), max_size=4))
    end = draw(st.sampled_from(("\n", "\r\n", "\r")))
    return Input(
        "csv", end.join([header, *(separator.join(row) for row in rows)]).encode("utf-8", "surrogatepass")
    )


@st.composite
def caption_files(draw: st.DrawFn) -> Input:
    line = st.tuples(
        st.sampled_from(("a.jpg", "b.png", "../x", "", "n\x00", "é" * 201)),
        st.sampled_from(("#0", "#1", "", "#", "##", "#x")),
        st.sampled_from(("\t", " ", "\t\t")),
        st.sampled_from(("A pump.", "", "\x00", ". " * 400)),
    )
    rows = draw(st.lists(line, min_size=1, max_size=5))
    return Input("captions", "\n".join("".join(row) for row in rows).encode())


plain_files = st.one_of(json_files(), csv_files(), caption_files())
_options = st.fixed_dictionaries(
    {
        "format": st.sampled_from((None, None, None, None, None, *FORMATS)),
        "per": st.sampled_from((None, "caption", "picture")),
        "extra_columns": st.sampled_from(EXTRA_COLUMNS),
    }
)
ENCODINGS = ("", "", "", "", "", "", "utf-16", "utf-16-be", "utf-32", "utf-8-sig", "latin-1")
LINE_ENDS = (b"\n", b"\n", b"\n", b"\r\n", b"\r")


@st.composite
def import_files(draw: st.DrawFn) -> Input:
    given = draw(plain_files)
    data = scrambled(given.data, draw(byte_changes) if draw(st.integers(0, 2)) == 0 else [])
    data = data.replace(b"\n", draw(st.sampled_from(LINE_ENDS)))
    encoding = draw(st.sampled_from(ENCODINGS))
    if encoding:
        data = data.decode("utf-8", "replace").encode(encoding, "replace")
    return Input(given.name, data, draw(_options))


@st.composite
def import_zips(draw: st.DrawFn) -> Input:
    inner = draw(plain_files)
    name = draw(
        st.sampled_from(("documents.jsonl", "documents.csv", "data/captions.txt", "x.json", "what.txt"))
    )
    members = [Member(name, inner.data), Member("images/a.jpg", seed("jpeg")), Member("b.png", seed("png"))]
    data = archive(with_changes(members, draw(member_changes)), draw(tails))
    data = scrambled(data, draw(byte_changes) if draw(st.integers(0, 3)) == 0 else [])
    return Input(f"zip with {inner.name}", data, draw(_options))


def try_reading(given: Input) -> Outcome:
    """Read every document of the file; each is a record that can be stored, or rejected with an id."""
    with tempfile.TemporaryDirectory(prefix="sl-fuzz-") as room:
        path = Path(room) / "file"
        path.write_bytes(given.data)
        try:
            return _read(path, ImportOptions(**given.how))
        except AppError as error:
            return Outcome([error.id])


def _read(path: Path, options: ImportOptions) -> Outcome:
    outcome = Outcome()
    with open_import(path, options) as source, DocumentFiles(_collection(), store=False) as files:
        for number, item in enumerate(source.items()):
            if number > ITEMS_MAX:
                return Outcome(problem="there is no end to the documents of a small file")
            for found in _become(item, source, files):
                _look_at(outcome, found)
        outcome.problem = outcome.problem or unstorable(
            to_json([job_warning(found) for found in source.warnings()])
        )
    return outcome


@cache
def _collection() -> Collection:
    """A collection that is nowhere stored: reading a file needs no database."""
    return Collection(slug="fuzzed", name="Fuzzed", character_recognition=Collection.Recognition.NONE)


def _become(item: Item, source: ImportSource, files: DocumentFiles) -> list[DocumentRecord | Rejected]:
    if isinstance(item, Rejected):
        return [item]
    if isinstance(item, DocumentFileItem):
        with source.open(item.name) as file:
            return list(files.records(item, file, source.beside))
    return [to_document(item, source, _collection(), store=False)]


def _look_at(outcome: Outcome, found: DocumentRecord | Rejected) -> None:
    if isinstance(found, Rejected):
        outcome.ids += [problem.error_id for problem in found.problems]
        if not all(problem.reason for problem in found.problems):
            outcome.problem = "a rejection without a reason"
        return
    fields = found.fields
    problem = unstorable(
        [found.external_id, fields.title, fields.body, fields.url, [*fields.tags], fields.metadata]
    )
    outcome.problem = outcome.problem or (problem and f"accepted, but cannot be stored: {problem}")


def try_job(given: Input) -> Outcome:
    """Run the whole import job; it ends well or with an id, and a rolled back one leaves nothing."""
    with nothing_left(), transaction.atomic():
        collection = Collection.objects.create(slug="fuzzed", name="Fuzzed")
        options = ImportOptions(**given.how)
        try:
            job = run_job_inline(
                import_start(collection=collection, file=ContentFile(given.data, "file"), options=options)
            )
            outcome = _of_job(job)
        except AppError as error:
            outcome = Outcome([error.id])
        transaction.set_rollback(True)
    return outcome


def _of_job(job: Any) -> Outcome:
    ids = [job.error_id] if job.error_id else []
    ids += job.items.values_list("error_id", flat=True)
    if job.error_id == "job.crashed":
        return Outcome(ids, problem=f"the job crashed: {job.error}"[:400])
    if job.state not in ("succeeded", "failed"):
        return Outcome(ids, problem=f"the job is {job.state}")
    return Outcome(ids)


IMPORT_FILES = Kind("import files", import_files(), try_reading)
IMPORT_ZIPS = Kind("import zips", import_zips(), try_reading)
IMPORT_JOBS = Kind("import jobs", st.one_of(import_files(), import_zips()), try_job)
