"""Programs made of the schema alone work against a whole installation: a generated client, and generated requests."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile

from tests.flows import test_api_story as story
from tests.flows.served import ROOT, Served, free_port, open_folder, wait_for
from tests.support.tiny_bundle import COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.flows.test_api_story import Program

pytestmark = pytest.mark.slow
operator, filled = story.operator, story.filled  # the same installation, filled in the same way

EXAMPLES, SEED, SECONDS = 1, 1, 12
"""Of generated requests: for each operation beyond those at the edges of the schema, which of them, and how long."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with open_folder() as folder:
        served = Served(
            folder / "data", free_port(), extra={"THROTTLE": "0", "SIGN_IN_FAILURES_ADDRESS": "0"}
        )
        served.start()
        yield served
        served.stop()


@pytest.fixture(scope="module")
def library(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a package that openapi-python-client made of the schema, ready to be imported."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "config.yml").write_text("post_hooks: []\n")
    schema = f"http://127.0.0.1:{served.port}/api/v1/schema/"
    made = run("openapi_python_client", "generate", "--url", schema, "--output-path",
               str(folder / "sightline_client"), "--meta", "none", "--config", str(folder / "config.yml"))  # fmt: skip
    assert made.returncode == 0, made.stdout
    # It leaves out what it does not understand: tus alone sends pieces of files, by clients of its own.
    left_out = re.findall(r"WARNING.*", made.stdout)
    assert all("PATCH /api/v1/uploads/" in line for line in left_out), made.stdout
    sys.path.insert(0, str(folder))
    yield "sightline_client"
    sys.path.remove(str(folder))


def run(module: str, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Library:
    """The generated package: its operations and models by name."""

    def __init__(self, name: str, port: int, token: str) -> None:
        self.name = name
        self.models = importlib.import_module(f"{name}.models")
        self.types = importlib.import_module(f"{name}.types")
        client = importlib.import_module(f"{name}.client")
        address = f"http://127.0.0.1:{port}"
        self.client = client.AuthenticatedClient(address, token) if token else client.Client(address)

    def call(self, tag: str, operation: str, *path: Any, **values: Any) -> Any:
        module = importlib.import_module(f"{self.name}.api.{tag}.{operation}")
        return module.sync_detailed(*path, client=self.client, **values)

    def file(self, content: Any) -> Any:
        return self.types.File(BytesIO(content.read()), file_name=content.name)


@pytest.fixture(scope="module")
def member(library: str, filled: Program) -> Library:
    return Library(library, filled.port, filled.token)


def titles(answer: Any) -> list[str]:
    return [hit.document.title for hit in answer.parsed.results]


def test_a_generated_client_imports_a_file(member: Library) -> None:
    models = member.models
    member.call("collections", "collections_create", body=models.CollectionNew(slug="mine", name="Mine"))
    form = models.ImportParameters(file=member.file(story.notes()), collection="mine", dry_run=False)
    started = member.call("documents", "documents_import", body=form)
    assert started.status_code == 202

    def finished() -> Any:
        job = member.call("jobs", "jobs_get", started.parsed.id).parsed
        return job if job.state in story.FINISHED else None

    assert wait_for(finished, 120).result["new"] == len(COLOURS)


@pytest.mark.parametrize("colour", ["red", "blue"])
def test_a_generated_client_searches_by_words_and_by_a_photo(member: Library, colour: str) -> None:
    by_words = member.models.SearchByText(text=f"a {colour} part", collections=["notes"], limit=3)
    assert titles(member.call("search", "search", body=by_words))[0] == colour
    by_photo = member.models.SearchByPhoto(
        image=member.file(story.photo(colour)), collections=["notes"], limit=3
    )
    filters = member.models.SearchByPhotoFilters.from_dict({"tags": [colour]})
    assert titles(member.call("search", "search", body=by_photo))[0] == colour
    narrow = member.models.SearchByPhoto(image=member.file(story.photo("green")), filters=filters, limit=1)
    assert titles(member.call("search", "search", body=narrow)) == [colour]


def test_a_generated_client_follows_an_answer_to_more_like_it_and_the_next_page(member: Library) -> None:
    models = member.models
    first = member.call("search", "search", body=models.SearchByText(text="a red part", limit=2)).parsed
    more = models.SearchNextPage(next_=first.next_, limit=2)
    assert len(member.call("search", "search", body=more).parsed.results) == 2
    like = models.SearchByDocument(document=first.results[0].document.id, limit=2)
    assert member.call("search", "search", body=like).status_code == 200
    vector = member.call("embeddings", "embeddings", body=models.TextToEmbed(text="a red part")).parsed
    by_vector = models.SearchByEmbedding(embedding=vector.embedding, model=vector.model, limit=1)
    assert titles(member.call("search", "search", body=by_vector)) == ["red"]


def test_a_generated_client_changes_what_it_names_and_nothing_else(member: Library) -> None:
    models = member.models
    new = models.DocumentNewForm(
        collection="notes", external_id="c", title="t", body="b", images=[member.file(story.photo("red"))]
    )
    saved = member.call("documents", "documents_save", body=new)
    tag = saved.headers["ETag"]
    change = models.PatchedDocumentChange(title="changed")
    changed = member.call("documents", "documents_update", saved.parsed.id, body=change, if_match=tag)
    assert (changed.parsed.title, changed.parsed.body, len(changed.parsed.images)) == ("changed", "b", 1)
    refused = member.call("documents", "documents_update", saved.parsed.id, body=change, if_match=tag)
    assert (refused.status_code, refused.parsed.error.id) == (412, "document.changed")
    assert member.call("documents", "documents_delete", saved.parsed.id).status_code == 204


def test_a_generated_client_needs_no_token_for_what_is_declared_open(library: str, filled: Program) -> None:
    nobody = Library(library, filled.port, "")
    answer = nobody.call("search", "search", body=nobody.models.SearchByText(text="a red part"))
    assert (answer.status_code, answer.parsed.results) == (200, [])


JUDGED = """
from django.contrib.auth import get_user_model
from models_admin.models import ModelVersion
from search.models import Query, QueryPart
owner, version = get_user_model().objects.get(username="admin"), ModelVersion.objects.first()
query = Query.objects.create(pk="3f9c0000-0000-4000-8000-000000000000", version=version, user=owner)
QueryPart.objects.create(query=query, modality="text", text="a pump")
"""
"""The search of which the schema's example judges a hit; its document, 7, is one of those that are there."""


def test_every_request_that_the_schema_shows_is_answered_as_it_stands(
    served: Served, filled: Program
) -> None:
    filled.must("POST", "collections/", {"slug": "pumps", "name": "Pumps"})
    made = served.command("shell", "-c", JUDGED)
    assert made.returncode == 0, made.stderr
    answered = set()
    for path, methods in filled.must("GET", "schema/")["paths"].items():
        for method, operation in methods.items():
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                if operation["operationId"] == "uploads_import":  # of files that must have been sent
                    continue
                for example in body.get("examples", {}).values():
                    send_shown(
                        filled, (method.upper(), path.removeprefix("/api/v1/")), kind, example["value"]
                    )
                    answered.add(operation["operationId"])
    assert len(answered) >= 6


def send_shown(program: Program, where: tuple[str, str], kind: str, value: dict[str, Any]) -> None:
    if kind == "application/json":
        program.must(*where, value)
        return
    files = {name: ContentFile(value[name].encode(), name) for name in ("file",) if name in value}
    program.must(*where, form={**value, **files, "dry_run": "true"})


def test_the_python_example_of_the_docs_runs(library: str, filled: Program, tmp_path: Path) -> None:
    """With the client that the lines above it in the docs make."""
    (example,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "api.md").read_text(), re.M | re.S)
    (tmp_path / "photo.jpg").write_bytes(story.photo("red").read())
    program = example.replace("http://localhost:8000", f"http://127.0.0.1:{filled.port}")
    folder = Path(importlib.import_module(library).__file__ or "").parents[1]
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(type(found).__name__)"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("SearchResultAnswer", "")


@pytest.mark.parametrize("who", ["nobody", "operator"])
def test_requests_made_of_the_schema_find_nothing(
    who: str,
    filled: Program,
    tmp_path: Path,
) -> None:
    """The last test here: requests of an operator delete and switch whatever they hit."""
    sign_in = ["-H", f"Authorization: Bearer {filled.token}"] if who == "operator" else []
    found = run(
        "schemathesis.cli", "--config-file", str(ROOT / "schemathesis.toml"),
        "run", f"http://127.0.0.1:{filled.port}/api/v1/schema/", *sign_in,
        "--seed", str(SEED), "--max-examples", str(EXAMPLES), "--max-time", str(SECONDS),
        "--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-shrink",
        "--warnings", "off", "--no-color",
        cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-20_000:]
