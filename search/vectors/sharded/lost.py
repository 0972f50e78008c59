"""Parts whose server lost them: made anew, empty, for encoding to fill.

Vectors can always be made again, so a server that burnt down costs time and no document. A part is lost where the
server at its address answers and has no such table, or where the setting names its server no more and it does not
answer; that one's parts are made on another server then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection, transaction
from psycopg import sql
from psycopg.errors import UndefinedTable

from retrieval_site.errors import AppError
from search.indexing.locks import version_lock
from search.vectors.index import parts_index_build
from search.vectors.sharded.index import parts_state
from search.vectors.sharded.layout import parts_named
from search.vectors.sharded.servers import shards
from search.vectors.sharded.setting_up import LEFT
from search.vectors.sharded.tables import part_create_there, part_place
from search.vectors.tables import VectorTable, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models_admin.models import ModelVersion
    from search.vectors.sharded.layout import VectorPart
    from search.vectors.sharded.servers import Shard

PATIENCE_MS = 5000
"""How long a part is waited for: one that is taken for away while its server is slow would be made anew, empty."""
_ANY_ROW = sql.SQL("SELECT unit_id FROM {} LIMIT 1")
_FORGET_LEFT = sql.SQL("DELETE FROM {} WHERE part = ANY(%s)").format(sql.Identifier(LEFT))


class PartState(Enum):
    """Whether a part can be read."""

    THERE = "there"
    LOST = "lost"
    """Its server answers and has no such table."""
    AWAY = "away"


@dataclass(frozen=True)
class PartsMade:
    """A table of which some parts were made anew, and how many there are."""

    table: VectorTable
    made: int
    parts: int


def part_state(part: VectorPart) -> PartState:
    """Ask for a row of a part by way of our database."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            cursor.execute(_ANY_ROW.format(part.identifier))
    except DatabaseError as error:
        if not connection.is_usable():
            raise
        return PartState.LOST if isinstance(error.__cause__, UndefinedTable) else PartState.AWAY
    return PartState.THERE


def require_parts(parts: Sequence[VectorPart]) -> None:
    """Raise AppError `shards.part_lost` or `shards.away` where a part cannot be read."""
    for part in parts:
        state = part_state(part)
        if state == PartState.LOST:
            raise AppError("shards.part_lost", part=part.name, place=_place_of(part))
        if state == PartState.AWAY:
            raise AppError("shards.away", place=_place_of(part))


def _place_of(part: VectorPart) -> str:
    return next((shard.place for shard in shards() if shard.name == part.server), part.server)


def parts_rebuild(version: ModelVersion) -> Iterator[PartsMade]:
    """Make the lost parts of a version's tables anew, empty and indexed as the others.

    Raises AppError `shards.none`, and `shards.away` where a server of the setting does not answer, which may have all
    its vectors still; JobDeferred while a job makes this version's vectors.
    """
    with version_lock(version):
        for table in tables_of(version):
            parts = parts_named(table.name)
            if parts and (places := _lost_places(parts)):
                _make_anew(table, parts, places, version.dim)
                yield PartsMade(table, len(places), len(parts))


def _lost_places(parts: Sequence[VectorPart]) -> list[int]:
    if not shards():
        raise AppError("shards.none")
    named, lost = {shard.name for shard in shards()}, []
    for place, part in enumerate(parts):
        state = part_state(part)
        if state == PartState.AWAY and part.server in named:
            raise AppError("shards.away", place=_place_of(part))
        if state != PartState.THERE:
            lost.append(place)
    return lost


def _make_anew(table: VectorTable, parts: Sequence[VectorPart], places: Sequence[int], dim: int) -> None:
    names = [parts[place].name for place in places]
    made = []
    for place in places:
        shard = _shard_for(parts[place], place)
        part_create_there(shard, parts[place].name, dim)
        made.append(replace(parts[place], server=shard.name))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FORGET_LEFT, [names])
        for place, part in zip(places, made, strict=True):
            if part.server != parts[place].server:
                for name in (part.name, part.near):
                    cursor.execute(sql.SQL("DROP FOREIGN TABLE {}").format(sql.Identifier(name)))
                part_place(table.name, part, dim, modulus=len(parts), remainder=place)
    _, index = parts_state(table.name) or (0, None)
    if index:
        parts_index_build(made, index, dim)


def _shard_for(part: VectorPart, place: int) -> Shard:
    """Return the part's own server, or another for one that the setting names no more."""
    return next((shard for shard in shards() if shard.name == part.server), shards()[place % len(shards())])
