"""The settings by which an index is searched where somebody applied others than the defaults, kept in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.database.reading import alias
from retrieval_site.kept import Kept
from search.models import SearchSetting

if TYPE_CHECKING:
    from search.retrieval.types import Scope

RECHECK_SECONDS = 15.0
TABLES_KEPT = 128
SettingOf = dict[tuple[str, str], int]
"""By what is asked with ("": anything), and the kind of index."""

_kept = Kept[SettingOf](RECHECK_SECONDS, TABLES_KEPT)


def setting_for(scope: Scope, index: str) -> int | None:
    """Return what was applied for searches of this scope by this kind of index; None: the default counts.

    It is read again every 15 seconds, so that each process follows within them. A query of several parts, or of a
    modality that nothing was applied for, takes what was measured for the whole table, else the default.
    """
    table = scope.table
    applied = _kept.get((table.version_id, table.kind), lambda: _applied(table.version_id, table.kind))
    return applied.get((scope.asked_with, index)) or applied.get(("", index))


def settings_forget() -> None:
    """Forget them, so that they are read when they are next asked for."""
    _kept.clear()


def _applied(version_id: int, kind: str) -> SettingOf:
    rows = SearchSetting.objects.using(alias()).filter(version=version_id, kind=kind, undone_at__isnull=True)
    ordered = rows.order_by("at", "pk").values_list("modality", "index", "value")
    return {(modality, index): value for modality, index, value in ordered}
