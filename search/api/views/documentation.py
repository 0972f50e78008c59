"""The schema and a page that shows it, under the same Content-Security-Policy as everything else."""

from __future__ import annotations

from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import search.api.schema  # noqa: F401  (registers how the schema names the ways to sign in)


class SchemaView(SpectacularAPIView):
    """The OpenAPI schema; JSON, or YAML for `Accept: application/vnd.oai.openapi`."""

    renderer_classes = [OpenApiJsonRenderer, OpenApiYamlRenderer]


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own server: its script in a request of its own, its few styles in a file."""

    url_name = "api:schema"
    template_name = "api/docs.html"
