"""What programs write where nobody said anything."""

from __future__ import annotations

import pytest

from workers.extraction.placeholders import is_placeholder, without_placeholders
from workers.extraction.types import Extracted


@pytest.mark.parametrize(
    "said", ["(none)", "Anonymous", " untitled ", "Untitled-2", "Unbekannt", "---", "N/A", ""]
)
def test_these_say_nothing(said: str) -> None:
    assert is_placeholder(said)


@pytest.mark.parametrize(
    "said", ["Unknown soldiers", "None of us", "Untitled Goose", "3", "C", "Anonymous IV", "水"]
)
def test_these_say_something(said: str) -> None:
    assert not is_placeholder(said)


def test_an_author_may_not_be_the_computers_own_user() -> None:
    found = without_placeholders(
        Extracted(
            title="User", authors=("admin", "J. Weber"), metadata={"subject": "(none)", "camera": "Unknown"}
        )
    )
    assert (found.title, found.authors, found.metadata) == ("User", ("J. Weber",), {"camera": "Unknown"})
