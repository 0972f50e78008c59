"""The shapes that the API answers with, for the schema; `presenting.py` builds the values without their cost."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from models_admin.models import VersionState
from search.api.place_answers import PlaceOnPageAnswer
from search.api.why_answers import WhyAnswer
from search.models import Collection, CollectionField, Membership
from search.retrieval.types import MATCHES, RETRIEVER_NAMES, STRENGTHS
from search.units.image import ImageAnswer
from search.units.registry import unit_kinds
from workers.inference.ocr.types import KINDS
from workers.models import JobState

if TYPE_CHECKING:
    from search.units.kind import UnitAnswer

Answer = serializers.Serializer[Any]


_FIELDS: dict[type, type[serializers.Field[Any, Any, Any, Any]]] = {
    str: serializers.CharField,
    int: serializers.IntegerField,
    float: serializers.FloatField,
}


@cache
def answer_of(shape: type[UnitAnswer]) -> type[Answer]:
    """Return the serializer of what the API says of a unit; a field's metadata are its serializer field's options."""
    types = get_type_hints(shape)
    named = {field.name: _FIELDS[types[field.name]](**field.metadata) for field in fields(shape)}
    return type(shape.__name__, (Answer,), {"__doc__": shape.__doc__, **named})


class DocumentBriefAnswer(Answer):
    """A document in a list of hits."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    collection = serializers.SlugField()
    title = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField())
    metadata = serializers.DictField()


class DocumentFileAnswer(Answer):
    """The file that a document was made of."""

    name = serializers.CharField()
    kind = serializers.CharField(help_text="such as `pdf`")
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField()
    pages = serializers.IntegerField()
    url = serializers.CharField(allow_null=True, help_text="null where the collection keeps no files")
    notes = serializers.ListField(child=serializers.CharField(), help_text="what of it was left out")


