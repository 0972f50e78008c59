"""The schema and a page that shows it, under the same Content-Security-Policy as everything else."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import search.api.schema  # noqa: F401  (registers how the schema names the ways to sign in)
from retrieval_site.people import anybody_searches
from search.units.registry import unit_kinds

if TYPE_CHECKING:
    from collections.abc import Hashable

    from rest_framework.request import Request


class SchemaView(SpectacularAPIView):
    """The OpenAPI schema; JSON, or YAML for `Accept: application/vnd.oai.openapi`."""

    renderer_classes = [OpenApiJsonRenderer, OpenApiYamlRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Answer with the schema, which is the same for everybody."""
        renderer = request.accepted_renderer
        told_of = (anybody_searches(), *(kind.name for kind in unit_kinds()))
        return HttpResponse(
            _rendered(renderer.format, told_of),
            content_type=renderer.media_type,
            headers={"Content-Disposition": f'inline; filename="sightline.{renderer.format}"'},
        )


@lru_cache(maxsize=2)
def _rendered(name: str, told_of: Hashable) -> bytes | str:
    """Make the schema once for each format and for what it depends on: each time takes a fifth of a second."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    (renderer,) = (renderer for renderer in SchemaView.renderer_classes if renderer.format == name)
    return renderer().render(schema, renderer_context={})


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own server: its script in a request of its own, its few styles in a file."""

    url_name = "api:schema"
    template_name = "api/docs.html"
