"""The examples of docs/api.md, run as they stand: every curl line answers, every shown answer has the right shape."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from models_admin.models import ModelVersion
from search import retrieval
from search.api.views import search as search_views
from search.evaluation.charts import MEASURE_WORDS
from search.models import (
    ChangeSet,
    Collection,
    Document,
    EvaluationSet,
    GuestLink,
    Judgement,
    Membership,
    Passage,
    PhotoBatch,
    Query,
    SavedSearch,
    SideBySide,
    Source,
)
from search.retrieval.types import Hit, Plan, SearchAnswer, TextPart
from search.services.collections import SLUGS_RESERVED
from search.services.tokens import token_create
from tests.search.api.conftest import make_document, make_users, make_version
from tests.support.evaluated import COST, COVERAGE
from tests.support.queries import make_query
from tests.support.tiny_bundle import make_tiny_bundle
from workers.encoding.wire import Encoded
from workers.models import Job, JobItem

PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"
BLOCK = re.compile(r"^```(bash|json)\n(.*?)^```", re.M | re.S)
# Objects whose keys are data, not shape.
FREE = {"metadata", "detail", "metrics", "timings_ms", "result", "report"}
EXPECTED = {"DELETE": {204}, "POST": {200, 201, 202}, "PATCH": {200}, "GET": {200, 400}}


@dataclass
class Curl:
    """One curl line, read."""

    line: str
    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    form: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    json: str | None = None
    get: bool = False


def read_curl(line: str) -> Curl:
    curl = Curl(line)
    words = iter(shlex.split(line)[1:])
    for word in words:
        if word == "-X":
            curl.method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            curl.headers[name] = value
        elif word == "-F":
            curl.form.append(tuple(next(words).split("=", 1)))
        elif word == "-d":
            curl.data.append(next(words))
        elif word == "--json":
            curl.json = next(words)
        elif word == "-G":
            curl.get = True
        else:
            assert not word.startswith("-"), f"the test does not know {word}: {line}"
            curl.url = word
    curl.method = curl.method or ("POST" if curl.form or curl.json else "GET")
    return curl


def examples() -> list[tuple[Curl, Any]]:
    """Every curl line with the answer that the page shows for it (the last line of a block has it), else None."""
    found: list[tuple[Curl, Any]] = []
    for language, text in BLOCK.findall(PAGE.read_text()):
        if language == "bash":
            found += [(read_curl(line), None) for line in text.splitlines() if line.startswith("curl ")]
        else:
            found[-1] = (found[-1][0], json.loads(text))
    return found


def send(client: Client, curl: Curl, files: dict[str, bytes]) -> Any:
    path, _, query = curl.url.partition("/api/v1/")[2].partition("?")
    pairs = parse_qsl(query) + [tuple(pair.split("=", 1)) for pair in curl.data if curl.get]
    address = f"/api/v1/{path}?{urlencode(pairs)}" if pairs else f"/api/v1/{path}"
    send_it = getattr(client, curl.method.lower())
    if curl.form:
        return send_it(address, form_values(curl, files), headers=curl.headers)
    if curl.json is not None:
        return send_it(address, curl.json, content_type="application/json", headers=curl.headers)
    return send_it(address, headers=curl.headers)


def form_values(curl: Curl, files: dict[str, bytes]) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for name, value in curl.form:
        content = ContentFile(files[value[1:]], value[1:]) if value.startswith("@") else value
        values.setdefault(name, []).append(content)
    return values


def assert_same_shape(shown: Any, real: Any, where: str = "answer") -> None:
    """The same keys and kinds of values everywhere; what the page shows null may be anything and the reverse."""
    if shown is None or real is None:
        return
    if isinstance(shown, dict):
        assert isinstance(real, dict), where
        assert set(shown) == set(real), where
        for key in set(shown) - FREE:
            assert_same_shape(shown[key], real[key], f"{where}.{key}")
    elif isinstance(shown, list):
        assert bool(shown) == bool(real), where
        if shown:
            assert_same_shape(shown[0], real[0], f"{where}[0]")
    else:
        assert isinstance(real, (int, float) if isinstance(shown, (int, float)) else type(shown)), where


def photo() -> bytes:
    data = BytesIO()
    Image.new("RGB", (16, 12), "red").save(data, "JPEG")
    return data.getvalue()


@pytest.fixture
def page_world(db, monkeypatch, tmp_path) -> dict[str, Any]:
    """What the page's examples talk about: the curator anna, the collection pumps, a query, a failed import."""
    users = make_users()
    anna = type(users["staff"]).objects.create_user("anna", is_staff=True)
    type(anna).objects.create_user("ben")
    Group.objects.create(name="museum")
    pumps = Collection.objects.create(slug="pumps", name="Pumps", visibility="public")
    Membership.objects.create(collection=pumps, user=anna, role="curator")
    document, version = make_document(pumps, "p-1"), make_version()
    version.aliases.create(name="champion")
    make_version(number=2).aliases.create(name="challenger")
    query = make_query(modality="text", version=version, answer=kept(document))
    job = Job.objects.create(
        type="import",
        owner=anna,
        state="failed",
        error_id="import.not_json",
        error="Bad.",
        params={"collection": pumps.pk},
    )
    Document.objects.create(collection=pumps, external_id="i-0", import_job=job)
    JobItem.objects.create(job=job, key="line 3", error_id="import.missing_external_id", reason="None.")
    stub_encoders_and_door(monkeypatch, document, query)
    scopes = ["read", "write"]
    return {
        "SIGHTLINE": "http://testserver",
        "TOKEN": token_create(user=anna, name="t", scopes=scopes)[1],
        "OPERATOR": token_create(user=users["root"], name="t", scopes=scopes)[1],
        "DOCUMENT": document.pk,
        "END": (timezone.now() + timedelta(30)).isoformat(),
        "QUERY": query.pk,
        "MINE": make_query(modality="text", text="mine", version=version, user=anna).pk,
        "JOB": job.pk,
    }


