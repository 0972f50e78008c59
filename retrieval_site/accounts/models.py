"""Users, in a model of this site's own, so that it may get fields later; today it is Django's, in Django's table."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Somebody with an account. The table's name is that of databases which were made before this model."""

    class Meta(AbstractUser.Meta):
        db_table = "auth_user"
