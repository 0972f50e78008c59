"""Asks a prepared version's index and an exact scan the same, by the code that answers searches.

Imported once `bench.serving.attached` has named the server.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from django.contrib.auth import get_user_model
from django.core.files import File
from django.db import connection, transaction

from bench import vectors
from bench.documents import documents_store
from bench.measure import MS, percentile
from models_admin import services
from models_admin.models import ModelVersion, VectorIndex, VersionState
from search.indexing.encoders import encoder_of
from search.models import Collection, Passage
from search.pictures import picture_prepared
from search.retrieval.dense import CANDIDATES_MIN, estimate, make_plan, plan_by_index, ready_with
from search.retrieval.group import best_by_document
from search.retrieval.scope import make_scope
from search.retrieval.types import EncodedPart, EncodedQuery, Plan
from search.services.tokens import token_create
from search.units.pictures import image_spec
from search.vectors.copy import vectors_write
from search.vectors.tables import VectorTable, table_create, table_drop
from workers.jobs.following import job_complete
from workers.models import Job, JobState
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bench.measure import Report
    from search.retrieval.types import Scope
    from search.vectors.tables import IndexKind

    Floats = NDArray[np.float32]

TOP = 10
PICTURES_AT_ONCE = 16


@dataclass(frozen=True)
class Answer:
    """The best documents' scores, best first, how long finding them took, and by which plan."""

    best: Floats
    milliseconds: float
    plan: Plan


@dataclass(frozen=True)
class Compared:
    """Questions asked both ways, in milliseconds: medians and, as planned, the 95th and 99th percentiles.

    `shares`: of the best that the scan finds, those that the plan found too, by question.
    """

    shares: Floats
    planned_ms: float
    p95_ms: float
    scan_ms: float
    plans: str
    p99_ms: float = 0.0


def prepared(bundle: Path, captions: Sequence[str], index: str) -> ModelVersion:
    """Store each caption as a document, and let the server's own worker encode and index them."""
    version = uploaded(bundle)
    documents_store("captions", "Captions", captions)
    finished(services.version_prepare(version=version, index=VectorIndex(index)))
    version.refresh_from_db()
    return version


def uploaded(bundle: Path) -> ModelVersion:
    """Upload a bundle and let the server's own worker validate it."""
    with bundle.open("rb") as file:
        version, validation = services.version_upload(bundle=File(file))
    finished(validation)
    version.refresh_from_db()
    return version


def api_token() -> str:
    """Return the key of a new token that may read and write, of an administrator made for it."""
    user, _ = get_user_model().objects.get_or_create(
        username="bench", defaults={"is_superuser": True, "is_staff": True}
    )
    return token_create(user=user, name="bench", scopes=["read", "write"])[1]


def finished(job: Job) -> Job:
    """Wait until the server's worker has done a job; end the program where it did not succeed."""
    done = job_complete(job, print)
    if done.state != JobState.SUCCEEDED:
        raise SystemExit(f"the {done.type} job {done.state}: {done.error}")
    return done


def clustered(count: int, dim: int) -> ModelVersion:
    """Store `count` documents with generated vectors of `dim` dimensions, under a version without an encoder."""
    version = bare_version(dim)
    documents_store("clustered", "Clustered", [f"Document {n}" for n in range(count)])
    ids, start = list(Passage.objects.order_by("pk").values_list("pk", flat=True)), 0
    for batch in vectors.stored(count, dim=dim):
        vectors_write(version, "passage", ids[start : start + len(batch)], batch)
        start += len(batch)
    return version


_DOCUMENTS = """
    INSERT INTO search_document (id, collection_id, external_id, title, body, url, tags, metadata, outline,
                                 content_hash, split_pending, changed_since_import, created_at, updated_at)
    SELECT n, %s, 'd' || n, '', 'x', '', '{}', '{}', '{}', '', false, false, now(), now() FROM generate_series(1, %s) n
"""
_PASSAGES = """
    INSERT INTO search_passage (id, document_id, ordinal, start, "end", text, heading, page)
    SELECT n, n, 0, 0, 1, 'x', '', 0 FROM generate_series(1, %s) n
"""


