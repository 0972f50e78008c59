"""Making the passages and identifiers of long texts, which the web process leaves to a job: both take time with the
text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from search.models import Document
from search.services.document_identifiers import identifiers_replace
from search.services.document_units import passages_replace, passages_wanted

if TYPE_CHECKING:
    from workers.jobs.context import JobContext


def split_pending(ctx: JobContext) -> None:
    """Make the passages and identifiers of every document that waits for them, one document a transaction."""
    pending = Document.objects.filter(split_pending=True)
    if not (total := pending.count()):
        return
    ctx.stage("split long texts", total)
    after = 0
    while document := pending.filter(pk__gt=after).order_by("pk").first():
        after = document.pk
        _split(document)
        ctx.advance(1)
        ctx.checkpoint()


def _split(document: Document) -> None:
    """Split the text as read, outside of any lock; where somebody changed it meanwhile, their own job does it."""
    wanted = passages_wanted(document)
    with transaction.atomic():
        unchanged = Document.objects.filter(
            pk=document.pk, content_hash=document.content_hash, split_pending=True
        )
        if unchanged.select_for_update().first() is None:
            return
        passages_replace({document.pk: wanted})
        unchanged.update(split_pending=False)
        document.split_pending = False
        identifiers_replace([document])
