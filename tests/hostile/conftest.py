"""One installation for all stories of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flows.served import Served, free_port, open_folder, wait_for
from tests.flows.test_api_story import Program
from tests.hostile.site import MIB, Site, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = {
    "THROTTLE": "0",  # sixteen clients from one address are more than one caller may be
    "JOB_MEMORY_BYTES": str(350 * MIB),
    "PICTURE_MEMORY_BYTES": str(1200 * MIB),
}


@pytest.fixture(scope="session")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_folder() as folder:
        temporary = folder / "tmp"
        temporary.mkdir(mode=0o777)
        temporary.chmod(0o1777)
        served = Served(folder / "data", free_port(), extra=SETTINGS | {"TMPDIR": str(temporary)})
        served.start()
        try:
            made = served.command("create_token", "admin", "--scope", "read", "--scope", "write")
            assert made.returncode == 0, made.stderr
            site = Site(served, Program(served.port, made.stdout.strip()), temporary)
            fill(site, tmp_path_factory.mktemp("bundles"))
            yield site
        finally:
            served.stop()


@pytest.fixture
def site(_site: Site) -> Site:
    """The installation, answering."""
    wait_for(_site.served.ready)
    return _site
