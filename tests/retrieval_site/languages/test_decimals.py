"""Numbers with a format, in the reader's language."""

from __future__ import annotations

import pytest
from django.utils import translation

from retrieval_site.languages.decimals import Decimals
from search.templatetags.shares import percent


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "1,234.50 +0.125 95.3 % 100 %"), ("de", "1.234,50 +0,125 95,3 % 100 %")],
)
def test_a_number_has_the_signs_of_the_language(language: str, shown: str) -> None:
    with translation.override(language):
        written = f"{Decimals(1234.5):,.2f} {Decimals(0.125):+.3f}"
        assert f"{written} {percent(0.953)} {percent(1)}" == shown
