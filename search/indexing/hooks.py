"""What the registry asks about vectors, answered: plugged in when the app is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext

from models_admin.hooks import Panel
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import word_in_readers_language
from search.indexing.prepare import coverage_report
from search.vectors.coverage import coverage
from search.vectors.index import index_prewarm, index_state
from search.vectors.tables import table_drop, tables_of

if TYPE_CHECKING:
    from models_admin.models import ModelVersion
    from search.vectors.tables import IndexKind

INDEX_WORDS: dict[IndexKind | None, str] = {
    "hnsw": "HNSW",
    "ternary": gettext_lazy("ternary"),
    "binary": gettext_lazy("binary"),
    None: gettext_lazy("exact scan"),
}


class SearchVectors:
    """See `models_admin.hooks.VectorHooks`."""

    def missing(self, version: ModelVersion) -> dict[str, int]:
        """Return how many units of each kind still need a vector and can have one."""
        found = {kind: counts.missing for kind, counts in coverage_report(version).items()}
        return {kind: count for kind, count in found.items() if count}

    def stored(self, version: ModelVersion) -> dict[str, int]:
        """Return how many units of each kind have a vector."""
        return {kind: found.stored for kind, found in coverage(version).items()}

    def drop(self, version: ModelVersion) -> None:
        """Drop the version's tables."""
        table_drop(version)

    def warm(self, version: ModelVersion) -> None:
        """Read tables and indexes into PostgreSQL's memory."""
        for table in tables_of(version):
            if table.exists():
                index_prewarm(version, table.kind)


def coverage_panel(version: ModelVersion) -> Panel:
    """Show which units have their vector under this version, and which index answers for them."""
    columns = (
        gettext("units"),
        gettext("all"),
        gettext("with vector"),
        gettext("cannot be encoded"),
        gettext("missing"),
        gettext("index"),
        gettext("its size"),
    )
    report = coverage_report(version)
    rows = []
    for kind, counts in report.items():
        index = index_state(version, kind)
        words = (INDEX_WORDS[index.kind], filesizeformat(index.size_bytes) if index.kind else "")
        rows.append(
            (
                word_in_readers_language(f"{kind}s"),
                counts.total,
                counts.stored,
                counts.broken,
                counts.missing,
                *words,
            )
        )
    return Panel(gettext("Vectors"), columns, rows)
