from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from models_admin.job_types import LEARN
from models_admin.learning import version_learn
from models_admin.services import version_find
from search.models import Collection
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Learn an adapter for a model version from what people marked; ends with a next version that is ready."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "model", nargs="?", default="champion", help="name@number or an alias; default champion"
        )
        parser.add_argument(
            "--collection", help="learn from marks on this collection's documents alone (its slug)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        version, collection = version_find(options["model"]), None
        if options["collection"]:
            collection = (
                Collection.objects.filter(slug=options["collection"]).values_list("pk", flat=True).first()
            )
            if collection is None:
                raise CommandError(f"There is no collection {options['collection']}.")
        found = LEARN.result_of(self.complete(version_learn(version=version, collection=collection)))
        self.stdout.write(found.said or "")
        if found.new:
            self.stdout.write(
                self.style.SUCCESS(f"{found.new} is ready: manage.py activate_model {found.new}")
            )
