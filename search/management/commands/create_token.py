"""Make a key for a program and print it once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from retrieval_site.errors import AppError
from search.models import ApiToken
from search.services.tokens import token_create

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Make an API token for a user. The key is printed once and kept nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="made by create_token", help="what the token is for")
        parser.add_argument(
            "--scope",
            action="append",
            choices=ApiToken.Scope.values,
            help="may be given twice; default: read",
        )
        parser.add_argument("--days", type=int, help="days until it expires; default: never")

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_user_model().objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']!r}.")
        days = options["days"]
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        scopes = options["scope"] or [ApiToken.Scope.READ]
        try:
            _, key = token_create(user=user, name=options["name"], scopes=scopes, expires_at=expires_at)
        except AppError as error:
            raise CommandError(error.message) from error
        self.stdout.write(key)
