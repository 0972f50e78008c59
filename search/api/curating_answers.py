"""What the API answers to curators: sources, changes, the trash, fields, and the quality of a collection."""

from __future__ import annotations

from rest_framework import serializers

from search.api.answers import Answer, DocumentBriefAnswer, FailureAnswer, JobAnswer
from search.curating.quality import QUALITIES
from search.models import ChangedDocument, ChangeSet, CollectionField, Source

ACTIONS = ChangeSet.Action.choices


class CollectionSourceAnswer(Answer):
    """What is read again and again for a collection. `round` is the job of its newest round that stored."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Source.Kind.choices)
    address = serializers.CharField()
    options = serializers.DictField(help_text="by its kind")
    every_hours = serializers.IntegerField(allow_null=True, help_text="null: only when it is asked for")
    paused = serializers.BooleanField()
    owner = serializers.CharField(allow_null=True, help_text="in whose name its rounds run")
    round = serializers.UUIDField(allow_null=True)
    next_round_at = serializers.DateTimeField(allow_null=True)
    complete_at = serializers.DateTimeField(
        allow_null=True, help_text="when a round last listed all there was"
    )
    created_at = serializers.DateTimeField()


class SourceRoundAnswer(Answer):
    """A round of a source, or a dry run; `job.result` counts what it found."""

    dry_run = serializers.BooleanField()
    job = JobAnswer()


class ChangeCountsAnswer(Answer):
    """How many documents of a change are in which state; `same` were so already."""

    waiting = serializers.IntegerField()
    done = serializers.IntegerField()
    same = serializers.IntegerField()
    left = serializers.IntegerField(help_text="that could not be changed, and stayed as they were")


class ChangeAnswer(Answer):
    """A change of documents. `job` is null where it was done at once."""

    id = serializers.IntegerField()
    action = serializers.ChoiceField(choices=ACTIONS)
    tags = serializers.ListField(child=serializers.CharField(), allow_null=True)
    key = serializers.CharField(allow_null=True)
    value = serializers.JSONField(allow_null=True)
    collection = serializers.CharField(
        allow_null=True, help_text="where documents moved to or back from, if you may see it"
    )
    keep = serializers.IntegerField(allow_null=True, help_text="the document that others were merged into")
    by = serializers.CharField(allow_null=True)
    documents = ChangeCountsAnswer()
    job = JobAnswer(allow_null=True)
    undoes = serializers.IntegerField(allow_null=True)
    undone_by = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class ChangedDocumentAnswer(Answer):
    """What a change did to one document: of what it touches, what was there before and after."""

    document = serializers.IntegerField()
    title = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=ChangedDocument.State.choices)
    error = FailureAnswer(allow_null=True, help_text="why it was left as it was")
    before = serializers.DictField()
    after = serializers.DictField()


class TrashedDocumentAnswer(Answer):
    """A document in the trash, by the id under which it comes back."""

    document = serializers.IntegerField()
    external_id = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    deleted_by = serializers.CharField(allow_null=True)
    deleted_at = serializers.DateTimeField()


class TrashEmptiedAnswer(Answer):
    """How many documents went for good."""

    removed = serializers.IntegerField()


class CollectionFieldAnswer(Answer):
    """A field of a collection's documents: what its values are, how it is shown, and what it may hold."""

    name = serializers.CharField(help_text="`tags`, or `metadata.` and a key")
    type = serializers.ChoiceField(choices=CollectionField.Type.choices, help_text="of all its values")
    documents = serializers.IntegerField()
    distinct_values = serializers.IntegerField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    place = serializers.IntegerField(help_text="0: behind those that have one")
    is_facet = serializers.BooleanField(help_text="whether it is offered as a filter")
    wanted_type = serializers.CharField(allow_blank=True, help_text="empty: any")
    vocabulary = serializers.ListField(child=serializers.CharField(), help_text="empty: any value")


class CollectionFieldsAnswer(Answer):
    """All fields of a collection, in their order."""

    results = CollectionFieldAnswer(many=True)


QualityFiguresAnswer = type(
    "QualityFiguresAnswer",
    (serializers.Serializer,),
    {
        "__doc__": "How many documents have which lack.",
        **{
            name: serializers.IntegerField(help_text=f"documents {words}")
            for name, (words, _) in QUALITIES.items()
        },
    },
)


class LanguageCountAnswer(Answer):
    """A language by how many documents are in it."""

    value = serializers.CharField()
    documents = serializers.IntegerField()


class QualityAnswer(Answer):
    """A collection at a glance."""

    documents = serializers.IntegerField()
    figures = QualityFiguresAnswer()
    languages = LanguageCountAnswer(many=True)
    language_field = serializers.CharField(allow_blank=True)
    oldest = serializers.DateTimeField(allow_null=True)
    newest = serializers.DateTimeField(allow_null=True)


class DuplicateGroupAnswer(Answer):
    """Documents that are the same or nearly so, the oldest first."""

    documents = DocumentBriefAnswer(many=True)


class DuplicatesAnswer(Answer):
    """The first groups of duplicates; `job` is the newest that looked for them."""

    results = DuplicateGroupAnswer(many=True)
    job = JobAnswer(allow_null=True)
