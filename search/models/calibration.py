"""What makes probabilities of a version's scores: fitted by a job, read by every search."""

from __future__ import annotations

from django.db import models

from search.models.collection import Collection


class Calibration(models.Model):
    """How scores of one version become relevance, where a modality asks for a kind of unit.

    It counts for searches of its collection alone; without one, for all that have none of their own. `values` is a
    `search.relevance.fitted.Fitted`; `space_mean` and `space_basis` are its space.
    """

    version = models.ForeignKey(
        "models_admin.ModelVersion", on_delete=models.CASCADE, related_name="calibrations"
    )
    modality = models.CharField(max_length=10, help_text="what searches ask with: image, text or document")
    kind = models.CharField(max_length=20, help_text="the kind of unit that they look for")
    collection = models.ForeignKey(Collection, null=True, blank=True, on_delete=models.CASCADE)
    values = models.JSONField(default=dict)
    space_mean = models.BinaryField(help_text="little-endian float32")
    space_basis = models.BinaryField(help_text="little-endian float32, a row for each direction")
    fitted_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "modality", "kind", "collection"],
                name="calibration_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.modality} → {self.kind}"
