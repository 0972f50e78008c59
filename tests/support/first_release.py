"""A site as the first release left it: the tables of that time with rows in them, and the files that they name.

Run as a program with `tests.support.settings_before_accounts`; `DATABASE_URL` names an empty database and `DATA_DIR`
an empty folder. Nothing here is written by today's models or services: rows go by the models as the first migrations
drew them, files and vectors by the rules of that time.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

FIRST = ("search", "0002_vector_extension")
"""Which brings the first migrations of workers, models_admin and auth with it."""
PASSWORD = "a word of hers"
TOKEN = "sl_of-the-first-release"
SESSION = "0123456789abcdefghijklmnopqrstuv"
DIM = 32
PHOTO, WORDS, LIKE, VECTOR = (UUID(int=number) for number in (1, 2, 3, 4))
"""The ids of four searches: by a photo, words, a document, and a vector."""
DOCUMENTS = {
    "KX-204/B": (
        "red",
        "Red pump",
        "The pump of line KX204C leaks at its seal.",
        {"weight": 12.5, "spare": True},
    ),
    "G 7": (
        "green",
        "Green gear",
        "Two gears, worn.",
        {"weight": 3, "built": "2019-03-04", "maker": "Ahlsén"},
    ),
    "V-1": ("blue", "Blue valve", "A cracked valve.", {"maker": "Ahlsén", "sizes": [10, 20]}),
}
HIDDEN = ("N-1", "yellow", "Yellow note", "Nobody else may read this.")


def main() -> None:
    """Make the tables of the first release and fill them."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.core.management.commands.migrate import Command
    from django.db import connection, transaction
    from django.db.migrations.executor import MigrationExecutor

    call_command(Command(), *FIRST, skip_checks=True, verbosity=0)
    for label in ("auth", "contenttypes", "admin", "sessions"):  # Django's own, which were all there
        call_command(Command(), label, skip_checks=True, verbosity=0)
    apps = MigrationExecutor(connection).loader.project_state([FIRST]).apps
    with transaction.atomic():
        Site(apps).fill()


