from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.web import WebServer, web_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def web(
    django_db_setup: None, django_db_blocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebServer]:
    """One web server for all tests of this folder; times are short where a test waits for their end."""
    with (
        django_db_blocker.unblock(),
        web_server(
            tmp_path_factory.mktemp("web"), IMPORT_MAX_BYTES=str(80 << 20), KEEPALIVE_SECONDS="60"
        ) as server,
    ):
        yield server
