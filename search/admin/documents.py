"""Curating documents: search, filters, pictures and passages in place; every change goes through the one door."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminURLFieldWidget
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef
from django.forms.fields import InvalidJSONInput
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.database.counting import COUNTED_MAX, BoundedCount, BoundedPaginator
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import in_readers_language
from retrieval_site.people import signed_in
from search.admin.curated import CuratedAdmin, CuratedCollectionFilter, curates_something
from search.admin.versions import VersionedForm
from search.curating.editing import document_edit, document_trash, documents_trash
from search.curating.naming import documents_named
from search.curating.selection import WORDS_MAX
from search.models import Collection, Document, DocumentImage, Passage
from search.services.document_fields import (
    DOCUMENT_TEXT_BYTES,
    IMAGES_MAX,
    DocumentFields,
    ImageInput,
    check_record,
)
from search.services.document_files import made_of_files
from search.services.document_pictures import document_images
from search.services.uploads import read_picture
from search.services.versions import collection_lock
from workers.formats.bounded_json import JsonError, load_json
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

THUMBNAIL_PX = 160
WITH_PICTURES = BodyRule(
    "picture_max_bytes",
    files=IMAGES_MAX,
    text_bytes=DOCUMENT_TEXT_BYTES,
    refusal=may_send(curates_something),
)


class ManyFilesInput(forms.ClearableFileInput):
    """A file input that takes several files."""

    allow_multiple_selected = True


class PicturesField(forms.FileField):
    """Any number of pictures."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[bytes]]:
        """Return the files; the form stores them, since how depends on the collection."""
        return [super(PicturesField, self).clean(file, initial) for file in data or [] if file]


class MetadataField(forms.JSONField):
    """A JSON object as text, within the bounds of all JSON from outside."""

    def to_python(self, value: Any) -> Any:
        """Return the object; raises ValidationError for what is none, or no JSON that is read here."""
        if not isinstance(value, str) or not value.strip():
            return {}
        try:
            found = load_json(value)
        except JsonError as error:
            raise ValidationError(
                gettext("This is not JSON that is read here: {error}.").format(error=error), code="invalid"
            ) from error
        if not isinstance(found, dict):
            raise ValidationError(gettext('Write a JSON object, such as {"kind": "pump"}.'), code="invalid")
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the form shows again: the value, or the text where that is no JSON that is read here."""
        try:
            return load_json(data or "null")
        except JsonError:
            return InvalidJSONInput(data)


class RemovePicturesField(forms.ModelMultipleChoiceField[DocumentImage]):
    """The document's pictures as checkboxes with thumbnails."""

    def label_from_instance(self, obj: DocumentImage) -> str:
        return _thumbnail(obj)


