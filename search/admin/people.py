"""Users as the admin edits them."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin[User]):
    """Django's own page, but what the site itself notes of a user is only shown."""

    readonly_fields = ["last_login", "date_joined"]