class Site:
    """Fills the tables, one kind of row after another."""

    def __init__(self, apps: Any) -> None:
        self.model = lambda label: apps.get_model(label).objects
        self.documents: dict[str, Any] = {}
        self.units: dict[str, tuple[int, int]] = {}

    def fill(self) -> None:
        """Write everything."""
        self._people()
        self._collections()
        self._version()
        for external_id, (colour, title, body, metadata) in DOCUMENTS.items():
            self._document(self.public, external_id, colour, title, body, metadata)
        self._document(self.hidden, *HIDDEN, {})
        self._searches()
        self._judgements()
        self._jobs()
        self._session()

    def _people(self) -> None:
        from django.contrib.auth.hashers import make_password
        from django.utils import timezone

        own = {"password": make_password(PASSWORD), "date_joined": timezone.now()}
        self.anna = self.model("auth.User").create(username="anna", is_staff=True, is_superuser=True, **own)
        self.bert = self.model("auth.User").create(username="bert", email="bert@example.org", **own)
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        self.model("search.ApiToken").create(
            user=self.bert, name="a script", scopes=["read", "write"], digest=digest
        )

    def _collections(self) -> None:
        make = self.model("search.Collection").create
        self.public = make(slug="parts", name="Parts", visibility="public")
        self.hidden = make(slug="notes", name="Notes", visibility="private", description="of the night shift")
        self.model("search.Membership").create(user=self.bert, collection=self.hidden, role="curator")

    def _version(self) -> None:
        """Write a tiny model, the champion, with its tables of vectors as `search.vectors.tables` made them."""
        from django.db import connection

        from tests.support.tiny_bundle import make_tiny_bundle, tiny_manifest

        with tempfile.TemporaryDirectory() as folder:
            bundle = self._blob(make_tiny_bundle(Path(folder) / "tiny.zip").read_bytes(), "application/zip")
        self.version = self.model("models_admin.ModelVersion").create(
            name="tiny",
            number=1,
            state="ready",
            manifest=tiny_manifest(),
            dim=DIM,
            bundle=bundle,
            created_by=self.anna,
        )
        self.model("models_admin.Alias").create(name="champion", version=self.version)
        self.model("models_admin.Activation").create(
            alias="champion", version=self.version, by=self.anna, reason="the first"
        )
        for kind, units in (("passage", "search_passage"), ("image", "search_documentimage")):
            name = f"embedding_{self.version.pk}_{kind}"
            with connection.cursor() as cursor:
                cursor.execute(
                    f"CREATE TABLE {name} (unit_id bigint PRIMARY KEY REFERENCES {units} (id) ON DELETE CASCADE,"
                    " document_id bigint NOT NULL, collection_id bigint NOT NULL,"
                    f" embedding halfvec({DIM}) STORAGE PLAIN NOT NULL);"
                    f" CREATE INDEX {name}_document ON {name} (document_id);"
                    f" CREATE INDEX {name}_collection ON {name} (collection_id);"
                    f" CREATE INDEX {name}_hnsw ON {name} USING hnsw (embedding halfvec_ip_ops)"
                )

    def _document(
        self, collection: Any, external_id: str, colour: str, title: str, body: str, metadata: dict[str, Any]
    ) -> None:
        document = self.model("search.Document").create(
            collection=collection, external_id=external_id, title=title, body=body, metadata=metadata,
            tags=[colour, "parts"], url=f"https://example.org/{colour}", content_hash=f"{colour:f<64}",
        )  # fmt: skip
        passage = self.model("search.Passage").create(
            document=document, ordinal=0, start=0, end=len(body), text=body
        )
        image = self.model("search.DocumentImage").create(
            document=document,
            ordinal=0,
            blob=self._blob(picture(colour), "image/png"),
            width=64,
            height=64,
            alt=title,
        )
        self._vector("passage", passage.pk, document, colour)
        self._vector("image", image.pk, document, colour)
        self.documents[colour], self.units[colour] = document, (passage.pk, image.pk)

    def _vector(self, kind: str, unit: int, document: Any, colour: str) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO embedding_{self.version.pk}_{kind} VALUES (%s, %s, %s, %s)",
                [unit, document.pk, document.collection_id, str(vector_of(colour).tolist())],
            )

    def _searches(self) -> None:
        photo = self._blob(picture("red", 24), "image/jpeg")
        own = {"version": self.version, "timings_ms": {"encode": 12.0}}
        own |= {"plan": {"kind": "exact", "candidates": 3, "ef_search": None, "more": False}}
        make = self.model("search.Query").create
        self.by_photo = make(
            id=PHOTO, session=SESSION, modality="image", preview=photo, embedding=vector_of("red").tobytes(),
            target="images", answer=self._answer("images", "red", "blue", "green"), **own,
        )  # fmt: skip
        self.by_words = make(
            id=WORDS, user=self.bert, modality="text", text="a green gear", embedding=vector_of("green").tobytes(),
            collections=["parts"], filters={"tags": ["parts"], "metadata": {"maker": "Ahlsén"}},
            answer=self._answer("passages", "green", "blue"), **own,
        )  # fmt: skip
        make(
            id=LIKE, user=self.bert, modality="document", document=self.documents["blue"],
            embedding=vector_of("blue").tobytes(), answer=self._answer("passages", "green", "red"), **own,
        )  # fmt: skip
        make(id=VECTOR, user=self.anna, modality="embedding", answer=[], embedding=None)

    def _answer(self, target: str, *colours: str) -> list[dict[str, Any]]:
        """Return an answer as it was kept: the key of what was not searched for was there, too."""
        found = []
        for rank, colour in enumerate(colours):
            passage, image = self.units[colour]
            unit = (
                {"passage": passage, "image": None}
                if target == "passages"
                else {"passage": None, "image": image}
            )
            found.append({"document": self.documents[colour].pk, **unit, "score": round(0.9 - rank / 10, 6)})
        return found

    def _judgements(self) -> None:
        make = self.model("search.Judgement").create
        make(
            query=self.by_photo, document=self.documents["red"], session=SESSION, grade=3, comment="this one"
        )
        make(query=self.by_photo, document=self.documents["red"], user=self.anna, grade=3)
        make(query=self.by_photo, document=self.documents["blue"], session=SESSION, grade=0)
        make(query=self.by_words, document=self.documents["green"], user=self.bert, grade=2)

    def _jobs(self) -> None:
        from django.utils import timezone

        make, now = self.model("workers.Job").create, timezone.now()
        done = make(
            type="import", state="succeeded", owner=self.bert, total=4, done=3, failed=1, finished_at=now,
            params={"collection": self.public.pk}, result={"new": 3}, attempts=1,
        )  # fmt: skip
        self.model("workers.JobItem").create(
            job=done, key="line 4", error_id="document.invalid", reason="It has no id.", payload={"line": 4}
        )
        make(
            type="prepare",
            state="failed",
            error_id="job.lost",
            error="lost",
            params={"version": self.version.pk},
        )

    def _session(self) -> None:
        """Write the session of the anonymous person who searched by a photo."""
        from django.conf import settings

        session = import_module(settings.SESSION_ENGINE).SessionStore(session_key=SESSION)
        session["_"] = 1
        session.save(must_create=True)

    def _blob(self, content: bytes, content_type: str) -> Any:
        """Write a file where that release wrote it, below `DATA_DIR/blobs`, and its row."""
        sha256 = hashlib.sha256(content).hexdigest()
        file = Path(os.environ["DATA_DIR"]) / "blobs" / sha256[:2] / sha256
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return self.model("workers.Blob").create(sha256=sha256, size=len(content), content_type=content_type)


def picture(colour: str, side: int = 64) -> bytes:
    """Return a picture of one colour."""
    from PIL import Image

    from tests.support.tiny_bundle import COLOURS

    target = io.BytesIO()
    Image.new("RGB", (side, side), COLOURS[colour]).save(target, "PNG")
    return target.getvalue()


def vector_of(colour: str) -> np.ndarray:
    """Return the vector that the tiny bundle has for a colour."""
    from tests.support.tiny_bundle import COLOURS

    drawn = np.random.default_rng(0).standard_normal((len(COLOURS), DIM))
    chosen = drawn[list(COLOURS).index(colour)]
    return np.asarray(chosen / np.linalg.norm(chosen), "<f4")


if __name__ == "__main__":
    main()
