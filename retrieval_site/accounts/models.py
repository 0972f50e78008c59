"""Users: Django's, in Django's table, and what this site keeps of them beside."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models


class User(AbstractUser):
    """Somebody with an account. The table's name is that of databases which were made before this model."""

    closed_announcements = ArrayField(
        models.BigIntegerField(),
        default=list,
        db_default=[],  # while an update goes on, processes of the version before add people without it
        blank=True,
        editable=False,
        help_text="what they have read and closed; a page has the account at hand, and asks for nothing more",
    )

    class Meta(AbstractUser.Meta):
        db_table = "auth_user"
