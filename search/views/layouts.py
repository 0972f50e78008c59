"""How hits are laid out: as a list or as a grid, as whoever looks chose last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from search.units.kind import UnitKind

Layout = Literal["list", "grid"]
LAYOUTS = ("list", "grid")
COOKIE_SECONDS = 365 * 24 * 3600


def layout_of(request: HttpRequest, kind: UnitKind) -> Layout:
    """Return the layout for hits of a kind: what the address says, else what was chosen last, else the kind's own."""
    for wanted in (request.GET.get("view"), request.COOKIES.get(_cookie(kind))):
        if wanted in LAYOUTS:
            return cast("Layout", wanted)
    return "grid" if kind.shown.tiles else "list"


def layout_keep(request: HttpRequest, response: HttpResponse, kind: UnitKind) -> None:
    """Remember the layout that the address says."""
    wanted = request.GET.get("view")
    if wanted in LAYOUTS:
        response.set_cookie(
            _cookie(kind), wanted, COOKIE_SECONDS, httponly=True, samesite="Lax", secure=request.is_secure()
        )


def wants_apart(request: HttpRequest) -> bool:
    """Return whether near-duplicates are to stand by themselves."""
    return request.GET.get("same") == "apart"


def _cookie(kind: UnitKind) -> str:
    return f"layout_{kind.name}"
