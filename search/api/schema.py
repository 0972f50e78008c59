"""How the schema tells the ways to sign in, who needs none, and that unknown parameters are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiFilterExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
    OpenApiViewExtension,
)
from drf_spectacular.openapi import AutoSchema

from search.api.examples import COLLECTION
from search.api.permissions import open_to_anybody

if TYPE_CHECKING:
    from drf_spectacular.utils import Direction

    from search.api.base import ApiView


def _drop_unused_extensions() -> None:
    """Drop what tells of other libraries' classes: each is looked for by its import, and pydantic's takes 5 MiB."""
    for kind in (
        OpenApiAuthenticationExtension,
        OpenApiFilterExtension,
        OpenApiSerializerExtension,
        OpenApiSerializerFieldExtension,
        OpenApiViewExtension,
    ):
        for known in list(kind._registry):
            if known.__module__.startswith("drf_spectacular.contrib."):
                kind._registry.remove(known)  # type: ignore[arg-type]


_drop_unused_extensions()


class Schema(AutoSchema):
    """Declares, beside the ways to sign in, what nobody in particular may do."""

    def get_auth(self) -> list[dict[str, Any]]:
        """Return the ways to sign in; the empty one where none is needed, not even a browser's session."""
        found: list[dict[str, Any]] = super().get_auth()
        view = cast("ApiView", self.view)
        by_session = view.in_session or self.method in view.anonymous_methods
        nobody = open_to_anybody(view, self.method) and not by_session
        return [*found, {}] if nobody else found


class ParametersExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """What a caller sends: no names beyond those that are listed, and no defaults of what a change leaves as it is."""

    target_class = "search.api.parameters.Parameters"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        """Return the serializer's schema, closed."""
        schema: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        for name, described in schema.get("properties", {}).items():
            if self.target.partial:
                described.pop("default", None)
            if getattr(self.target.fields[name], "allow_blank", True) is False:
                described["minLength"] = 1
            _show_slug(described.get("items", described))
        return {**schema, "additionalProperties": False}


def _show_slug(described: dict[str, Any]) -> None:
    """Name a slug where a page would make one up of the pattern."""
    if "pattern" in described:
        described["example"] = COLLECTION


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tokens."""

    target_class = "search.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "a token with the scopes read and write: sl_…",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The session of the pages."""

    target_class = "search.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the scheme."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
