"""A program does everything over HTTP against a whole installation: no page, no database, no stand-in.

Upload a model, fill a collection, switch the model on, search by photo, words and vector, judge, export, roll back.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from tests.flows.served import Served, free_port, wait_for
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

FINISHED = {"succeeded", "failed", "cancelled"}


@dataclass
class Program:
    """An HTTP client with a token."""

    port: int
    token: str = ""
    request_id: str = ""

    def ask(self, method: str, path: str, body: Any = None, form: dict[str, Any] | None = None) -> Any:
        """Send JSON or a form; returns the status and the answer (parsed where it is JSON)."""
        data, kind = None, "application/json"
        if form is not None:
            data, kind = encode_multipart(BOUNDARY, form), MULTIPART_CONTENT
        elif body is not None:
            data = json.dumps(body).encode()
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        headers |= {"X-Request-ID": self.request_id} if self.request_id else {}
        address = path if path.startswith("http") else f"http://127.0.0.1:{self.port}/api/v1/{path}"
        request = urllib.request.Request(address, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, parsed(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, parsed(refusal)

    def must(self, method: str, path: str, body: Any = None, form: dict[str, Any] | None = None) -> Any:
        status, answer = self.ask(method, path, body, form)
        assert status < 300, answer
        return answer

    def finished(self, job: dict[str, Any]) -> dict[str, Any]:
        """Wait for a job's end, which must be a good one."""

        def look() -> Any:
            found = self.must("GET", f"jobs/{job['id']}/")
            return found if found["state"] in FINISHED else None

        done = wait_for(look, 120)
        assert done["state"] == "succeeded", done
        return done


def parsed(answer: Any) -> Any:
    content = answer.read()
    return json.loads(content) if "json" in answer.headers.get("Content-Type", "") else content.decode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("api") / "data"
    folder.parent.chmod(0o755)
    served = Served(folder, free_port())
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def operator(served: Served) -> Program:
    """The generated admin's token, made by command."""
    made = served.command("create_token", "admin", "--scope", "read", "--scope", "write")
    assert made.returncode == 0, made.stderr
    return Program(served.port, made.stdout.strip())


def photo(colour: str) -> ContentFile[bytes]:
    data = BytesIO()
    Image.new("RGB", (320, 240), COLOURS[colour]).save(data, "JPEG")
    return ContentFile(data.getvalue(), f"{colour}.jpg")


def notes() -> ContentFile[bytes]:
    """One document for each colour, and a line that is wrong."""
    lines = [
        json.dumps({"external_id": colour, "title": colour, "body": f"a {colour} part", "tags": [colour]})
        for colour in COLOURS
    ]
    return ContentFile("\n".join([*lines, '{"title": "no id"}']).encode(), "notes.jsonl")


