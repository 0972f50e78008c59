"""What an operator forgot is said before anything is served, whatever is started."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from retrieval_site.config import BASE_DIR

WEB = ("retrieval_site.web",)
WORKER = ("celery", "-A", "retrieval_site", "worker", "-Q", "query", "--pool", "threads", "-c", "1")
FORGOTTEN = {
    "SECRET_KEY is not set.": {"SECRET_KEY": ""},
    "THROTTLE_ANONYMOUS: '60/min' is no rate": {"THROTTLE_ANONYMOUS": "60/min"},
    "HTTPS is “ture”": {"HTTPS": "ture"},
}


@pytest.mark.parametrize("program", [WEB, WORKER], ids=["web", "worker"])
@pytest.mark.parametrize("said", FORGOTTEN)
def test_what_serves_ends_with_what_is_wrong(program: tuple[str, ...], said: str) -> None:
    given = os.environ | {"PORT": "0", "PROBE_PORT": "0"} | FORGOTTEN[said]
    done = subprocess.run(
        [sys.executable, "-m", *program], cwd=BASE_DIR, env=given, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert ("Traceback" in done.stderr) is not said.startswith("SECRET_KEY")
