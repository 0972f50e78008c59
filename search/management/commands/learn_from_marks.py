from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from models_admin.job_types import LEARN
from models_admin.learning import version_learn
from models_admin.services import version_find
from search.adapting.from_set import set_learn
from search.evaluation.making import evaluation_set_find
from search.models import Collection
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = (
        "Learn an adapter for a model version from what people marked, or from an evaluation set; "
        "ends with a next version that is ready."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "model", nargs="?", default="champion", help="name@number or an alias; default champion"
        )
        parser.add_argument(
            "--collection", help="learn from marks on this collection's documents alone (its slug)"
        )
        parser.add_argument(
            "--evaluation-set",
            help="learn from this set's queries and answers in place of marks (its name or id)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        version = version_find(options["model"])
        if options["evaluation_set"]:
            job = set_learn(evaluation_set=evaluation_set_find(options["evaluation_set"]), version=version)
        else:
            job = version_learn(version=version, collection=_collection(options["collection"]))
        found = LEARN.result_of(self.complete(job))
        self.stdout.write(found.said or "")
        if found.new:
            self.stdout.write(
                self.style.SUCCESS(f"{found.new} is ready: manage.py activate_model {found.new}")
            )


def _collection(slug: str | None) -> int | None:
    if not slug:
        return None
    found: int | None = Collection.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no collection {slug}.")
    return found
