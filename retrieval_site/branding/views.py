"""The organisation's logos, icon and colour, and the manifest by which a device keeps the site."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from retrieval_site.branding.colours import accent_css

SECONDS = 24 * 3600
NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""For a file that somebody opens by itself: no script, nothing fetched, an origin of its own."""


@require_safe
def brand_file(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with a logo or the icon, as the operator has it."""
    brand = settings.CONFIG.branding
    file = {"logo": brand.logo, "logo-dark": brand.logo_dark, "icon": brand.icon}.get(name)
    if file is None:
        raise Http404
    response = HttpResponse(file.content, content_type=file.content_type)
    response["Content-Security-Policy"] = NOTHING_RUNS
    response["Content-Disposition"] = "inline"
    return _cached(response)


@require_safe
def accent(request: HttpRequest) -> HttpResponse:
    """Answer with the style sheet of the organisation's colour."""
    if not settings.CONFIG.branding.accent:
        raise Http404
    return _cached(HttpResponse(accent_css(settings.CONFIG.branding.accent), content_type="text/css"))


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Answer with the web application manifest."""
    icon = settings.CONFIG.branding.icon
    source = {"src": static("sightline.svg"), "type": "image/svg+xml", "sizes": "any"}
    if icon:
        address = f"{reverse('brand_file', args=['icon'])}?v={icon.digest}"
        source = {"src": address, "type": icon.content_type, "sizes": "any"}
    said = {
        "name": settings.CONFIG.site_name,
        "short_name": settings.CONFIG.site_name,
        "start_url": reverse("search:home"),
        "display": "browser",
        "icons": [source],
    }
    return _cached(JsonResponse(said, content_type="application/manifest+json"))


def _cached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = f"public, max-age={SECONDS}"
    response["X-Content-Type-Options"] = "nosniff"
    return response
