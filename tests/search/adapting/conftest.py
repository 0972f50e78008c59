"""Searches that a camera made which the model does not know, and what people said of what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models_admin import services
from models_admin.files import blob_on_disk
from models_admin.models import ModelVersion, VersionState
from search.adapting import learn
from search.models import Document, DocumentImage, Judgement, Passage
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save
from search.vectors.copy import vectors_write
from search.vectors.read import unit_vectors
from tests.support.corpus import make_version, picture, unit_rows
from tests.support.queries import make_query
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle
from workers.encoding.pool import POOL
from workers.inference.bundles import read_manifest
from workers.jobs.runner import run_job_inline
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Sequence

DIM = 32
PARTS = ("pump", "valve", "gear", "bolt", "pipe", "motor")


@pytest.fixture(autouse=True)
def _fresh_encoders():
    POOL.close()
    yield
    POOL.close()


@pytest.fixture
def collection():
    """72 notes, each of a colour and a part; the first twelve have pictures."""
    made = collection_create(name="Notes", visibility="public")
    records = [
        DocumentRecord(f"{colour}-{part}", DocumentFields(title="", body=f"{colour} {part}"))
        for part in PARTS
        for colour in COLOURS
    ]
    documents_save(collection=made, records=records)
    for number, document in enumerate(Document.objects.order_by("pk")[: len(COLOURS)]):
        rgb = COLOURS[document.external_id.partition("-")[0]]
        blob = blob_store(picture(rgb, seed=number), "image/jpeg")
        DocumentImage.objects.create(document=document, blob=blob, ordinal=0)
    return made


def _version(folder) -> ModelVersion:
    path = make_tiny_bundle(folder / "tiny.zip")
    bundle = blob_store(path.read_bytes(), "application/zip")
    return make_version(
        "tiny", dim=DIM, champion=False, bundle=bundle, manifest=read_manifest(path).to_json()
    )


@pytest.fixture
def version(collection, tmp_path) -> ModelVersion:
    """A version with vectors of all notes, of which pictures lie near their notes; no encoder is loaded for it."""
    made, draw = _version(tmp_path), np.random.default_rng(3)
    passages = list(Passage.objects.order_by("pk"))
    vectors = unit_rows(draw.normal(size=(len(passages), DIM)))
    vectors_write(made, "passage", [passage.pk for passage in passages], vectors)
    by_document = {passage.document_id: row for passage, row in zip(passages, vectors, strict=True)}
    images = list(DocumentImage.objects.order_by("pk"))
    near = np.array([by_document[image.document_id] for image in images]) + 0.02 * draw.normal(
        size=(len(images), DIM)
    )
    vectors_write(made, "image", [image.pk for image in images], unit_rows(near))
    return made


@pytest.fixture
def encoded_version(collection, tmp_path) -> ModelVersion:
    """A version with the vectors of all notes, encoded by its own network."""
    made = _version(tmp_path)
    assert run_job_inline(services.version_prepare(version=made)).state == "succeeded"
    return made


@pytest.fixture
def taken_for_valid(monkeypatch):
    """Bundles are not validated, which takes seconds; one test shows that they are."""

    def move(version, _run):
        if version.state == VersionState.UPLOADED:
            with blob_on_disk(version.bundle) as path:
                manifest = read_manifest(path)
            services.version_move(version, VersionState.VALID, manifest=manifest.to_json(), dim=manifest.dim)

    monkeypatch.setattr(learn, "validate_version", move)


def mark(
    version: ModelVersion,
    *,
    count: int,
    seed: int = 0,
    is_random: bool = False,
    length: float = 4,
    among: Sequence[Passage] = (),
) -> None:
    """Photos of notes by a camera that shifts every vector, by this length, with the right note and a wrong one marked.

    `among`: the notes that are photographed, else all.
    """
    draw = np.random.default_rng(seed)
    passages = list(among or Passage.objects.order_by("pk"))
    vectors = unit_vectors(version, "passage", [passage.pk for passage in passages])
    shift = length * unit_rows(draw.normal(size=(1, version.dim)))[0]
    for number in range(count):
        passage, other = (passages[place] for place in draw.choice(len(passages), 2, replace=False))
        photo = unit_rows((vectors[passage.pk] + shift + 0.03 * draw.normal(size=version.dim))[None])[0]
        right = passages[draw.integers(len(passages))] if is_random else passage
        query = make_query(
            version=version,
            target="passages",
            modality="image",
            embedding=photo.astype("<f4").tobytes(),
            preview=blob_store(picture((9, 9, 9), seed=1000 * seed + number), "image/jpeg"),
            answer=[{"document": row.document_id, "passage": row.pk, "score": 0.5} for row in (right, other)],
        )
        for row, grade in ((other, 0), (right, 2)):
            if (row, grade) != (other, 0) or other.document_id != right.document_id:
                Judgement.objects.create(query=query, document=row.document, grade=grade, session="rater")