class FormerFileAnswer(Answer):
    """A file that a document was made of until it was replaced."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="such as `pdf`")
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField()
    url = serializers.CharField(allow_null=True, help_text="null where the collection kept no files")
    created_at = serializers.DateTimeField()
    replaced_at = serializers.DateTimeField()


class DocumentAnswer(DocumentBriefAnswer):
    """A document with all that was stored of it."""

    body = serializers.CharField(allow_blank=True)
    split_pending = serializers.BooleanField(
        help_text="a long text whose passages a job has yet to make: until then its words are not found"
    )
    images = answer_of(ImageAnswer)(many=True)
    file = DocumentFileAnswer(allow_null=True, help_text="null where it was made of none")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class HitAnswer(Answer):
    """One result. `relevance` is null where the model has no calibration for what was asked and looked for."""

    rank = serializers.IntegerField()
    score = serializers.FloatField(help_text="bigger is closer; compare within one answer only")
    relevance = serializers.FloatField(allow_null=True, help_text="probability that it is relevant, 0 to 1")
    strength = serializers.ChoiceField(
        choices=STRENGTHS, allow_null=True, help_text="null where nothing is known"
    )
    document = DocumentBriefAnswer()
    near_duplicates = DocumentBriefAnswer(
        many=True, help_text="with `collapse`: documents that are nearly the same, for which this one stands"
    )

    place = PlaceOnPageAnswer(allow_null=True, help_text="null where its document has no such page")
    why = WhyAnswer(allow_null=True, help_text="with `explain`: of the first ten hits, where it can be told")

    def get_fields(self) -> dict[str, Any]:
        """Add the unit that was found, under the name of its kind; the other kinds are null."""
        units = {kind.name: answer_of(kind.shown.answer)(allow_null=True) for kind in unit_kinds()}
        return {**super().get_fields(), **units}


class QueryPartAnswer(Answer):
    """One thing that was asked with, and how much it counts. `document` is null where somebody else asked."""

    modality = serializers.ChoiceField(choices=["image", "text", "document", "embedding"])
    weight = serializers.FloatField()
    text = serializers.CharField(allow_blank=True)
    document = serializers.IntegerField(allow_null=True)
    crop = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="of a photo: the part that counts, null for all",
    )
    turn = serializers.IntegerField(help_text="of a photo: degrees, clockwise")


class MarksAnswer(Answer):
    """How many documents, marked in the answer of `query`, moved a search."""

    query = serializers.UUIDField()
    relevant = serializers.IntegerField()
    not_relevant = serializers.IntegerField()


class QueryAnswer(Answer):
    """The kept query; `url` opens its result page for whoever may see the documents."""

    id = serializers.UUIDField(allow_null=True, help_text="null where the search is not kept")
    modality = serializers.ChoiceField(
        choices=["image", "text", "document", "embedding", "composed"], help_text="composed: of several parts"
    )
    parts = QueryPartAnswer(many=True)
    model = serializers.CharField(help_text="name@version")
    url = serializers.CharField(allow_null=True, help_text="null where the search is not kept")
    marks = MarksAnswer(allow_null=True, help_text="null where no marks moved it")


class PlanAnswer(Answer):
    """How the candidates were found."""

    kind = serializers.ChoiceField(choices=["ann", "ternary", "binary", "exact", "lexical"])
    ef_search = serializers.IntegerField(allow_null=True)
    candidates = serializers.IntegerField(allow_null=True, help_text="null where somebody else asked")
    retrievers = serializers.ListField(
        child=serializers.ChoiceField(choices=RETRIEVER_NAMES),
        help_text="those that were asked",
    )


class MendedAnswer(Answer):
    """The words of a search as they were written and, with misspelt ones mended, searched for."""

    asked = serializers.CharField()
    searched = serializers.CharField()


class TextReadAnswer(Answer):
    """A line or a barcode that was read in the photo."""

    text = serializers.CharField()
    box = serializers.ListField(
        child=serializers.FloatField(),
        min_length=4,
        max_length=4,
        help_text="left, top, width and height as fractions of the upright photo",
    )
    kind = serializers.ChoiceField(choices=KINDS)
    confidence = serializers.FloatField(help_text="0 to 1")


class WarningAnswer(Answer):
    """What did not stop a search but should be known of its answer."""

    id = serializers.CharField()
    message = serializers.CharField(help_text="a sentence for people")
    detail = serializers.DictField()


class FacetValueAnswer(Answer):
    """A value of a field, and how many documents have it."""

    value = serializers.CharField()
    documents = serializers.IntegerField()


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string", "format": "date-time"}]})
class EndField(serializers.Field[Any, Any, Any, Any]):
    """The least or greatest value of a field: a number or a moment."""


class FacetAnswer(Answer):
    """Values of a field among the documents that pass all other filters, those of the most documents first."""

    field = serializers.CharField()
    type = serializers.ChoiceField(choices=CollectionField.Type.choices)
    values = FacetValueAnswer(many=True)
    more = serializers.BooleanField(
        help_text="whether there are values that are not listed: GET fields/values/"
    )
    least = EndField(allow_null=True)
    greatest = EndField(allow_null=True)


class FieldAnswer(Answer):
    """A field that documents have. The counts are those of the last time that a job looked."""

    name = serializers.CharField()
    type = serializers.ChoiceField(choices=CollectionField.Type.choices)
    documents = serializers.IntegerField(help_text="how many have it")
    distinct_values = serializers.IntegerField(help_text="at most so many; of several collections, their sum")


class FieldsAnswer(Answer):
    """The fields of collections."""

    results = FieldAnswer(many=True)


class SearchResultAnswer(Answer):
    """What a search found."""

    query = QueryAnswer()
    results = HitAnswer(many=True)
    facets = FacetAnswer(many=True, allow_null=True, help_text="null where none was asked for")
    match = serializers.ChoiceField(
        choices=MATCHES,
        allow_null=True,
        help_text="whether anything fits: `none` where all hits are weak; null where nothing is known",
    )
    next = serializers.CharField(allow_null=True, help_text="send it as `next` for the page after this")
    unknown_words = serializers.ListField(
        child=serializers.CharField(), help_text="words of the text that the model does not know"
    )
    mended = MendedAnswer(allow_null=True, help_text="`as_written` searches for the words as they are")
    text_read = TextReadAnswer(
        many=True, allow_null=True, help_text="null where nobody asked for it, or it is not read"
    )
    warnings = WarningAnswer(many=True)
    plan = PlanAnswer()
    timings_ms = serializers.DictField(child=serializers.FloatField())


class EmbeddingAnswer(Answer):
    """One vector in a model's joint space."""

    embedding = serializers.ListField(child=serializers.FloatField())
    dim = serializers.IntegerField()
    model = serializers.CharField(help_text="name@version")
    warnings = WarningAnswer(many=True)


