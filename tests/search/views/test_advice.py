from __future__ import annotations

import re

import pytest

from retrieval_site.errors import AppError
from retrieval_site.sign_in import too_many_failures
from retrieval_site.throttling import too_often
from search.views.advice import advice_for
from workers.encoding import client


@pytest.mark.parametrize(
    ("error_id", "status", "title", "retry"),
    [
        ("encoder.unavailable", 503, "The search is not answering", True),
        ("encoder.timeout", 503, "The search did not work", True),
        ("image.too_large", 413, "That photo is too large", False),
        ("image.something_new", 422, "That photo cannot be read", False),
        ("picture.not_found", 404, "Not found", False),
        ("something.else", 403, "Not allowed", False),
        ("something.else", 503, "That did not work", True),
        ("something.else", 400, "That did not work", False),
    ],
)
def test_every_error_has_a_title_and_says_whether_to_try_again(
    error_id: str, status: int, title: str, retry: bool
) -> None:
    advice = advice_for(AppError.quoting(error_id, "A sentence.", status=status))
    assert (advice.title, advice.retry) == (title, retry)


def _told(error: AppError) -> list[str]:
    """Return what a page shows of an error, part by part."""
    advice = advice_for(error)
    return [advice.title, error.message, advice.what_next]


def _refused(call, *arguments) -> AppError:
    with pytest.raises(AppError) as caught:
        call(*arguments)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        client._unavailable(),
        AppError("encoder.timeout"),
        AppError("encoder.failed"),
        AppError("server.busy"),
        AppError("image.busy"),
        *(_refused(client._check_picture, data) for data in (b"", b"not a picture")),
        *(_refused(client.text_start, None, text) for text in ("", "?!.")),
        *(
            AppError(f"{what}.not_found")
            for what in ("query", "document", "collection", "picture", "photo", "example")
        ),
        AppError("permission.denied"),
        AppError("model.none_active"),
        too_often(3.0),
        too_many_failures(30.0),
        AppError("cursor.invalid"),
    ],
    ids=lambda error: error.id,
)
def test_a_page_says_nothing_twice(error: AppError) -> None:
    parts = [re.findall(r"[a-z’']+", part.lower()) for part in _told(error)]
    phrases = [{tuple(part[at : at + 3]) for at in range(len(part) - 2)} for part in parts]
    assert phrases[0] & phrases[1] == phrases[0] & phrases[2] == phrases[1] & phrases[2] == set()
