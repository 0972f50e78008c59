"""An evaluation set with results over time, as its page shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.evaluation.making import NewSet, evaluation_set_create
from search.models import DocumentImage, EvaluationResult, EvaluationSet
from tests.support.corpus import make_collection, make_documents, make_version, picture
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from models_admin.models import ModelVersion
    from search.models import Collection

COST = {
    "device": "cpu",
    "photo_ms": 7.1,
    "caption_ms": 0.8,
    "memory_bytes": 210_000_000,
    "index_bytes": 9_000_000,
}
COVERAGE = {"passage": {"total": 10, "stored": 9, "broken": 0, "missing": 1}}
NAMES = ("r_at_1", "r_at_10", "mrr", "ndcg_at_10")


def evaluated(collection: Collection, *versions: ModelVersion) -> EvaluationSet:
    """A set of the collection's own pairs, by which each version was measured once, the later the better."""
    made = evaluation_set_create(new=NewSet(name="Our pairs", source="pairs", collection=collection.slug))
    for place, version in enumerate(versions):
        for direction in ("image → passages", "text → images"):
            EvaluationResult.objects.create(
                evaluation_set=made,
                version=version,
                direction=direction,
                queries=3,
                measures={name: _estimate(0.5 + 0.05 * place + 0.1 * at) for at, name in enumerate(NAMES)},
                against=_against(versions[0]) if place else {},
                cost=COST,
                coverage=COVERAGE,
            )
    return made


def evaluated_pairs(documents: int) -> EvaluationSet:
    """A set of so many documents with pictures, by which two versions were measured, the champion first."""
    collection = make_collection()
    for number, passage in enumerate(make_documents(collection, documents)):
        blob = blob_store(picture((40 * number, 0, 0)), "image/jpeg")
        DocumentImage.objects.create(document=passage.document, ordinal=0, blob=blob)
    return evaluated(collection, make_version("first", dim=8), make_version("second", dim=8, champion=False))


def _estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.06, "high": min(1.0, value + 0.05)}


def _against(version: ModelVersion) -> dict[str, object]:
    return {"version": version.key, "queries": 3, "differences": {name: _estimate(0.08) for name in NAMES}}
