"""Whose evaluation sets somebody sees: a set holds texts and pictures of its collection, or what people asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.models import Collection, EvaluationSet

if TYPE_CHECKING:
    from django.db.models import QuerySet


def evaluation_sets_seen(viewer: Any) -> QuerySet[EvaluationSet]:
    """Return the sets of the collections that somebody sees; of judged searches, which are others', for superusers.

    Whether they may work with sets at all, managing models, is asked before.
    """
    if viewer.is_superuser:
        return EvaluationSet.objects.all()
    return EvaluationSet.objects.filter(collection__in=Collection.objects.visible_to(viewer))


def name_for_everybody(evaluation_set: EvaluationSet) -> str:
    """Return a set's name where everybody may know its collection, else ""."""
    collection = evaluation_set.collection
    is_public = collection is not None and collection.visibility == Collection.Visibility.PUBLIC
    return evaluation_set.name if is_public else ""
