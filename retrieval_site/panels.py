"""Admin pages that show a row as a panel with buttons, renewed by the page itself while something happens."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse

from retrieval_site.careful_admin import CarefulAdmin
from retrieval_site.errors import AppError
from retrieval_site.shown_errors import error_show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

_Row = TypeVar("_Row", bound=Model)


def button_pressed(request: HttpRequest, do: Callable[[], str]) -> None:
    """Do what a button says, and tell what it answers or why not; whoever only opens its address does nothing."""
    try:
        if request.method == "POST" and (message := do()):
            messages.success(request, message)
    except AppError as error:
        error_show(request, error)


class PanelAdmin(CarefulAdmin[_Row]):
    """A row is looked at, never edited by hand: a panel instead of a form, and buttons with services behind them.

    `admin/panel_form.html` holds the panel; a `data-poll-again` in it makes the page ask for it again.
    """

    change_form_template = "admin/panel_form.html"
    panel_template: str
    buttons: Mapping[str, Callable[[Any, HttpRequest], str]]
    """By action: does it and returns a sentence for the person, or nothing; may raise AppError."""

    class Media:
        js = ["sightline_admin/poll.js"]

    @abstractmethod
    def panel(self, row: Any, request: HttpRequest) -> dict[str, Any]:
        """Return what the panel's template shows of the row."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        """Add the panel alone and the buttons."""
        view = self.admin_site.admin_view
        do = view(self.action_view)
        return [
            path("<slug:object_id>/panel/", view(self.panel_view), name=self._url_name("panel")),
            path("<slug:object_id>/do/<slug:action>/", do, name=self._url_name("do")),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the row's panel."""
        row = self.get_object(request, object_id)
        context = self._context(row, request) if row else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def panel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer the panel alone."""
        return render(request, self.panel_template, self._context(self._row(request, object_id), request))

    def action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Do what a button says and go back to the row; whoever only opens the address comes back to it, too."""
        row = self._row(request, object_id)
        if action not in self.buttons:
            raise Http404(action)
        button_pressed(request, lambda: self.buttons[action](row, request))
        return HttpResponseRedirect(reverse(f"admin:{self._url_name('change')}", args=[object_id]))

    def _context(self, row: Any, request: HttpRequest) -> dict[str, Any]:
        urls = {"panel_url": reverse(f"admin:{self._url_name('panel')}", args=[row.pk])}
        return {"panel_template": self.panel_template, **urls, **self.panel(row, request)}

    def _row(self, request: HttpRequest, object_id: str) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(object_id)
        return row

    def _url_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"
