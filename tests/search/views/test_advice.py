from __future__ import annotations

import pytest

from retrieval_site.errors import AppError
from search.views.advice import advice_for


@pytest.mark.parametrize(
    ("error_id", "status", "title", "retry"),
    [
        ("encoder.unavailable", 503, "The search is not answering", True),
        ("encoder.timeout", 503, "The search did not work", True),
        ("image.too_large", 413, "That photo is too large", False),
        ("image.something_new", 422, "That photo cannot be read", False),
        ("picture.not_found", 404, "Not found", False),
        ("something.else", 403, "You may not do this", False),
        ("something.else", 503, "That did not work", True),
        ("something.else", 400, "That did not work", False),
    ],
)
def test_every_error_has_a_title_and_says_whether_to_try_again(
    error_id: str, status: int, title: str, retry: bool
) -> None:
    advice = advice_for(AppError(error_id, "A sentence.", status=status))
    assert (advice.title, advice.retry) == (title, retry)