@pytest.fixture(scope="module")
def filled(operator: Program, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The installation with a prepared and active model and a private collection of one document a colour."""
    folder = tmp_path_factory.mktemp("bundles")
    operator.must("POST", "collections/", {"slug": "notes", "name": "Notes", "visibility": "private"})
    job = operator.must("POST", "documents/import/", form={"collection": "notes", "file": notes()})
    assert operator.finished(job)["result"]["new"] == len(COLOURS)
    for number in (1, 2):
        bundle = make_tiny_bundle(folder / f"{number}.zip", seed=number).read_bytes()
        upload = operator.must("POST", "models/", form={"bundle": ContentFile(bundle, "tiny.zip")})
        operator.finished(upload["job"])
        operator.finished(operator.must("POST", f"models/tiny@{number}/prepare/"))
    operator.must("POST", "models/tiny@1/activate/", {"reason": "first"})
    return operator


def titles(answer: dict[str, Any]) -> list[str]:
    return [hit["document"]["title"] for hit in answer["results"]]


def test_a_bad_line_of_an_import_is_told_with_its_reason(filled: Program) -> None:
    (job,) = filled.must("GET", "jobs/?type=import")["results"]
    (item,) = filled.must("GET", f"jobs/{job['id']}/failed/")["results"]
    assert item["error_id"] == "import.missing_external_id"
    assert "13" in item["key"]


def test_web_worker_and_job_log_an_import_under_the_id_of_its_request(
    filled: Program, served: Served
) -> None:
    program = replace(filled, request_id="import-17")
    filled.must("POST", "collections/", {"slug": "logged", "name": "Logged", "visibility": "private"})
    job = program.must("POST", "documents/import/", form={"collection": "logged", "file": notes()})
    filled.finished(job)
    folder = served.data_dir / "log"
    assert "[import-17]" in (folder / "web.log").read_text()

    def of_the_worker() -> str:
        lines = (folder / "bulk.log").read_text().splitlines()
        return "\n".join(line for line in lines if "[import-17]" in line)

    wait_for(lambda: "Task workers.run_job" in of_the_worker())  # Celery's line of how it ended
    assert f"import {job['id']}: run 1" in of_the_worker()
    filled.must("DELETE", "collections/logged/")  # whose notes would stand among those of the stories below


@pytest.mark.parametrize("colour", ["red", "blue", "yellow"])
def test_a_photo_finds_its_document_and_so_do_words(filled: Program, colour: str) -> None:
    by_photo = filled.must("POST", "search/", form={"image": photo(colour), "limit": 3})
    assert titles(by_photo)[0] == colour
    assert (by_photo["query"]["modality"], by_photo["query"]["model"]) == ("image", "tiny@1")
    assert by_photo["timings_ms"]["total"] > 0
    assert titles(filled.must("POST", "search/", {"text": f"a {colour} part"}))[0] == colour


def test_a_vector_of_the_api_searches_as_the_photo_it_came_from(filled: Program) -> None:
    embedded = filled.must("POST", "embeddings/", form={"image": photo("green")})
    assert embedded["dim"] == len(embedded["embedding"]) == 32
    asked = {"embedding": embedded["embedding"], "model": embedded["model"], "limit": 12}
    by_photo = filled.must("POST", "search/", form={"image": photo("green"), "limit": 12})
    assert titles(filled.must("POST", "search/", asked)) == titles(by_photo)


def test_a_private_collection_is_not_there_for_nobody(filled: Program, served: Served) -> None:
    nobody = Program(served.port)
    assert nobody.must("POST", "search/", form={"image": photo("red")})["results"] == []
    assert nobody.must("GET", "documents/")["results"] == []
    status, answer = nobody.ask("POST", "search/", {"text": "red", "collections": ["notes"]})
    assert (status, answer["error"]["id"]) == (404, "collection.not_found")


def test_what_is_no_picture_is_refused_with_its_reason(filled: Program) -> None:
    for content, expected in (
        (b"no picture", "image.unknown_format"),
        (photo("red").read()[:400], "image.truncated"),
    ):
        status, answer = filled.ask("POST", "search/", form={"image": ContentFile(content, "a.jpg")})
        assert status in (415, 422)
        assert answer["error"]["id"] == expected


def test_a_changed_document_is_found_by_its_new_words(filled: Program) -> None:
    body = {"collection": "notes", "external_id": "new", "title": "new", "body": "cyan cyan cyan"}
    filled.must("POST", "documents/", body)
    found = wait_for(
        lambda: "new" in titles(filled.must("POST", "search/", {"text": "cyan", "limit": 2})), 60
    )
    assert found


def test_a_judged_answer_comes_back_as_qrels_and_csv(filled: Program) -> None:
    answer = filled.must("POST", "search/", form={"image": photo("red"), "limit": 2})
    query = answer["query"]["id"]
    for grade, hit in zip((3, 0), answer["results"], strict=True):
        judged = {"query": query, "document": hit["document"]["id"], "grade": grade, "comment": "=1+1"}
        filled.must("POST", "judgements/", judged)
    qrels = filled.must("GET", f"judgements/export.qrels?query={query}").splitlines()
    assert f"{query} 0 notes/red 3" in qrels
    assert len(qrels) == 2
    csv = filled.must("GET", "judgements/export.csv?collection=notes&model=tiny@1")
    assert re.search(r"red,3,'=1\+1,admin,tiny@1,1,", csv)


def test_switching_and_rolling_back_change_who_answers(filled: Program) -> None:
    def answering() -> str:
        answer = filled.must("POST", "search/", form={"image": photo("blue")})
        assert titles(answer)[0] == "blue"
        return str(answer["query"]["model"])

    # The document that was added before is found once one version has its vector; the other's may come later.
    assert wait_for(lambda: filled.ask("POST", "models/tiny@2/activate/")[0] < 300, 60)
    assert answering() == "tiny@2"
    filled.must("POST", "models/rollback/")
    assert answering() == "tiny@1"
