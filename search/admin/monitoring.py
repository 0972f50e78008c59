"""The health page: recall of the index, its tables, drift of queries, and searches that find little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext

from retrieval_site.panels import button_pressed
from retrieval_site.people import signed_in
from search.admin.curated import SuperuserOnlyAdmin
from search.models import RecallMeasurement, SearchSetting
from search.monitoring.measure import monitor_start
from search.monitoring.page import page_context
from search.services.search_settings import search_setting_apply, search_setting_undo

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

PAGE = "admin:search_recallmeasurement_changelist"


@admin.register(RecallMeasurement)
class HealthAdmin(SuperuserOnlyAdmin):
    """One page in place of the list of measurements, for superusers: it shows what anybody searched for."""

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons."""
        view = self.admin_site.admin_view
        return [
            path("measure/", view(self.measure_view), name="search_recallmeasurement_measure"),
            path("<int:pk>/apply/", view(self.apply_view), name="search_recallmeasurement_apply"),
            path("settings/<int:pk>/undo/", view(self.undo_view), name="search_recallmeasurement_undo"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **page_context(),
            "title": gettext("Health of the index and of searches"),
            "opts": self.opts,
        }
        return render(request, "admin/search/health.html", context)

    def measure_view(self, request: HttpRequest) -> HttpResponse:
        """Measure now, by a job."""
        return self._done(request, self._measure)

    def apply_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Search with the smallest setting that reached the target in this measurement."""
        return self._done(request, lambda: self._apply(request, pk))

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a setting back."""
        return self._done(request, lambda: self._undo(request, pk))

    def _done(self, request: HttpRequest, do: Callable[[], str]) -> HttpResponse:
        """Do what a button says and come back to the page; whoever only opens the address comes back, too."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        button_pressed(request, do)
        return HttpResponseRedirect(reverse(PAGE))

    def _measure(self) -> str:
        monitor_start()
        return gettext("The index and the searches are being measured.")

    def _apply(self, request: HttpRequest, pk: int) -> str:
        measurement = get_object_or_404(RecallMeasurement.objects.select_related("version"), pk=pk)
        row = search_setting_apply(measurement=measurement, by=signed_in(request))
        return gettext("{version} is searched with {value} from now on.").format(
            version=measurement.version, value=row.value
        )

    def _undo(self, request: HttpRequest, pk: int) -> str:
        setting = get_object_or_404(SearchSetting, pk=pk)
        search_setting_undo(setting=setting, by=signed_in(request))
        return gettext("Undone: what counted before counts again.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
