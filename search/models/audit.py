"""Who did what: one row for each, which nothing changes afterwards."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper

SEARCHED = ("actor", "target_name", "target_id", "token", "request_id")
"""Columns in which the page and the API look for a part of a name."""


class AuditEntry(models.Model):
    """One thing that somebody did.

    A trigger refuses to change or delete rows; only their age ends them, and erasing a person takes the name away.
    Nothing here is a foreign key: an entry outlives the person, the collection and the document that it names. What a
    change did to each document, and why a model was activated, stands in `ChangeSet` and `Activation`, which undo and
    rollback need; those go with their collection or model, so `detail` here names them and says the essence.
    """

    at = models.DateTimeField("time", auto_now_add=True)
    action = models.CharField(max_length=40)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(
        max_length=150, blank=True, default="", help_text="the user name, as it was then"
    )
    via = models.CharField(max_length=10, help_text="page, api, admin, job or system")
    token = models.CharField(max_length=100, blank=True, default="")
    target_type = models.CharField(max_length=40, blank=True, default="")
    target_id = models.CharField(max_length=64, blank=True, default="")
    target_name = models.CharField("to what", max_length=300, blank=True, default="")
    collection_id = models.BigIntegerField(null=True)
    detail = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering = ["-id"]
        verbose_name = "entry of the audit log"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["action", "-id"], name="audit_action"),
            models.Index(fields=["actor_id", "-id"], name="audit_actor"),
            # For whoever looks for a part of a name (search/services/audit.py).
            GinIndex(
                *(OpClass(Upper(name), name="gin_trgm_ops") for name in SEARCHED),
                name="audit_trigrams",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_name}".strip()
