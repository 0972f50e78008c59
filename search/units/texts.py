"""Reading units that are words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.units.kind import Reader, UnitBatch, UnitReading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import Model


def texts_of(model: type[Model], *columns: str) -> Reader:
    """Return what reads the words of columns, one behind the other, sorted by length.

    Texts of one length in a batch cost no padding.
    """

    def read(ids: Sequence[int], reading: UnitReading) -> Iterator[UnitBatch]:
        stored = model._default_manager.filter(pk__in=ids).values_list("pk", *columns)
        rows = [(unit_id, "\n".join(filter(None, words))) for unit_id, *words in stored]
        rows.sort(key=lambda row: len(row[1]))
        for chunk in (rows[start : start + reading.size] for start in range(0, len(rows), reading.size)):
            yield UnitBatch([unit_id for unit_id, _ in chunk], [text for _, text in chunk])

    return read
