"""What the pages' templates need beyond Django's own tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html

from retrieval_site.people import anybody_searches
from search.models import Collection
from search.services.alerts import findings_unseen as count_unseen
from search.services.judgements import RELEVANT
from search.units.passage import PASSAGE
from search.views.advice import Advice, advice_for
from search.views.cards import hit_address as address_of_hit
from search.views.choosing import chosen_target, kinds_offered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.template import Context
    from django.utils.safestring import SafeString

    from retrieval_site.errors import AppError
    from search.models import Document, Judgement
    from search.retrieval.types import Hit
    from search.units.kind import UnitKind

register = template.Library()
SPRITE = "vendor/lucide/icons.svg"


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Return a decorative icon of the sprite; what it means stands beside it in words."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        static(SPRITE),
        name,
    )


@register.simple_tag
def error_advice(error: AppError) -> Advice:
    """Return the title and the next step for an error."""
    return advice_for(error)


@register.simple_tag
def max_bytes() -> int:
    """Return how many bytes a photo may have, for the check before it is sent."""
    return int(settings.CONFIG.picture_max_bytes)


@register.simple_tag
def picture_urls() -> bool:
    """Return whether a picture can be asked with by its address."""
    return bool(settings.CONFIG.picture_urls)


@register.simple_tag
def crop_shade(crop: Sequence[float]) -> str:
    """Return the path of all of a picture but a part, in a square of side 1."""
    left, top, width, height = crop
    return f"M0 0H1V1H0ZM{left} {top}v{height}h{width}v{-height}Z"


@register.simple_tag(takes_context=True)
def target_to_search(context: Context) -> str:
    """Return what a search from this page looks for: as the page says, else as it was chosen last."""
    if "target" in context:
        return str(context["target"])
    request: HttpRequest | None = context.get("request")
    # An error page may come before the session is there.
    return chosen_target(request) if request is not None and hasattr(request, "session") else PASSAGE.target


@register.simple_tag
def hit_address(hit: Hit) -> str:
    """Return where what was found is read."""
    return address_of_hit(hit, None)


@register.simple_tag(takes_context=True)
def unit_kinds(context: Context) -> list[UnitKind]:
    """Return what can be looked for: of the kinds that not every model encodes, those of the one that answers."""
    return kinds_offered(str(context.get("target", "")))


@register.simple_tag(takes_context=True)
def findings_unseen(context: Context) -> int:
    """Return how many new documents fit the reader's saved searches, of which they have not looked at any page."""
    return count_unseen(context.get("user"))


@register.simple_tag(takes_context=True)
def judges_queues(context: Context) -> bool:
    """Return whether the reader may judge queues: by a role in a collection, or as staff."""
    return bool(Collection.objects.judged_for(context.get("user")).exists())


@register.filter
def beginning(text: str, most: int) -> str:
    """Return at most `most` characters of a text, the last of which says that it goes on.

    Django's own filters bring the whole text into normal form first, whose time grows with the square of its marks.
    """
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


@register.filter
def is_judgeable(document: Document, viewer: Any) -> bool:
    """Whether the reader may say if a document is relevant: guests may where everybody may, and nowhere else."""
    is_by_link = document.collection_id in getattr(viewer, "guest_of", ())
    return not is_by_link or (document.collection.visibility == "public" and anybody_searches())


@register.filter
def is_relevant(judgement: Judgement | None) -> bool:
    """Whether a judgement says that the hit is relevant; programs may give grades between."""
    return judgement is not None and judgement.grade >= RELEVANT


@register.filter
def is_not_relevant(judgement: Judgement | None) -> bool:
    """Whether a judgement says that the hit is not relevant."""
    return judgement is not None and judgement.grade < RELEVANT


@register.filter
def percent(share: float) -> str:
    """Return a share from 0 to 1 as people read it."""
    return f"{round(100 * share)} %"


@register.filter
def unlocal(number: float) -> str:
    """Return a number as markup wants it, whatever the reader's language writes."""
    return f"{number:g}"
