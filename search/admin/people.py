"""Users as the admin edits them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.utils.translation import gettext

from retrieval_site.accounts.models import User
from retrieval_site.accounts.second_factor import second_factor_remove
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import in_readers_language
from retrieval_site.sign_in import forget_account
from search.admin.audited import AuditedAdmin
from search.models import ApiToken, Membership, Query
from search.services.people import check_administrator_stays, person_erase

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

admin.site.unregister(Group)
for hidden in (Authenticator, EmailAddress, EmailConfirmation, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(hidden):  # keys of second factors, and what is set by the environment alone
        admin.site.unregister(hidden)


@admin.register(User)
class PersonAdmin(AuditedAdmin, UserAdmin[User]):
    """Django's own page, but what the site itself notes of a user is only shown."""

    readonly_fields = ["last_login", "date_joined"]
    actions = ["lift_pause", "remove_second_factor"]
    audited = "user"

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Let only superusers give rights: whoever may change people must not make themselves see everything."""
        rights = (
            [] if request.user.is_superuser else ["is_superuser", "is_staff", "groups", "user_permissions"]
        )
        return [*self.readonly_fields, *rights]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let only superusers change superusers, their password first of all."""
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Count what goes with people: naming it would name private collections to whoever may delete people."""
        counts = {
            "users": len(objs),
            "memberships": Membership.objects.filter(user__in=objs).count(),
            gettext("API tokens"): ApiToken.objects.filter(user__in=objs).count(),
            gettext("searches"): Query.objects.filter(user__in=objs).count(),
        }
        allowed = all(self.has_delete_permission(request, user) for user in objs)
        refused: list[str] = []
        try:
            check_administrator_stays(objs)
        except AppError as error:
            refused = [in_readers_language(error.id, error.message)]
        return [str(user) for user in objs], counts, set() if allowed else {"user"}, refused

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Erase the person as `manage.py person erase` does."""
        person_erase(person=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Erase each of them."""
        for person in list(queryset):
            person_erase(person=person)

    @admin.action(
        description=gettext_lazy("Let them sign in again after failed attempts"), permissions=["change"]
    )
    def lift_pause(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Lift the pauses of the chosen accounts."""
        for username in queryset.values_list("username", flat=True):
            forget_account(username)
        messages.success(request, gettext("They can sign in again at once."))

    @admin.action(description=gettext_lazy("Remove their second factors"), permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let people who lost their second factor sign in by their password alone, and set up another."""
        may = [person for person in queryset if _may_touch(request, person)]
        done = sum(second_factor_remove(person=person) for person in may)
        messages.success(request, gettext("Removed the second factors of {done}.").format(done=done))


@admin.register(Group)
class PeopleGroupAdmin(AuditedAdmin, GroupAdmin):
    """Django's own page; what groups may do in collections goes with them.

    Only superusers add or change one: its permissions are rights, and by its name a provider's people are put into it.
    """

    audited = "group"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser) and super().has_change_permission(request, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Count the roles that go with groups, without naming their collections."""
        counts = {"groups": len(objs), "memberships": Membership.objects.filter(group__in=objs).count()}
        allowed = all(self.has_delete_permission(request, group) for group in objs)
        return [str(group) for group in objs], counts, set() if allowed else {"group"}, []


def _may_touch(request: HttpRequest, person: User | None) -> bool:
    return bool(request.user.is_superuser) or person is None or not person.is_superuser
