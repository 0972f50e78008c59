"""What the API answers about people's own searches: those they made and saved, suggestions, photos in a batch."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from search.api.answers import (
    Answer,
    DocumentBriefAnswer,
    FailureAnswer,
    HitAnswer,
    JobAnswer,
    QueryPartAnswer,
    answer_of,
)
from search.models import JudgingQueue, SavedSearch
from search.retrieval.types import MATCHES
from search.units.registry import unit_kinds


class PartAnswer(QueryPartAnswer):
    """One thing that a search asked with. `document` is null where the caller may not see it any more."""

    photo = serializers.CharField(allow_null=True, help_text="address of the photo's small copy")


class AskedAnswer(Answer):
    """What a search asked with."""

    id = serializers.UUIDField()
    parts = PartAnswer(many=True)


class MadeSearchAnswer(Answer):
    """One of the caller's own searches; `saved` is the id under which it is saved."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    parts = PartAnswer(many=True)
    target = serializers.CharField()
    collections = serializers.ListField(child=serializers.CharField())
    filters = serializers.DictField()
    saved = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class SavedSearchAnswer(Answer):
    """A search that its asker keeps by a name."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    search = MadeSearchAnswer()
    alerts = serializers.ChoiceField(choices=SavedSearch.Alerts.choices)
    new = serializers.IntegerField(help_text="documents found for it that its owner has not seen")
    created_at = serializers.DateTimeField()


class FindingAnswer(Answer):
    """A new document that fits a saved search."""

    document = DocumentBriefAnswer()
    found_at = serializers.DateTimeField()
    seen = serializers.BooleanField()


class SuggestionAnswer(Answer):
    """Words to search for; with `document`, the document whose external id they are."""

    kind = serializers.ChoiceField(choices=["recent", "identifier", "title"])
    text = serializers.CharField()
    document = serializers.IntegerField(allow_null=True)
    title = serializers.CharField(allow_blank=True, help_text="of the document")
    url = serializers.CharField(allow_null=True, help_text="of the document's page")


class SuggestionsAnswer(Answer):
    """What somebody may be about to write."""

    suggestions = SuggestionAnswer(many=True)


class UploadAnswer(Answer):
    """A file that comes in pieces. `job` is null until it is imported."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    collection = serializers.CharField()
    batch = serializers.UUIDField(allow_null=True)
    length = serializers.IntegerField(help_text="bytes of the file")
    offset = serializers.IntegerField(help_text="bytes that are there")
    expires_at = serializers.DateTimeField()
    job = serializers.UUIDField(allow_null=True)


class PhotoBatchAnswer(Answer):
    """Many photos that were sent together. `job` is null where it is gone."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    target = serializers.CharField()
    collections = serializers.ListField(child=serializers.CharField())
    model = serializers.CharField(allow_null=True, help_text="name@version")
    limit = serializers.IntegerField(help_text="documents for each photo")
    job = JobAnswer(allow_null=True)
    created_at = serializers.DateTimeField()


class JudgementAnswer(Answer):
    """One's own grade of a document for a query."""

    id = serializers.IntegerField()
    query = serializers.UUIDField()
    document = serializers.IntegerField()
    collection = serializers.SlugField()
    external_id = serializers.CharField()
    grade = serializers.IntegerField(min_value=0, max_value=3)
    comment = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AgreementAnswer(Answer):
    """How far raters agree."""

    alpha = serializers.FloatField(
        allow_null=True, help_text="Krippendorff's, ordinal; null where it is not defined"
    )
    pairs = serializers.IntegerField(help_text="that two or more people judged")


class JudgingQueueAnswer(Answer):
    """A queue of pairs to judge; `done` and `skipped` are the caller's."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    collection = serializers.CharField()
    source = serializers.ChoiceField(choices=JudgingQueue.Source.choices)  # type: ignore[assignment]
    pairs = serializers.IntegerField()
    done = serializers.IntegerField(help_text="judged or skipped")
    skipped = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class JudgingQueueDetailAnswer(JudgingQueueAnswer):
    """A queue with the agreement of its raters; `error`: why a job found no pairs for it."""

    agreement = AgreementAnswer()
    error = FailureAnswer(allow_null=True)


class JudgingPairAnswer(Answer):
    """The search and the document to judge, by `POST /judgements/` with `query.id` and `document.id`."""

    id = serializers.IntegerField()
    query = AskedAnswer()
    document = DocumentBriefAnswer()

    def get_fields(self) -> dict[str, Any]:
        """Add the unit that was found, under the name of its kind; the other kinds are null."""
        units = {kind.name: answer_of(kind.shown.answer)(allow_null=True) for kind in unit_kinds()}
        return {**super().get_fields(), **units}


class NextPairAnswer(Answer):
    """The pair that is next for the caller; null at the end of the queue."""

    pair = JudgingPairAnswer(allow_null=True)
    queue = JudgingQueueAnswer()


class BatchPhotoAnswer(Answer):
    """A photo of a batch with its best documents."""

    name = serializers.CharField()
    photo = serializers.CharField(allow_null=True, help_text="address of its small copy")
    match = serializers.ChoiceField(
        choices=MATCHES, allow_null=True, help_text="whether anything fits; null: not known"
    )
    results = HitAnswer(many=True)
