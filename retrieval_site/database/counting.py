"""How many rows there are, at a price that does not grow with them: exactly up to `COUNTED_MAX`, beyond it about.

A number is one plain int: up to `COUNTED_MAX` it is exact, `COUNTED_MAX + 1` says "more than that" and no more, and a
larger one is an estimate. `about` puts each into words.

The planner's estimate of a filtered list draws on all rows of its tables. Ask for it only on behalf of somebody who
may see all of them; anybody else is told "more than 20,000".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import IntegerField, QuerySet, Subquery
from django.utils.functional import cached_property
from django.utils.translation import gettext
from psycopg import sql

if TYPE_CHECKING:
    from django.db.models import Model

COUNTED_MAX = 20_000
"""As many rows are counted, and listed page by page: reading them takes milliseconds."""
SIGNIFICANT_DIGITS = 2
_FEW = sql.SQL("SELECT count(*) FROM (SELECT FROM {} counted LIMIT %s) few")
_EXPLAIN = sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM {} counted")
_ROWS = "SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)"


class BoundedCount(Subquery):
    """The number of a queryset's rows as a value of each row of another, `COUNTED_MAX + 1` where there are more."""

    template = "(SELECT count(*) FROM (%(subquery)s) few)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet[Any], **extra: Any) -> None:
        super().__init__(_few(rows), **extra)


def counted(rows: QuerySet[Any], *, estimated: bool = False, sooner: QuerySet[Any] | None = None) -> int:
    """Return how many rows there are, `COUNTED_MAX + 1` for more; with `estimated` the planner's estimate of those.

    `sooner`: rows that are as many, or also more than are counted, and found in less time.
    """
    number = _few(rows if sooner is None else sooner).count()
    if number <= COUNTED_MAX or not estimated:
        return number
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))[0]["Plan"]
    return max(number, int(plan["Plan Rows"]))


def counted_in(rows: sql.Composable, using: str = "default") -> int:
    """Return how many rows a FROM has, the planner's estimate of many."""
    with connections[using].cursor() as cursor:
        cursor.execute(_FEW.format(rows), [COUNTED_MAX + 1])
        number = int(cursor.fetchone()[0])
        if number <= COUNTED_MAX:
            return number
        cursor.execute(_EXPLAIN.format(rows))
        return max(number, int(cursor.fetchone()[0][0]["Plan"]["Plan Rows"]))


def is_large(model: type[Model], using: str = "default") -> bool:
    """Return whether a table has more rows than are counted, by the statistics of its last VACUUM or ANALYZE."""
    with connections[using].cursor() as cursor:
        cursor.execute(_ROWS, [model._meta.db_table])
        found = cursor.fetchone()
    return bool(found and found[0] and found[0] > COUNTED_MAX)


def is_about(number: int) -> bool:
    """Return whether a number of `counted` is no exact one."""
    return number > COUNTED_MAX


def about(number: int) -> str:
    """Return a number of `counted` in words, in the reader's language."""
    if not is_about(number):
        return str(intcomma(number))
    if number == COUNTED_MAX + 1:
        return gettext("more than {number}").format(number=intcomma(COUNTED_MAX))
    return gettext("about {number}").format(number=intcomma(_rounded(number)))


def _rounded(number: int) -> int:
    return round(number, SIGNIFICANT_DIGITS - len(str(number)))


def _few(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.order_by().values("pk")[: COUNTED_MAX + 1]


class BoundedPaginator(Paginator[Any]):
    """Pages of the first `COUNTED_MAX` rows: a page further behind would read all before it.

    `count` is a number of `counted`, `sooner` may be set to what that takes.
    """

    def __init__(self, rows: QuerySet[Any], per_page: int, *args: Any, estimated: bool = False) -> None:
        super().__init__(rows, per_page, *args)
        self._rows, self._estimated = rows, estimated
        self.sooner: QuerySet[Any] | None = None

    @cached_property
    def count(self) -> int:
        """How many rows there are, about where they are many."""
        return counted(self._rows, estimated=self._estimated, sooner=self.sooner)

    @cached_property
    def num_pages(self) -> int:
        """How many pages can be opened."""
        listed = min(self.count, COUNTED_MAX)
        return max(1 if self.allow_empty_first_page else 0, -(-listed // self.per_page))

    def page(self, number: int | str) -> Page[Any]:
        """Return a page. One further behind is looked up by its keys, so that what rows say is read of it alone."""
        number = self.validate_number(number)
        rows, bottom = self._rows, (number - 1) * self.per_page
        if bottom:
            keys = rows.values_list("pk", flat=True)[bottom : bottom + self.per_page]
            rows = rows.filter(pk__in=list(keys))
        return Page(rows[: self.per_page], number, self)

    @property
    def is_cut(self) -> bool:
        """Whether rows are left that no page shows."""
        return is_about(self.count)

    @property
    def listed_max(self) -> int:
        """How many rows pages show at most."""
        return COUNTED_MAX
