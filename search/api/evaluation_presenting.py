"""The values of `evaluation_answers.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.api.evaluation_answers import LETTERS
from search.api.presenting import hit_json, query_part_json
from search.retrieval.keep import parts_of
from search.side_by_side.credit import credit_of

if TYPE_CHECKING:
    from models_admin.models import Alias
    from search.models import EvaluationQuery, EvaluationResult, EvaluationSet, SideBySide
    from search.side_by_side.credit import Credit
    from search.side_by_side.preferences import Preferences
    from search.side_by_side.standing import HitPlace, Standing

Json = dict[str, Any]
COSTS = ("photo_ms", "caption_ms", "memory_bytes", "index_bytes")
COUNTS = ("total", "stored", "broken", "missing")


def evaluation_set_json(row: EvaluationSet) -> Json:
    """Return a set; its collection and who made it must be loaded."""
    return {
        "id": row.pk,
        "name": row.name,
        "source": row.source,
        "collection": row.collection.slug if row.collection else None,
        "relevant_from": row.relevant_from,
        "size": row.size,
        "note": row.note,
        "created_at": row.created_at,
        "created_by": row.created_by.get_username() if row.created_by else None,
    }


def evaluation_query_json(row: EvaluationQuery) -> Json:
    """Return a query of a set."""
    plain = ("place", "name", "modality", "target", "text", "grades")
    return {
        **{name: getattr(row, name) for name in plain},
        "search": str(row.judged_id) if row.judged_id else None,
        "document": row.document_id,
    }


def evaluation_result_json(row: EvaluationResult) -> Json:
    """Return a result; its version must be loaded."""
    return {
        "id": row.pk,
        "model": row.version.key,
        "direction": row.direction,
        "at": row.at,
        "queries": row.queries,
        "left_out": row.left_out,
        "measures": row.measures or None,
        "against": _against_json(row.against),
        "cost": {"device": row.cost.get("device", ""), **{name: row.cost.get(name) for name in COSTS}},
        "coverage": [
            {"kind": kind, **{name: counts.get(name, 0) for name in COUNTS}}
            for kind, counts in row.coverage.items()
        ],
    }


def _against_json(against: Json) -> Json | None:
    if not against:
        return None
    return {
        "model": against["version"],
        "queries": against["queries"],
        "differences": against["differences"],
    }


def side_by_side_json(row: SideBySide) -> Json:
    """Return one question asked of two versions; its first search with its parts and both versions must be loaded."""
    letters = {said: letter for letter, said in sides_by_letter(row).items()}
    return {
        "id": str(row.pk),
        "query": str(row.first_id),
        "parts": [query_part_json(part, whose_own=True) for part in parts_of(row.first)],
        "models": sorted([row.first_version.key, row.second_version.key]),
        "blind": row.blind,
        "preference": letters.get(row.preference, row.preference) or None,
        "created_at": row.created_at,
    }


def side_by_side_detail_json(row: SideBySide, standing: Standing) -> Json:
    """Return both answers under their letters; whose they are, of a blind one only once a preference was said."""
    found = {
        "first": (row.first_version.key, standing.first),
        "second": (row.second_version.key, standing.second),
    }
    sides = [
        {
            "name": letter,
            "model": None if row.is_hidden else key,
            "results": [_place_json(place) for place in places],
        }
        for letter, said in sides_by_letter(row).items()
        for key, places in (found[said],)
    ]
    return side_by_side_json(row) | {"sides": sides, "shared": standing.shared}


def sides_by_letter(row: SideBySide) -> dict[str, str]:
    """Return which answer, `first` or `second`, each letter stands for."""
    return dict(zip(LETTERS, row.order, strict=True))


def _place_json(place: HitPlace) -> Json:
    return hit_json(place.hit) | {"other_rank": place.other_rank, "up": place.up}


def preferences_json(found: Preferences) -> Json:
    """Return counted preferences with the sign test."""
    return {
        "model": found.version.key,
        "other": found.other.key,
        "wins": found.wins,
        "losses": found.losses,
        "ties": found.ties,
        "probability": round(found.chance, 6),
        "counts": found.is_enough,
        "says": found.says,
    }


def challenger_json(alias: Alias) -> Json:
    """Return how the challenger is compared, and what drawn searches said of it up to now."""
    found = credit_of(alias.version)
    return {
        "model": alias.version.key,
        "share": alias.share,
        "interleaved": alias.interleaved,
        "budget_ms": alias.budget_ms,
        "by_turns": found and _by_turns_json(found),
    }


def _by_turns_json(found: Credit) -> Json:
    return {
        "wins": found.wins,
        "losses": found.losses,
        "ties": found.ties,
        "silent": found.silent,
        "late": found.late,
        "failed": found.failed,
        "waited_ms": found.waited_ms,
        "probability": round(found.chance, 6),
        "counts": found.is_enough,
    }
