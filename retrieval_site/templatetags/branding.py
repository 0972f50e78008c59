"""The site's name, signs and colour in templates."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import escape

from retrieval_site.branding.config import NAME

register = template.Library()
_OURS = re.compile(rf"(?:(?<=· )|(?<=\| )|^\s*){NAME}(?=\s*$|: )")
"""Where a title names the site: at its end, after a dot or a bar, or at its beginning before a colon."""


@register.simple_tag
def site_name() -> str:
    """Return what the site is called."""
    return str(settings.CONFIG.site_name)


@register.filter
def named_site(title: str) -> str:
    """Return a page's title, as `{% filter %}` gives it, with the site's own name in the place of ours.

    Templates write their titles with ours, so that translations do not depend on what an operator sets. What is safe
    stays so: the name is escaped where a template shows it.
    """
    name = site_name()
    if name == NAME:
        return title
    return _OURS.sub(lambda _: escape(name), title)


@register.simple_tag
def brand() -> dict[str, Any]:
    """Return the addresses of the organisation's files and of its colour, "" for those that there are not."""
    set_by = settings.CONFIG.branding
    return {
        "logo": _address("logo", set_by.logo),
        "logo_dark": _address("logo-dark", set_by.logo_dark),
        "icon": _address("icon", set_by.icon) or static("sightline.svg"),
        "icon_type": set_by.icon.content_type if set_by.icon else "image/svg+xml",
        "accent": f"{reverse('brand_accent')}?v={set_by.accent[1:]}" if set_by.accent else "",
    }


def _address(name: str, file: Any) -> str:
    return f"{reverse('brand_file', args=[name])}?v={file.digest}" if file else ""
