from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from retrieval_site.accounts.adopt import users_adopt


class Command(migrate.Command):
    help = "Django's own, after the users of a database from before our user model are taken over."

    def handle(self, *args: Any, **options: Any) -> None:
        if users_adopt(connections[options["database"]]):
            self.stdout.write("The users that are here already are kept.")
        super().handle(*args, **options)