def bare_passages(count: int) -> range:
    """Store anew so many documents of one passage each, without words or fields, and return the passages' ids.

    The database's triggers are passed over: full text would take longer than all that is measured.
    """
    collection, _ = Collection.objects.get_or_create(slug="bare", defaults={"name": "Bare"})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("TRUNCATE search_document, search_passage CASCADE")
        cursor.execute(_DOCUMENTS, [collection.pk, count])
        cursor.execute(_PASSAGES, [count])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE search_document, search_passage")
    return range(1, count + 1)


def bare_version(dim: int) -> ModelVersion:
    """Return a version without an encoder, with empty tables for vectors of `dim` dimensions."""
    blob = blob_store(b"no bundle: the vectors are generated", "application/zip")
    version, _ = ModelVersion.objects.get_or_create(
        name="clustered", number=1, dim=dim, defaults={"bundle": blob, "state": VersionState.VALID}
    )
    table_drop(version)
    table_create(version)
    return version


def collections_all() -> tuple[int, ...]:
    """Return the keys of all collections."""
    return tuple(Collection.objects.values_list("pk", flat=True))


def encoded(version: ModelVersion, photos: Sequence[Path]) -> Floats:
    """Return the photos' vectors, float32 `(photos, dim)`."""
    encoder, found = encoder_of(version), []
    for start in range(0, len(photos), PICTURES_AT_ONCE):
        files = photos[start : start + PICTURES_AT_ONCE]
        prepared = [picture_prepared(file.read_bytes(), image_spec(encoder)).pixels for file in files]
        found.append(encoder.encode_pixels(np.stack(prepared)))
    return np.concatenate(found)


def compare(version: ModelVersion, questions: Floats, report: Report, name: str) -> None:
    """Ask each question by a scan and by the index in turn; print recall@10 and both medians under `name`."""
    found = measured(version, questions)
    print(f"  {len(questions):,} questions, plans: {found.plans}")
    report.say(f"{name}: recall@{TOP}", float(found.shares.mean()), "", "≥ 0.97")
    report.say(f"{name}: questions with all of them", float(np.mean(found.shares == 1)), "")
    report.say(f"{name}: scan, p50", found.scan_ms, "ms")
    report.say(f"{name}: index, p50", found.planned_ms, "ms")
    report.say(f"{name}: index / scan", found.planned_ms / found.scan_ms, "×")


def measured(version: ModelVersion, questions: Floats) -> Compared:
    """Ask each question by a scan and by the plan that the product chooses, in turn."""
    scope = make_scope(VectorTable(version.pk, "passage"), collections_all(), {})
    expected = estimate(scope)
    scan = make_plan(version, scope, TOP, replace(expected, index=None))
    planned = make_plan(version, scope, TOP, expected)
    pairs = [
        (asked(version, vector, scope, scan), asked(version, vector, scope, planned)) for vector in questions
    ]
    return _compared(pairs)


def measured_by_index(version: ModelVersion, questions: Floats, index: IndexKind = "hnsw") -> Compared:
    """Ask each question by a scan and by the index, in turn, however few vectors there are."""
    scope = make_scope(VectorTable(version.pk, "passage"), collections_all(), {})
    by_index, scan = plan_by_index(index, CANDIDATES_MIN), Plan("exact", CANDIDATES_MIN)
    return _compared(
        [
            (asked(version, vector, scope, scan), asked(version, vector, scope, by_index))
            for vector in questions
        ]
    )


def _compared(pairs: Sequence[tuple[Answer, Answer]]) -> Compared:
    scans, plans = ([answer.milliseconds for answer in side] for side in zip(*pairs, strict=True))
    return Compared(
        # A caption that two photos share has one vector: whichever of equal scores comes is right.
        shares=np.array([np.mean(found.best >= exact.best.min()) for exact, found in pairs]),
        planned_ms=percentile(plans, 50),
        p95_ms=percentile(plans, 95),
        scan_ms=percentile(scans, 50),
        plans=", ".join(sorted({answer.plan.kind for _, answer in pairs})),
        p99_ms=percentile(plans, 99),
    )


def asked(version: ModelVersion, vector: Floats, scope: Scope, plan: Plan) -> Answer:
    """Ask by this plan, as a search does, and return its best documents."""
    query = EncodedQuery(version, (EncodedPart("image", vector[None]),))
    started = time.perf_counter()
    with ready_with(plan, scope, TOP) as find:
        found = find(query)
    milliseconds = (time.perf_counter() - started) * MS
    best = [unit.score for unit in best_by_document(found.units)[:TOP]]
    return Answer(np.array(best, dtype=np.float32), milliseconds, found.plan)
