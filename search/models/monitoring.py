"""What is measured of the index and of searches, and the settings of search that people derived from it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

DIRECTION_FIELDS = ["version", "kind", "modality", "index", "-at"]


class RecallMeasurement(models.Model):
    """recall@10 of a version's index of one kind of unit, for kept searches that asked with one modality.

    `setting` is what searches go by: of the HNSW index `ef_search`, of the others the number of candidates whose
    vectors are compared. `ladder` is `[[setting, recall], …]`, `smallest` the first of it that reaches the target.
    """

    version = models.ForeignKey(
        "models_admin.ModelVersion", on_delete=models.CASCADE, related_name="recall_measurements"
    )
    kind = models.CharField(max_length=20, help_text="the kind of unit that was looked for")
    modality = models.CharField(max_length=10, help_text="what searches asked with")
    index = models.CharField(max_length=10, help_text="hnsw, ternary or binary")
    at = models.DateTimeField(auto_now_add=True)
    queries = models.PositiveIntegerField()
    rows = models.BigIntegerField(help_text="vectors in the table")
    setting = models.PositiveIntegerField()
    recall = models.FloatField(help_text="mean recall@10 at this setting, 0 to 1")
    low = models.FloatField(help_text="the lower end of its 95 % interval")
    high = models.FloatField()
    target = models.FloatField()
    smallest = models.PositiveIntegerField(
        null=True, help_text="the smallest setting that reaches the target"
    )
    ladder = models.JSONField(default=list)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=DIRECTION_FIELDS, name="recall_direction_at")]
        verbose_name_plural = "health of the index and of searches"

    def __str__(self) -> str:
        return f"{self.modality} → {self.kind}: {self.recall:.3f}"

    @property
    def best_setting(self) -> int | None:
        """The smallest setting that reaches the target, else the smallest of those that find most; None untried."""
        if self.smallest is not None or not self.ladder:
            return self.smallest
        most = max(share for _, share in self.ladder)
        return min(int(tried) for tried, share in self.ladder if share == most)


class DriftMeasurement(models.Model):
    """How far a week's searches differ from the reference, by the population stability index of their best scores.

    `chance` is what the index stays below in 95 % of cases where nothing has changed, for so many searches.
    """

    version = models.ForeignKey(
        "models_admin.ModelVersion", on_delete=models.CASCADE, related_name="drift_measurements"
    )
    kind = models.CharField(max_length=20)
    modality = models.CharField(max_length=10)
    at = models.DateTimeField(auto_now_add=True)
    psi = models.FloatField(help_text="population stability index")
    chance = models.FloatField()
    queries = models.PositiveIntegerField()
    reference = models.CharField(max_length=20, help_text="calibration or earlier")
    reference_queries = models.PositiveIntegerField()

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["version", "kind", "modality", "-at"], name="drift_direction_at")]

    def __str__(self) -> str:
        return f"{self.modality} → {self.kind}: {self.psi:.3f}"


class SearchSetting(models.Model):
    """A setting by which a version is searched from then on, until it is undone or another one is applied.

    The newest row that is not undone counts; without one, what `search/retrieval/dense.py` says. Without a modality it
    was measured for the whole table, and counts where none of the modality does.
    """

    version = models.ForeignKey(
        "models_admin.ModelVersion", on_delete=models.CASCADE, related_name="search_settings"
    )
    kind = models.CharField(max_length=20)
    modality = models.CharField(max_length=10)
    index = models.CharField(max_length=10)
    value = models.PositiveIntegerField(help_text="ef_search, or candidates of an index of short codes")
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["version", "kind"], name="search_setting_version")]

    def __str__(self) -> str:
        return f"{self.modality or 'anything'} → {self.kind}: {self.value}"
