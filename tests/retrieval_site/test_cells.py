"""Values of any kind in tables."""

from __future__ import annotations

import pytest

from retrieval_site.templatetags.cells import separated


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (12345, "12,345"),
        (1234.5, "1,234.5"),
        ("2026-11-30 06:21", "2026-11-30 06:21"),
        ("12345", "12345"),
        (True, True),
        (None, None),
    ],
)
def test_numbers_alone_are_separated(value, shown):
    assert separated(value) == shown
