"""What the API answers about what versions are worth: evaluation sets, their results, and answers side by side."""

from __future__ import annotations

from rest_framework import serializers

from search.api.answers import Answer, HitAnswer, JobAnswer, QueryPartAnswer
from search.models import EvaluationSet

LETTERS = ("a", "b")
PREFERENCES = (*LETTERS, "neither")


class EvaluationSetAnswer(Answer):
    """Queries with known answers. It is frozen; what is deleted elsewhere leaves it, too."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    source = serializers.ChoiceField(choices=EvaluationSet.Source.choices)  # type: ignore[assignment]
    collection = serializers.CharField(allow_null=True, help_text="where it asks; null: where people asked")
    relevant_from = serializers.IntegerField(help_text="the lowest grade that counts as relevant")
    size = serializers.IntegerField(help_text="queries that it was made with")
    note = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_null=True)


class EvaluationSetDetailAnswer(EvaluationSetAnswer):
    """A set with how many of its queries are still there."""

    queries = serializers.IntegerField()


class EvaluationQueryAnswer(Answer):
    """A query of a set; `search` and `document` say what asks, where it is a judged search or a document's own."""

    place = serializers.IntegerField()
    name = serializers.CharField()
    modality = serializers.CharField()
    target = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    search = serializers.UUIDField(allow_null=True)
    document = serializers.IntegerField(allow_null=True)
    grades = serializers.DictField(child=serializers.IntegerField(), help_text="by the ids of documents")


class EstimateAnswer(Answer):
    """A mean, or a difference of means, with its 95 % interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class MeasuresAnswer(Answer):
    """What was measured, as shares from 0 to 1, or how far one version is ahead of another."""

    r_at_1 = EstimateAnswer()
    r_at_10 = EstimateAnswer()
    mrr = EstimateAnswer()
    ndcg_at_10 = EstimateAnswer()


class AgainstAnswer(Answer):
    """How far the version was ahead of the champion of then, on the queries that both answered."""

    model = serializers.CharField(help_text="name@version")
    queries = serializers.IntegerField()
    differences = MeasuresAnswer()


class VersionCostAnswer(Answer):
    """What the version cost on this machine; null what it cannot do, or what was not known."""

    device = serializers.CharField(allow_blank=True)
    photo_ms = serializers.FloatField(allow_null=True, help_text="to encode one alone, without decoding it")
    caption_ms = serializers.FloatField(allow_null=True)
    memory_bytes = serializers.IntegerField(allow_null=True, help_text="what the encoder's process held")
    index_bytes = serializers.IntegerField(allow_null=True)


class CoveredAnswer(Answer):
    """Of a kind of unit: how many there were, had a vector, cannot have one, and were missing."""

    kind = serializers.CharField()
    total = serializers.IntegerField()
    stored = serializers.IntegerField()
    broken = serializers.IntegerField()
    missing = serializers.IntegerField()


class EvaluationResultAnswer(Answer):
    """How well a version answered one direction of a set at one time."""

    id = serializers.IntegerField()
    model = serializers.CharField(help_text="name@version")
    direction = serializers.CharField(help_text="what asks and what is found, as `image → passages`")
    at = serializers.DateTimeField()
    queries = serializers.IntegerField(help_text="that were answered")
    left_out = serializers.IntegerField(help_text="that this version cannot be asked")
    measures = MeasuresAnswer(allow_null=True, help_text="null where no query was answered")
    against = AgainstAnswer(allow_null=True, help_text="null for the champion itself")
    cost = VersionCostAnswer()
    coverage = CoveredAnswer(many=True)


class EvaluationStartedAnswer(Answer):
    """The jobs that measure, one for each version."""

    jobs = JobAnswer(many=True)


class StandingHitAnswer(HitAnswer):
    """A hit, and where its document stands in the other answer."""

    other_rank = serializers.IntegerField(allow_null=True, help_text="null: not among its first ten")
    up = serializers.IntegerField(help_text="places that it stands higher here; below 0, lower")


class SideAnswer(Answer):
    """One of two answers. `model` is null until the preference of a blind one is said."""

    name = serializers.ChoiceField(choices=LETTERS)
    model = serializers.CharField(allow_null=True, help_text="name@version")
    results = StandingHitAnswer(many=True)


class SideBySideAnswer(Answer):
    """One question that two versions were asked. `models` are the two, in the order of their names."""

    id = serializers.UUIDField()
    query = serializers.UUIDField(help_text="by which hits of either answer are judged")
    parts = QueryPartAnswer(many=True)
    models = serializers.ListField(child=serializers.CharField())
    blind = serializers.BooleanField()
    preference = serializers.ChoiceField(choices=PREFERENCES, allow_null=True)
    created_at = serializers.DateTimeField()


class SideBySideDetailAnswer(SideBySideAnswer):
    """Both answers; `shared`: documents that are in both."""

    sides = SideAnswer(many=True)
    shared = serializers.IntegerField()


class PreferencesAnswer(Answer):
    """How often `model` was preferred to `other` blindly; of each rater and question the last word counts."""

    model = serializers.CharField(help_text="name@version")
    other = serializers.CharField(help_text="name@version")
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    ties = serializers.IntegerField()
    probability = serializers.FloatField(
        help_text="the sign test's: of a majority at least as clear where both are as good"
    )
    counts = serializers.BooleanField(help_text="whether there are enough to count at the gate")
    says = serializers.CharField()


class PreferencesListAnswer(Answer):
    """Preferences of the versions that the caller may compare."""

    results = PreferencesAnswer(many=True)


class ByTurnsAnswer(Answer):
    """What answers drawn from both rankings say: in how many searches more of whose documents were liked."""

    wins = serializers.IntegerField(
        help_text="searches in which more of the challenger's were opened or marked"
    )
    losses = serializers.IntegerField(help_text="more of the champion's")
    ties = serializers.IntegerField(help_text="as many of both")
    silent = serializers.IntegerField(help_text="nothing was opened or marked")
    late = serializers.IntegerField(help_text="dropped: the challenger was not there in time")
    failed = serializers.IntegerField(help_text="dropped: the challenger could not answer")
    waited_ms = serializers.FloatField(help_text="by which such answers came later, the median")
    probability = serializers.FloatField(
        help_text="the sign test's: of a majority at least as clear where both are as good"
    )
    counts = serializers.BooleanField(help_text="whether there are enough to count at the gate")


class ChallengerAnswer(Answer):
    """How the challenger is compared with the model that answers, and what was found."""

    model = serializers.CharField(help_text="name@version")
    share = serializers.FloatField(help_text="of live searches that it is asked, too, afterwards; 0 to 1")
    interleaved = serializers.FloatField(help_text="of searches on the pages, answered from both; 0 to 1")
    budget_ms = serializers.IntegerField(help_text="for which such an answer waits for it at most")
    by_turns = ByTurnsAnswer(allow_null=True)