def stub_encoders_and_door(monkeypatch, document: Document, query: Query) -> None:
    """No worker and no vectors here: the stories in tests/flows run the same calls against the real ones."""
    hits = (Hit(1, 0.6, document, unit=Passage.objects.get(document=document)),)
    answer = SearchAnswer(
        query.pk,
        "text",
        "small@1",
        hits,
        None,
        Plan("ann", 64, 64),
        {"total": 36.0},
        parts=(TextPart("a pump"),),
    )
    monkeypatch.setattr(retrieval, "search", lambda request: answer)
    monkeypatch.setattr(retrieval, "search_by_marks", lambda query, request, grades: answer)
    vector = Encoded(vector=np.array([0.1, 0.7, 0.1, 0.7], dtype=np.float32))
    monkeypatch.setattr(search_views, "encode_text", lambda version, text: vector)


def test_every_example_of_the_page_runs_and_answers_as_shown(page_world, query_worker, tmp_path):
    files = {
        "photo.jpg": photo(),
        "notes.jsonl": b'{"external_id": "i-1", "title": "Imported"}\n',
        "pairs.csv": b"document,text\np-9,leaking pump\n",
        "queries.tsv": b"a\ta pump\nb\ta leaking seal\n",
        "pumps.qrels": b"a 0 p-9 1\nb 0 p-9 2\n",
        "model.zip": make_tiny_bundle(tmp_path / "model.zip").read_bytes(),
    }
    values, client, count = {name: str(value) for name, value in page_world.items()}, Client(), 0
    for example, shown in examples():
        if "$ETAG" in example.line:
            tag = client.get(f"/api/v1/documents/{values['DOCUMENT']}/")["ETAG"]
            values["ETAG"] = tag.replace('"', r"\"")  # as the shell keeps it inside of quotes
        curl = read_curl(filled(example.line, values))
        response = send(client, curl, files)
        said = b"".join(response) if response.streaming else response.content
        assert response.status_code in EXPECTED[curl.method], (curl.line, said)
        if shown is not None:
            assert_same_shape(shown, response.json(), curl.line)
        values["BATCH"] = str(PhotoBatch.objects.values_list("pk", flat=True).first())
        values["SAVED"] = str(SavedSearch.objects.values_list("pk", flat=True).last())
        values["CHANGE"] = str(ChangeSet.objects.values_list("pk", flat=True).first())
        values["LINK"] = str(GuestLink.objects.values_list("pk", flat=True).last())
        values["SOURCE"] = str(Source.objects.values_list("pk", flat=True).last())
        values["JUDGEMENT"] = str(Judgement.objects.values_list("pk", flat=True).last())
        values["SET"] = str(measured_set())
        values["COMPARED"] = str(SideBySide.objects.values_list("pk", flat=True).last())
        if curl.method == "DELETE" and curl.url.endswith(f"/documents/{values['DOCUMENT']}/"):
            values["DOCUMENT"], values["FILE"] = judgeable_document()
        count += 1
    assert count > 30


def measured_set() -> int | None:
    """The id of the set that the page makes, once it is there, with a result of the version that it measures."""
    made = EvaluationSet.objects.first()
    if made is None:
        return None
    measures = {name: {"value": 0.5, "low": 0.0, "high": 1.0} for name in MEASURE_WORDS}
    about = {"queries": 2, "measures": measures, "cost": COST, "coverage": COVERAGE}
    version = ModelVersion.objects.get(name="small", number=1)
    made.results.get_or_create(version=version, direction="text → passages", defaults=about)
    return made.pk


def judgeable_document() -> tuple[str, str]:
    """The page deletes its document and judges it further down: put another in its place, with a former file."""
    document = make_document(Collection.objects.get(slug="pumps"), "p-9")
    Query.objects.update(answer=kept(document))
    former = document.files.create(name="manual.pdf", kind="pdf", size=1, replaced_at=timezone.now())
    return str(document.pk), str(former.pk)


def kept(document: Document) -> list[dict[str, Any]]:
    """An answer as a query keeps it."""
    passage = Passage.objects.create(document=document, ordinal=0, start=0, end=4, text="Body")
    return [{"document": document.pk, "passage": passage.pk, "image": None, "score": 0.6}]


def filled(line: str, values: dict[str, str]) -> str:
    return re.sub(r"\$([A-Z]+)", lambda found: values[found[1]], line)


def test_every_line_of_the_pages_shell_blocks_is_run_or_sets_a_variable():
    blocks = [text for language, text in BLOCK.findall(PAGE.read_text()) if language == "bash"]
    lines = [line for text in blocks for line in text.splitlines()]
    assert [line for line in lines if not line.startswith(("curl ", "export "))] == []


def test_the_page_names_every_reserved_slug():
    (listed,) = re.findall(r"or reserved \(([^)]*)\)", PAGE.read_text())
    assert set(re.findall(r"`([^`]+)`", listed)) == SLUGS_RESERVED


def test_the_page_names_every_address_of_the_api():
    from django.urls import get_resolver

    (api,) = [entry for entry in get_resolver().url_patterns if getattr(entry, "namespace", None) == "api"]
    text = PAGE.read_text()
    tails = {str(entry.pattern).split(">/")[-1].split("/")[0] for entry in api.url_patterns} - {""}
    assert sorted(tail for tail in tails if f"{tail}/" not in text and f"/{tail}" not in text) == []
