"""Recurring reads, by name. Permission fails closed: without a user only public collections are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Count, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from typing import Self, TypeAlias

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    Viewer: TypeAlias = AbstractBaseUser | AnonymousUser | None


class CollectionQuerySet(models.QuerySet[Any]):
    """Collections by what a viewer may do with them."""

    def visible_to(self, viewer: Viewer) -> Self:
        """Public collections (where anonymous search is allowed or the viewer is signed in) and one's own."""
        if viewer is None or not viewer.is_authenticated:
            return self.filter(visibility="public") if settings.CONFIG.anonymous_search else self.none()
        if getattr(viewer, "is_superuser", False):
            return self
        return self.filter(Q(visibility="public") | Q(membership__user=viewer)).distinct()

    def curated_by(self, viewer: Viewer) -> Self:
        """Collections whose documents the viewer may change."""
        if viewer is None or not viewer.is_authenticated:
            return self.none()
        if getattr(viewer, "is_superuser", False):
            return self
        return self.filter(membership__user=viewer, membership__role="curator")

    def judged_for(self, viewer: Viewer) -> Self:
        """Collections whose judgements the viewer may take away, and whose queues they judge.

        Curators: their own. Staff: also all others that they may see.
        """
        allowed = Q(pk__in=self.model.objects.curated_by(viewer))
        if getattr(viewer, "is_staff", False):
            allowed |= Q(pk__in=self.model.objects.visible_to(viewer))
        return self.filter(allowed)

    def counted(self) -> Self:
        """Add `document_count`, from the index of documents: counting joined rows takes eight times as long."""
        from search.models import Document

        documents = Document.objects.filter(collection=OuterRef("pk")).order_by().values("collection")
        count = Subquery(documents.annotate(n=Count("pk")).values("n"))
        return self.annotate(document_count=Coalesce(count, 0, output_field=IntegerField()))

    def described_for(self, viewer: Viewer) -> Self:
        """Add `document_count` and the viewer's `role` ("reader", "curator" or None), in the same query."""
        from search.models import Membership

        memberships = Membership.objects.filter(collection=OuterRef("pk"), user=viewer.pk if viewer else None)
        return self.counted().annotate(role=Subquery(memberships.values("role")[:1]))


class DocumentQuerySet(models.QuerySet[Any]):
    """Documents by what a viewer may do with them."""

    def visible_to(self, viewer: Viewer) -> Self:
        """Documents of collections that the viewer may see."""
        from search.models import Collection

        return self.filter(collection__in=Collection.objects.visible_to(viewer))

    def curated_by(self, viewer: Viewer) -> Self:
        """Documents that the viewer may change."""
        from search.models import Collection

        return self.filter(collection__in=Collection.objects.curated_by(viewer))
