"""Curating collections: who may see them, who curates, what is in them, and the way in for files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.people import signed_in
from search.admin.audited import AuditedAdmin
from search.admin.curated import CuratedAdmin, is_staff
from search.admin.importing import import_checked_view, import_keeping_view, import_view
from search.admin.versions import VersionedForm
from search.models import Collection, Document, Judgement, Membership
from search.services.collections import COLLECTION_FIELDS, SLUGS_RESERVED
from search.services.documents import encode_soon
from search.services.members import NAME_MAX, members_audited
from workers.error_table import sentence

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern

    from search.querysets import CollectionQuerySet


class CollectionForm(VersionedForm[Collection]):
    """A collection as its curator edits it."""

    compared = COLLECTION_FIELDS

    class Meta:
        model = Collection
        fields = COLLECTION_FIELDS
        error_messages = {"slug": {"unique": sentence("collection.slug_not_available")}}

    def clean_slug(self) -> str:
        """Refuse what is reserved in the same words as what is taken, which could be a private collection's."""
        slug: str = self.cleaned_data["slug"]
        if slug in SLUGS_RESERVED and slug != self.instance.slug:
            raise forms.ValidationError(sentence("collection.slug_not_available"), code="unique")
        return slug


class MembershipForm(forms.ModelForm[Membership]):
    """A user or a group by name: curators need not see the list of all."""

    username = forms.CharField(
        max_length=NAME_MAX,
        required=False,
        label=gettext_lazy("User name"),
        widget=forms.TextInput(
            attrs={"aria-label": gettext_lazy("User name"), "placeholder": gettext_lazy("user name")}
        ),
    )
    group_name = forms.CharField(
        max_length=NAME_MAX,
        required=False,
        label="or group",
        widget=forms.TextInput(
            attrs={"aria-label": gettext_lazy("Group"), "placeholder": gettext_lazy("or group")}
        ),
    )

    class Meta:
        model = Membership
        fields = ["username", "group_name", "role"]
        widgets = {"role": forms.Select(attrs={"aria-label": gettext_lazy("Role")})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.user:
            self.initial["username"] = self.instance.user.get_username()
        if self.instance.group:
            self.initial["group_name"] = self.instance.group.name

    def clean_username(self) -> str:
        """Find the user; the field's error says when there is none."""
        username: str = self.cleaned_data["username"]
        self.instance.user = _named(get_user_model().objects.filter(username=username), username, "user")
        return username

    def clean_group_name(self) -> str:
        """Find the group; the field's error says when there is none."""
        name: str = self.cleaned_data["group_name"]
        self.instance.group = _named(Group.objects.filter(name=name), name, "group")
        return name

    def clean(self) -> dict[str, Any] | None:
        """Take a user or a group, not both."""
        if not self.errors and bool(self.instance.user) == bool(self.instance.group):
            raise forms.ValidationError(gettext("Name a user or a group."))
        return super().clean()


def _named(found: QuerySet[Any], name: str, what: str) -> Any:
    """Return whom a field names, None where it is empty; raises ValidationError where there is nobody."""
    holder = found.first() if name else None
    if name and holder is None:
        raise forms.ValidationError(gettext("There is no {what} “{name}”.").format(what=what, name=name))
    return holder


class MembershipFormSet(forms.BaseInlineFormSet[Membership, Collection, forms.ModelForm[Membership]]):
    """The rows of members; each tick that removes one says whom."""

    def add_fields(self, form: Any, index: int | None) -> None:
        """Label the tick, for it stands alone in its cell."""
        super().add_fields(form, index)
        name = form.initial.get("username") or form.initial.get("group_name", "this member")
        form.fields["DELETE"].widget.attrs["aria-label"] = gettext("Remove {name}").format(name=name)

    def clean(self) -> None:
        """Take each user and each group once."""
        super().clean()
        kept = [form.instance for form in self.forms if form not in self.deleted_forms and form.has_changed()]
        kept += [form.instance for form in self.initial_forms if not form.has_changed()]
        holders = [(member.user_id, member.group_id) for member in kept]
        if len(set(holders)) < len(holders):
            raise forms.ValidationError(gettext("Name each user and each group once."))


class MembershipInline(admin.TabularInline[Membership, Collection]):
    """The roles of users and groups in one collection."""

    model = Membership
    verbose_name = "member"
    form = MembershipForm
    formset = MembershipFormSet
    template = "admin/search/collection/members.html"
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # the collection's own check stands before it

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission


@admin.register(Collection)
class CollectionAdmin(AuditedAdmin, CuratedAdmin):
    """Collections with their number of documents and a button to import into them."""

    form = CollectionForm
    collection_path = "pk"
    audited = "collection"
    list_display = ["name", "slug", "visibility", "documents_link", "import_link", "updated_at"]
    list_filter = ["visibility"]
    search_fields = ["name", "slug", "description"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MembershipInline]
    change_form_template = "admin/search/collection/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the documents in the same query as the rows."""
        return cast("CollectionQuerySet", super().get_queryset(request)).counted()

    @admin.display(description=gettext_lazy("documents"), ordering="document_count")
    def documents_link(self, collection: Any) -> str:
        """Return the count as a link to the documents."""
        url = f"{reverse('admin:search_document_changelist')}?collection__id__exact={collection.pk}"
        return format_html('<a href="{}">{}</a>', url, collection.document_count)

    @admin.display(description=gettext_lazy("import"))
    def import_link(self, collection: Any) -> str:
        """Return the link to the import page."""
        return format_html(
            '<a href="{}">Import…</a>', reverse("admin:search_collection_import", args=[collection.pk])
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Any staff member may open a collection; they become its curator."""
        return is_staff(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_staff(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Any staff member may look at the list, which shows them their own."""
        return is_staff(request) if obj is None else super().has_view_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Save the row; a job writes its words anew where the language is another one."""
        super().save_model(request, obj, form, change)
        if change and "language" in form.changed_data:
            encode_soon(owner=signed_in(request))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Make whoever opens a collection its curator: nobody locks themselves out."""
        with members_audited(form.instance):
            super().save_related(request, form, formsets, change)
            if not change:
                Membership.objects.get_or_create(
                    collection=form.instance,
                    user=signed_in(request),
                    defaults={"role": Membership.Role.CURATOR},
                )

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Count what goes with the collections: naming every passage would take a page of millions of lines."""
        counts = {
            "collections": len(objs),
            "documents": Document.objects.filter(collection__in=objs).count(),
            "judgements": Judgement.objects.filter(document__collection__in=objs).count(),
        }
        allowed = all(self.has_delete_permission(request, collection) for collection in objs)
        return [str(collection) for collection in objs], counts, set() if allowed else {"collection"}, []

    def get_urls(self) -> list[URLPattern]:
        """Add the import page and the buttons after a dry run and after a refused column."""
        view = self.admin_site.admin_view
        return [
            path("<int:collection_id>/import/", view(import_view), name="search_collection_import"),
            path(
                "import-checked/<uuid:job_id>/",
                view(require_POST(import_checked_view)),
                name="search_collection_import_checked",
            ),
            path(
                "import-keeping/<uuid:job_id>/",
                view(require_POST(import_keeping_view)),
                name="search_collection_import_keeping",
            ),
            *super().get_urls(),
        ]
