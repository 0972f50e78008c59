"""The registry: immutable model versions, the aliases that point at them, and who moved an alias when."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from retrieval_site.languages.lazy import gettext_lazy


class VersionState(models.TextChoices):
    """A version's life: uploaded → validating → valid → preparing → ready; refused ends it, set aside pauses it."""

    UPLOADED = "uploaded", gettext_lazy("uploaded")
    VALIDATING = "validating", gettext_lazy("validating")
    REFUSED = "refused", gettext_lazy("refused")
    VALID = "valid", gettext_lazy("valid")
    PREPARING = "preparing", gettext_lazy("preparing")
    READY = "ready", gettext_lazy("ready")
    RETIRED = "retired", gettext_lazy("retired")
    SET_ASIDE = "set_aside", gettext_lazy("set aside")


LOADABLE = frozenset({VersionState.VALID, VersionState.PREPARING, VersionState.READY, VersionState.RETIRED})
"""States of versions whose bundle passed validation and that did not end their process since: others are not loaded."""


class VectorIndex(models.TextChoices):
    """How a version's vectors are searched; docs/switching.md says what each costs."""

    HNSW = "hnsw", gettext_lazy("an HNSW index of the vectors")
    TERNARY = "ternary", gettext_lazy("a ternary index, two bits a dimension")
    BINARY = "binary", gettext_lazy("a binary index of the vectors' signs")
    EXACT = "exact", gettext_lazy("no index")


CODED_INDEXES = frozenset({VectorIndex.TERNARY, VectorIndex.BINARY})
"""Indexes of short codes of the vectors, which approximate cosine alone."""


class ModelVersion(models.Model):
    """One immutable two-tower model, known as `name@number`.

    ::

        uploaded ──► validating ──► valid ──► preparing ──► ready ──► retired (vectors dropped)
                          └──► refused      └─────────────┴──► set aside (its process died twice) ──► preparing

    Only `ready` versions can become champion. One that is set aside is not loaded until somebody prepares it again.
    """

    name = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=VersionState.choices, default=VersionState.UPLOADED)
    bundle = models.ForeignKey("workers.Blob", on_delete=models.PROTECT, related_name="+")
    served = models.ForeignKey(
        "workers.Blob",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text="the bundle as converted at validation, where it had no ONNX of its own",
    )
    manifest = models.JSONField(default=dict, blank=True)
    dim = models.PositiveIntegerField(default=0)
    similarity = models.CharField(max_length=10, default="cosine")
    vector_index = models.CharField(max_length=10, choices=VectorIndex.choices, default=VectorIndex.HNSW)
    report = models.JSONField(default=dict, blank=True, help_text="what validation measured")
    judged = models.JSONField(default=dict, blank=True, help_text="what people's judgements say of it")
    deaths = models.JSONField(
        default=list, blank=True, help_text="when and how its encoder's process ended, the latest last"
    )
    error_id = models.CharField(max_length=80, blank=True, default="")
    error = models.TextField(blank=True, default="")
    note = models.TextField(blank=True, default="")
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["name", "-number"]
        constraints = [models.UniqueConstraint(fields=["name", "number"], name="version_name_number_once")]
        permissions = [("manage_models", "Can manage models")]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """Return `name@number`, how people and programs write a version."""
        return f"{self.name}@{self.number}"


class Alias(models.Model):
    """A name that points at a version: `champion` answers searches, `challenger` is compared with it."""

    name = models.CharField(max_length=20, primary_key=True)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    previous = models.ForeignKey(
        ModelVersion,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        help_text="the version before it, kept complete for rollback",
    )
    share = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="of the challenger: the share of live searches that it is asked, too, after they were answered",
    )
    interleaved = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="of the challenger: the share of searches on the pages whose answer is drawn from both rankings",
    )
    budget_ms = models.PositiveSmallIntegerField(
        default=50,
        validators=[MaxValueValidator(500)],
        help_text="of the challenger: for how long such an answer waits for it at most",
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return f"{self.name} → {self.version}"


class Activation(models.Model):
    """One move of an alias: who, when, from what to what, and why."""

    alias = models.CharField(max_length=20)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="activations")
    previous = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(auto_now_add=True)
    reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.alias} → {self.version} at {self.at:%Y-%m-%d %H:%M}"


class LicenceAcceptance(models.Model):
    """Who accepted the licence of a model of the catalogue, and when; the licence as it was called then."""

    model = models.CharField(max_length=63)
    licence = models.CharField(max_length=200)
    url = models.URLField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["model", "licence"], name="licence_accepted_once")]

    def __str__(self) -> str:
        return f"{self.model}: {self.licence}"
