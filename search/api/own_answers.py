"""What the API answers about people's own searches: those they made and saved, suggestions, photos in a batch."""

from __future__ import annotations

from rest_framework import serializers

from search.api.answers import Answer, DocumentBriefAnswer, HitAnswer, JobAnswer, QueryPartAnswer
from search.models import SavedSearch


class PartAnswer(QueryPartAnswer):
    """One thing that a search asked with. `document` is null where the caller may not see it any more."""

    photo = serializers.CharField(allow_null=True, help_text="address of the photo's small copy")


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


class BatchPhotoAnswer(Answer):
    """A photo of a batch with its best documents."""

    name = serializers.CharField()
    photo = serializers.CharField(allow_null=True, help_text="address of its small copy")
    results = HitAnswer(many=True)
