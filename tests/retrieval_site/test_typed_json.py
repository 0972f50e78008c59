"""Dataclasses in JSON columns: what is written is read again, and nothing else is taken for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from retrieval_site.typed_json import NotReadableError, from_json, to_json


@dataclass(frozen=True, kw_only=True)
class Inner:
    share: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outer:
    count: int
    how: Literal["fast", "slow"] = "fast"
    note: str | None = None
    source: str = field(default="", metadata={"key": "from"})
    inner: Inner | None = None
    by_name: dict[str, Inner] | None = None
    anything: dict[str, Any] | None = None


FULL = Outer(
    count=3,
    how="slow",
    note="ä",
    source="here",
    inner=Inner(share=0.5, names=("a", "b")),
    by_name={"x": Inner(share=1)},
    anything={"deep": [1, {"er": None}]},
)


def test_what_is_written_is_read_again() -> None:
    assert from_json(Outer, to_json(FULL)) == FULL
    assert to_json(FULL)["from"] == "here"
    assert to_json(FULL)["by_name"] == {"x": {"share": 1}}


def test_a_field_that_has_its_default_is_not_written_and_one_that_is_missing_has_it() -> None:
    assert to_json(Outer(count=0)) == {"count": 0}
    assert from_json(Outer, {"count": 0}) == Outer(count=0)
    assert to_json(Inner(share=0)) == {"share": 0}  # a field without a default always is


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "Outer is no object."),
        ([], "Outer is no object."),
        ({}, "Outer is incomplete"),
        ({"count": "3"}, "count cannot be '3'."),
        ({"count": True}, "count cannot be True."),
        ({"count": 3.0}, "count cannot be 3.0."),
        ({"count": None}, "count cannot be None."),
        ({"count": 3, "how": "slowly"}, "how cannot be 'slowly'."),
        ({"count": 3, "note": 1}, "note cannot be 1."),
        ({"count": 3, "source": "here"}, "Outer has no 'source'."),
        ({"count": 3, "inner": {"share": "all"}}, "inner.share cannot be 'all'."),
        ({"count": 3, "inner": {"share": 1, "names": "ab"}}, "inner.names cannot be 'ab'."),
        ({"count": 3, "inner": {"share": 1, "names": [1]}}, r"inner.names\[0\] cannot be 1."),
        ({"count": 3, "by_name": {"x": {}}}, "by_name.x is incomplete"),
        ({"count": 3, "by_name": []}, r"by_name cannot be \[\]."),
    ],
)
def test_anything_else_is_refused_and_named(wrong: Any, said: str) -> None:
    with pytest.raises(NotReadableError, match=said):
        from_json(Outer, wrong)


def test_unknown_keys_are_passed_over_only_where_that_is_asked_for() -> None:
    assert from_json(Outer, {"count": 1, "old": 2}, extra=True) == Outer(count=1)
    with pytest.raises(NotReadableError, match="Outer has no 'old'"):
        from_json(Outer, {"count": 1, "old": 2})
