"""What came of learning from marks, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.adapting.examples import SEARCHES_MIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_admin.models import ModelVersion
    from workers.adapting.learning import Learned

METRICS = "learned_from_marks"
"""The key of what was measured in a bundle's metrics."""
EVALUATION_SET = "evaluation_set"
"""The key in it of the evaluation set that was learned from, where it was no marks: its name, or its id where the name
is not for everybody."""


def measured(learned: Learned) -> dict[str, Any]:
    """Return what was measured, as a bundle's metrics keep it: shares of one, and the gains' 95 % intervals."""
    hits, ranks = learned.first_hits_gain, learned.reciprocal_ranks_gain
    return {
        METRICS: {
            "searches": learned.searches,
            "share_of_the_map": learned.share,
            "first_hits_before": learned.first_hits[0],
            "first_hits_after": learned.first_hits[1],
            "first_hits_gain_low": hits.low,
            "first_hits_gain_high": hits.high,
            "mean_reciprocal_rank_before": learned.reciprocal_ranks[0],
            "mean_reciprocal_rank_after": learned.reciprocal_ranks[1],
            "mean_reciprocal_rank_gain_low": ranks.low,
            "mean_reciprocal_rank_gain_high": ranks.high,
            "pairs_mean_reciprocal_rank_before": learned.pairs[0],
            "pairs_mean_reciprocal_rank_after": learned.pairs[1],
        }
    }


def said_of(learned: Learned) -> str:
    """Return one sentence: the gain and its interval, or why there is nothing to learn."""
    if learned.nothing == "too_few":
        return (
            f"Nothing to learn yet: {_searches(learned.searches)} with a relevant hit may train, "
            f"and {SEARCHES_MIN} are needed."
        )
    if learned.nothing:
        ranks = learned.reciprocal_ranks_gain
        return (
            f"Nothing to learn: on {_searches(learned.searches)}, each held out in turn, the mean reciprocal rank "
            f"changed by {ranks.value:+.3f} (95 % interval {ranks.low:+.3f} to {ranks.high:+.3f}), "
            "which may be chance. The model stays as it is."
        )
    return gain_said(measured(learned)[METRICS])


def gain_said(found: Mapping[str, Any]) -> str:
    """Return the sentence of a gain, from what a bundle's metrics keep of it."""
    before, after, low, high = (
        100 * found[f"first_hits_{name}"] for name in ("before", "after", "gain_low", "gain_high")
    )
    return (
        f"First hits {before:.0f} → {after:.0f} of 100 (gain {after - before:+.1f}, 95 % interval "
        f"{low:+.1f} to {high:+.1f}) on {_searches(found['searches'])}, each held out in turn, among judged hits "
        "and a sample of all others."
    )


def learned_from(version: ModelVersion) -> str:
    """Return the name or id of the evaluation set that a version learned from; "" for marks, or for none."""
    found = version.manifest.get("metrics", {}).get(METRICS)
    return str(found.get(EVALUATION_SET, "")) if isinstance(found, dict) else ""


def _searches(count: int) -> str:
    return f"{count:,} search{'' if count == 1 else 'es'}"
