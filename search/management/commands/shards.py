from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from models_admin.models import ModelVersion
from retrieval_site.database.vector_servers import servers_standing
from retrieval_site.errors import AppError
from search.indexing.added import tables_make
from search.services.documents import encode_soon
from search.vectors.sharded.layout import parts_named
from search.vectors.sharded.lost import PartState, part_state, parts_rebuild, require_parts
from search.vectors.sharded.missing import strays, strays_sweep
from search.vectors.sharded.reaching import reaches
from search.vectors.sharded.rebalance import rebalance, rows_of_parts
from search.vectors.sharded.servers import answers, shards
from search.vectors.sharded.setting_up import servers_forget, set_up
from search.vectors.tables import table_names
from workers.jobs.errors import JobDeferred

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser

    from search.vectors.sharded.layout import VectorPart
    from search.vectors.sharded.servers import Shard
    from search.vectors.tables import VectorTable


class Command(BaseCommand):
    help = "Keep vectors on several PostgreSQL servers (VECTOR_SHARDS): set them up, look at them, move vectors there."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser(
            "set-up", help="make what the servers need, here and there; again for new addresses"
        )
        actions.add_parser("status", help="which servers answer, and how many vectors each has")
        actions.add_parser("rebalance", help="move every table to the servers that VECTOR_SHARDS names now")
        actions.add_parser(
            "rebuild",
            help="set up, make anew, empty, what a server or a restored site lacks, and have its vectors computed",
        )
        actions.add_parser("sweep", help="delete the vectors of units that are gone")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        works = {
            "set-up": self.set_up,
            "status": self.status,
            "rebalance": self.rebalance,
            "rebuild": self.rebuild,
            "sweep": self.sweep,
        }
        try:
            works[action]()
        except AppError as error:
            raise CommandError(f"{error} ({error.id})") from error
        except JobDeferred as error:
            raise CommandError("A job makes this version's vectors. Wait for it, or pause it.") from error

    def set_up(self) -> None:
        self._set_up()
        if any(part_state(part) == PartState.LOST for _, parts in self._tables() for part in parts):
            words = "A server lacks tables that it had. Run “manage.py shards rebuild” if its data is lost."
            self.stdout.write(self.style.WARNING(words))

    def _set_up(self) -> None:
        if not shards():
            raise AppError("shards.none")
        set_up()
        self.stdout.write(self.style.SUCCESS(f"{len(shards())} servers are set up."))

    def status(self) -> None:
        for shard in shards():
            self.stdout.write(f"{shard.place}: {_answering(shard)}")
        for table, parts in self._tables():
            require_parts(parts)
            counts = rows_of_parts(parts)
            gone = sum(len(some) for part in parts for some in strays(table, part))
            each = " + ".join(f"{count:,}" for count in counts)
            self.stdout.write(
                f"{table.name}: {sum(counts):,} vectors ({each}), {gone:,} of units that are gone"
            )

    def rebalance(self) -> None:
        moved = 0
        for version in ModelVersion.objects.order_by("pk"):
            for one in rebalance(version, lambda done: self.stdout.write(f"{done:,} vectors", ending="\r")):
                self.stdout.write(f"{one.table.name}: {one.vectors:,} vectors moved.")
                moved += 1
        if forgotten := servers_forget():
            self.stdout.write(
                f"{forgotten} servers that hold nothing any more are forgotten, passwords included."
            )
        self.stdout.write(self.style.SUCCESS("Done." if moved else "Everything lies where it should."))

    def rebuild(self) -> None:
        if shards():
            self._set_up()
        fresh = tables_make()
        for table in fresh:
            self.stdout.write(f"{table.name}: made, empty.")
        made = [one for version in ModelVersion.objects.order_by("pk") for one in parts_rebuild(version)]
        for one in made:
            self.stdout.write(f"{one.table.name}: {one.made} of {one.parts} parts made anew, empty.")
        if shards():
            servers_forget()
        is_begun = made or fresh or not shards()  # tables on this server alone may be made by migrating
        if is_begun:
            encode_soon()
        words = "A job computes the vectors that are missing." if is_begun else "Nothing was lost."
        self.stdout.write(self.style.SUCCESS(words))

    def sweep(self) -> None:
        swept = sum(strays_sweep(table, parts) for table, parts in self._tables())
        self.stdout.write(self.style.SUCCESS(f"{swept:,} vectors of units that are gone were deleted."))

    def _tables(self) -> Iterator[tuple[VectorTable, tuple[VectorPart, ...]]]:
        for table in table_names():
            if parts := parts_named(table.name):
                yield table, parts


def _answering(shard: Shard) -> str:
    """Say whether a server answers us, and the database, which asks it in searches."""
    if not answers(shard):
        return "does not answer"
    if shard.name not in servers_standing(DEFAULT_DB_ALIAS):
        return "is not set up"
    return "answers" if reaches(shard.name, DEFAULT_DB_ALIAS) else "does not answer the database"