class CollectionAnswer(Answer):
    """A collection; `role` is the caller's own, null for nobody's place in it."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    visibility = serializers.ChoiceField(choices=Collection.Visibility.choices)
    language = serializers.CharField(help_text="of its texts")
    keep_originals = serializers.BooleanField(help_text="whether pictures keep their metadata")
    keep_files = serializers.BooleanField(help_text="whether documents' files can be opened")
    character_recognition = serializers.ChoiceField(choices=["none", "pages", "all"])
    documents = serializers.IntegerField(help_text="how many; exact up to 20,000, an estimate of more")
    role = serializers.ChoiceField(choices=Membership.Role.choices, allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CollectionDetailAnswer(CollectionAnswer):
    """A collection with its members, who are shown to its curators only (null for others)."""

    curators = serializers.ListField(child=serializers.CharField(), allow_null=True)
    judges = serializers.ListField(child=serializers.CharField(), allow_null=True)
    readers = serializers.ListField(child=serializers.CharField(), allow_null=True)
    curator_groups = serializers.ListField(child=serializers.CharField(), allow_null=True)
    judge_groups = serializers.ListField(child=serializers.CharField(), allow_null=True)
    reader_groups = serializers.ListField(child=serializers.CharField(), allow_null=True)


class GuestLinkAnswer(Answer):
    """A link by which people without an account read a collection until it ends."""

    id = serializers.IntegerField()
    note = serializers.CharField(allow_blank=True)
    ends_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_null=True, help_text="null: somebody who is gone")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewGuestLinkAnswer(GuestLinkAnswer):
    """A new link with its address, which is told this once."""

    url = serializers.CharField(help_text="its key stands behind the `#`")


class FailureAnswer(Answer):
    """Why something failed."""

    id = serializers.CharField()
    message = serializers.CharField()


class JobAnswer(Answer):
    """A long piece of work and how far it is."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    state = serializers.ChoiceField(choices=JobState.choices)
    request = serializers.CharField(
        allow_blank=True, help_text="`cancel` or `pause` while it is being obeyed"
    )
    stage = serializers.CharField(allow_blank=True)
    total = serializers.IntegerField(allow_null=True)
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True, help_text="items per second")
    seconds_left = serializers.FloatField(allow_null=True)
    result = serializers.DictField()
    error = FailureAnswer(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class JobItemAnswer(Answer):
    """An item that failed, with its reason."""

    id = serializers.IntegerField()
    key = serializers.CharField(help_text="a line, a file or an external id")
    error_id = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class UndoableAnswer(Answer):
    """What undoing an import would do now."""

    documents = serializers.IntegerField(help_text="documents that would be removed")
    judgements = serializers.IntegerField(help_text="judgements of them, which go with them")
    changed_since = serializers.IntegerField(
        help_text="documents that it created and somebody else changed: they stay"
    )


class CalibrationAnswer(Answer):
    """How scores become relevance where `modality` asks for a `kind` of unit; `collection` is null for all."""

    modality = serializers.CharField()
    kind = serializers.CharField()
    collection = serializers.CharField(allow_null=True)
    source = serializers.ChoiceField(choices=["pairs", "judgements"])  # type: ignore[assignment]
    queries = serializers.IntegerField()
    hits = serializers.IntegerField(help_text="labelled hits that it was fitted to")
    relevant = serializers.IntegerField(help_text="those of them that are relevant")
    calibration_error = serializers.FloatField(
        allow_null=True,
        help_text="expected, on queries that were left out of the fit; null where they were too few",
    )
    fitted_at = serializers.DateTimeField()


class VersionAnswer(Answer):
    """A model version; `error`, `report`, `judged`, `calibrations` and `note` are for staff (null for others)."""

    model = serializers.CharField(help_text="name@version")
    name = serializers.CharField()
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=VersionState.choices)
    aliases = serializers.ListField(child=serializers.CharField())
    tags = serializers.ListField(child=serializers.CharField())
    dim = serializers.IntegerField()
    similarity = serializers.CharField()
    modalities = serializers.ListField(child=serializers.CharField())
    targets = serializers.ListField(child=serializers.CharField(), help_text="what can be looked for")
    licence = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    metrics = serializers.DictField()
    error = FailureAnswer(allow_null=True)
    report = serializers.DictField(allow_null=True)
    judged = serializers.DictField(allow_null=True, help_text="what people's judgements say of it")
    calibrations = CalibrationAnswer(many=True, allow_null=True)
    note = serializers.CharField(allow_null=True, allow_blank=True)
    created_at = serializers.DateTimeField()
