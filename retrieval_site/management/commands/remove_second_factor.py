"""Take away somebody's second factors, such as the only administrator's who lost theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from retrieval_site.accounts.second_factor import second_factor_remove

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Takes away the second factors of somebody who lost theirs; their password alone lets them in again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        person = get_user_model().objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"There is no user “{username}”.")
        removed = second_factor_remove(person=person)
        self.stdout.write(f"{username} has no second factor {'any more' if removed else 'set up'}.")
