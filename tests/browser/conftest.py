"""Every test here drives a real browser."""

from __future__ import annotations

import pytest

from tests.support.browser import chromium, open_context, page, site, watch  # noqa: F401  fixtures
from tests.support.workers import _query_worker_process, query_worker  # noqa: F401  fixtures


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))
