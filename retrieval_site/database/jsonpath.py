"""Asking a JSON column by a path of PostgreSQL (jsonpath), for what Django's lookups cannot say."""

from __future__ import annotations

from django.db.models import BooleanField, F, Func, TextField, Value


def path_exists(column: str, path: str) -> Func:
    """Return the condition that a path finds something in a column of JSON."""
    as_path = Func(Value(path), template="%(expressions)s::jsonpath", output_field=TextField())
    return Func(F(column), as_path, function="jsonb_path_exists", output_field=BooleanField())
