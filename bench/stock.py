"""Fills the benchmark server: a collection of passages with generated vectors under the benchmarks' model.

Run as a module beside a running server (`python -m bench.stock`); `bench.run` does so.
"""

from __future__ import annotations

import argparse
import time

from bench.serving import DATA_DIR, attached

attached(DATA_DIR)

import numpy as np  # noqa: E402
from django.core.files import File  # noqa: E402
from django.db import connection  # noqa: E402

from bench import vectors  # noqa: E402
from bench.asking import api_token  # noqa: E402
from bench.bundle import bench_bundle, caption  # noqa: E402
from bench.documents import BATCH, documents_store  # noqa: E402
from models_admin import services  # noqa: E402
from models_admin.models import ModelVersion, VersionState  # noqa: E402
from search.models import Passage  # noqa: E402
from search.vectors.copy import vectors_write  # noqa: E402
from search.vectors.index import index_build  # noqa: E402
from search.vectors.tables import table_create  # noqa: E402
from search.words.vocabulary import vocabularies_refresh  # noqa: E402


def stock(count: int) -> str:
    """Make sure that `count` passages with vectors are served; return a token's key."""
    version = _version()
    if services.champion() is None:
        _documents(count)
        _vectors(version, count)
        services.version_move(version, VersionState.READY)
        services.version_activate(version=version, reason="benchmark")
    return api_token()


def _version() -> ModelVersion:
    with bench_bundle().open("rb") as file:
        version, _ = services.version_upload(bundle=File(file))
    while version.state in {VersionState.UPLOADED, VersionState.VALIDATING}:  # by the server's own worker
        time.sleep(0.2)
        version.refresh_from_db()
    if version.state == VersionState.REFUSED:
        raise SystemExit(f"the benchmarks' bundle was refused: {version.error}")
    return version


def _documents(count: int) -> None:
    rng = np.random.default_rng(0)
    documents_store("bench", "Benchmark", [caption(rng) for _ in range(count)])
    vocabularies_refresh()


def _vectors(version: ModelVersion, count: int) -> None:
    table_create(version)
    ids = list(Passage.objects.order_by("pk").values_list("pk", flat=True))
    for number, batch in enumerate(vectors.stored(count, batch=BATCH, dim=version.dim)):
        vectors_write(version, "passage", ids[number * BATCH : number * BATCH + len(batch)], batch)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    index_build(version, "passage")
    index_build(version, "image")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    print(stock(parser.parse_args().count))
