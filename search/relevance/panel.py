"""A version's calibrations as a table on its admin page, and as plain data for the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Prefetch, Q, prefetch_related_objects
from django.utils.timezone import localtime
from django.utils.translation import gettext

from models_admin.hooks import Panel
from retrieval_site.languages.decimals import Decimals
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import word_in_readers_language
from search.models import Calibration, Collection
from search.relevance.fitted import HELD_OUT_QUERIES_MIN
from search.relevance.stored import fitted_of

if TYPE_CHECKING:
    from models_admin.models import ModelVersion
    from search.relevance.fitted import Fitted

COLUMNS = (
    gettext_lazy("asked with"),
    gettext_lazy("found"),
    gettext_lazy("collection"),
    gettext_lazy("fitted to"),
    gettext_lazy("queries"),
    gettext_lazy("hits"),
    gettext_lazy("relevant"),
    gettext_lazy("calibration error"),
    gettext_lazy("when"),
)
_NOTE = gettext_lazy(
    "The calibration error is how far the shown probability is from the share of relevant hits, on "
    "average, in queries that were left out of the fit. Fitted to pairs, a document's own text counts as "
    "relevant to its picture and no other does, so probabilities are rather too low."
)


def calibration_panel(version: ModelVersion, viewer: Any) -> Panel | None:
    """Show what probabilities the version's scores are made into; None where they are none.

    Those of collections that the viewer does not see are left out.
    """
    prefetch_related_objects([version], calibrations_shown(viewer))
    rows = [
        (
            word_in_readers_language(row["modality"]),
            word_in_readers_language(f"{row['kind']}s"),
            row["collection"] or gettext("all"),
            word_in_readers_language(row["source"]),
            row["queries"],
            row["hits"],
            row["relevant"],
            _percent(row["calibration_error"]),
            f"{localtime(row['fitted_at']):%Y-%m-%d %H:%M}",
        )
        for row in calibrations_json(version)
    ]
    return Panel(gettext("Relevance"), COLUMNS, rows, _NOTE) if rows else None


def calibrations_json(version: ModelVersion) -> list[dict[str, Any]]:
    """Return those of the version's calibrations that were loaded by `calibrations_shown`, as plain data."""
    described = ((row, fitted_of(row)) for row in sorted(version.calibrations.all(), key=_place))
    return [
        {
            "modality": row.modality,
            "kind": row.kind,
            "collection": row.collection.slug if row.collection else None,
            "source": fitted.source,
            "queries": fitted.queries,
            "hits": fitted.labels,
            "relevant": fitted.relevant,
            "calibration_error": _error(fitted),
            "fitted_at": row.fitted_at,
        }
        for row, fitted in described
        if fitted
    ]


def _error(fitted: Fitted) -> float | None:
    """Return the error on queries that were left out; None where an earlier release took those that were fitted."""
    return round(fitted.error, 4) if fitted.queries >= HELD_OUT_QUERIES_MIN else None


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{Decimals(100 * share):.1f} %"


def calibrations_shown(viewer: Any) -> Prefetch[Any]:
    """Return what to load with versions whose calibrations are shown: those of no collection that is hidden."""
    seen = Q(collection=None) | Q(collection__in=Collection.objects.visible_to(viewer))
    rows = Calibration.objects.filter(seen).select_related("collection").defer("space_mean", "space_basis")
    return Prefetch("calibrations", queryset=rows)


def _place(row: Calibration) -> tuple[str, str, int]:
    return row.modality, row.kind, row.collection_id or 0
