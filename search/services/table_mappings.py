"""The mappings of tables that collections keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.importers.mapping import TableMapping, columns_key, kept_mappings
from search.models import KeptTableMapping
from workers.jobs.services import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.importers.mapping import KeptMappings
    from search.models import Collection

KEPT_MAX = 50
"""Of one collection: each is compared with every table that comes."""


def table_mapping_keep(
    *, collection: Collection, mapping: TableMapping, names: Sequence[str], filename: str
) -> None:
    """Keep a mapping for the next table that has these columns; the oldest beyond fifty go.

    Columns that it does not name are left out then, too. One for tables without names of columns is not kept.
    """
    if not mapping.header:
        return
    KeptTableMapping.objects.update_or_create(
        collection=collection,
        columns_key=columns_key(names),
        defaults={"mapping": mapping.of_columns(names).to_json(), "filename": storable(filename)[:200]},
    )
    old = KeptTableMapping.objects.filter(collection=collection).values_list("pk", flat=True)[KEPT_MAX:]
    KeptTableMapping.objects.filter(pk__in=list(old)).delete()


def table_mapping_delete(*, kept: KeptTableMapping) -> None:
    """Forget a mapping: tables with its columns are not known any more."""
    kept.delete()


def mappings_of(collection: Collection, said: dict[str, Any] | None = None) -> KeptMappings:
    """Return the mappings that a collection keeps, and the one that was `said` with the file.

    Raises AppError `import.mapping_invalid` for that.
    """
    rows = KeptTableMapping.objects.filter(collection=collection).values_list("mapping", flat=True)
    return kept_mappings(list(rows), said)
