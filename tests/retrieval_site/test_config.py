"""Settings from the environment."""

from __future__ import annotations

import os
import subprocess

import pytest

from retrieval_site.config import BASE_DIR, read_config


def test_an_empty_data_folder_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "")
    assert read_config().data_dir == BASE_DIR / "var"


def test_make_sets_no_variable_that_nobody_gave() -> None:
    names = ("PORT", "DATA_DIR", "HOST", "DEMO")
    given = {name: value for name, value in os.environ.items() if name not in names}
    shown = subprocess.run(
        ["make", "--eval", "show: ; @env", "show", "PORT=9000"],
        cwd=BASE_DIR, env=given, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    assert "PORT=9000" in shown
    assert not [line for line in shown if line.startswith(("DATA_DIR=", "HOST=", "DEMO="))]
