"""People who were invited by e-mail and have not come yet."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from retrieval_site.config import LANGUAGE_NAMES
from search.models.collection import Collection, Membership


class Invitation(models.Model):
    """A message with a link that one person takes once; only its key's SHA-256 is kept. Taken or withdrawn, it goes."""

    email = models.EmailField("e-mail address")
    language = models.CharField(max_length=10, choices=[*LANGUAGE_NAMES.items()], default="en")
    digest = models.CharField(max_length=64, editable=False)
    groups = models.ManyToManyField(Group, blank=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.email


class InvitedRole(models.Model):
    """A role in a collection that comes with an invitation."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="roles")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="invited_roles")
    role = models.CharField(max_length=10, choices=Membership.Role.choices, default=Membership.Role.READER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invitation", "collection"], name="invited_role_once"),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.collection}"
