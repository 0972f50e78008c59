"""The registry's pages: upload a bundle, prepare it beside the running model, activate it, roll back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import FileResponse, Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext

from models_admin import services
from models_admin.catalogue_pages import catalogue_urls
from models_admin.challenger import challenger_end, challenger_interleave, challenger_share
from models_admin.changes import SAID, changes_between, compared_with
from models_admin.files import bundle_name
from models_admin.gate import verdicts
from models_admin.hooks import panels_for
from models_admin.learning import version_learn
from models_admin.losses import LOSSES, VERBS
from models_admin.measured import COLUMNS, reported_quality, validation_facts
from models_admin.models import Activation, ModelVersion, VectorIndex
from models_admin.offers import offered_actions
from models_admin.tags import version_tag
from retrieval_site.audit import export_note
from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.careful_admin import ReadOnly
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.panels import PanelAdmin
from retrieval_site.people import manages_models, signed_in
from retrieval_site.shown_errors import error_show
from workers.models import Job
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase
    from django.urls import URLPattern

JOBS_SHOWN, ACTIVATIONS_SHOWN = 5, 10
REASON_MAX = 2000
SWITCHES = ("activate", "activate-anyway", "challenge", "rollback")
"""Buttons behind a page that asks for the reason and says what speaks for and against it."""


class UploadForm(forms.Form):
    """A bundle and why it is here."""

    bundle = forms.FileField(
        help_text=gettext_lazy("A .zip as docs/bundle.md describes it; it is validated first.")
    )
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)


def _prepare(version: ModelVersion, request: HttpRequest) -> str:
    services.version_prepare(version=version, by=signed_in(request))
    return gettext("{version} is being prepared beside the running model.").format(version=version)


def _index_by(index: VectorIndex) -> Callable[[ModelVersion, HttpRequest], str]:
    def choose(version: ModelVersion, request: HttpRequest) -> str:
        services.version_prepare(version=version, by=signed_in(request), index=index)
        return gettext("{version} gets {label}; meanwhile searches go on as before.").format(
            version=version, label=index.label
        )

    return choose


def _activate_by(*, force: bool) -> Callable[[ModelVersion, HttpRequest], str]:
    def activate(version: ModelVersion, request: HttpRequest) -> str:
        services.version_activate(
            version=version, by=signed_in(request), force=force, reason=_reason(request)
        )
        return gettext("{version} answers searches now.").format(version=version)

    return activate


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").replace("\0", "").strip()[:REASON_MAX]


def _challenge(version: ModelVersion, request: HttpRequest) -> str:
    services.version_activate(
        version=version, by=signed_in(request), alias=services.CHALLENGER, reason=_reason(request)
    )
    return gettext(
        "{version} is the challenger now. Say below how many of the live searches it is asked, too."
    ).format(version=version)


def _challenge_end(version: ModelVersion, request: HttpRequest) -> str:
    challenger_end()
    return gettext("{version} is not the challenger any more; what was found out stays.").format(
        version=version
    )


def _share(version: ModelVersion, request: HttpRequest) -> str:
    percent = _number(request, "percent")
    challenger_share(share=percent / 100)
    return gettext(
        "The challenger is asked {percent} % of the live searches, too, after they were answered."
    ).format(percent=percent)


def _interleave(version: ModelVersion, request: HttpRequest) -> str:
    percent, budget_ms = _number(request, "percent"), _number(request, "budget_ms")
    challenger_interleave(share=percent / 100, budget_ms=budget_ms)
    return gettext(
        "{percent} % of the searches on the pages are drawn from both, where it is there within {budget_ms} ms."
    ).format(percent=percent, budget_ms=budget_ms)


def _number(request: HttpRequest, name: str) -> int:
    """Return a whole number of up to three digits, -1 for anything else."""
    written = request.POST.get(name, "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 4 else -1


def _measure(version: ModelVersion, request: HttpRequest) -> str:
    services.version_measure(version=version, by=signed_in(request))
    return gettext("{version} is asked what people asked before; its page will show how it did.").format(
        version=version
    )


def _learn(version: ModelVersion, request: HttpRequest) -> str:
    version_learn(version=version, by=signed_in(request))
    return gettext(
        "{version} learns from marks; nothing changes for anybody until what comes of it is activated."
    ).format(version=version)


def _rollback(version: ModelVersion, request: HttpRequest) -> str:
    activation = services.version_rollback(by=signed_in(request), reason=_reason(request))
    return gettext("Rolled back: {version} answers searches now.").format(version=activation.version)


def _retire(version: ModelVersion, request: HttpRequest) -> str:
    """Retire it, kept for rollback or not: the page before says what that gives up."""
    services.version_retire(version=version, by=signed_in(request), force=True)
    return gettext("{version} is retired; its vectors are dropped, its bundle is kept.").format(
        version=version
    )


def _validate(version: ModelVersion, request: HttpRequest) -> str:
    services.version_validate(version=version, by=signed_in(request))
    return gettext("{version} is validated again.").format(version=version)


def _delete(version: ModelVersion, request: HttpRequest) -> str:
    key = str(version)
    services.version_delete(version=version)
    return gettext("{key} is deleted.").format(key=key)


def _tag(version: ModelVersion, request: HttpRequest) -> str:
    version_tag(version=version, tags=request.POST.get("tags", "").split(","))
    return gettext("{version} has these tags now: {tags}.").format(
        version=version, tags=", ".join(version.tags) or gettext("none")
    )


ACTIONS: dict[str, Callable[[ModelVersion, HttpRequest], str]] = {
    "prepare": _prepare,
    "activate": _activate_by(force=False),
    "activate-anyway": _activate_by(force=True),
    "measure": _measure,
    "learn": _learn,
    "challenge": _challenge,
    "challenge-end": _challenge_end,
    "share": _share,
    "interleave": _interleave,
    "rollback": _rollback,
    "retire": _retire,
    "validate": _validate,
    "tag": _tag,
    "delete": _delete,
    **{f"index-{index}": _index_by(index) for index in VectorIndex},
}


def _operates(request: HttpRequest) -> bool:
    return manages_models(request.user)


class VersionTagFilter(admin.SimpleListFilter):
    """The versions that have a tag."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return every tag."""
        every = {tag for tags in ModelVersion.objects.values_list("tags", flat=True) for tag in tags}
        return [(tag, tag) for tag in sorted(every)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
        """Return the versions that have the chosen tag."""
        chosen = self.value()
        return queryset.filter(tags__contains=[chosen]) if chosen and "\0" not in chosen else queryset


@admin.register(ModelVersion)
class ModelVersionAdmin(PanelAdmin[ModelVersion]):
    """Model versions, for those who manage them; everything that changes one is a button with a service behind it."""

    list_display = ["key", "state_badges", "tags_shown", "dim", "similarity", "created_at", "created_by"]
    list_filter = ["state", VersionTagFilter, "name"]
    list_select_related = ["created_by"]
    search_fields = ["name", "note"]
    panel_template = "admin/models_admin/modelversion/panel.html"
    buttons = ACTIONS

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        """Fetch the aliases with the rows."""
        return super().get_queryset(request).prefetch_related("aliases")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _operates(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("tags"))
    def tags_shown(self, version: ModelVersion) -> str:
        """Return the tags in a row."""
        return ", ".join(version.tags)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badges(self, version: ModelVersion) -> str:
        """Return the state, and the aliases that point here."""
        words = [(version.state, version.get_state_display())]
        words += [(alias.name, alias.name) for alias in version.aliases.all()]
        return format_html_join(" ", '<span class="state state-{}">{}</span>', words)

    @takes_body(BodyRule("bundle_max_bytes", refusal=may_send(_operates)))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Upload a bundle; its validation starts at once."""
        if not self.has_add_permission(request):
            raise Http404
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid() and (uploaded := self._upload(request, form)):
            return uploaded
        context = {
            **self.admin_site.each_context(request),
            "form": form,
            "title": gettext("Upload a model"),
            "opts": self.opts,
        }
        return render(request, "admin/models_admin/modelversion/upload.html", context)

    def _upload(self, request: HttpRequest, form: UploadForm) -> HttpResponse | None:
        """Keep the bundle and go to its version; None where it is refused at once: the form stands with its note."""
        try:
            version, _ = services.version_upload(
                bundle=form.cleaned_data["bundle"], note=form.cleaned_data["note"], by=signed_in(request)
            )
        except AppError as error:
            error_show(request, error)
            return None
        return HttpResponseRedirect(reverse("admin:models_admin_modelversion_change", args=[version.pk]))

    def get_urls(self) -> list[URLPattern]:
        """Add the catalogue, the bundle's file, and the page that says what is lost before it is."""
        view = self.admin_site.admin_view
        confirm = "<slug:object_id>/confirm/<slug:action>/"
        return [
            *catalogue_urls(),
            path("<slug:object_id>/bundle/", view(self.bundle_view), name=self._url_name("bundle")),
            path(confirm, view(self.confirm_view), name=self._url_name("confirm")),
            *super().get_urls(),
        ]

    def confirm_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Say what retiring or deleting loses, with the button that does it; or at once that it cannot be done."""
        version: ModelVersion = self._row(request, object_id)
        if action in SWITCHES:
            return self._switch_view(request, version, action)
        if action not in LOSSES:
            raise Http404(action)
        try:
            losses = LOSSES[action](version)
        except AppError as error:
            error_show(request, error)
            return HttpResponseRedirect(reverse(f"admin:{self._url_name('change')}", args=[object_id]))
        verb = VERBS[action]
        context = {
            **self.admin_site.each_context(request),
            "version": version,
            "action": action,
            "verb": verb,
            "losses": losses,
            "title": gettext("{verb} {version}?").format(verb=verb, version=version),
            "opts": self.opts,
        }
        return render(request, "admin/models_admin/modelversion/confirm.html", context)

    def _switch_view(self, request: HttpRequest, version: ModelVersion, action: str) -> HttpResponse:
        """Say what the evidence is and what changes, ask for the reason, and offer the button."""
        labels = {name: label for name, label, _ in offered_actions(version)}
        if action not in labels:
            return HttpResponseRedirect(reverse(f"admin:{self._url_name('change')}", args=[version.pk]))
        current = services.champion()
        beside = current if current and current.pk != version.pk else None
        context = {
            **self.admin_site.each_context(request),
            "version": version,
            "action": action,
            "label": labels[action],
            "champion": beside,
            "verdicts": [] if action == "rollback" else verdicts(version, beside),
            "changes": changes_between(version, beside) if beside else [],
            "reason_max": REASON_MAX,
            "title": f"{labels[action]}: {version}" if action != "rollback" else labels[action],
            "opts": self.opts,
        }
        return render(request, "admin/models_admin/modelversion/switch.html", context)

    def action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Do what a button says; from a version that is deleted, go to the list."""
        answer = super().action_view(request, object_id, action)
        if self.get_object(request, object_id) is None:
            return HttpResponseRedirect(reverse(f"admin:{self._url_name('changelist')}"))
        return answer

    def bundle_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Give the bundle back as it was uploaded, to be trained further or taken to another installation."""
        version: ModelVersion = self._row(request, object_id)
        try:
            file = blob_open(version.bundle)
        except AppError as error:
            error_show(request, error)
            return HttpResponseRedirect(reverse(f"admin:{self._url_name('change')}", args=[object_id]))
        name = bundle_name(version)
        export_note(name, version, count=1)
        return FileResponse(file, as_attachment=True, filename=name)

    def panel(self, row: ModelVersion, request: HttpRequest) -> dict[str, Any]:
        """Show one version: what it is, what validation measured, its vectors, its jobs, its buttons."""
        jobs = list(Job.objects.filter(params__version=row.pk).order_by("-created_at")[:JOBS_SHOWN])
        other = compared_with(row)
        challenger = next((alias for alias in row.aliases.all() if alias.name == services.CHALLENGER), None)
        return {
            "version": row,
            "aliases": [alias.name for alias in row.aliases.all()],
            "challenger": challenger,
            "percent": round(100 * challenger.share) if challenger else 0,
            "interleaved": round(100 * challenger.interleaved) if challenger else 0,
            "offered": [
                (*offer, offer[0] in LOSSES or offer[0] in SWITCHES) for offer in offered_actions(row)
            ],
            "facts": [(name, said(row)) for name, said in SAID.items()] if row.manifest else [],
            "other": other,
            "changes": changes_between(row, other) if other and row.manifest else [],
            "activations": list(row.activations.select_related("by", "previous")[:ACTIVATIONS_SHOWN]),
            "quality": reported_quality(row.manifest.get("metrics") or {}),
            "quality_columns": list(COLUMNS.values()),
            "validation": validation_facts(row.report or {}),
            "notes": (row.report or {}).get("notes") or [],
            "deaths": [(datetime.fromisoformat(death["at"]), death["reason"]) for death in row.deaths],
            "panels": panels_for(row, request.user),
            "jobs": jobs,
            "busy": any(not job.is_finished for job in jobs),
        }


@admin.register(Activation)
class ActivationAdmin(ReadOnly, admin.ModelAdmin[Activation]):
    """The log of moved aliases, for those who manage models; read only."""

    list_display = ["at", "alias", "version", "previous", "by", "reason"]
    list_filter = ["alias", "at"]
    list_select_related = ["version", "previous", "by"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _operates(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _operates(request)
