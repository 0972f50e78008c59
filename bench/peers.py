"""What `bench.scale --peers` asks beside PostgreSQL: each in this process, without rights or a transaction.

All build a graph of the same m and ef_construction, with as many threads as the machine has cores where they take a
number. What each finds is scored by numpy from the vectors as they were given, so that a quantised distance is judged
by what it found and not by what it says.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Search = Callable[[Floats], NDArray[np.int64]]
    """From a question `(dim,)` to the places of the nearest vectors."""
    Built = tuple[Callable[[int], Search], float]
    """From `ef_search` to a search, and the bytes of the index; of LanceDB and Chroma, of all they keep."""

TOP = 10
M, EF_CONSTRUCTION = 32, 128
CHROMA_BATCH = 5000
REFINED = 2
"""How many times as many as asked LanceDB takes by its bytes, to compare their vectors."""


def faiss_built(rows: Floats) -> Built:
    """FAISS: the vectors as they are."""
    import faiss

    index = faiss.IndexHNSWFlat(rows.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(rows)

    def searched(setting: int) -> Search:
        index.hnsw.efSearch = setting
        return lambda question: index.search(question[None], TOP)[1][0]

    return searched, len(faiss.serialize_index(index))


def usearch_built(rows: Floats) -> Built:
    """usearch: halves."""
    from usearch.index import Index

    index = Index(ndim=rows.shape[1], metric="ip", dtype="f16", connectivity=M, expansion_add=EF_CONSTRUCTION)
    index.add(np.arange(len(rows)), rows, threads=psutil.cpu_count() or 1)

    def searched(setting: int) -> Search:
        index.expansion_search = setting
        return lambda question: np.asarray(index.search(question, TOP, threads=1).keys, np.int64)

    return searched, index.serialized_length


def lancedb_built(rows: Floats) -> Built:
    """LanceDB: bytes in one graph on disk, and the vectors of twice as many as are asked for."""
    import lancedb
    import pyarrow

    folder = tempfile.TemporaryDirectory()
    column = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.reshape(-1)), rows.shape[1])
    table = lancedb.connect(folder.name).create_table(
        "vectors", pyarrow.table({"place": np.arange(len(rows)), "vector": column})
    )
    table.create_index(
        metric="dot",
        vector_column_name="vector",
        index_type="IVF_HNSW_SQ",
        num_partitions=1,
        m=M,
        ef_construction=EF_CONSTRUCTION,
    )

    def searched(setting: int) -> Search:
        def search(question: Floats, _folder: tempfile.TemporaryDirectory[str] = folder) -> NDArray[np.int64]:
            found = table.search(question).distance_type("dot").ef(setting).refine_factor(REFINED)
            return found.limit(TOP).select(["place", "_distance"]).to_arrow()["place"].to_numpy()

        return search

    return searched, _size(Path(folder.name))


def chroma_built(rows: Floats) -> Built:
    """Chroma: the vectors as they are, in a folder."""
    import chromadb

    folder = tempfile.TemporaryDirectory()
    graph = {"space": "ip", "max_neighbors": M, "ef_construction": EF_CONSTRUCTION}
    collection = chromadb.PersistentClient(folder.name).create_collection(
        "vectors", configuration={"hnsw": graph}
    )
    for start in range(0, len(rows), CHROMA_BATCH):
        some = rows[start : start + CHROMA_BATCH]
        collection.add([str(start + place) for place in range(len(some))], embeddings=some)

    def searched(setting: int) -> Search:
        collection.modify(configuration={"hnsw": {"ef_search": setting}})

        def search(question: Floats, _folder: tempfile.TemporaryDirectory[str] = folder) -> NDArray[np.int64]:
            found = collection.query(query_embeddings=[question], n_results=TOP, include=[])
            return np.array(found["ids"][0], dtype=np.int64)

        return search

    return searched, _size(Path(folder.name))


PEERS: dict[str, Callable[[Floats], Built]] = {
    "FAISS": faiss_built,
    "usearch": usearch_built,
    "LanceDB": lancedb_built,
    "Chroma": chroma_built,
}


def _size(folder: Path) -> float:
    return float(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))