class DocumentForm(VersionedForm[Document]):
    """A document as its curator edits it."""

    compared = ("title", "body", "url", "tags", "metadata")

    remove_images: Any = RemovePicturesField(
        DocumentImage.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=gettext_lazy("Pictures to remove"),
    )
    add_images = PicturesField(required=False, allow_empty_file=True, label=gettext_lazy("Pictures to add"))
    url = forms.URLField(
        required=False,
        max_length=1000,
        assume_scheme="https",
        label="URL",
        widget=AdminURLFieldWidget,
    )

    metadata = MetadataField(required=False, initial=dict)

    class Meta:
        model = Document
        fields = ["collection", "external_id", "title", "body", "url", "tags", "metadata"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            field: Any = self.fields["remove_images"]
            field.queryset = self.instance.images.all()
        if "tags" in self.fields:
            self.fields["tags"].required = False

    def stored_now(self) -> Document | None:
        """Return the document as it is now; in the order in which others lock."""
        collection_lock(self.instance.collection)
        return super().stored_now()

    def clean(self) -> dict[str, Any]:
        """Hold the document against the same rules as an import; the form shows what is wrong."""
        values = super().clean()
        if self.errors:
            return values
        try:
            of_file = bool(self.instance.pk and made_of_files([self.instance.pk]))
            images = self.kept_and_added()
            check_record(self._value("external_id"), self.document_fields(), images, of_file=of_file)
        except AppError as error:
            field = error.detail.get("field")
            self.add_error(
                field if field in self.fields else None, in_readers_language(error.id, error.message)
            )
        return values

    def clean_add_images(self) -> list[ImageInput]:
        """Store each picture as the collection keeps it; the error has the id of what is wrong with one."""
        collection = self.cleaned_data.get("collection") or getattr(self.instance, "collection", None)
        if collection is None:
            return []
        return [image for file in self.cleaned_data["add_images"] for image in _stored(file, collection)]

    def document_fields(self) -> DocumentFields:
        """Return what the form says, as the service wants it."""
        tags = tuple(self.cleaned_data.get("tags") or ())
        words = {name: self.cleaned_data.get(name) or "" for name in ("title", "body", "url")}
        return DocumentFields(**words, tags=tags, metadata=self.cleaned_data.get("metadata") or {})

    def kept_and_added(self) -> tuple[ImageInput, ...]:
        """Return the document's pictures after this edit, in order."""
        removed = {image.pk for image in self.cleaned_data.get("remove_images") or ()}
        stored = self.instance.images.all() if self.instance.pk else ()
        kept = [ImageInput(i.blob_id, i.width, i.height, i.alt) for i in stored if i.pk not in removed]
        known = {image.blob_id for image in kept}
        return (*kept, *(image for image in self.cleaned_data["add_images"] if image.blob_id not in known))

    def _value(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or getattr(self.instance, name))


def _stored(file: UploadedFile[bytes], collection: Collection) -> list[ImageInput]:
    try:
        return document_images([partial(read_picture, file)], collection)
    except (PictureError, AppError) as error:
        said = in_readers_language(error.id, error.message)
        raise ValidationError(f"{file.name}: {said} ({error.id})", code=error.id) from error


class CreatedByFilter(admin.SimpleListFilter):
    """The documents that one import created; offered only where its page leads here."""

    title = "import"
    parameter_name = "import"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the import that was asked for."""
        wanted = request.GET.get(self.parameter_name)
        return [(wanted, gettext("created by this import"))] if wanted else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the documents of that import; none where the id is no id."""
        if not self.value():
            return queryset
        try:
            return queryset.filter(import_job=UUID(self.value()))
        except ValueError:
            return queryset.none()


@admin.register(Document)
class DocumentAdmin(CuratedAdmin):
    """Documents of the collections that the user curates."""

    form = DocumentForm
    list_display = ["title_or_id", "collection", "tags_shown", "passage_count", "image_count", "updated_at"]
    list_filter = [("collection", CuratedCollectionFilter), CreatedByFilter, "updated_at"]
    list_select_related = ["collection"]
    list_per_page = 50
    ordering = ["id"]
    search_fields = ["title", "external_id"]
    search_help_text = gettext_lazy("Words of a text, or a part of a title, external id or other identifier.")
    readonly_fields = ["passages_shown", "created_at", "updated_at"]
    change_form_template = "admin/search/document/change_form.html"

    @takes_body(WITH_PICTURES)
    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show and take the form of a new document."""
        return super().add_view(request, *args, **kwargs)

    @takes_body(WITH_PICTURES)
    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show and take the form of a document."""
        return super().change_view(request, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count passages and pictures in the same query as the rows."""
        counts = {
            "passage_total": BoundedCount(Passage.objects.filter(document=OuterRef("pk"))),
            "image_total": BoundedCount(DocumentImage.objects.filter(document=OuterRef("pk"))),
        }
        rows: QuerySet[Any] = super().get_queryset(request).annotate(**counts)
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep the documents that are named so: looking for a part of each text would read every text."""
        if not (words := search_term.replace("\0", "").strip()[:WORDS_MAX]):
            return queryset, False
        collections = list(Collection.objects.curated_by(request.user).only("pk", "language"))
        if not queryset.query.where:
            named = documents_named(collections, words, most=COUNTED_MAX + 1)
            request.counted_sooner = Document.objects.filter(named)  # type: ignore[attr-defined]
        return queryset.filter(documents_named(collections, words)), False

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> BoundedPaginator:
        """Return the list's pages; those of a search without filters are counted sooner."""
        pages = super().get_paginator(request, queryset, *args, **kwargs)
        pages.sooner = getattr(request, "counted_sooner", None)
        return pages

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Say first what the document is; offer to remove pictures only where there are some."""
        words = ["collection", "external_id", "title", "body", "url", "tags", "metadata", "version"]
        pictures = ["remove_images", "add_images"] if obj and obj.images.exists() else ["add_images"]
        return [*words, *pictures, *(self.readonly_fields if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A document's collection and external id are its identity: fixed once it is there."""
        fixed = ["collection", "external_id"] if obj else []
        return [*fixed, *self.readonly_fields]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only collections that the user curates."""
        if db_field.name == "collection":
            kwargs["queryset"] = Collection.objects.curated_by(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("document"), ordering="title")
    def title_or_id(self, document: Any) -> str:
        """Return what a person recognises."""
        return str(document)

    @admin.display(description=gettext_lazy("tags"))
    def tags_shown(self, document: Any) -> str:
        """Return the tags, separated by commas."""
        return ", ".join(document.tags)

    @admin.display(description=gettext_lazy("passages"), ordering="passage_total")
    def passage_count(self, document: Any) -> int:
        """Return how many passages the body was split into."""
        return int(document.passage_total)

    @admin.display(description=gettext_lazy("pictures"), ordering="image_total")
    def image_count(self, document: Any) -> int:
        """Return how many pictures the document has."""
        return int(document.image_total)

    @admin.display(description=gettext_lazy("passages"))
    def passages_shown(self, document: Any) -> str:
        """Return the passages as they are embedded."""
        if document.pk is None:
            return gettext("The body is split into passages when it is saved.")
        rows = ((p.start, p.end, p.text) for p in document.passages.all())
        shown = format_html_join("", '<p class="passage"><small>{}–{}</small> {}</p>', rows) or SafeString(
            "–"
        )
        if document.split_pending:
            return SafeString("<p>The text is long: a job is splitting it into passages.</p>") + shown
        return shown

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Save through the service, and ask for the vectors of what is new."""
        saved = document_edit(
            collection=obj.collection,
            external_id=obj.external_id,
            fields=form.document_fields(),
            images=form.kept_and_added(),
            by=signed_in(request),
        )
        obj.pk = saved.pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Nothing is left to save: passages and pictures went with the document."""

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        document_trash(document=obj, by=signed_in(request))
        self._say_where(request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        documents_trash(documents=queryset, by=signed_in(request))
        self._say_where(request)

    def _say_where(self, request: HttpRequest) -> None:
        self.message_user(
            request, gettext("Curators find what was deleted in the trash of its collection."), messages.INFO
        )


def _thumbnail(image: DocumentImage) -> str:
    url = f"{reverse('search:image', args=[image.blob_id])}?w={THUMBNAIL_PX}"
    return format_html(
        '<img class="thumbnail" src="{}" alt="{}" loading="lazy">', url, image.alt or str(image)
    )
