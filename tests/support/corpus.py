"""Documents, versions and clustered vectors for tests of searching, without a neural network."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import connection
from PIL import Image

from models_admin.models import Alias, ModelVersion
from search.models import Collection, Document, Passage
from search.relevance.stored import calibrations_forget
from search.services.fields import field_values_write
from search.units.registry import unit_kinds
from search.vectors.background import backgrounds_forget
from search.vectors.copy import vectors_write
from search.vectors.tables import VectorTable, table_create
from tests.support.cells_bundle import DIM, cells_manifest, make_cells_bundle
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle, tiny_manifest
from workers.models import Blob
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

BATCH = 2000
KEPT_TINY, KEPT_CELLS = 1_000_000, 1_000_001


def make_version(
    name: str = "fake", *, dim: int = 16, similarity: str = "cosine", champion: bool = True, **fields: Any
) -> ModelVersion:
    """A ready version with its empty vector tables; its bundle is a row without a file."""
    if "bundle" not in fields:
        blank = {"size": 1, "content_type": "application/zip"}
        fields["bundle"], _ = Blob.objects.get_or_create(sha256="f" * 64, defaults=blank)
    number = ModelVersion.objects.filter(name=name).count() + 1
    version = ModelVersion.objects.create(
        name=name,
        number=number,
        state="ready",
        dim=dim,
        similarity=similarity,
        manifest=fields.pop("manifest", {"modalities": ["image", "text"]}),
        **fields,
    )
    table_create(version)
    if champion:
        Alias.objects.update_or_create(name="champion", defaults={"version": version})
    return version


def make_collection(slug: str = "public", *, visibility: str = "public") -> Collection:
    """An empty collection."""
    return Collection.objects.create(slug=slug, name=slug.title(), visibility=visibility)


def make_documents(collection: Collection, count: int, *, passages: int = 1, **fields: Any) -> list[Passage]:
    """`count` documents of `passages` passages each; returns all passages by id."""
    prefix = Document.objects.count()
    documents = Document.objects.bulk_create(
        [
            Document(
                collection=collection,
                external_id=f"d{prefix + row}",
                title=f"Document {prefix + row}",
                body="A body.",
                **fields,
            )
            for row in range(count)
        ],
        batch_size=BATCH,
    )
    if fields.keys() & {"tags", "metadata"}:
        held = [(document.pk, document.tags, document.metadata) for document in documents]
        field_values_write(collection_id=collection.pk, documents=held)
    return Passage.objects.bulk_create(
        [
            Passage(
                document=document, ordinal=ordinal, start=0, end=7, text=f"{document.title}, part {ordinal}"
            )
            for document in documents
            for ordinal in range(passages)
        ],
        batch_size=BATCH,
    )


def unit_rows(rows: NDArray[np.float64] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Every row at length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def clustered(
    count: int, dim: int, *, seed: int = 0, clusters: int = 200, spread: float = 0.7
) -> NDArray[np.float32]:
    """`count` unit vectors around common centres; the same seed gives the same centres and vectors."""
    centres = unit_rows(np.random.default_rng(77).normal(size=(clusters, dim)))
    draw = np.random.default_rng(seed)
    noise = draw.normal(size=(count, dim)) * spread / np.sqrt(dim)
    return unit_rows(centres[draw.integers(clusters, size=count)] + noise)


def store(version: ModelVersion, passages: Sequence[Passage], vectors: NDArray[np.float32]) -> None:
    """Write one vector per passage and refresh the planner's statistics."""
    vectors_write(version, "passage", [passage.pk for passage in passages], vectors)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE embedding_{version.pk}_passage")


def tiny_version(
    folder: Path,
    *,
    name: str = "tiny",
    dim: int = 32,
    seed: int = 0,
    units: Sequence[str] = (),
    **fields: Any,
) -> ModelVersion:
    """A ready version whose bundle can be loaded: see tests/support/tiny_bundle.py."""
    path = make_tiny_bundle(folder / f"{name}-{seed}.zip", name=name, dim=dim, seed=seed)
    fields |= {
        "bundle": blob_store(path.read_bytes(), "application/zip"),
        "manifest": tiny_manifest(name, dim) | ({"units": list(units)} if units else {}),
    }
    return make_version(name, dim=dim, **fields)


def kept_tiny_version(folder: Path, *, units: Sequence[str] = ()) -> ModelVersion:
    """The tiny version under one id in every test: processes that loaded it go on with its encoder."""
    return tiny_version(folder, units=units, pk=_without_tables(KEPT_TINY))


def cells_version(folder: Path) -> ModelVersion:
    """A ready version whose bundle has cells, under one id in every test: see tests/support/cells_bundle.py."""
    bundle = blob_store(make_cells_bundle(folder / "cells.zip").read_bytes(), "application/zip")
    version = {"bundle": bundle, "manifest": cells_manifest(), "pk": _without_tables(KEPT_CELLS)}
    return make_version("cells", dim=DIM, champion=True, **version)


def _without_tables(version_id: int) -> int:
    """Drop what an earlier test left of a version, in the database and in this process."""
    backgrounds_forget()
    calibrations_forget()
    with connection.cursor() as cursor:
        for kind in unit_kinds():
            cursor.execute(f"DROP TABLE IF EXISTS {VectorTable(version_id, kind.name).name}")
    return version_id


def in_a_corner(colour: str, around: str, size: tuple[int, int] = (400, 400)) -> bytes:
    """A picture of one colour, in its lower left quarter another."""
    image, target = Image.new("RGB", size, COLOURS[around]), io.BytesIO()
    image.paste(COLOURS[colour], (0, size[1] // 2, size[0] // 2, size[1]))
    image.save(target, "PNG")
    return target.getvalue()


def picture(
    colour: tuple[int, int, int], *, size: tuple[int, int] = (64, 48), kind: str = "JPEG", seed: int = 0
) -> bytes:
    """A picture of one colour with a little noise, so that each seed is another file."""
    noise = np.random.default_rng(seed).integers(-6, 7, (size[1], size[0], 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind)
    return target.getvalue()
